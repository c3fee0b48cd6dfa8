"""What the people of a cohort did after they were accepted by Braze, beside everybody else. Counts, no cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from pyroaring import BitMap

from heaptui.model.deeds import SLOT, Deed

BUCKETS = 24


class Step(Struct, frozen=True):
    """One deed: how many members and others did it, and who of them every part of the time for the first time."""

    deed: Deed
    members: int
    others: int
    over_time: Sequence[int] = ()

    @staticmethod
    def share(part: int, whole: int) -> float | None:
        """A share from 0 to 1; None of nobody."""
        return part / whole if whole else None


class Aftermath(Struct, frozen=True):
    """Since when, of how many accepted people, and the steps in their order."""

    cohort_id: str
    name: str
    since: float
    until: float
    run_id: int | None = None
    accepted: int = 0
    steps: Mapping[Deed, Step] = field(default_factory=dict)
    why_not: str = ""
    """Why nothing can be said about this cohort."""

    def member_share(self, deed: Deed) -> float | None:
        """Of those reached; of those accepted, for being reached."""
        whole = self.accepted if deed is Deed.REACHED else self.steps[Deed.REACHED].members
        return Step.share(self.steps[deed].members, whole)

    def other_share(self, deed: Deed) -> float | None:
        """The same of everybody else; how many others could have been reached is not known."""
        if deed is Deed.REACHED:
            return None
        return Step.share(self.steps[deed].others, self.steps[Deed.REACHED].others)


def steps_of(
    deeds: Sequence[tuple[int, Deed, BitMap]], members: BitMap, since: float, until: float
) -> dict[Deed, Step]:
    """Count people by deed; `members` are numbered as the people in `deeds`.

    Whoever opened or clicked was reached, also where Braze does not send the event for that. What somebody did who was
    not reached in this time counts for nothing here, so that no share is above one.
    """
    by_deed = {deed: BitMap() for deed in Deed}
    for _, deed, people in deeds:
        by_deed[deed] |= people
    reached = by_deed[Deed.REACHED] | by_deed[Deed.OPENED] | by_deed[Deed.CLICKED]
    steps = {}
    for deed in Deed:
        people = reached if deed is Deed.REACHED else by_deed[deed] & reached
        own = people & members
        over_time = _over_time([(s, p) for s, d, p in deeds if d is deed], own, since, until)
        steps[deed] = Step(deed, len(own), len(people) - len(own), over_time)
    return steps


def _over_time(slots: Sequence[tuple[int, BitMap]], own: BitMap, since: float, until: float) -> list[int]:
    """How many of them did it in each part of the time."""
    width = max(float(SLOT), (until - since) / BUCKETS)
    parts = [BitMap() for _ in range(max(1, min(BUCKETS, int((until - since) / width) + 1)))]
    for slot, people in slots:
        number = int((slot * SLOT - since) / width)
        parts[max(0, min(len(parts) - 1, number))] |= people & own
    return [len(part) for part in parts]
