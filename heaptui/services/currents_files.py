"""Files of Currents events through the same way as received ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from msgspec import Struct, field

from heaptui.model.currents_batch import events_of, joined, read_batch
from heaptui.model.currents_cut import Unreadable
from heaptui.services.currents_upkeep import digest_all

if TYPE_CHECKING:
    from heaptui.services.currents import CurrentsService

BATCH = 200


class Replayed(Struct):
    """What a file held; `unreadable` are the numbers of lines that are no events."""

    read: int = 0
    new: int = 0
    duplicates: int = 0
    unreadable: list[int] = field(default_factory=list)


async def replay_lines(service: CurrentsService, chunks: AsyncIterator[list[bytes]]) -> Replayed:
    """Take in lines of JSON: events, or whole batches; then note who did what.

    Raises:
        LedgerError: they could not be stored; the same file again goes on from there.
    """
    intake = await service.intake()
    result = Replayed()
    number = 0
    async for lines in chunks:
        events: list[bytes] = []
        for line in lines:
            number += 1
            if not line.strip():
                continue
            try:
                events += events_of(incoming.body) if (incoming := read_batch(line)).events else []
            except Unreadable:
                result.unreadable.append(number)
        for start in range(0, len(events), BATCH):
            taken = await intake.take(joined(events[start : start + BATCH]))
            result.read += taken.new + taken.duplicates
            result.new += taken.new
            result.duplicates += taken.duplicates
    await digest_all(await service.events())
    return result
