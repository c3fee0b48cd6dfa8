"""One run: every cohort planned under its lock, delivered side by side, closed with counts that add up."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from heaptui.clients.http import MAX_CONNECTIONS, Http
from heaptui.errors import LedgerError
from heaptui.model.belief import Changes
from heaptui.model.routes import ATTRIBUTE, way_title
from heaptui.model.runs import DeliveryProgress, DeliveryState, Reason, RunProgress, Wait
from heaptui.services.attempts import Attempts
from heaptui.services.delivery import Delivery
from heaptui.services.locks import CohortLock, Holder
from heaptui.services.opening import Opening, Unsent
from heaptui.services.pacing import Gate, Pace, Slots, Stopped
from heaptui.services.ways import Way, track_quota, why_not
from heaptui.store import cohorts, journal, orphans
from heaptui.store.database import Database, daily_copy

NEEDS_SOMEBODY = {
    Reason.PARTNER_KEY,
    Reason.DATA_IMPORT_KEY,
    Reason.CREDENTIALS,
    Reason.REST_KEY,
    Reason.REST_PERMISSION,
    Reason.FORBIDDEN,
    Reason.NOT_FOUND,
    Reason.NOT_BRAZE,
    Reason.NAME_REFUSED,
    Reason.REQUEST_REFUSED,
    Reason.LEDGER,
}
"""After these, continuing alone does not help: the delivery is stopped, not incomplete."""


class Run(Struct):
    """One run and what its deliveries share."""

    run_id: int
    cohort_ids: Sequence[str]
    ledger: Database
    http: Http
    way: Way
    other_ways: Mapping[str, Way]
    """The ways that are not in use any more and that keys still allow, by route."""
    view: cohorts.View
    pace: Pace
    locks: Path
    progress: RunProgress
    max_in_flight: int
    way_chosen: bool = True
    everything: bool = False
    undoes: int | None = None
    settling: bool = False
    let_through: frozenset[str] = frozenset()
    let_through_by: str = ""
    wait_for_lock: float = 0.0
    gate: Gate = field(default_factory=Gate)
    _connections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CONNECTIONS))

    async def carry_out(self) -> None:
        """Deliver every cohort, then close the run."""
        ticking = asyncio.create_task(self._tick(), name=f"rates of run {self.run_id}")
        ended_at = None
        try:
            async with self.http, asyncio.TaskGroup() as deliveries:
                for cohort_id in self.cohort_ids:
                    deliveries.create_task(self._deliver(cohort_id), name=f"delivery of {cohort_id}")
            ended_at = await self._close()
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            self.progress.ended_at = ended_at or time.time()

    async def _deliver(self, cohort_id: str) -> None:
        progress = self.progress.deliveries[cohort_id]
        progress.started_at = time.time()
        gate = Gate(self.gate)
        targets = [way.target for way in (self.way, *self.other_ways.values())]
        lock = CohortLock(self.locks, targets, cohort_id, self.ledger.path)
        try:
            try:
                taken = await self._locked(lock, progress, gate)
            except Stopped:
                await self._leave_out(progress, Unsent(_ending(gate.reason), gate.reason, gate.detail))
                return
            if not taken:
                await self._leave_out(progress, Unsent(DeliveryState.INCOMPLETE, Reason.BUSY_ELSEWHERE), lock)
                return
            try:
                await self._deliver_locked(progress, gate)
            finally:
                await lock.free()
        except LedgerError as error:
            # Nothing may be sent that cannot be journalled; what is open is recovered by the next run.
            self.gate.stop(Reason.LEDGER, str(error))
            progress.state, progress.reason, progress.detail = DeliveryState.STOPPED, Reason.LEDGER, str(error)
            progress.skipped += progress.to_go
        finally:
            progress.ended_at = progress.ended_at or time.time()
            progress.wait = None

    async def _locked(self, lock: CohortLock, progress: DeliveryProgress, gate: Gate) -> bool:
        """Whether this run may deliver the cohort: the lock is free, or becomes free while somebody may wait."""
        taken = await lock.taken(0, gate)
        if not taken and self.wait_for_lock > 0:
            why = f"Another process is delivering {progress.name}: {await lock.holder() or 'which one is not known'}"
            progress.wait = Wait(time.time() + self.wait_for_lock, why, "the longest wait allowed", at_most=True)
            progress.state = DeliveryState.WAITING
            self.progress.tell(time.time(), why)
            taken = await lock.taken(self.wait_for_lock, gate)
            progress.wait, progress.state = None, DeliveryState.PLANNED
        return taken

    async def _deliver_locked(self, progress: DeliveryProgress, gate: Gate) -> None:
        cohort_id = progress.cohort_id
        await recover(self.ledger, self.view.settle, cohort_id)
        opening = self._opening(self.way)
        for route in await self.ledger.read(lambda connection: opening.moves_from(connection, cohort_id)):
            if self.gate.stopped:
                # Nothing more leaves in this run: the plan below is recorded as it stands, and waits.
                break
            await self._leave_old_way(progress, route)
        await self._deliver_on(progress, gate, opening)

    def _opening(self, way: Way, *, leaving: bool = False) -> Opening:
        return Opening(
            self.run_id,
            way.route,
            replace(self.view, route=way.route.name),
            way_chosen=self.way_chosen,
            everything=self.everything,
            let_through=self.let_through,
            let_through_by=self.let_through_by,
            leaving=leaving,
            undoes=self.undoes,
            settling=self.settling,
        )

    async def _leave_old_way(self, progress: DeliveryProgress, route: str) -> None:
        """The way into Braze was changed: whoever is still there by the old one leaves it first."""
        name = f"{progress.name}, out of {way_title(route)}"
        way = self.other_ways.get(route)
        if way is None:
            self.progress.tell(time.time(), f"{name}: not possible, {why_not(route)}")
            return
        leaving = DeliveryProgress(progress.cohort_id, name, route=route, old_way=True, started_at=time.time())
        self.progress.deliveries[leaving.key] = leaving
        try:
            await self._deliver_on(leaving, Gate(self.gate), self._opening(way, leaving=True))
        finally:
            leaving.ended_at = leaving.ended_at or time.time()
            leaving.wait = None

    async def _deliver_on(self, progress: DeliveryProgress, gate: Gate, opening: Opening) -> None:
        """Plan and deliver the cohort on one way."""
        opened = await self.ledger.write(lambda connection: opening.open(connection, progress.cohort_id))
        progress.name, progress.rename = opened.name, opened.rename
        progress.adds, progress.removes = len(opened.changes.adds), len(opened.changes.removes)
        progress.unchanged, progress.attribute = opened.changes.unchanged, opened.cohort.attribute
        if opened.unsent is not None:
            _set_unsent(progress, opened.unsent)
        if opened.row is None:
            return
        progress.state, progress.started_at = DeliveryState.RUNNING, opened.row.started_at

        def show(in_flight: int, limit: int) -> None:
            progress.at_once, progress.at_once_limit = in_flight, limit

        slots = Slots(1 if opened.one_at_a_time else self.max_in_flight, self._connections, show)
        quota = track_quota(self.http.base_url) if opening.route.name == ATTRIBUTE else None
        delivery = Delivery(
            delivery_id=opened.row.delivery_id,
            cohort=opened.cohort,
            route=opening.route,
            batches=opened.row.batches,
            rename=progress.rename,
            removes_first=opened.removes_first,
            ledger=self.ledger,
            attempts=Attempts(self.http, gate, slots, self.pace, progress, self.progress, quota),
        )
        await delivery.carry_out()
        try:
            await self._close_delivery(delivery, progress, gate)
        except LedgerError:
            delivery.count_unwritten()
            raise

    async def _leave_out(self, progress: DeliveryProgress, unsent: Unsent, lock: CohortLock | None = None) -> None:
        """Nothing is sent for a cohort that was never opened: its run knows it all the same, and can be continued."""
        holder = await lock.holder() if lock else None

        def record(connection: sqlite3.Connection) -> tuple[Unsent, Changes]:
            told = unsent
            if lock is not None:
                told = replace(unsent, detail=_busy(orphans.owner_of(connection, progress.cohort_id), holder))
            changes = cohorts.changes_of(connection, progress.cohort_id, self.view, everything=self.everything)[2]
            self._opening(self.way).record_unsent(connection, progress.cohort_id, progress.name, changes, told)
            return told, changes

        told, changes = await self.ledger.write(record)
        progress.adds, progress.removes = len(changes.adds), len(changes.removes)
        _set_unsent(progress, told)

    async def _close_delivery(self, delivery: Delivery, progress: DeliveryProgress, gate: Gate) -> None:
        state = _ending(gate.reason) if gate.stopped else None
        reason, detail = (gate.reason, gate.detail) if gate.stopped else delivery.attempts.trouble()
        at = time.time()

        def close(connection: sqlite3.Connection) -> journal.Outcome:
            return journal.close_delivery(
                connection,
                delivery.delivery_id,
                at=at,
                settle=self.view.settle,
                reason=reason,
                detail=detail,
                requests=progress.requests,
                retries=progress.retries,
                extra_requests=delivery.extra_requests,
                state=state,
                old_way=progress.old_way,
            )

        outcome = await self.ledger.write(close)
        progress.ended_at = at
        if outcome.state in (DeliveryState.FINISHED, DeliveryState.FINISHED_WITH_REJECTIONS):
            reason, detail = Reason.NONE, ""
        progress.state, progress.reason, progress.detail = outcome.state, reason, detail
        progress.submitted, progress.rejected = outcome.submitted, outcome.rejected
        progress.in_doubt, progress.skipped = outcome.in_doubt, outcome.skipped
        progress.unsettled_until = outcome.unsettled_until
        self.progress.tell(
            time.time(),
            f"{progress.name} finished: {progress.submitted_adds:,} join, {progress.submitted_removes:,} leave"
            if outcome.state.closed and reason is Reason.NONE
            else f"{progress.name} ended {outcome.state.word}",
        )

    async def _close(self) -> float:
        """Write the end down and make the daily copy. Neither can change what was sent, so a failure is only told.

        Returns when it ended.
        """
        story = msgspec.json.encode([(m.at, m.text, m.important) for m in self.progress.story]).decode()
        at, state = time.time(), self.progress.state
        try:
            await self.ledger.write(
                lambda connection: journal.close_run(connection, self.run_id, at=at, state=state, story=story)
            )
            await asyncio.to_thread(daily_copy, self.ledger.path, at)
        except LedgerError as error:
            self.progress.tell(time.time(), f"After the run: {error}")
        return at

    async def _tick(self) -> None:
        """Note the people accepted in each second, for the speed that screens show."""
        before = 0
        while True:
            await asyncio.sleep(1)
            accepted = self.progress.total("submitted")
            self.progress.rates.append(accepted - before)
            before = accepted


async def recover(ledger: Database, settle: float, cohort_id: str) -> list[int]:
    """Close the deliveries of a cohort whose owner is gone: the caller holds its lock. Returns their runs."""

    def close(connection: sqlite3.Connection) -> list[int]:
        runs = []
        for delivery_id, run_id, pid, host in orphans.open_deliveries(connection, cohort_id):
            counts = orphans.counts_so_far(connection, delivery_id)
            journal.close_delivery(
                connection,
                delivery_id,
                at=time.time(),
                settle=settle,
                reason=Reason.KILLED,
                detail=orphans.lost(pid, host),
                requests=counts["requests"],
                retries=counts["retries"],
                extra_requests=counts["extra_requests"],
                state=DeliveryState.INCOMPLETE,
            )
            orphans.close_orphaned_run(connection, run_id, at=time.time())
            runs.append(run_id)
        return runs

    if not await ledger.read(lambda connection: orphans.open_deliveries(connection, cohort_id)):
        return []
    return await ledger.write(close)


def _ending(reason: Reason) -> DeliveryState:
    if reason is Reason.CANCELLED:
        return DeliveryState.CANCELLED
    return DeliveryState.STOPPED if reason in NEEDS_SOMEBODY else DeliveryState.INCOMPLETE


def _busy(owner: orphans.Owner | None, holder: Holder | None) -> str:
    """Who is delivering a cohort: as this ledger tells or, for a process of another profile, as its lock does."""
    if owner is not None and (holder is None or holder.pid == owner.pid):
        since = time.strftime("%H:%M:%S", time.localtime(owner.since))
        return (
            f"Process {owner.pid} on {owner.host} ({owner.by}, {owner.origin}) has been delivering it since {since},"
            f" as run {owner.run_id}."
        )
    return f"Another process of this machine is delivering it: {holder or 'which one is not known'}."


def _set_unsent(progress: DeliveryProgress, unsent: Unsent) -> None:
    progress.state, progress.reason, progress.detail = unsent.state, unsent.reason, unsent.detail
    progress.skipped = progress.planned
