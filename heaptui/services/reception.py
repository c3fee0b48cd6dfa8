"""Take what Heap sends: store it before Heap is told so, then let it change the members.

One `Reception` belongs to a listening process. `take` answers one request; `carry_out` applies what is stored, also
what an earlier process stored and did not come to apply.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pyroaring import BitMap

from heaptui.errors import LedgerError
from heaptui.model.identifiers import Space
from heaptui.model.membership import TaskChanges
from heaptui.model.secret import Secret
from heaptui.model.segment_sync import (
    Action,
    HeapHash,
    SegmentPage,
    Unacceptable,
    Verified,
    read_header,
    read_page,
    verify,
)
from heaptui.services.door_notes import DoorNotes
from heaptui.services.id_warnings import odd_ids, shape_of
from heaptui.store import pages, retention, segments
from heaptui.store.identities import CHUNK, number_values
from heaptui.store.pages import Envelope, Waiting

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

SILENCE = 600.0
"""Seconds without a further page after which a Heap sync counts as over."""

LOOK_EVERY = 5.0
TRIM_EVERY = 3600.0
APPLIED_AT_ONCE = 50
"""Pages that are applied before anything else has its turn."""

CHECKED_AT_ONCE = 4
"""Bodies that are verified and read at the same time; more would only take memory."""


class Reception:
    """The reception of one workspace. What it refuses goes to `notes`; `on_applied` is called when pages were applied.

    `told` hears what ails the ledger.
    """

    def __init__(
        self,
        workspace: Workspace,
        secret: Secret,
        notes: DoorNotes,
        on_applied: Callable[[], None] = lambda: None,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._ledger = workspace.ledger
        self._profile = workspace.profile
        self._secret = secret
        self._notes = notes
        self._on_applied = on_applied
        self._told = told
        self._arrived = asyncio.Event()
        self._checking = asyncio.Semaphore(CHECKED_AT_ONCE)
        self._ailing = ""

    async def take(self, header_values: Sequence[str], body: bytes, peer: str) -> bool:
        """Verify and store one page; it is durable when this returns. False for a repetition, which has no effect.

        Raises:
            LedgerError: it could not be stored; Heap should send it again.
            Unacceptable: it is not to be stored.
        """
        try:
            header = read_header(header_values)
        except Unacceptable:
            self._notes.note("unsigned", peer)
            raise
        async with self._checking:
            verified = await asyncio.to_thread(
                verify, self._secret, header, body, fallback=self._profile.heap_signature_fallback
            )
            if verified is None:
                self._notes.note("forged", peer)
                raise Unacceptable(403, "Invalid signature")
            if not self._in_time(header):
                # The very same request again has no effect, however late; Heap may not sign its retries anew.
                if await self._ledger.read(partial(pages.is_known, signature=header.signature)):
                    return False
                self._notes.note("late", peer)
                raise Unacceptable(400, "ts is too far from the time here")
            envelope = await asyncio.to_thread(_envelope, header, body, verified, peer)
        space = Space(self._profile.kind, self._profile.alias_label)
        stored = await self._ledger.write(partial(pages.store, envelope=envelope, space=space))
        if stored is None:
            return False
        self._arrived.set()
        return True

    def _in_time(self, header: HeapHash) -> bool:
        age = time.time() - header.signed_at
        return -self._profile.heap_max_skew_seconds <= age <= self._profile.heap_max_age_seconds

    async def carry_out(self) -> None:
        """Apply, close and trim until cancelled."""
        trimmed = 0.0
        while True:
            now = time.monotonic()
            # A busy or full ledger is no reason to stop listening: the next look finds the same work.
            with self._telling():
                if await self.apply_all(APPLIED_AT_ONCE):
                    self._on_applied()
                if await self._close_silent():
                    self._on_applied()
                if not trimmed or now - trimmed >= TRIM_EVERY:
                    trimmed = now
                    await retention.trim_all(self._ledger, time.time())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._arrived.wait()

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Say once what ails the ledger, not every few seconds."""
        try:
            yield
        except LedgerError as error:
            if str(error) != self._ailing:
                self._ailing = str(error)
                self._told(f"! {error}")
        else:
            self._ailing = ""

    async def apply_all(self, most: int | None = None) -> int:
        """Apply stored pages, the oldest first: every one, or so many at most. Returns how many."""
        count = 0
        self._arrived.clear()
        while waiting := await self._ledger.read(pages.next_waiting):
            if await self._apply(waiting):
                count += 1
            if count == most:
                self._arrived.set()
                break
        return count

    async def _apply(self, waiting: Waiting) -> bool:
        """Number the people of one page, in chunks when they are many, and swap the members in one short write."""
        page = await asyncio.to_thread(_page_of, waiting.body)
        directions = (page.adds, page.removes)
        large = sum(map(len, directions)) > CHUNK
        numbered = [await self._numbered(waiting.space, ids) for ids in directions] if large else []

        def swap(connection: sqlite3.Connection) -> bool:
            found = numbered if large else [number_values(connection, waiting.space, ids) for ids in directions]
            return pages.apply(connection, waiting.page_id, waiting.space, TaskChanges(*found), time.time())

        done = await self._ledger.write(swap)
        if done and waiting.action is Action.SYNC:
            await self._look_at_ids(waiting, page)
        return done

    async def _numbered(self, space: Space, values: Sequence[str]) -> BitMap:
        uids = BitMap()
        for start in range(0, len(values), CHUNK):
            chunk = values[start : start + CHUNK]
            uids |= await self._ledger.write(partial(number_values, space=space, values=chunk))
        return uids

    async def _look_at_ids(self, waiting: Waiting, page: SegmentPage) -> None:
        """Remember how the ids look, and what is odd about them."""
        values, cohort_id = (*page.adds, *page.removes), waiting.cohort_id
        if not values:
            return
        shape = shape_of(values)

        def look(connection: sqlite3.Connection) -> tuple[str, dict[str, str]]:
            before = segments.shape_of(connection, cohort_id)
            return before, odd_ids(connection, values, waiting.space, shape, before)

        before, odd = await self._ledger.read(look)
        if odd or not before:
            keep = partial(segments.remember_ids, cohort_id=cohort_id, shape=shape, warnings=odd, at=time.time())
            await self._ledger.write(keep)

    async def _close_silent(self) -> int:
        now = time.time()
        looked = await self._ledger.read(partial(pages.silent, silent_since=now - SILENCE))
        if not looked:
            return 0
        return await self._ledger.write(partial(pages.close_silent, silent_since=now - SILENCE, at=now))


def _envelope(header: HeapHash, body: bytes, verified: Verified, peer: str) -> Envelope:
    return Envelope(
        page=read_page(body),
        body=zlib.compress(body, 1),
        size=len(body),
        digest=hashlib.sha256(body).hexdigest(),
        signature=header.signature,
        verified=verified,
        peer=peer,
        at=time.time(),
    )


def _page_of(body: bytes) -> SegmentPage:
    return read_page(zlib.decompress(body))
