"""Currents from the desk: counts, the newest events, dead letters, files through the same pipeline, forwarding."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from heaptui.errors import UsageError
from heaptui.model.commands import giving
from heaptui.model.currents import Account, Filtered, HeapEvent, Rules, Unforwardable, decode, translate
from heaptui.model.currents_facts import CurrentsStats, DeadLetter, StoredEvent
from heaptui.model.instances import check_heap_host, heap_endpoint
from heaptui.services.intake import Intake
from heaptui.store import currents, currents_erasure, currents_facts, deeds
from heaptui.store.database import Database

if TYPE_CHECKING:
    from heaptui.services.forwarding import Forwarder
    from heaptui.services.workspace import Workspace

REVIVED_AT_ONCE = 1000


class CurrentsService:
    """What can be done about the Currents events of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._events: Database | None = None
        self._opening = asyncio.Lock()

    @property
    def rules(self) -> Rules:
        """How this profile wants events translated."""
        profile = self._workspace.profile
        return Rules(
            profile.currents_identity,
            profile.currents_anonymous,
            profile.currents_prefix,
            profile.currents_cut,
            profile.currents_types,
        )

    @property
    def has_events(self) -> bool:
        """Whether anything was ever received here."""
        return currents.path_beside(self._workspace.ledger.path).exists()

    async def events(self) -> Database:
        """The database of events, opened when it is first needed.

        Raises:
            LedgerError: it cannot be opened, or there is none and nothing may be written.
        """
        async with self._opening:
            if self._events is None:
                ledger, read_only = self._workspace.ledger.path, self._workspace.read_only
                self._events = await asyncio.to_thread(currents.open_events, ledger, read_only=read_only)
        return self._events

    async def close(self) -> None:
        """Finish what is being written."""
        if self._events is not None:
            events, self._events = self._events, None
            await asyncio.to_thread(events.close)

    async def intake(self, cap: int = currents.CAP) -> Intake:
        """The way in, for the receiver and for files."""
        return Intake(await self.events(), token=self._workspace.secrets.currents_token, cap=cap)

    async def version(self) -> int:
        """A number that changes with every write of events; 0 where nothing was ever received."""
        return await (await self.events()).version() if self.has_events else 0

    async def stats(self) -> CurrentsStats:
        """Everything that is counted; nothing where nothing was ever received."""
        if not self.has_events:
            return CurrentsStats(())
        return await (await self.events()).read(partial(currents_facts.stats, now=time.time()))

    async def newest(self, most: int, *, after: int = 0, event_type: str = "") -> Sequence[StoredEvent]:
        """The newest events after one, oldest first; of one type, or of all."""
        if not self.has_events:
            return ()
        look = partial(currents_facts.newest, most=most, after=after, event_type=event_type)
        return await (await self.events()).read(look, long=True)

    async def find(self, event_id: str) -> StoredEvent:
        """One event.

        Raises:
            UsageError: there is none with this id.
        """
        found = None
        if self.has_events:
            found = await (await self.events()).read(partial(currents_facts.find, event_id=event_id), long=True)
        if found is None:
            raise UsageError(
                f"There is no event {event_id!r}.", "Ids are kept for 30 days.", "See some: heaptui currents tail"
            )
        return found

    async def dead_letters(self, most: int = 1000) -> Sequence[DeadLetter]:
        """The newest dead letters, newest first."""
        if not self.has_events:
            return ()
        return await (await self.events()).read(partial(currents_facts.dead_letters, most=most), long=True)

    async def names(self) -> Mapping[str, str]:
        """The names of campaigns, Canvases and steps by id, as far as events carried them."""
        return await (await self.events()).read(deeds.names) if self.has_events else {}

    def preview(self, body: bytes) -> tuple[HeapEvent | None, Sequence[Account], str]:
        """What Heap would be told: the event, an account of every field, and why not where it would not."""
        try:
            event, accounts = translate(decode(body), self.rules)
        except (Filtered, Unforwardable) as why:
            return None, (), str(why)
        return event, accounts, ""

    async def revive(self, event_nos: Sequence[int] | None = None) -> int:
        """Let dead letters wait for Heap again (None: all); returns how many."""
        events = await self.events()
        total = 0
        # Those that die again have newer numbers by then, and are left alone.
        wanted = event_nos if event_nos is not None else await events.read(currents.dead_numbers, long=True)
        for start in range(0, len(wanted), REVIVED_AT_ONCE):
            chunk = wanted[start : start + REVIVED_AT_ONCE]
            total += await events.write(partial(currents.revive, event_nos=chunk, now=time.time()))
        return total

    async def forget(self, person: str) -> int:
        """Erase somebody's events, by external id or Braze's own; returns how many. Counts and event ids stay."""
        events = await self.events()
        total, after = await events.write(partial(currents_erasure.erase_notes, person=person)), 0
        while True:
            erased, last = await events.write(
                partial(currents_erasure.erase_bodies, person=person, after=after, now=time.time())
            )
            if last is None:
                return total
            total, after = total + erased, last

    @asynccontextmanager
    async def forwarding(
        self, arrived: asyncio.Event | None = None, told: Callable[[str], None] = lambda _: None, **options: Any
    ) -> AsyncIterator[Forwarder]:
        """The way to Heap, for the one process that has the lock.

        Raises:
            UsageError: there is no app id, or the host is not Heap's.
            Unreachable: another process forwards.
        """
        from heaptui.clients.heap import Heap
        from heaptui.clients.http import Http
        from heaptui.services.forwarding import Forwarder, forwarding_lock

        profile = self._workspace.profile
        if not profile.heap_app_id.isdecimal():
            raise UsageError(
                "Forwarding needs your Heap app id.",
                "It is a number: Heap, Account › Manage › Projects."
                " Heap takes events for a wrong one without a word, so look once at Live data.",
                giving(profile, ["heap_app_id=…"]),
            )
        address = heap_endpoint(profile.heap_endpoint)
        check_heap_host(address, profile.allowed_hosts)
        events = await self.events()
        async with (
            forwarding_lock(self._workspace),
            Http(address, read_timeout=profile.read_timeout_seconds) as http,
        ):
            forwarder = Forwarder(
                events,
                Heap(http, profile.heap_app_id),
                self.rules,
                pace=self._workspace.pace,
                arrived=arrived,
                user_properties=profile.currents_user_properties,
                told=told,
                **options,
            )
            try:
                yield forwarder
            finally:
                await forwarder.leave()
