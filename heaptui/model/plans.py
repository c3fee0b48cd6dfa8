"""Plans: what a sync of one cohort would send, by whatever way."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from heaptui.model.routes import way_title
from heaptui.model.words import counted, headcount


class LeaveElsewhere(Struct, frozen=True):
    """People of a cohort whom Braze still holds by another route than the one in use; all of them leave it."""

    route: str
    removes: int
    requests: int
    why_not: str = ""
    """Why they cannot be taken out now; empty when they can."""
    attribute: str = ""

    def __str__(self) -> str:
        title = f"{way_title(self.route)} {self.attribute}".strip()
        if self.why_not:
            return f"{headcount(self.removes)} {'stays' if self.removes == 1 else 'stay'} in {title}. {self.why_not}"
        requests = counted(self.requests, "request")
        return f"{self.removes:,} leave {title}, {requests}"


class Plan(Struct, frozen=True):
    """What a sync of one cohort would send. `requests` counts member requests, not the name call."""

    cohort_id: str
    name: str
    adds: int
    removes: int
    unchanged: int
    requests: int
    rename: str = ""
    """The name the first request sets in Braze; empty when Braze has the right one."""
    held: str = ""
    """Why the guard holds this cohort; empty when it does not."""
    delivered: int = 0
    first_time: bool = False
    on_hold: bool = False
    route: str = ""
    attribute: str = ""
    """The custom attribute that stands for the cohort, on the route that has one."""
    before: tuple[LeaveElsewhere, ...] = ()
    """What is taken out of another way first."""
    sending: str = ""
    """Which run of another process is sending the cohort just now, in a sentence; empty for none."""
    refused: int = 0
    """People of the cohort whom Braze refused and does not hold; they are not sent again unless asked."""
    refused_in: int | None = None
    """The last run in which Braze refused anybody of it."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send."""
        return not (self.adds or self.removes or self.rename or any(not leave.why_not for leave in self.before))

    @property
    def leaves(self) -> int:
        """People taken out, of an old way, too."""
        return self.removes + sum(leave.removes for leave in self.before if not leave.why_not)

    @property
    def all_requests(self) -> int:
        """Requests that carry people, those to an old way included."""
        return self.requests + sum(leave.requests for leave in self.before if not leave.why_not)

    @property
    def requests_told(self) -> str:
        """The same, and whether a name call comes first."""
        return f"{self.all_requests:,}{' + name' if self.rename else ''}"

    @property
    def changes_way(self) -> bool:
        """Whether it would be the first sync by this way of people who are in Braze by another one."""
        return not self.delivered and any(not leave.why_not for leave in self.before)

    @property
    def points(self) -> int:
        """Data points in Braze, at most: one for each change."""
        return self.adds + self.leaves


def nothing_to_send(plans: Sequence[Plan]) -> str:
    """Why plans without a change send nothing, and whom Braze lacks all the same."""
    refused = sum(plan.refused for plan in plans)
    held = f"Braze holds what {'the cohort holds' if len(plans) == 1 else 'the cohorts hold'}"
    if not refused:
        return f"Nothing to send: {held}."
    again = dict.fromkeys(f"heaptui run retry {plan.refused_in}" for plan in plans if plan.refused)
    lacking = f"Nothing to send. {held}, without {counted(refused, 'refused id')}"
    return f"{lacking}; offer {'it' if refused == 1 else 'them'} again: {', '.join(again)}"
