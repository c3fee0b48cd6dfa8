"""Reads a whole chat message: the addresses and the keys in it, and what each key was called there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from heaptui.errors import HeaptuiError
from heaptui.model.instances import INSTANCES, host_of, instance_of, is_loopback, normal_endpoint
from heaptui.model.secret import Secret
from heaptui.services.key_roles import Role

LONGEST_PASTE = 200_000
"""Characters that are looked at; nobody's message is longer."""

MOST_KEYS = 12
"""Keys that are tried; every one costs two requests."""

_UUID = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9A-Za-z])", re.IGNORECASE)
_ADDRESS = re.compile(
    r"https?://[^\s<>\"'`]+|(?<![\w@.-])(?:rest|sdk|dashboard)[a-z0-9.-]*\.braze\.(?:com|eu)\b", re.IGNORECASE
)
_OTHER = re.compile(r"(?<![\w/.@+-])(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+/=-]{20,128}(?![\w.@])", re.ASCII)
_APP_ID = re.compile(r"app[ _-]?id\W{0,5}(\d{6,12})\b", re.IGNORECASE)
_LABELS = (
    (Role.PARTNER, re.compile(r"partner(?:[ _-]?api)?[ _-]?key", re.IGNORECASE)),
    (Role.DATA_IMPORT, re.compile(r"data[ _-]?import(?:[ _-]?key)?|client[ _-]?secret", re.IGNORECASE)),
    (Role.REST, re.compile(r"rest(?:[ _-]?api)?[ _-]?key|\bapi[ _-]?key", re.IGNORECASE)),
)


_HEAPS = re.compile(r"webhook|currents", re.IGNORECASE)
"""Secrets of Heap's side: Braze is never asked about them."""

_CLUSTER = re.compile(r"(?<![\w.-])(?:US|EU|AU|ID|JP|KR)-\d\d(?![\w.-])", re.IGNORECASE)


class PastedKey(Struct, frozen=True):
    """One key, and the role it was given for when the message says one."""

    key: Secret
    claimed: Role | None = None


class Pasted(Struct, frozen=True):
    """What a message holds."""

    addresses: Sequence[str] = field(default_factory=tuple)
    keys: Sequence[PastedKey] = field(default_factory=tuple)
    others: Sequence[PastedKey] = field(default_factory=tuple)
    """Words that may be keys but are not shaped like Braze's; they are tried only when the user says so."""
    app_id: str = ""

    @property
    def endpoint(self) -> str:
        """The address to ask: one of Braze's list, else one that means to be Braze or this machine; links are not."""
        ours = [address for address in self.addresses if instance_of(normal_endpoint(address))]
        hosts = {address: host_of(normal_endpoint(address)) for address in self.addresses}
        likely = [address for address, host in hosts.items() if "braze" in host or is_loopback(host)]
        return (ours or likely or [""])[0]

    @property
    def clusters(self) -> list[str]:
        """The names of all clusters that the addresses mean."""
        found = (instance_of(normal_endpoint(address)) for address in self.addresses)
        return list(dict.fromkeys(instance.name for instance in found if instance))

    def summary(self) -> str:
        """What was found, in numbers."""
        counts = [
            _counted(len(self.addresses), "address", "addresses"),
            _counted(len(self.keys), "key", "keys"),
            *([_counted(len(self.others), "other long word", "other long words")] if self.others else []),
        ]
        return ", ".join(counts)


def read_paste(text: str) -> Pasted:
    """Find addresses and keys in any text."""
    text = text[:LONGEST_PASTE]
    addresses = []
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(".,;:!?)]}>")
        try:
            normal_endpoint(address)
        except (ValueError, HeaptuiError):
            # Some link that is no address of a host; a chat message is full of them.
            continue
        addresses.append(address)
    # Keys in links belong to the link, as a session or a document does.
    rest = _ADDRESS.sub(lambda found: " " * len(found[0]), text)
    keys = _keys(_UUID, rest)[:MOST_KEYS]
    others = _keys(_OTHER, _UUID.sub(lambda found: " " * len(found[0]), rest))[:MOST_KEYS]
    named = {found[0].upper() for found in _CLUSTER.finditer(rest)}
    addresses += [instance.rest for instance in INSTANCES if instance.name in named]
    app_id = _APP_ID.search(rest)
    return Pasted(tuple(dict.fromkeys(addresses)), tuple(keys), tuple(others), app_id[1] if app_id else "")


def plain_values(text: str, keys: Mapping[str, Secret | None]) -> dict[str, str]:
    """The pasted texts of some keys by name, for keeping them where the user says; a key does not show itself."""
    values = {}
    for name, key in keys.items():
        words = (found[0] for pattern in (_UUID, _OTHER) for found in pattern.finditer(text))
        value = next((word for word in words if key is not None and key.matches(word)), None)
        if value is not None:
            values[name] = value
    return values


def _keys(pattern: re.Pattern[str], text: str) -> list[PastedKey]:
    keys: dict[str, PastedKey] = {}
    for found in pattern.finditer(text):
        if _is_heaps(text[: found.start()]):
            continue
        keys.setdefault(found[0], PastedKey(Secret(found[0], "pasted"), _claimed(text[: found.start()])))
    return list(keys.values())


def _is_heaps(before: str) -> bool:
    """Whether the words since the last key say that this one is Heap's."""
    words = _UUID.split(before.rpartition("\n")[2])[-1]
    ours = max((found.end() for _, label in _LABELS for found in label.finditer(words)), default=-1)
    return any(found.end() > ours for found in _HEAPS.finditer(words))


def _claimed(before: str) -> Role | None:
    """The role named last before a key, on its line or alone on the line above."""
    lines = [line for line in before.rsplit("\n", 3) if line.strip()][-2:]
    if before.endswith("\n"):
        lines = lines[-1:]
    for line in reversed(lines):
        spots = [(found.end(), role) for role, label in _LABELS for found in label.finditer(_UUID.split(line)[-1])]
        if spots:
            return max(spots)[1]
        if line is lines[-1] and line.strip() and not before.endswith("\n"):
            # Other words stand before the key on its own line; the line above speaks of something else.
            return None
    return None


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
