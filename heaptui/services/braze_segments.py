"""The segments that exist in Braze: listed page by page, their texts and sizes, and which cohorts they mention."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from heaptui.clients.braze_rest import (
    SEGMENTS_PER_PAGE,
    BrazeRest,
    DailySize,
    MissingPermission,
    SegmentDetails,
    SegmentItem,
)
from heaptui.errors import CredentialRefused, HeaptuiError, UsageError
from heaptui.model.cohorts import Cohort
from heaptui.store import braze_segments
from heaptui.store.braze_segments import SegmentRow

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

DAYS = 30
AT_ONCE = 4
TRIES = 3
"""Failures in a row after which the rest is not asked for."""

KEPT_TOGETHER = 25
"""Segments written to the ledger at once."""

LIST, DETAILS, SIZES = "segments.list", "segments.details", "segments.data_series"


class SeenSegment(Struct, frozen=True):
    """A segment of Braze as far as it was read. `details` and `sizes` are None where they were not, or may not be."""

    item: SegmentItem
    details: SegmentDetails | None = None
    sizes: tuple[DailySize, ...] | None = None
    looked_at: float = 0.0

    @property
    def segment_id(self) -> str:
        """Braze's id of it."""
        return self.item.segment_id

    @property
    def size(self) -> int | None:
        """The newest daily estimate."""
        return self.sizes[-1].size if self.sizes else None

    @property
    def words(self) -> str:
        """Everything that may mention a cohort, or be searched."""
        return self.details.words if self.details else ""


class Uses(Struct, frozen=True):
    """Which segments mention a cohort by name, and which cohorts no segment mentions.

    `complete` tells whether the texts of all segments were read; without them an absence says nothing.
    """

    cohorts_of: dict[str, tuple[str, ...]]
    segments_of: dict[str, tuple[str, ...]]
    unused: tuple[str, ...]
    complete: bool


class BrazeSegments:
    """What Braze lists, kept in the ledger so that it is there at once the next time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._seen: dict[str, SeenSegment] | None = None
        self._unsaved: set[str] = set()
        self._in_vain: Counter[str] = Counter()
        self.problems: dict[str, HeaptuiError] = {}
        """What could not be read, by permission."""

    async def seen(self) -> list[SeenSegment]:
        """The segments as they were last seen, in Braze's order."""
        if self._seen is None:
            rows = await self._workspace.ledger.read(braze_segments.seen_segments)
            self._seen = {row.segment_id: _read(row) for row in rows}
        return list(self._seen.values())

    async def refresh(self) -> AsyncIterator[list[SeenSegment]]:
        """Read everything anew: first page by page, then texts and sizes as they come. Yields all that is known.

        What may not be read is in `problems`; the rest goes on.

        Raises:
            UsageError: there is no REST key or no endpoint.
        """
        self.problems.clear()
        self._in_vain.clear()
        before = {one.segment_id: one for one in await self.seen()}
        async with self._workspace.braze_rest() as rest:
            listed: dict[str, SeenSegment] = {}
            async for page in self._pages(rest):
                for item in page:
                    older = before.get(item.segment_id)
                    listed[item.segment_id] = replace(older, item=item) if older else SeenSegment(item)
                # Until the list is complete, those of the last time stay behind the new ones.
                self._seen = {**listed, **{key: one for key, one in before.items() if key not in listed}}
                yield list(self._seen.values())
            if LIST in self.problems:
                return
            self._seen = listed
            await self._save(listed, dropping=True)
            yield list(listed.values())
            async for _ in self._looking(rest, list(listed)):
                yield list(listed.values())
            await self._save(listed)
            yield list(listed.values())

    async def look(self, segment_id: str) -> SeenSegment:
        """Read text and sizes of one segment anew.

        Raises:
            UsageError: there is no REST key, or no such segment was listed.
        """
        await self.seen()
        assert self._seen is not None
        if segment_id not in self._seen:
            raise UsageError(f"No segment {segment_id} was listed.", "", "See them all: heaptui segment list")
        self.problems.clear()
        self._in_vain.clear()
        async with self._workspace.braze_rest() as rest:
            await self._look(rest, segment_id, self._seen)
        await self._save(self._seen)
        return self._seen[segment_id]

    def uses(self, cohorts: Iterable[Cohort]) -> Uses:
        """Which segments mention which of these cohorts by name."""
        called: dict[str, str] = {}
        for one in cohorts:
            for name in (one.name, one.braze_name, *one.former_names):
                if name:
                    called.setdefault(name, one.cohort_id)
        seen = list((self._seen or {}).values())
        # The longest name first: “VIP 2024” is no mention of “VIP”.
        pattern = re.compile("|".join(map(re.escape, sorted(called, key=len, reverse=True))) or r"(?!)")
        cohorts_of = {
            one.segment_id: tuple(dict.fromkeys(called[name] for name in pattern.findall(one.words))) for one in seen
        }
        segments_of: dict[str, list[str]] = {}
        for segment_id, mentioned in cohorts_of.items():
            for cohort_id in mentioned:
                segments_of.setdefault(cohort_id, []).append(segment_id)
        unused = tuple(dict.fromkeys(one for one in called.values() if one not in segments_of))
        complete = bool(seen) and all(one.details for one in seen)
        return Uses(cohorts_of, {one: tuple(found) for one, found in segments_of.items()}, unused, complete)

    async def _pages(self, rest: BrazeRest) -> AsyncIterator[list[SegmentItem]]:
        number = 0
        while True:
            try:
                page = await rest.segments(number)
            except HeaptuiError as error:
                self.problems[LIST] = error
                return
            yield page
            if len(page) < SEGMENTS_PER_PAGE:
                return
            number += 1

    async def _looking(self, rest: BrazeRest, segment_ids: Sequence[str]) -> AsyncIterator[None]:
        """Read texts and sizes, some at once; yields now and then."""
        assert self._seen is not None
        seen = self._seen
        # Those that were never read come first.
        waiting = sorted(segment_ids, key=lambda one: seen[one].details is not None, reverse=True)
        done = 0

        async def work() -> None:
            nonlocal done
            while waiting and not (self._gave_up(DETAILS) and self._gave_up(SIZES)):
                await self._look(rest, waiting.pop(), seen)
                done += 1

        told = 0
        working = [asyncio.create_task(work(), name="texts and sizes of segments") for _ in range(AT_ONCE)]
        try:
            while any(not task.done() for task in working):
                await asyncio.wait(working, timeout=0.2, return_when=asyncio.FIRST_EXCEPTION)
                if done - told >= KEPT_TOGETHER:
                    told = done
                    await self._save(seen)
                    yield
            await asyncio.gather(*working)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def _look(self, rest: BrazeRest, segment_id: str, seen: dict[str, SeenSegment]) -> None:
        one = seen[segment_id]
        with self._trying(DETAILS) as worth:
            if worth:
                one = replace(one, details=await rest.segment_details(segment_id))
        # Braze keeps no sizes of segments without analytics tracking, and refuses to answer.
        with self._trying(SIZES) as worth:
            if worth and one.item.tracked:
                one = replace(one, sizes=tuple(await rest.segment_sizes(segment_id, DAYS)))
        seen[segment_id] = replace(one, looked_at=time.time())
        self._unsaved.add(segment_id)

    def _gave_up(self, permission: str) -> bool:
        return self._in_vain[permission] >= TRIES

    @contextmanager
    def _trying(self, permission: str) -> Iterator[bool]:
        """Whether a call is worth a try; a failure is told once, and some in a row end the trying."""
        worth = not self._gave_up(permission)
        try:
            yield worth
        except HeaptuiError as error:
            self.problems.setdefault(permission, error)
            self._in_vain[permission] += TRIES if isinstance(error, CredentialRefused) else 1
        else:
            if worth:
                self._in_vain[permission] = 0

    async def _save(self, seen: dict[str, SeenSegment], *, dropping: bool = False) -> None:
        if self._workspace.read_only:
            return
        places = {segment_id: place for place, segment_id in enumerate(seen)}
        wanted = list(seen) if dropping else [one for one in self._unsaved if one in seen]
        rows = [(places[one], _written(seen[one])) for one in wanted]
        self._unsaved.clear()

        def keep(connection: sqlite3.Connection) -> None:
            braze_segments.keep_seen(connection, rows)
            if dropping:
                braze_segments.drop_unseen(connection, list(places))

        await self._workspace.ledger.write(keep)


def missing_words(error: HeaptuiError) -> str:
    """Why something is missing, in one sentence for a pane."""
    if isinstance(error, MissingPermission):
        return f"The REST key may not use {error.permission}. A new key is needed; permissions cannot be changed."
    return error.title


def _written(one: SeenSegment) -> SegmentRow:
    return SegmentRow(
        one.segment_id,
        msgspec.json.encode(one.item).decode(),
        msgspec.json.encode(one.details).decode() if one.details else "",
        "" if one.sizes is None else msgspec.json.encode(one.sizes).decode(),
        one.looked_at,
    )


def _read(row: SegmentRow) -> SeenSegment:
    return SeenSegment(
        msgspec.json.decode(row.listed, type=SegmentItem),
        msgspec.json.decode(row.details, type=SegmentDetails) if row.details else None,
        msgspec.json.decode(row.sizes, type=tuple[DailySize, ...]) if row.sizes else None,
        row.looked_at,
    )
