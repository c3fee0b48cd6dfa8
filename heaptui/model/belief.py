"""The law of delivery: what we may believe about one cohort in Braze, and what follows from it.

Braze tells nobody who is in a cohort, so this is the only knowledge there is. Three facts shape it:

* Only a 2xx is an answer. An attempt without one may have been applied, or may still be applied within the
  settle time, so its identifiers are *in doubt* in that direction until a later 2xx that was sent after it.
* Membership belongs to a person, and one person may have identifiers of several kinds. Taking one of them out
  takes the person out, so identifiers of the other kinds become doubtful with it.
* An identifier that Braze refused is not offered again in that direction.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct, field
from pyroaring import BitMap


class Direction(StrEnum):
    """Whether a batch lets people join or leave."""

    ADD = "add"
    REMOVE = "remove"


class Doubt(Struct):
    """Identifiers of attempts in one direction that may still be applied until `since` plus the settle time."""

    direction: Direction
    since: float
    uids: BitMap


class Changes(Struct):
    """What a sync sends: each identifier at most once, in one direction."""

    adds: BitMap
    removes: BitMap
    unchanged: int


class SpaceMap:
    """Which uids are of which (kind, label)."""

    def __init__(self, uids_by_space: Iterable[BitMap]) -> None:
        self._spaces = [uids for uids in uids_by_space if uids]

    def parts(self, uids: BitMap) -> list[BitMap]:
        """The uids, split by space; empty parts are left out."""
        if len(self._spaces) <= 1:
            return [uids] if uids else []
        return [part for space in self._spaces if (part := uids & space)]

    def count(self, uids: BitMap) -> int:
        """How many spaces the uids are of."""
        if len(self._spaces) <= 1:
            return min(len(self._spaces), 1)
        return sum(1 for space in self._spaces if uids.intersect(space))

    def elsewhere(self, uids: BitMap, among: BitMap) -> BitMap:
        """Those `among` which, being of another space than some of `uids`, may be the same people."""
        if len(self._spaces) <= 1 or not among:
            return BitMap()
        touched = [space for space in self._spaces if uids.intersect(space)]
        if len(touched) > 1:
            return among.copy()
        return among - touched[0] if touched else BitMap()


ONE_SPACE = SpaceMap(())


class Belief(Struct):
    """What we hold true of one cohort on one route. Times are seconds since the epoch."""

    delivered: BitMap = field(default_factory=BitMap)
    doubts: list[Doubt] = field(default_factory=list)
    refused_adds: BitMap = field(default_factory=BitMap)
    refused_removes: BitMap = field(default_factory=BitMap)

    def in_doubt(self, direction: Direction) -> BitMap:
        """All identifiers with an open doubt in that direction."""
        return BitMap().union(*(doubt.uids for doubt in self.doubts if doubt.direction is direction))

    @property
    def unknown(self) -> BitMap:
        """Of whom it is not known whether Braze holds them."""
        return (self.in_doubt(Direction.ADD) - self.delivered) | (self.in_doubt(Direction.REMOVE) & self.delivered)

    def changes(self, members: BitMap, spaces: SpaceMap = ONE_SPACE, *, everything: bool = False) -> Changes:
        """The difference between Heap and Braze; `everything` also sends again what was accepted before."""
        doubtful_removes = self.in_doubt(Direction.REMOVE)
        settled = BitMap() if everything else self.delivered - doubtful_removes
        adds = members - settled - self.refused_adds
        removes = (self.delivered | self.in_doubt(Direction.ADD)) - members - self.refused_removes
        if removes:
            # A leave may take people out who are members by an identifier of another kind: they join again after it.
            adds |= spaces.elsewhere(removes, members & self.delivered) - self.refused_adds
        return Changes(adds, removes, len(members) - len(adds & members))

    def doubtful_changes(self, members: BitMap, spaces: SpaceMap = ONE_SPACE) -> Changes:
        """Of the difference between Heap and Braze, what is in doubt; what else waits is left waiting."""
        doubtful = self.in_doubt(Direction.ADD) | self.in_doubt(Direction.REMOVE)
        changes = self.changes((members & doubtful) | (self.delivered - doubtful), spaces)
        return Changes(changes.adds, changes.removes, len(members) - len(changes.adds & members))

    def accepted(
        self,
        direction: Direction,
        uids: BitMap,
        *,
        sent_at: float,
        answered_at: float,
        settle: float,
        spaces: SpaceMap = ONE_SPACE,
    ) -> None:
        """Braze answered 2xx to an attempt sent at `sent_at`."""
        for doubt in self.doubts:
            if sent_at > doubt.since + settle:
                doubt.uids -= uids
        if direction is Direction.ADD:
            self.delivered |= uids
            self.refused_adds -= uids
            # A leave by another identifier of the same people may still be applied, after this join.
            for doubt in list(self.doubts):
                if doubt.direction is Direction.REMOVE and sent_at <= doubt.since + settle:
                    self._doubt(Direction.REMOVE, doubt.since, spaces.elsewhere(doubt.uids, uids) - doubt.uids)
        else:
            self.delivered -= uids
            self.refused_removes -= uids
            # Applied for certain, so any join sent from now on mends it.
            self._doubt(Direction.REMOVE, answered_at - settle, spaces.elsewhere(uids, self.delivered))
        self.doubts = [doubt for doubt in self.doubts if doubt.uids]

    def unanswered(self, direction: Direction, uids: BitMap, *, since: float, spaces: SpaceMap = ONE_SPACE) -> None:
        """An attempt that ended at `since` got no definite answer."""
        self._doubt(direction, since, uids.copy())
        if direction is Direction.REMOVE:
            self._doubt(direction, since, spaces.elsewhere(uids, self.delivered))

    def distrust(self, uids: BitMap, *, at: float, settle: float) -> None:
        """Count who is sent again as perhaps gone until accepted, so that the run after an early end goes on."""
        self._doubt(Direction.REMOVE, at - settle - 1, uids & self.delivered)

    def refused(self, direction: Direction, uids: BitMap) -> None:
        """Braze named these identifiers in an error; a refused leave stays delivered."""
        if direction is Direction.ADD:
            self.refused_adds |= uids
        else:
            self.refused_removes |= uids

    def compact(self, now: float, settle: float) -> None:
        """Join the doubts that are old enough to have one age, and drop those that agree with what is believed.

        After the settle time nothing can be applied late any more: a doubtful join of somebody accepted since, and
        a doubtful leave of somebody not delivered, say nothing that `delivered` does not say.
        """
        kept = [doubt for doubt in self.doubts if doubt.since + settle >= now]
        for direction in Direction:
            old = [d for d in self.doubts if d.direction is direction and d.since + settle < now]
            if not old:
                continue
            uids = BitMap().union(*(doubt.uids for doubt in old))
            uids = uids - self.delivered if direction is Direction.ADD else uids & self.delivered
            if uids:
                kept.append(Doubt(direction, max(doubt.since for doubt in old), uids))
        self.doubts = kept

    def unsettled_until(self, members: BitMap, now: float, settle: float) -> float | None:
        """Until when a late answer may still undo what was just accepted; None when nothing can."""
        open_ends = [
            doubt.since + settle
            for doubt in self.doubts
            if doubt.since + settle >= now and self._against(doubt, members)
        ]
        return max(open_ends, default=None)

    @staticmethod
    def _against(doubt: Doubt, members: BitMap) -> bool:
        if doubt.direction is Direction.ADD:
            return not doubt.uids.issubset(members)
        return doubt.uids.intersect(members)

    def _doubt(self, direction: Direction, since: float, uids: BitMap) -> None:
        if not uids:
            return
        for doubt in self.doubts:
            if doubt.direction is direction and doubt.since == since:
                doubt.uids |= uids
                return
        self.doubts.append(Doubt(direction, since, uids))
