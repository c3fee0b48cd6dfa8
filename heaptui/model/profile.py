"""One Braze workspace plus one Heap environment: the settings of a profile, and what they may be."""

from __future__ import annotations

from typing import Literal

import msgspec

from heaptui.errors import UsageError
from heaptui.model.cohorts import Cohort
from heaptui.model.identifiers import Kind
from heaptui.model.instances import host_of, instance_name
from heaptui.model.routes import ATTRIBUTE, way_facts
from heaptui.model.setting_facts import LABELS, ROUTES, STORES, facts_of

_UNITS = {"h": 3600, "d": 86_400, "w": 604_800}


def every_seconds(text: str) -> float:
    """`12h`, `1d` or `1w` in seconds; 0 for anything else."""
    number, unit = text[:-1], text[-1:]
    return float(number) * _UNITS[unit] if number.isdecimal() and unit in _UNITS else 0.0


class CohortSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a profile says about one cohort, in a table called by its id, the end of its id, or its name.

    Attributes:
        pattern: of the files that hold it, like ~/exports/carts_*.csv; the newest is read again.
        every: how often a new file is due; older than that, the file is old.
        id_column: the column with the ids, where the remembered one is not meant.
    """

    pattern: str = ""
    every: str = ""
    id_column: str = ""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One Braze workspace plus one Heap environment. Durations are seconds."""

    name: str = ""
    endpoint: str = ""
    label: str = ""
    route: str = ""
    partner_name: str = "heap"
    read_only: bool = False
    max_in_flight: int = 4
    attribute_limit: int = way_facts(ATTRIBUTE).per_request
    settle_seconds: float = 120.0
    wait_seconds: float = 900.0
    read_timeout_seconds: float = 30.0
    backoff_seconds: float = 0.5
    guard_min: int = 20
    guard_share: float = 0.5
    resend_unproven: str = ""
    ids_per_minute: int = 250
    kind: Kind = Kind.EXTERNAL_ID
    alias_label: str = ""
    allowed_hosts: tuple[str, ...] = ()
    secret_store: str = ""
    heap_endpoint: str = ""
    heap_app_id: str = ""
    listen_port: int = 8765
    listen_with_dashboard: bool = False
    heap_path: str = "/heap/segment-sync"
    heap_signature_fallback: bool = False
    heap_max_age_seconds: float = 300.0
    heap_max_skew_seconds: float = 60.0
    heap_quiet_hours: float = 8.0
    currents_identity: Literal["external_user_id", "user_id"] = "external_user_id"
    currents_anonymous: Literal["skip", "user_id"] = "skip"
    currents_prefix: bool = True
    currents_cut: bool = False
    currents_types: tuple[str, ...] = ()
    currents_user_properties: bool = False
    currents_forward: bool = False
    partner_api_key_command: tuple[str, ...] = ()
    data_import_key_command: tuple[str, ...] = ()
    rest_api_key_command: tuple[str, ...] = ()
    webhook_secret_command: tuple[str, ...] = ()
    currents_token_command: tuple[str, ...] = ()
    cohorts: dict[str, CohortSettings] = {}
    from_environment: bool = False
    one_of_several: bool = False

    @property
    def resend_days(self) -> float:
        """After how many days everybody is sent again; 0 means never."""
        days = self.resend_unproven.removesuffix("d")
        return float(days) if days.isdecimal() else 0.0

    def settings_of(self, cohort: Cohort) -> CohortSettings:
        """What the profile says about a cohort."""
        names = (cohort.cohort_id, cohort.tail, cohort.name)
        return next((self.cohorts[name] for name in names if name in self.cohorts), CohortSettings())

    @property
    def host(self) -> str:
        """The host name of the endpoint."""
        return host_of(self.endpoint)

    @property
    def instance_name(self) -> str:
        """The Braze instance, such as JP-01; "loopback" on this machine, the host where it is none we know."""
        return instance_name(self.endpoint)


SETTINGS = [name for name in Profile.__struct_fields__ if name not in ("name", "from_environment", "one_of_several")]


def check_profile(profile: Profile, where: str) -> None:
    """Refuse values that the types allow and the meaning does not.

    Raises:
        UsageError: names the setting and what it may be.
    """
    holding = {
        "label": profile.label in LABELS,
        "route": profile.route in ROUTES,
        "attribute_limit": 1 <= profile.attribute_limit <= way_facts(ATTRIBUTE).per_request,
        "secret_store": profile.secret_store in STORES,
        "max_in_flight": 1 <= profile.max_in_flight <= 8,
        "settle_seconds": profile.settle_seconds >= 0,
        "wait_seconds": profile.wait_seconds >= 0,
        "read_timeout_seconds": 0 < profile.read_timeout_seconds <= 30,
        "backoff_seconds": profile.backoff_seconds >= 0,
        "ids_per_minute": 1 <= profile.ids_per_minute <= 2500,
        "guard_min": profile.guard_min >= 0,
        "guard_share": 0 <= profile.guard_share <= 1,
        "resend_unproven": not profile.resend_unproven or profile.resend_days > 0,
        "listen_port": 0 <= profile.listen_port <= 65535,
        "heap_path": profile.heap_path.startswith("/"),
        "heap_max_age_seconds": profile.heap_max_age_seconds > 0,
        "heap_max_skew_seconds": profile.heap_max_skew_seconds >= 0,
        "heap_quiet_hours": profile.heap_quiet_hours > 0,
        "cohorts": all(not one.every or every_seconds(one.every) for one in profile.cohorts.values()),
        "alias_label": profile.kind is not Kind.ALIAS or bool(profile.alias_label),
    }
    for setting, holds in holding.items():
        if not holds:
            told = f"It is {getattr(profile, setting)!r}."
            raise UsageError(f"{where}: {setting} must be {facts_of(setting).allowed}.", told)
