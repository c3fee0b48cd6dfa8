"""The Braze instances, and which hosts keys may be sent to (Braze docs: API endpoints, SDK endpoints)."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from msgspec import Struct

from heaptui.errors import UsageError


class Instance(Struct, frozen=True):
    """One Braze cluster."""

    name: str
    dashboard: str
    rest: str

    @property
    def region(self) -> str:
        """Which of the two partner keys belongs here. Only EU is documented to differ; we assume US elsewhere."""
        return "EU" if self.name.startswith("EU") else "US"


def _instances() -> tuple[Instance, ...]:
    us = [Instance(f"US-0{n}", f"dashboard-0{n}.braze.com", f"rest.iad-0{n}.braze.com") for n in range(1, 9)]
    eu = [Instance(f"EU-0{n}", f"dashboard-0{n}.braze.eu", f"rest.fra-0{n}.braze.eu") for n in (1, 2)]
    later = [
        Instance(name, f"dashboard.{name.lower()}.braze.com", f"rest.{name.lower()}.braze.com")
        for name in ("US-10", "AU-01", "ID-01", "JP-01", "KR-01")
    ]
    return (*us, later[0], *eu, *later[1:])


INSTANCES = _instances()
_BY_HOST = {host: instance for instance in INSTANCES for host in (instance.rest, instance.dashboard)}


def host_of(endpoint: str) -> str:
    """The host name of an address; empty when there is none."""
    return (urlsplit(endpoint).hostname or "") if endpoint else ""


def instance_of(endpoint: str) -> Instance | None:
    """The instance that a REST or dashboard address belongs to."""
    return _BY_HOST.get(host_of(endpoint))


def instance_name(endpoint: str) -> str:
    """JP-01, or loopback, or the host itself."""
    instance = instance_of(endpoint)
    if instance:
        return instance.name
    host = host_of(endpoint)
    return "loopback" if is_loopback(host) else host


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def normal_endpoint(text: str) -> str:
    """The REST endpoint meant by what people paste: a REST or dashboard address, with or without scheme and path.

    Raises:
        UsageError: it is no address.
    """
    pasted = text.strip().strip("'\"")
    if not pasted:
        return ""
    if "//" not in pasted:
        pasted = f"https://{pasted}"
    parts = urlsplit(pasted)
    host = parts.hostname or ""
    if not host or parts.scheme not in ("http", "https") or not re.fullmatch(r"[a-z0-9.:_-]+", host):
        raise UsageError(
            f"{text.strip()!r} is no address of Braze.",
            "A REST endpoint looks like https://rest.iad-03.braze.com.",
            "It stands in Braze under Settings › APIs and Identifiers, and on the Heap page of Technology Partners.",
        )
    instance = _BY_HOST.get(host)
    if instance:
        return f"https://{instance.rest}"
    port = f":{parts.port}" if parts.port else ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{port}"


def check_host(endpoint: str, allowed: Collection[str] = ()) -> None:
    """Refuse to send keys to a host that is neither Braze's, nor allowed in the profile, nor this machine.

    Raises:
        UsageError: the host is not one of these, or the address is not HTTPS.
    """
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if is_loopback(host):
        return
    if parts.scheme != "https":
        raise UsageError(
            f"{endpoint} is not HTTPS.", "Keys travel encrypted or not at all.", f"Use https://{host} as endpoint."
        )
    if _BY_HOST.get(host) is None and host not in allowed:
        raise UsageError(
            f"{host} is not one of Braze's known hosts.",
            "Keys are sent only to those, so that a typing error cannot give them away.",
            f'If it is right, add it to the profile: allowed_hosts = ["{host}"]',
        )


HEAP_US = "https://heapanalytics.com"
HEAP_EU = "https://c.eu.heap-api.com"
"""Where Heap takes events, by the region of its data."""


def heap_endpoint(text: str) -> str:
    """The address meant by what a profile says: US, EU, or an address; the US one when it says nothing."""
    regions = {"": HEAP_US, "US": HEAP_US, "EU": HEAP_EU}
    return regions.get(text.strip().upper()) or text.strip().rstrip("/")


def check_heap_host(endpoint: str, allowed: Collection[str] = ()) -> None:
    """Refuse to send people's events to a host that is neither Heap's, nor allowed in the profile, nor this machine.

    Raises:
        UsageError: the host is not one of these, or the address is not HTTPS.
    """
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if is_loopback(host):
        return
    if parts.scheme != "https":
        raise UsageError(
            f"{endpoint} is not HTTPS.", "Events of people travel encrypted or not at all.", f"Use https://{host}."
        )
    if endpoint not in (HEAP_US, HEAP_EU) and host not in allowed:
        raise UsageError(
            f"{host} is not one of Heap's known hosts.",
            f"They are {HEAP_US} and {HEAP_EU}. Events are sent only there, so that a typing error gives nothing away.",
            f'If it is right, add it to the profile: allowed_hosts = ["{host}"]',
        )
