"""One opened profile: its settings, its keys, its ledger, and the services that work on them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from heaptui.config import Home, Profile
from heaptui.errors import LedgerError, Refused, UsageError
from heaptui.model.cohorts import Guard
from heaptui.model.commands import giving
from heaptui.model.instances import check_host
from heaptui.model.routes import ATTRIBUTE, way_facts, ways_open
from heaptui.services.pacing import Pace
from heaptui.store import heartbeats, target
from heaptui.store.cohorts import View
from heaptui.store.database import Database
from heaptui.store.secrets import Secrets, lookup_secrets

if TYPE_CHECKING:
    from heaptui.clients.braze_rest import BrazeRest, Waiter
    from heaptui.services.bundle import BundleService
    from heaptui.services.cohorts import CohortService
    from heaptui.services.compare import CompareService
    from heaptui.services.currents import CurrentsService
    from heaptui.services.heap import HeapService
    from heaptui.services.history import HistoryService
    from heaptui.services.loop import LoopService
    from heaptui.services.segments import SegmentService
    from heaptui.services.support import SupportService
    from heaptui.services.sync import SyncService
    from heaptui.services.trace import TraceService
    from heaptui.services.undo import UndoService
    from heaptui.services.upload import UploadService

PROCESS_SINCE = time.time()
"""Since when this process exists, near enough to tell it from an earlier one with its number."""


class Workspace(Struct, dict=True):
    """What every service works on. Open it with `open_workspace`."""

    home: Home
    profile: Profile
    secrets: Secrets
    ledger: Database
    read_only: bool = False

    @property
    def route(self) -> str:
        """The way into Braze: the chosen one, else the first that the keys allow, else none."""
        return self.profile.route or next(iter(ways_open(self.secrets.given())), "")

    @property
    def people_per_request(self) -> int:
        """People that one request of the way in use carries, at most."""
        return self.per_request(self.route)

    def per_request(self, route: str) -> int:
        """The same for any route."""
        return self.profile.attribute_limit if route == ATTRIBUTE else way_facts(route).per_request

    @property
    def view(self) -> View:
        """How this profile looks at its cohorts."""
        guard = Guard(self.profile.guard_min, self.profile.guard_share)
        again = self.profile.resend_days * 86_400
        quiet_after = self.profile.heap_quiet_hours * 3600
        return View(way_facts(self.route).route, self.profile.settle_seconds, guard, again, quiet_after)

    @property
    def pace(self) -> Pace:
        """The times of this profile's runs."""
        return Pace(
            read_timeout=self.profile.read_timeout_seconds,
            backoff_base=self.profile.backoff_seconds,
            longest_wait=self.profile.wait_seconds,
        )

    @asynccontextmanager
    async def braze_rest(self, wait: Waiter | None = None, *, recorded: bool = True) -> AsyncIterator[BrazeRest]:
        """The reads that a REST key allows; `wait` shows the waits of a rate limit to somebody.

        Exchanges are recorded unless nothing of them may stay.

        Raises:
            UsageError: no endpoint or no REST key, or a host that keys may not go to.
        """
        from heaptui.clients.braze_rest import BrazeRest
        from heaptui.clients.http import Http
        from heaptui.services.recorder import Recorder

        profile, key = self.profile, self.secrets.rest_api_key
        if not profile.endpoint or key is None:
            raise UsageError(
                "This needs a Braze REST key." if profile.endpoint else "This profile has no Braze endpoint.",
                "Braze is asked with it which people and segments exist. One can be made in Settings › API Keys.",
                giving(profile, ["rest_api_key"]),
            )
        check_host(profile.endpoint, profile.allowed_hosts)
        recorder = Recorder(self.ledger, self.secrets.given()) if recorded and not self.read_only else None
        note = recorder.note if recorder else None
        try:
            async with Http(profile.endpoint, read_timeout=profile.read_timeout_seconds, on_exchange=note) as http:
                rest = BrazeRest(http, key)
                if wait is not None:
                    rest.wait = wait
                yield rest
        finally:
            if recorder is not None:
                await recorder.close()

    def refuse_if_read_only(self) -> None:
        """Say in the user's words that nothing may be written.

        Raises:
            Refused: the ledger is open read-only.
        """
        if self.read_only:
            raise Refused("This is open read-only.", "Nothing was changed.", "Use a profile that may write.")

    def fingerprints(self, connection: sqlite3.Connection) -> str:
        """Salted fingerprints of the keys in use as JSON, so that a later run can tell which one changed."""
        salt = target.salt(connection)
        keys = {name: secret.fingerprint(salt) for name, secret in self.secrets.given().items()}
        return json.dumps(keys)

    def told_context(self) -> dict[str, Any]:
        """What a run is started with, as far as it may explain a difference to another run. Holds no secret."""
        return {
            "keys": {name: secret.describe() for name, secret in self.secrets.given().items()},
            "route": self.route,
            "partner": self.profile.partner_name,
        }

    @cached_property
    def cohorts(self) -> CohortService:
        """Browse, import, rename and export cohorts."""
        from heaptui.services.cohorts import CohortService

        return CohortService(self)

    @cached_property
    def uploads(self) -> UploadService:
        """Write files for Braze's Import Users."""
        from heaptui.services.upload import UploadService

        return UploadService(self)

    @cached_property
    def sync(self) -> SyncService:
        """Plan and run syncs."""
        from heaptui.services.sync import SyncService

        return SyncService(self)

    @cached_property
    def heap(self) -> HeapService:
        """What came from Heap, and who listens."""
        from heaptui.services.heap import HeapService

        return HeapService(self)

    @cached_property
    def history(self) -> HistoryService:
        """Look at the runs of all processes."""
        from heaptui.services.history import HistoryService

        return HistoryService(self)

    @cached_property
    def segments(self) -> SegmentService:
        """Preview Braze segments, derive cohorts, ask how many people exist."""
        from heaptui.services.segments import SegmentService

        return SegmentService(self)

    @cached_property
    def support(self) -> SupportService:
        """Explain runs and look at their exchanges."""
        from heaptui.services.support import SupportService

        return SupportService(self)

    @cached_property
    def people(self) -> TraceService:
        """Trace single people."""
        from heaptui.services.trace import TraceService

        return TraceService(self)

    @cached_property
    def undo(self) -> UndoService:
        """Take back what a run changed."""
        from heaptui.services.undo import UndoService

        return UndoService(self)

    @cached_property
    def bundles(self) -> BundleService:
        """Pack a run into one file."""
        from heaptui.services.bundle import BundleService

        return BundleService(self)

    @cached_property
    def compare(self) -> CompareService:
        """Read Braze segments back."""
        from heaptui.services.compare import CompareService

        return CompareService(self)

    @cached_property
    def currents(self) -> CurrentsService:
        """Events that Braze Currents sent, and their way to Heap."""
        from heaptui.services.currents import CurrentsService

        return CurrentsService(self)

    @cached_property
    def loop(self) -> LoopService:
        """What people did after they joined a cohort in Braze."""
        from heaptui.services.loop import LoopService

        return LoopService(self)


def ledger_path(home: Home, profile: Profile, secrets: Secrets) -> Path:
    """Where the ledger of a profile is; a profile of the environment alone has one for each target."""
    if not profile.from_environment:
        return home.data_dir / f"{profile.name}.db"
    # Whoever gets a key later goes on with the ledger that began with another one, or without any.
    given = [key for key in (secrets.data_import_key, secrets.rest_api_key) if key]
    paths = []
    for key in (*given, None):
        text = f"{profile.endpoint}|{profile.partner_name}|{key.fingerprint('ledger') if key else ''}"
        paths.append(home.data_dir / f"env-{hashlib.sha256(text.encode()).hexdigest()[:8]}.db")
    return next((path for path in paths if path.exists()), paths[0])


def ledger_of(home: Home, profile: Profile) -> Path:
    """Where the ledger of a named profile is."""
    return ledger_path(home, profile, Secrets())


@asynccontextmanager
async def open_workspace(
    home: Home, profile: Profile, environ: Mapping[str, str], *, read_only: bool = False, what: str = "command"
) -> AsyncIterator[Workspace]:
    """Open a profile with its keys and its ledger; close it when the block ends, after its runs have come home.

    Raises:
        LedgerError: the ledger cannot be opened.
        UsageError: a secret cannot be read.
    """
    secrets = await lookup_secrets(home, profile, environ, read_only=read_only)
    path = ledger_path(home, profile, secrets)
    ledger = await asyncio.to_thread(Database.open, path, read_only=read_only)
    workspace = Workspace(home, profile, secrets, ledger, read_only)
    beating = None if read_only else asyncio.create_task(_heartbeat(ledger, what), name="heartbeat")
    try:
        yield workspace
    finally:
        if "sync" in workspace.__dict__:
            await workspace.sync.stop()
        if "currents" in workspace.__dict__:
            await workspace.currents.close()
        if beating is not None:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating
        await asyncio.to_thread(ledger.close)


async def _heartbeat(ledger: Database, what: str) -> None:
    """Tell other processes that this one has the ledger open."""
    pid, host = os.getpid(), socket.gethostname()
    try:
        while True:
            # Who needs the ledger hears what ails it; the next beat tries again.
            with contextlib.suppress(LedgerError):
                await ledger.write(
                    lambda connection: heartbeats.beat(connection, pid, host, what, since=PROCESS_SINCE, at=time.time())
                )
            await asyncio.sleep(heartbeats.EVERY)
    finally:
        ledger.submit(lambda connection: heartbeats.leave(connection, pid, host))
