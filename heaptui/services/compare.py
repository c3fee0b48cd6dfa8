"""Compare a cohort with a Braze segment that has its one filter, and correct what is believed by what was read."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from pyroaring import BitMap

from heaptui import __version__
from heaptui.errors import CohortLocked, CredentialRefused, Refused, UsageError
from heaptui.model.cohorts import Cohort
from heaptui.model.comparison import Against, Counts, report
from heaptui.model.identifiers import Identifier, Kind, Space
from heaptui.services.locks import CohortLock
from heaptui.services.pacing import Gate
from heaptui.services.segment_file import Seen, read_segment
from heaptui.store import cohorts, orphans, readbacks
from heaptui.store.identities import CHUNK, values_of

if TYPE_CHECKING:
    from heaptui.clients.braze_rest import BrazeRest, SegmentItem
    from heaptui.services.workspace import Workspace

__all__ = ["Against", "CompareService", "Comparison", "Counts"]

ASKED_AT_MOST = 2_000
"""People only here whom Braze is asked about one by one; of more, a random sample of so many."""

YOUNG = 2.5
"""Times the settle time: a change younger than that may still be worked on in Braze (5 minutes by default)."""

Told = Callable[[str], None]


class Comparison(Struct):
    """A comparison with the people behind its counts."""

    counts: Counts
    both: BitMap
    only_here: BitMap
    unknown: BitMap
    extra: BitMap
    """Only in Braze, and known to this ledger."""
    strangers: Sequence[Identifier]
    """Only in Braze, and never in this ledger."""
    young: BitMap


class CompareService:
    """Reads Braze segments back. Sends nothing."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ledger = workspace.ledger

    async def compare(
        self, cohort_id: str, *, segment: str = "", against: Against | None = None, told: Told = lambda _: None
    ) -> Comparison:
        """Export a Braze segment and compare it with a cohort.

        `segment` is an id or a name; without it the one compared last, or one called `check: NAME`. `against` is what
        Braze accepted from here, or, where nothing was ever sent, who is in the cohort.

        Raises:
            UsageError: no REST key, or no such segment.
            CredentialRefused: the key lacks `users.export.segment`.
            Unreachable: Braze refused, or its file was never ready.
        """
        view = self._workspace.view
        cohort = await self._ledger.read(lambda connection: cohorts.read_one(connection, cohort_id, view))
        if against is None:
            against = Against.DELIVERED if cohort.delivered else Against.MEMBERS

        async def waiting(seconds: float, reason: str) -> None:
            told(f"{reason}; next look in {seconds:.0f} s")
            await asyncio.sleep(seconds)

        async with self._workspace.braze_rest(waiting) as rest:
            chosen, names_cohort = await self._segment(rest, cohort, segment)
            base, spaces = await self._ledger.read(partial(_base, cohort=cohort, view=view, against=against))
            started_at = time.time()
            told(f"Braze is asked for everybody in “{chosen.name}”.")
            seen = await self._read(rest, chosen.segment_id, spaces, base)
            young = await self._ledger.read(
                lambda connection: readbacks.changed_since(
                    connection, cohort_id, view.route, started_at - YOUNG * view.settle
                )
            )
            only_here, extra = base - seen.uids, seen.uids - base
            told(f"{len(only_here):,} only here: Braze is asked which of them exist.")
            asked, unknown = await self._unknown(rest, only_here)
        extras = len(extra) + len(seen.strangers) + seen.nameless
        counts = Counts(
            cohort_id=cohort_id,
            name=cohort.name,
            segment_id=chosen.segment_id,
            segment_name=chosen.name,
            against=against,
            exported_at=started_at,
            here=len(base),
            in_braze=seen.people,
            both=len(base & seen.uids),
            only_here=len(only_here),
            asked=len(asked) if asked is not None else 0,
            unknown=len(unknown) if asked is not None else None,
            only_in_braze=extras,
            recent=len((only_here | extra) & young),
            names_cohort=names_cohort,
            source=cohort.source_name if against is Against.MEMBERS else "",
        )
        if not self._workspace.read_only:
            await self._ledger.write(
                lambda connection: readbacks.keep(
                    connection,
                    cohort_id,
                    at=started_at,
                    segment_id=chosen.segment_id,
                    segment_name=chosen.name,
                    uids=seen.uids,
                    others=len(seen.strangers) + seen.nameless,
                )
            )
        return Comparison(counts, base & seen.uids, only_here, unknown, extra, seen.strangers, young)

    async def _segment(self, rest: BrazeRest, cohort: Cohort, wanted: str) -> tuple[SegmentItem, bool]:
        """The segment that is meant, and whether its text names the cohort."""
        from heaptui.clients.braze_rest import SEGMENTS_PER_PAGE, SegmentItem

        last = await self._ledger.read(lambda connection: readbacks.last_segment(connection, cohort.cohort_id))
        listed: list[SegmentItem] = []
        page = 0
        try:
            while (some := await rest.segments(page)) and page < 100:
                listed += some
                page += 1
                if len(some) < SEGMENTS_PER_PAGE:
                    break
        except CredentialRefused:
            # Without segments.list an id still works.
            if not (wanted or last):
                raise
            return SegmentItem(wanted or last, wanted or last, tracked=False, tags=()), True
        names = [wanted] if wanted else [last, f"check: {cohort.name}", f"check: {cohort.braze_name}"]
        for name in names:
            found = [item for item in listed if name and name in (item.segment_id, item.name)]
            if len(found) > 1:
                ids = ", ".join(item.segment_id for item in found)
                raise UsageError(f"{len(found)} segments are called “{name}”.", f"Their ids: {ids}.", "Use an id.")
            if found:
                return found[0], await self._names(rest, found[0], cohort)
        raise UsageError(
            f"There is no Braze segment “{wanted}”." if wanted else f"Which Braze segment holds “{cohort.name}” alone?",
            f"In Braze: Audience › Segments › Create Segment, named “check: {cohort.name}”, with the one filter"
            f" Heap Cohorts › includes › {cohort.braze_name or cohort.name}.",
            "Then the same command again, or name another segment: --segment NAME",
        )

    async def _names(self, rest: BrazeRest, item: SegmentItem, cohort: Cohort) -> bool:
        try:
            words = (await rest.segment_details(item.segment_id)).words
        except CredentialRefused:
            # Without segments.details nobody can tell, so nobody is warned.
            return True
        return any(name and name in words for name in (cohort.name, cohort.braze_name, cohort.cohort_id))

    async def _read(self, rest: BrazeRest, segment_id: str, spaces: Sequence[Space], base: BitMap) -> Seen:
        from heaptui.clients.braze_export import export_segment

        kinds = {space.kind for space in spaces}
        fields = ["external_id", "braze_id"]
        fields += [
            name
            for kind, name in ((Kind.ALIAS, "user_aliases"), (Kind.DEVICE_ID, "devices"), (Kind.EMAIL, "email"))
            if kind in kinds
        ]
        with tempfile.TemporaryDirectory(prefix="heaptui-compare-") as folder:
            target = Path(folder) / "segment.zip"
            await export_segment(rest, segment_id, fields, target)
            return await asyncio.to_thread(read_segment, target, spaces, base, self._ledger)

    async def _unknown(self, rest: BrazeRest, only_here: BitMap) -> tuple[BitMap | None, BitMap]:
        """Of those only here: whom Braze was asked about, and whom it does not know; None when it may not be asked."""
        from heaptui.clients.braze_rest import IDS_PER_REQUEST

        asked = only_here
        if len(only_here) > ASKED_AT_MOST:
            asked = BitMap(random.sample(list(only_here), ASKED_AT_MOST))
        unknown = BitMap()
        numbers = list(asked)
        people = await self._ledger.read(lambda connection: values_of(connection, asked), long=True)
        by_space: dict[Space, list[tuple[int, str]]] = {}
        for uid, (space, value) in zip(numbers, people, strict=True):
            by_space.setdefault(space, []).append((uid, value))
        try:
            for space, pairs in by_space.items():
                step = IDS_PER_REQUEST if space.kind in (Kind.EXTERNAL_ID, Kind.ALIAS) else 1
                for start in range(0, len(pairs), step):
                    some = pairs[start : start + step]
                    values = [value for _, value in some]
                    if step > 1:
                        known = await rest.known(space, values)
                    else:
                        known = set(values) if await rest.people(space, values) else set()
                    unknown.update(uid for uid, value in some if value not in known)
        except CredentialRefused:
            # The key may export segments but not look people up: the question stays open.
            return None, BitMap()
        return asked, unknown

    async def believe(self, comparison: Comparison) -> None:
        """Set what is believed of the cohort to what was read, so that the next sync mends the difference.

        Ids that Braze does not know stay as accepted: sending them again would change nothing. Changes that are too
        young for the read to tell stay as they are.

        Raises:
            Refused: the ledger is open read-only.
            CohortLocked: another process delivers the cohort.
        """
        workspace, view, counts = self._workspace, self._workspace.view, comparison.counts
        if workspace.read_only:
            raise Refused("This profile is read-only.", "Nothing was changed.", "Its owner can repair the cohort.")
        lock = self._lock(counts.cohort_id)
        if lock is not None and not await lock.taken(0, Gate()):
            raise CohortLocked(
                f"“{counts.name}” is being delivered.", "Nothing was changed.", "Compare again after the sync."
            )
        try:
            strangers = BitMap()
            for start in range(0, len(comparison.strangers), CHUNK):
                some = comparison.strangers[start : start + CHUNK]
                strangers |= await self._ledger.write(partial(readbacks.number_people, people=some))
            held = comparison.both | comparison.extra | strangers

            def write(connection: sqlite3.Connection) -> None:
                if orphans.open_deliveries(connection, counts.cohort_id):
                    raise CohortLocked(
                        f"A sync of “{counts.name}” was never closed.", "Nothing was changed.", "Sync it, then compare."
                    )
                untouched = comparison.young | readbacks.changed_since(
                    connection, counts.cohort_id, view.route, counts.exported_at
                )
                readbacks.believe(
                    connection,
                    counts.cohort_id,
                    view,
                    held=held,
                    unknown=comparison.unknown,
                    untouched=untouched,
                    read_at=counts.exported_at,
                )

            await self._ledger.write(write)
        finally:
            if lock is not None:
                await lock.free()

    def _lock(self, cohort_id: str) -> CohortLock | None:
        """The lock that a sync of the cohort takes; None where the profile can send nothing."""
        try:
            return self._workspace.sync.lock_of(cohort_id)
        except UsageError:
            return None

    async def people(self, comparison: Comparison, which: str) -> AsyncIterator[list[Identifier]]:
        """The people of one part: missing, unknown, known or extra, in chunks."""
        asked_known = comparison.only_here - comparison.unknown
        uids = {
            "missing": comparison.only_here,
            "unknown": comparison.unknown,
            "known": asked_known if comparison.counts.unknown is not None else BitMap(),
            "extra": comparison.extra,
        }[which]
        numbers = uids.to_array()
        for start in range(0, len(numbers), CHUNK):
            some = BitMap(numbers[start : start + CHUNK])
            yield await self._ledger.read(partial(values_of, uids=some), long=True)
        if which == "extra":
            for start in range(0, len(comparison.strangers), CHUNK):
                yield list(comparison.strangers[start : start + CHUNK])

    def report(self, comparison: Comparison) -> str:
        """Counts only, for somebody else."""
        return report(comparison.counts, profile=self._workspace.profile.name, version=__version__)


def _base(
    connection: sqlite3.Connection, cohort: Cohort, view: cohorts.View, against: Against
) -> tuple[BitMap, list[Space]]:
    base = readbacks.base_of(connection, cohort.cohort_id, view, delivered=against is Against.DELIVERED)
    return base, readbacks.spaces_of(connection, cohort.cohort_id, base)
