"""What a check of keys and endpoint found, and the one verdict that people act on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct

from heaptui.errors import ExitCode
from heaptui.model.remedies import REMEDIES, Cause, Remedy


class CheckState(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    WARNING = "warning"
    SKIPPED = "skipped"


class Overall(StrEnum):
    """The verdict over all checks."""

    READY = "ready"
    NOT_READY = "not_ready"
    CAN_BE_HANDED_OVER = "can_be_handed_over"


class CheckId(StrEnum):
    """The checks that always exist, in the order in which people read them; permissions come after the REST key."""

    ENDPOINT = "endpoint"
    DNS = "dns"
    TLS = "tls"
    REACH = "reach"
    PARTNER_KEY = "partner_key"
    DATA_IMPORT_KEY = "data_import_key"
    PARTNER_ENABLED = "partner_enabled"
    REST_KEY = "rest_api_key"
    CLOCK = "clock"
    HEAP_APP_ID = "heap_app_id"
    WEBHOOK_SECRET = "webhook_secret"
    CURRENTS_TOKEN = "currents_token"


TITLES: Mapping[str, str] = {
    CheckId.ENDPOINT: "endpoint",
    CheckId.DNS: "name resolves",
    CheckId.TLS: "TLS",
    CheckId.REACH: "reachable",
    CheckId.CLOCK: "clock",
    CheckId.PARTNER_KEY: "partner key",
    CheckId.DATA_IMPORT_KEY: "Data Import Key",
    CheckId.PARTNER_ENABLED: "partner enabled",
    CheckId.REST_KEY: "REST key",
    CheckId.HEAP_APP_ID: "Heap app id",
    CheckId.WEBHOOK_SECRET: "webhook secret",
    CheckId.CURRENTS_TOKEN: "Currents token",
}

FEATURES: Mapping[str, str] = {
    "users.track": "the way Custom attribute",
    "users.export.ids": "the match rate, and looking people up",
    "users.export.segment": "comparing with a Braze segment",
    "segments.list": "the list of Braze segments",
    "segments.details": "the filters of Braze segments",
    "segments.data_series": "the sizes of Braze segments",
}
"""What each permission of a REST key is for; without it that part is off."""

_IDS = list(CheckId)
_AFTER_REST = _IDS.index(CheckId.REST_KEY) + 1
ORDER = [*_IDS[:_AFTER_REST], *FEATURES, *_IDS[_AFTER_REST:]]


class Check(Struct, frozen=True):
    """One finding. A later check of the same id replaces an earlier one. Holds no key."""

    check_id: str
    state: CheckState
    detail: str = ""
    given: str = ""
    """Where what was checked came from: a key's source, length and last characters."""
    latency_ms: float | None = None
    cause: Cause | None = None

    @property
    def title(self) -> str:
        """As people call it."""
        return TITLES.get(self.check_id, self.check_id)

    @property
    def remedy(self) -> Remedy | None:
        """What it means, who mends it and where; None where nothing is to be mended."""
        return REMEDIES.get(self.cause) if self.cause else None


WORST_FIRST = (
    Cause.NO_ENDPOINT,
    Cause.NO_CLUSTER,
    Cause.NOT_HTTPS,
    Cause.DOES_NOT_RESOLVE,
    Cause.CERTIFICATE,
    Cause.NO_ANSWER,
    Cause.UNREACHABLE,
    Cause.NOT_BRAZE,
    Cause.UNKNOWN_HOST,
    Cause.NO_KEYS,
    Cause.SWAPPED,
    Cause.WRONG_CLUSTER,
    Cause.PARTNER_REGION,
    Cause.PARTNER_NAME,
    Cause.PARTNER_REFUSED,
    Cause.DATA_IMPORT_ELSEWHERE,
    Cause.DATA_IMPORT_REFUSED,
    Cause.NOT_ENABLED,
    Cause.UNAUTHORIZED,
    Cause.REST_ELSEWHERE,
    Cause.REST_REFUSED,
    Cause.DENIED,
    Cause.UNCLEAR,
    Cause.PARTNER_ABSENT,
    Cause.WAIT,
    Cause.CLOCK,
    Cause.PERMISSION,
    Cause.APP_ID,
)
"""Which cause the verdict names when there are several: the one that explains the others."""

_UNREACHABLE = {Cause.DOES_NOT_RESOLVE, Cause.CERTIFICATE, Cause.NO_ANSWER, Cause.UNREACHABLE, Cause.NOT_BRAZE}
_CONFIGURATION = {Cause.NO_ENDPOINT, Cause.NOT_HTTPS, Cause.UNKNOWN_HOST, Cause.NO_KEYS}
_REFUSED = {
    Cause.SWAPPED,
    Cause.WRONG_CLUSTER,
    Cause.PARTNER_REGION,
    Cause.PARTNER_REFUSED,
    Cause.DATA_IMPORT_REFUSED,
    Cause.DATA_IMPORT_ELSEWHERE,
    Cause.NOT_ENABLED,
    Cause.UNAUTHORIZED,
    Cause.REST_ELSEWHERE,
    Cause.REST_REFUSED,
    Cause.DENIED,
    Cause.NO_CLUSTER,
}
_REMARKS = {Cause.WAIT, Cause.CLOCK, Cause.PERMISSION, Cause.APP_ID}


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found, and what it comes to."""

    overall: Overall
    cause: Cause | None
    headline: str
    checks: tuple[Check, ...]
    routes: Mapping[str, bool]
    instance: str
    endpoint: str
    notes: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def exit_code(self) -> ExitCode:
        """3 when a given key was refused, 4 when Braze was not reached, 2 when nothing could be asked."""
        causes = {check.cause for check in self.checks if check.cause}
        if causes & _REFUSED:
            return ExitCode.CREDENTIALS
        if causes & (_UNREACHABLE | {Cause.UNCLEAR}) or (
            self.cause is Cause.WAIT and self.overall is Overall.NOT_READY
        ):
            return ExitCode.UNREACHABLE
        missing = causes & (_CONFIGURATION | {Cause.PARTNER_NAME}) or self.cause is Cause.NO_WAY
        return ExitCode.USAGE if missing else ExitCode.DONE

    @property
    def remedy(self) -> Remedy | None:
        """How the cause of the verdict is mended."""
        return REMEDIES.get(self.cause) if self.cause else None

    def check(self, check_id: str) -> Check | None:
        """One check by its id."""
        return next((check for check in self.checks if check.check_id == check_id), None)


def conclude(
    checks: Iterable[Check], *, instance: str, endpoint: str, notes: Iterable[str] = (), seconds: float = 0.0
) -> Report:
    """One verdict over the checks; of several with the same id the last counts."""
    last = {check.check_id: check for check in checks}
    shown = tuple(sorted(last.values(), key=lambda check: ORDER.index(check.check_id)))
    routes = _routes(last)
    causes = {check.cause for check in shown if check.cause}
    cause = next((cause for cause in WORST_FIRST if cause in causes), None)
    overall = _overall(cause)
    if overall is Overall.READY and not (routes["cohort_import"] or routes["attribute"]):
        # Keys that cannot deliver anybody are not ready, however right they are.
        overall, cause = Overall.NOT_READY, Cause.WAIT if Cause.WAIT in causes else Cause.NO_WAY
    found = next((check for check in shown if check.cause is cause), None) if cause else None
    return Report(
        overall, cause, _headline(overall, cause, found, last), shown, routes, instance, endpoint, tuple(notes), seconds
    )


def _overall(cause: Cause | None) -> Overall:
    if cause is Cause.PARTNER_ABSENT:
        return Overall.CAN_BE_HANDED_OVER
    return Overall.READY if cause is None or cause in _REMARKS else Overall.NOT_READY


def _ok(checks: Mapping[str, Check], *names: str) -> bool:
    return all(name in checks and checks[name].state is CheckState.OK for name in names)


def _routes(checks: Mapping[str, Check]) -> dict[str, bool]:
    """What these keys open: the ways that send, the file that needs no key, and the reads."""
    return {
        "cohort_import": _ok(checks, CheckId.PARTNER_KEY, CheckId.DATA_IMPORT_KEY, CheckId.PARTNER_ENABLED),
        "attribute": _ok(checks, "users.track"),
        "export": True,
        "match_rate": _ok(checks, "users.export.ids"),
        "compare": _ok(checks, "users.export.segment", "segments.list"),
    }


ROUTE_TITLES = {
    "cohort_import": "Heap Cohorts",
    "attribute": "Custom attribute",
    "export": "CSV upload",
    "match_rate": "Match rate",
    "compare": "Compare",
}


def _headline(overall: Overall, cause: Cause | None, found: Check | None, checks: Mapping[str, Check]) -> str:
    """The verdict in one line, in capitals first."""
    words = {Overall.READY: "READY", Overall.NOT_READY: "NOT READY", Overall.CAN_BE_HANDED_OVER: "CAN BE HANDED OVER"}
    if overall is Overall.CAN_BE_HANDED_OVER:
        right = "endpoint and REST key are right" if _ok(checks, CheckId.REST_KEY) else "the endpoint is right"
        return f"CAN BE HANDED OVER: {right}, Data Import Key unchecked."
    if cause is Cause.NO_WAY:
        return f"NOT READY. {REMEDIES[cause].short}"
    if cause is None or found is None:
        return "READY. Everything that can be checked is right."
    if cause is Cause.PERMISSION:
        missing = [name for name in FEATURES if name in checks and checks[name].cause is Cause.PERMISSION]
        return f"READY, but the REST key lacks {len(missing)} of {len(FEATURES)} permissions: {', '.join(missing)}."
    if cause is Cause.CLOCK:
        return f"READY, but the clock of this computer is {found.detail}."
    short = REMEDIES[cause].short
    subject = f"{found.title[0].upper()}{found.title[1:]}: " if REMEDIES[cause].with_subject else ""
    return f"{words[overall]}. {subject}{short}"
