"""Runs, deliveries and batches: the states they pass through and how live progress is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct, field

from heaptui.model.belief import Direction
from heaptui.model.words import counted

EXTRA_REQUESTS = 256
"""Requests a delivery may spend on finding refused identifiers."""


class DeliveryState(StrEnum):
    """Where the delivery of one cohort stands; a run's state is the worst of its deliveries."""

    PLANNED = "planned"
    RUNNING = "running"
    WAITING = "waiting"
    FINISHED = "finished"
    FINISHED_WITH_REJECTIONS = "finished_with_rejections"
    INCOMPLETE = "incomplete"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    HELD = "held"

    @property
    def closed(self) -> bool:
        """Whether nothing more will happen."""
        return self not in {DeliveryState.PLANNED, DeliveryState.RUNNING, DeliveryState.WAITING}

    @property
    def word(self) -> str:
        """How screens, commands and receipts call it."""
        return {"finished": "done", "finished_with_rejections": "refused some"}.get(self.value, self.value)


_WORST_FIRST = (
    DeliveryState.WAITING,
    DeliveryState.RUNNING,
    DeliveryState.PLANNED,
    DeliveryState.CANCELLED,
    DeliveryState.STOPPED,
    DeliveryState.INCOMPLETE,
    DeliveryState.HELD,
    DeliveryState.FINISHED_WITH_REJECTIONS,
)


def worst(states: list[DeliveryState]) -> DeliveryState:
    """The state of a run with these deliveries: open before closed, then the one that needs people most."""
    return next((state for state in _WORST_FIRST if state in states), DeliveryState.FINISHED)


class BatchState(StrEnum):
    """Where one request of a delivery stands."""

    PLANNED = "planned"
    IN_FLIGHT = "in_flight"
    SUBMITTED = "submitted"
    SPLIT = "split"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    IN_DOUBT = "in_doubt"


class Reason(StrEnum):
    """Why a delivery ended other than finished, or waits; the word a list of runs shows."""

    NONE = ""
    PARTNER_KEY = "partner_key"
    DATA_IMPORT_KEY = "data_import_key"
    CREDENTIALS = "credentials"
    REST_KEY = "rest_key"
    REST_PERMISSION = "rest_permission"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    NOT_BRAZE = "not_braze"
    NAME_REFUSED = "name_refused"
    REQUEST_REFUSED = "request_refused"
    TOO_MANY_REFUSALS = "too_many_refusals"
    NO_ANSWER = "no_answer"
    BRAZE_FAILED = "braze_failed"
    RATE_LIMITED = "rate_limited"
    LOCKED = "locked"
    WAIT_TOO_LONG = "wait_too_long"
    REMOVES_UNANSWERED = "removes_unanswered"
    UNREACHABLE = "unreachable"
    LEDGER = "ledger"
    CANCELLED = "cancelled"
    KILLED = "killed"
    LARGE_CHANGE = "large_change"
    WAY_CHANGED = "way_changed"
    ON_HOLD = "on_hold"
    KEY_CHANGED = "key_changed"
    BUSY_ELSEWHERE = "busy_elsewhere"
    WRONG_KIND = "wrong_kind"


class Wait(Struct):
    """Why nothing is sent just now, and until when (seconds since the epoch)."""

    until: float
    reason: str
    source: str
    """Where the time comes from: Braze's header or our own back-off."""
    at_most: bool = False
    """Whether it may end earlier, as a wait for another process does."""


class Moment(Struct):
    """One line of a run's story."""

    at: float
    text: str
    important: bool = True


class DeliveryProgress(Struct):
    """The live counts of one delivery. planned = submitted + rejected + in_doubt + skipped + to_go, always."""

    cohort_id: str
    name: str
    adds: int = 0
    removes: int = 0
    state: DeliveryState = DeliveryState.PLANNED
    submitted: int = 0
    rejected: int = 0
    in_doubt: int = 0
    skipped: int = 0
    requests: int = 0
    retries: int = 0
    reason: Reason = Reason.NONE
    detail: str = ""
    unsettled_until: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    at_once: int = 0
    at_once_limit: int = 0
    wait: Wait | None = None
    rename: str = ""
    unchanged: int = 0
    submitted_adds: int = 0
    submitted_removes: int = 0
    extra_requests: int = 0
    """Requests spent on finding refused identifiers."""
    route: str = ""
    old_way: bool = False
    """Whether it only takes people out of a route that is not in use any more."""
    attribute: str = ""
    """The custom attribute that stands for the cohort, on the route that has one."""

    @property
    def key(self) -> str:
        """Its place among the deliveries of its run: one of the route in use, and one for each old way."""
        return f"{self.cohort_id}@{self.route}" if self.old_way else self.cohort_id

    @property
    def planned(self) -> int:
        """All changes of the plan."""
        return self.adds + self.removes

    @property
    def to_go(self) -> int:
        """Changes that have no outcome yet."""
        return self.planned - self.submitted - self.rejected - self.in_doubt - self.skipped

    @property
    def points(self) -> int:
        """Data points that Braze counts, about: one for each change that it took or may have taken."""
        return self.submitted + self.in_doubt

    @property
    def looked_for_refused(self) -> str:
        """What the search for refused identifiers took, in a sentence; empty where there was none."""
        if not self.extra_requests:
            return ""
        looked = f"{counted(self.extra_requests, 'extra request')}, of at most {EXTRA_REQUESTS}"
        return f"{self.name}: {looked}, looked for refused ids."

    def count(self, direction: Direction, people: int) -> None:
        """People whose change Braze accepted."""
        self.submitted += people
        if direction is Direction.ADD:
            self.submitted_adds += people
        else:
            self.submitted_removes += people


class RunProgress(Struct):
    """One run as it goes; changed only on the event loop, read by whoever shows it."""

    run_id: int
    started_at: float
    by: str = ""
    origin: str = ""
    deliveries: dict[str, DeliveryProgress] = field(default_factory=dict)
    """By their key."""
    story: deque[Moment] = field(default_factory=lambda: deque(maxlen=2000))
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=120))
    """Milliseconds of the last answers."""
    rates: deque[int] = field(default_factory=lambda: deque(maxlen=240))
    """People accepted in each whole second since the start."""
    requests_this_hour: int = 0
    limit_left: int | None = None
    limit_reset: float | None = None
    paused: bool = False
    stopping: bool = False
    owned: bool = True
    ended_at: float | None = None
    continues: int | None = None

    @property
    def state(self) -> DeliveryState:
        """The worst of the deliveries."""
        return worst([delivery.state for delivery in self.deliveries.values()])

    @property
    def closed(self) -> bool:
        """Whether every delivery has ended."""
        return self.ended_at is not None

    @property
    def planned(self) -> int:
        """Changes of all deliveries that are sent (the held ones send nothing)."""
        return sum(d.planned for d in self.deliveries.values() if d.state is not DeliveryState.HELD)

    @property
    def cohort_ids(self) -> list[str]:
        """The cohorts of the run."""
        return list(dict.fromkeys(delivery.cohort_id for delivery in self.deliveries.values()))

    def total(self, name: str) -> int:
        """The sum of one count over the deliveries that are sent."""
        return sum(getattr(d, name) for d in self.deliveries.values() if d.state is not DeliveryState.HELD)

    @property
    def sent_nothing(self) -> bool:
        """Whether it is over and there was nothing to send."""
        renamed = any(delivery.rename for delivery in self.deliveries.values())
        return self.state is DeliveryState.FINISHED and not self.planned and not renamed

    @property
    def percent(self) -> str:
        """How much of it is accepted."""
        return f"{100 * self.total('submitted') // max(1, self.planned)} %"

    def tell(self, at: float, text: str, *, important: bool = True) -> None:
        """Add one line to the story."""
        self.story.append(Moment(at, text, important))


class Rejection(Struct, frozen=True):
    """One identifier that Braze refused, with Braze's words."""

    value: str
    kind: str
    direction: Direction
    text: str
    at: float


class RunSummary(Struct, frozen=True):
    """One line of the history."""

    run_id: int
    started_at: float
    ended_at: float | None
    state: DeliveryState
    by: str
    origin: str
    pid: int
    host: str
    version: str
    continues: int | None = None
    cohorts: tuple[str, ...] = ()
    unfinished: frozenset[str] = frozenset()
    """The cohorts that were stopped, held, left incomplete, or lack ids that Braze refused."""
    accepted: int = 0
    rejected: int = 0
    in_doubt: int = 0
    skipped: int = 0
    reason: Reason = Reason.NONE
    detail: str = ""

    @property
    def starter(self) -> str:
        """Who started it, for a list: `auto` where nobody did, else the user, and from where if not the dashboard."""
        if self.origin in AUTOMATIC:
            return "auto"
        return self.by if self.origin == "tui" else f"{self.by} {self.origin}"


SETTLING = "settling"
AUTOMATIC = ("automatic", SETTLING)
"""Origins of runs that heaptui starts by itself: after pages from Heap, and after late answers."""


def need_attention(runs: Sequence[RunSummary]) -> set[int]:
    """The runs, given newest first, that left over a cohort which no later run has taken over.

    A settling run takes over what was in doubt, not what was never sent.
    """
    taken_over: set[str] = set()
    settled: set[str] = set()
    urgent = set()
    for run in runs:
        if run.unfinished - taken_over - (set() if run.skipped else settled):
            urgent.add(run.run_id)
        (settled if run.origin == SETTLING else taken_over).update(run.cohorts)
    return urgent
