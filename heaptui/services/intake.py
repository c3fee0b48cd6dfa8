"""Take what Braze Currents sends: authorised, taken apart, and on disk before Braze is told so."""

from __future__ import annotations

import asyncio
import zlib
from functools import partial
from time import time

from heaptui.model.currents_batch import Incoming, read_batch
from heaptui.model.secret import Secret
from heaptui.store import currents
from heaptui.store.currents import CAP, Taken
from heaptui.store.database import Database

LARGE = 256 * 1024
"""Bytes from which a body is read in a thread, so that the others do not wait for it."""

AT_ONCE = 64
"""Requests that are being written at the same time; more would only take memory."""


class Intake:
    """The reception of Currents events of one workspace."""

    def __init__(self, events: Database, *, token: Secret | None = None, cap: int = CAP) -> None:
        self._events = events
        self._token = token
        self._cap = cap
        self._writing = asyncio.Semaphore(AT_ONCE)
        self.arrived = asyncio.Event()
        """Set whenever something new is there."""

    def authorised(self, header: str) -> bool:
        """Whether an Authorization header carries the token."""
        scheme, _, given = header.partition(" ")
        return self._token is not None and scheme.casefold() == "bearer" and self._token.matches(given.strip())

    async def take(self, body: bytes) -> Taken:
        """Store one request; it is durable when this returns. An empty one is accepted and stored nowhere.

        Raises:
            Unreadable: it is not JSON in the shape of Currents.
            LedgerError: it could not be stored; Braze should send it again.
        """
        async with self._writing:
            incoming = await asyncio.to_thread(read_batch, body) if len(body) > LARGE else read_batch(body)
            if not incoming.events:
                return Taken(0, 0)
            return await self._stored(incoming)

    async def _stored(self, incoming: Incoming) -> Taken:
        def store() -> partial[Taken]:
            packed = zlib.compress(incoming.body, 1)
            return partial(currents.take, incoming=incoming, packed=packed, now=time(), cap=self._cap)

        taken = await self._events.write(await asyncio.to_thread(store))
        if taken.new:
            self.arrived.set()
        return taken
