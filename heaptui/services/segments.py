"""Braze segments before they are built: who would be in them, drafts, and cohorts computed from others."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field
from pyroaring import BitMap

from heaptui.errors import UsageError
from heaptui.model.audience import Audience, People, evaluate
from heaptui.model.belief import Direction
from heaptui.model.cohorts import Cohort, Origin, new_cohort_id
from heaptui.model.expressions import IDS, And, Expression, InCohort, Names, Not, cohorts_in, joined, parse, write
from heaptui.model.identifiers import Identifier
from heaptui.model.matching import MatchRate
from heaptui.model.segments import Segment, as_json, from_json, segment_of
from heaptui.services.previews import Count, Preview, count
from heaptui.store import braze_segments, cohort_names, cohorts, derived
from heaptui.store.beliefs import read_belief
from heaptui.store.identities import values_of

if TYPE_CHECKING:
    from heaptui.services.braze_segments import BrazeSegments
    from heaptui.services.matching import Matching
    from heaptui.services.workspace import Workspace

__all__ = ["Count", "Draft", "Overlap", "Preview", "SegmentService"]

REGIONS = 24
"""The largest regions of an overlap that are worth a line."""

MOST_FOR_REGIONS = 8
"""Cohorts that regions are made of."""


class Draft(Struct, frozen=True):
    """A segment somebody works on. `segment` is None where Braze cannot show the expression."""

    name: str
    expression: Expression
    segment: Segment | None
    kept_at: float = 0.0


class Region(Struct, frozen=True):
    """People who are in exactly these of the compared cohorts."""

    inside: tuple[str, ...]
    people: int


class Overlap(Struct, frozen=True):
    """How some cohorts overlap: everyone in both, by pair, and the regions, the largest first."""

    cohort_ids: tuple[str, ...]
    both: dict[tuple[str, str], int]
    regions: tuple[Region, ...]

    @property
    def inside(self) -> list[tuple[str, str]]:
        """Pairs of which everybody in the first is in the second, too."""
        return [
            (one, other)
            for one in self.cohort_ids
            for other in self.cohort_ids
            if one != other and self.both[one, one] and self.pair(one, other) == self.both[one, one]
        ]

    def pair(self, one: str, other: str) -> int:
        """Everyone in both; of a cohort with itself, everyone in it."""
        found = self.both.get((one, other))
        return self.both[other, one] if found is None else found


class _Snapshot(Struct):
    """The cohorts as they are in one version of the ledger; their people are read when they are needed."""

    version: int
    names: Names
    cohorts: dict[str, Cohort]
    rates: dict[str, MatchRate]
    here: dict[str, Audience] = field(default_factory=dict)
    there: dict[str, Audience] = field(default_factory=dict)


class SegmentService:
    """The segments of one workspace. Nothing here sends anything."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._snapshot: _Snapshot | None = None
        self._reading = asyncio.Lock()

    @cached_property
    def matching(self) -> Matching:
        """Ask Braze how many people exist."""
        from heaptui.services.matching import Matching

        return Matching(self._workspace)

    @cached_property
    def in_braze(self) -> BrazeSegments:
        """The segments that exist in Braze."""
        from heaptui.services.braze_segments import BrazeSegments

        return BrazeSegments(self._workspace)

    async def names(self) -> Names:
        """How the cohorts are called now."""
        return (await self._current()).names

    async def parse(self, text: str) -> Expression:
        """Read an expression with names.

        Raises:
            ExpressionError: says where it is wrong, and the nearest name.
        """
        return parse(text, await self.names())

    async def written(self, expression: Expression) -> str:
        """The expression with the names of now."""
        return write(expression, await self.names())

    async def preview(self, expression: Expression, segment: Segment | None = None) -> Preview:
        """Count an expression. `segment` is its shape where somebody chose one; else it is made."""
        snapshot = await self._with(cohorts_in(expression))
        return await asyncio.to_thread(
            count,
            expression,
            segment or segment_of(expression),
            snapshot.here,
            snapshot.there,
            names=snapshot.names,
            cohorts=snapshot.cohorts,
            match=snapshot.rates.get(write(expression)),
        )

    async def cohorts(self) -> dict[str, Cohort]:
        """The cohorts by id, as the previews count them."""
        return (await self._current()).cohorts

    async def overlap(self, cohort_ids: Sequence[str]) -> Overlap:
        """Everyone in both of each pair of up to 20 cohorts, and how many are in exactly which of them."""
        chosen = tuple(dict.fromkeys(cohort_ids))
        snapshot = await self._with(chosen)
        people = {one: snapshot.here[one].certain.uids for one in chosen}
        return await asyncio.to_thread(_overlap, people)

    async def sample(self, expression: Expression, limit: int = 12) -> list[Identifier]:
        """Some of the people that an expression means, at random but the same each time; [] where nobody knows."""
        uids = await self.people(expression)
        numbers = sorted(random.Random(len(uids)).sample(range(len(uids)), min(limit, len(uids))))  # noqa: S311
        chosen = BitMap(uids[number] for number in numbers)
        return await self._ledger.read(lambda connection: values_of(connection, chosen))

    async def people(self, expression: Expression) -> BitMap:
        """Those who are in it for certain; empty where they are everybody but some."""
        snapshot = await self._with(cohorts_in(expression))
        certain = await asyncio.to_thread(lambda: evaluate(expression, snapshot.here).certain)
        return BitMap() if certain.others else certain.uids

    async def drafts(self) -> list[Draft]:
        """The drafts of this profile, the newest first."""
        rows = await self._ledger.read(braze_segments.drafts)
        return [
            Draft(
                row.name,
                parse(row.expression, IDS),
                from_json(msgspec.json.decode(row.shape)) if row.shape else None,
                row.kept_at,
            )
            for row in rows
        ]

    async def keep(self, name: str, expression: Expression, segment: Segment | None) -> Draft:
        """Keep a draft under a name, in place of an older one of that name.

        Raises:
            Refused: the ledger is open read-only.
            UsageError: no name.
        """
        self._workspace.refuse_if_read_only()
        wanted = name.strip()
        if not wanted:
            raise UsageError("A draft needs a name.", "Nothing was kept.")
        shape = msgspec.json.encode(as_json(segment)).decode() if segment else ""
        row = braze_segments.DraftRow(wanted, write(expression), shape, time.time())
        await self._ledger.write(lambda connection: braze_segments.keep_draft(connection, row))
        return Draft(wanted, expression, segment, row.kept_at)

    async def forget(self, name: str) -> None:
        """Forget a draft.

        Raises:
            Refused: the ledger is open read-only.
        """
        self._workspace.refuse_if_read_only()
        await self._ledger.write(lambda connection: braze_segments.drop_draft(connection, name))

    async def derive(self, name: str, expression: Expression) -> Cohort:
        """Make a cohort that is computed from others whenever it is looked at or synced; an own name changes it.

        Raises:
            Refused: the ledger is open read-only.
            UsageError: no name, a name of another cohort, or an expression that cannot be computed here; says why.
        """
        self._workspace.refuse_if_read_only()
        wanted = name.strip()
        if not wanted:
            raise UsageError("A cohort needs a name.", "Nothing was made.")
        preview = await self.preview(expression)
        if preview.why_not_derived:
            raise UsageError(
                "This cannot be a cohort of its own.",
                preview.why_not_derived,
                "As a Braze segment it works: build it there." if preview.segment else "Write it another way.",
            )
        view = self._workspace.view
        space = next(one.space for one in preview.cohorts.values() if one)

        def make(connection: sqlite3.Connection) -> Cohort:
            now = time.time()
            taken = cohort_names.names_in_use(connection, wanted)
            if any(origin is not Origin.EXPRESSION for _, origin in taken):
                raise UsageError(
                    f"Another cohort is called “{wanted}”.", f"It is {taken[0][0]}. Nothing was made.", "Another name."
                )
            cohort_id = taken[0][0] if taken else new_cohort_id(Origin.EXPRESSION)
            if not taken:
                cohorts.create(connection, cohort_id, name=wanted, origin=Origin.EXPRESSION, space=space, at=now)
            derived.define(connection, cohort_id, expression, at=now)
            cohorts.settle(connection, cohort_id, at=now)
            return cohorts.read_one(connection, cohort_id, view)

        return await self._ledger.write(make)

    async def _current(self) -> _Snapshot:
        async with self._reading:
            version = await self._ledger.version()
            if self._snapshot is None or self._snapshot.version != version:
                view = self._workspace.view

                def look(connection: sqlite3.Connection) -> _Snapshot:
                    found = {one.cohort_id: one for one in cohorts.read_all(connection, view)}
                    former: dict[str, list[str]] = {}
                    for one in found.values():
                        for name in one.former_names:
                            former.setdefault(name, []).append(one.cohort_id)
                    attributes = {cohort_id: one.attribute for cohort_id, one in found.items() if one.attribute}
                    names = Names({cohort_id: one.name for cohort_id, one in found.items()}, former, attributes)
                    return _Snapshot(version, names, found, braze_segments.match_rates(connection))

                self._snapshot = await self._ledger.read(look)
            return self._snapshot

    async def _with(self, cohort_ids: Iterable[str]) -> _Snapshot:
        """The snapshot with the people of these cohorts."""
        snapshot = await self._current()
        wanted = [one for one in cohort_ids if one not in snapshot.here]
        if wanted:
            view = self._workspace.view

            def look(connection: sqlite3.Connection) -> None:
                for cohort_id in wanted:
                    if cohort_id not in snapshot.cohorts:
                        snapshot.here[cohort_id] = snapshot.there[cohort_id] = Audience.of(BitMap())
                        continue
                    belief = read_belief(connection, cohort_id, view.route, view.settle)
                    certain = belief.delivered - belief.in_doubt(Direction.REMOVE)
                    possible = belief.delivered | belief.in_doubt(Direction.ADD)
                    snapshot.there[cohort_id] = Audience(People(certain), People(possible))
                    snapshot.here[cohort_id] = Audience.of(cohorts.members(connection, cohort_id))

            await self._ledger.read(look)
        return snapshot


def _overlap(people: dict[str, BitMap]) -> Overlap:
    listed = list(people)
    both = {
        (one, other): people[one].intersection_cardinality(people[other])
        for place, one in enumerate(listed)
        for other in listed[place:]
    }
    split = dict(list(people.items())[:MOST_FOR_REGIONS])
    regions: list[tuple[tuple[str, ...], BitMap]] = [((), BitMap().union(*split.values()))]
    # Everybody is split by one cohort after the other, which may double the regions each time.
    for cohort_id, uids in split.items():
        regions = [
            part
            for inside, some in regions
            for part in (((*inside, cohort_id), some & uids), (inside, some - uids))
            if part[1]
        ]
    counted = sorted((Region(inside, len(some)) for inside, some in regions), key=lambda region: -region.people)
    return Overlap(tuple(listed), both, tuple(counted[:REGIONS]))


def region_of(inside: Sequence[str], compared: Sequence[str]) -> Expression:
    """The expression of a region: in these cohorts, and in no other of those compared."""
    outside = [Not(InCohort(one)) for one in compared if one not in inside]
    return joined(And, [*(InCohort(one) for one in inside), *outside])
