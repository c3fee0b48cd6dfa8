"""What goes on behind the reception of Currents events: who did what is noted, and old events are removed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial

from heaptui.errors import LedgerError
from heaptui.store import currents_retention, deeds
from heaptui.store.database import Database

LOOK_EVERY = 1.0
TRIM_EVERY = 60.0
BREATH = 0.02
REST = 2.0
"""How many times as long as a look took is rested after it while there is more: the reception goes first."""


async def digest_all(events: Database, *, resting: bool = False) -> int:
    """Note who did what in everything received so far; returns the number of batches."""
    total = 0
    while batches := await events.read(deeds.undigested, long=True):
        started = time.monotonic()
        found = await asyncio.to_thread(deeds.digest, batches)
        await events.write(partial(deeds.keep, found=found))
        total += len(batches)
        await asyncio.sleep((time.monotonic() - started) * REST if resting else 0)
    return total


async def trim_all(events: Database, now: float, *, can_forward: bool) -> None:
    """Remove everything that is old enough, in short writes."""
    touched = 1
    while touched:
        touched = await events.write(partial(currents_retention.trim, now=now, can_forward=can_forward))
        await asyncio.sleep(BREATH)


async def upkeep(events: Database, *, can_forward: bool) -> None:
    """Keep the notes and the tables in order until cancelled."""
    trimmed = 0.0
    while True:
        # A busy or full disk is no reason to stop receiving: the next look finds the same work.
        with contextlib.suppress(LedgerError):
            await digest_all(events, resting=True)
            if not trimmed or time.monotonic() - trimmed >= TRIM_EVERY:
                trimmed = time.monotonic()
                await trim_all(events, time.time(), can_forward=can_forward)
        await asyncio.sleep(LOOK_EVERY)
