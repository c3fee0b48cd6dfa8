"""Checks of credentials: what was found, who mends it, and the one verdict over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """How one check ended."""

    OK = "ok"
    FAILED = "failed"
    WARNING = "warning"
    SKIPPED = "skipped"


class VerdictState(StrEnum):
    """What all checks say together."""

    READY = "ready"
    NOT_READY = "not_ready"
    HANDED_OVER = "can_be_handed_over"


@dataclass(frozen=True, slots=True)
class Remedy:
    """Who mends it and where; `older` is the menu of before 2025."""

    who: str
    where: str
    older: str = ""

    @property
    def text(self) -> str:
        """One sentence."""
        older = f" (older menu: {self.older})" if self.older else ""
        return f"{self.who}: {self.where}{older}"


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `given` says what was checked without showing it; `refused` is true when a key was turned away."""

    check_id: str
    title: str
    state: CheckState
    detail: str
    given: str = ""
    latency_ms: float | None = None
    remedy: Remedy | None = None
    refused: bool = False
    unreachable: bool = False


ORDER = (
    "endpoint",
    "dns",
    "tls",
    "reach",
    "clock",
    "partner_key",
    "data_import_key",
    "partner_enabled",
    "rest_key",
    "users.track",
    "users.export.ids",
    "segments.list",
    "segments.details",
    "segments.data_series",
    "users.export.segment",
    "heap_app_id",
    "webhook_secret",
    "currents_token",
)
"""The order in which checks are read, whatever the order in which they finish."""

FEATURES: Mapping[str, str] = {
    "users.track": "the custom attribute as a way into Braze",
    "users.export.ids": "match rates and looking people up",
    "segments.list": "the list of Braze segments",
    "segments.details": "which Braze segments mention a cohort",
    "segments.data_series": "the daily sizes of Braze segments",
    "users.export.segment": "comparing a cohort with Braze",
}
"""What each permission of a REST key is used for."""

_API_KEYS = Remedy(
    "A Braze admin",
    "Settings › API Keys › Create New API Key with this permission",
    "Developer Console › REST API Keys",
)
_HEAP_PAGE = "Partner Integrations › Technology Partners › Heap"
_HEAP_PAGE_OLDER = "Integrations › Technology Partners › Heap"

REMEDIES: Mapping[str, Remedy] = {
    "endpoint": Remedy("You", "the REST endpoint stands in Braze under Settings › APIs and Identifiers"),
    "network": Remedy("You, or your network team", "check the address, the network, and any proxy or firewall"),
    "tls": Remedy("Your network team", "something between here and Braze shows a certificate of its own"),
    "clock": Remedy("You", "switch on network time; signatures and rate limits depend on the clock"),
    "partner_key": Remedy(
        "Whoever gave you the partner key", "Braze gives it to Heap, one for the US and one for the EU"
    ),
    "partner_name": Remedy("Whoever set the profile up", "check partner_name; heap is an assumption"),
    "data_import_key": Remedy("A Braze admin", f"{_HEAP_PAGE} › copy the Data Import Key", _HEAP_PAGE_OLDER),
    "partner_enabled": Remedy("Your Braze account manager", "the partner Heap must be enabled for this workspace"),
    "rest_key": Remedy("A Braze admin", "Settings › API Keys", "Developer Console › REST API Keys"),
    "permission": _API_KEYS,
    "cluster": Remedy("You", "heaptui verify --find-cluster asks all of Braze's clusters which one takes these keys"),
    "heap_app_id": Remedy("You", "in Heap: Account › Manage › Projects"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict: its headline, and by name of a way whether it works with these keys."""

    state: VerdictState
    headline: str
    remedy: Remedy | None
    routes: Mapping[str, bool]
    to_mend: int

    @property
    def word(self) -> str:
        """READY, NOT READY, or CAN BE HANDED OVER."""
        return self.state.value.replace("_", " ").upper()


def ordered(checks: Sequence[Check]) -> list[Check]:
    """The checks in the order in which people read them."""
    return sorted(checks, key=lambda check: ORDER.index(check.check_id))


def outcome(checks: Sequence[Check]) -> Outcome:
    """What the checks say together."""
    by_id = {check.check_id: check for check in checks}

    def fine(*ids: str) -> bool:
        return all(check_id in by_id and by_id[check_id].state is CheckState.OK for check_id in ids)

    routes = {
        "cohort_import": fine("partner_key", "data_import_key", "partner_enabled"),
        "attribute": fine("rest_key", "users.track"),
        "export": True,
        "compare": fine("rest_key", "users.export.segment"),
    }
    failed = [check for check in ordered(checks) if check.state is CheckState.FAILED]
    if failed:
        return Outcome(VerdictState.NOT_READY, failed[0].detail, failed[0].remedy, routes, len(failed))
    warned = [check for check in ordered(checks) if check.state is CheckState.WARNING]
    unchecked = "data_import_key" in by_id and by_id["data_import_key"].given and not by_id["partner_key"].given
    if unchecked:
        right = "endpoint and REST key are right" if fine("rest_key") else "the endpoint answers"
        return Outcome(
            VerdictState.HANDED_OVER, f"{right}, the Data Import Key is unchecked.", None, routes, len(warned)
        )
    if not (routes["cohort_import"] or routes["attribute"]):
        remedy = REMEDIES["permission"] if fine("rest_key") else REMEDIES["rest_key"]
        return Outcome(VerdictState.NOT_READY, "No key here can send people.", remedy, routes, 1)
    told = f"{warned[0].title}: {warned[0].detail}" if warned else "everything that was given works."
    return Outcome(VerdictState.READY, told, warned[0].remedy if warned else None, routes, len(warned))


def handover_note(endpoint: str, instance: str, checks: Sequence[Check], segments: Sequence[str]) -> str:
    """What somebody without a partner key writes to the Heap account manager; holds no key."""
    answers = any(check.check_id == "reach" and check.state is CheckState.OK for check in checks)
    lines = [
        "Hello,",
        "we would like our Heap segments in Braze as Heap Cohorts. On our side this is checked:",
        f"  Braze REST endpoint   {endpoint} ({instance}), {'answers' if answers else 'not checked'}",
        "  Data Import Key       created, not checked (only Heap's partner key can); we hand it over as you prefer",
        "Please tell us",
        "  1. whether the Heap partner is enabled for our Braze workspace,",
        "  2. how to hand over the Data Import Key,",
        "  3. how often the segments are sent, and how many may be on.",
    ]
    if segments:
        lines.append(f"Segments: {', '.join(segments)}")
    return "\n".join(lines)
