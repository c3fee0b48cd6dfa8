"""What came to the receiver and was not let in, counted in memory and noted now and then."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from heaptui.errors import LedgerError
from heaptui.model.reception import SecurityNote
from heaptui.store import security
from heaptui.store.database import Database

NOTE_EVERY = 10.0


class _Counter(Struct):
    count: int
    first_at: float
    last_at: float
    peer: str


class DoorNotes:
    """The notes of one receiver, for all its paths. `told` hears what was noted."""

    def __init__(self, ledger: Database, told: Callable[[str], None] = lambda _: None) -> None:
        self._ledger = ledger
        self._told = told
        self._refused: dict[str, _Counter] = {}

    def note(self, kind: str, peer: str) -> None:
        """Count in memory: whoever floods the door must not make the ledger write."""
        now = time.time()
        counter = self._refused.setdefault(kind, _Counter(0, now, now, peer))
        counter.count += 1
        counter.last_at, counter.peer = now, peer

    async def carry_out(self) -> None:
        """Write now and then until cancelled, and at the end."""
        try:
            while True:
                await asyncio.sleep(NOTE_EVERY)
                # What a busy or full ledger does not take is written the next time.
                with contextlib.suppress(LedgerError):
                    await self.write()
        finally:
            with contextlib.suppress(LedgerError):
                await self.write()

    async def write(self) -> None:
        """Write what was refused since the last time.

        Raises:
            LedgerError: the ledger did not take it; it is kept for the next time.
        """
        refused, self._refused = self._refused, {}
        if not refused:
            return
        notes = [
            SecurityNote(kind, security.day_of(seen.last_at), seen.count, seen.first_at, seen.last_at, seen.peer)
            for kind, seen in refused.items()
        ]
        try:
            await self._ledger.write(partial(security.add, notes=notes))
        except LedgerError:
            for kind, seen in refused.items():
                kept = self._refused.setdefault(kind, seen)
                if kept is not seen:
                    kept.count, kept.first_at = kept.count + seen.count, seen.first_at
            raise
        for note in notes:
            self._told(f"! {note.text}")
