"""One run: every cohort planned under its lock, delivered side by side, closed with counts that add up."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from pyroaring import BitMap

from heaptui.clients.braze import CohortName, Route
from heaptui.clients.http import MAX_CONNECTIONS, Http
from heaptui.errors import LedgerError
from heaptui.model.belief import Belief, Changes
from heaptui.model.cohorts import Cohort, Guard, braze_label
from heaptui.model.runs import DeliveryProgress, DeliveryState, Reason, RunProgress, Wait
from heaptui.services.attempts import Attempts
from heaptui.services.delivery import Delivery
from heaptui.services.locks import CohortLock, Holder
from heaptui.services.pacing import Gate, Pace, Slots, Stopped
from heaptui.store import beliefs, cohorts, journal, orphans, undo
from heaptui.store.database import Database, daily_copy
from heaptui.store.identities import space_map
from heaptui.store.target import Target

NEEDS_SOMEBODY = {
    Reason.PARTNER_KEY,
    Reason.DATA_IMPORT_KEY,
    Reason.CREDENTIALS,
    Reason.FORBIDDEN,
    Reason.NOT_FOUND,
    Reason.NOT_BRAZE,
    Reason.NAME_REFUSED,
    Reason.REQUEST_REFUSED,
    Reason.LEDGER,
}
"""After these, continuing alone does not help: the delivery is stopped, not incomplete."""


def large_change(removes: int, delivered: int, guard: Guard) -> str:
    """Why the guard holds a cohort, in one sentence; empty when it does not."""
    if not guard.holds(removes, delivered):
        return ""
    share = 100 * removes / delivered if delivered else 100
    return f"Loses {removes:,} of {delivered:,} people ({share:.0f} %). Usual is up to {guard.share:.0%}."


def member_requests(changes: Changes, limit: int) -> int:
    """Requests that carry these changes: joins and leaves travel apart."""
    return -(-len(changes.adds) // limit) + -(-len(changes.removes) // limit)


def planned(
    connection: sqlite3.Connection,
    cohort_id: str,
    view: cohorts.View,
    *,
    everything: bool = False,
    undoes: int | None = None,
) -> tuple[BitMap, Belief, Changes]:
    """The people of a cohort, what is believed of it, and what is to be sent: the difference, or the undo of a run."""
    if undoes is not None:
        return undo.inverse(connection, cohort_id, undoes, view)
    return cohorts.changes_of(connection, cohort_id, view, everything=everything)


@dataclass(frozen=True, slots=True)
class _Unsent:
    """A cohort that sends nothing in this run."""

    state: DeliveryState
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A planned cohort: its journalled delivery, or why there is none."""

    cohort: Cohort
    changes: Changes
    rename: str
    unsent: _Unsent | None = None
    row: journal.DeliveryRow | None = None
    one_at_a_time: bool = False
    removes_first: bool = False


@dataclass(slots=True)
class Run:
    """One run and what its deliveries share."""

    run_id: int
    cohort_ids: Sequence[str]
    ledger: Database
    http: Http
    route: Route
    target: Target
    view: cohorts.View
    pace: Pace
    locks: Path
    progress: RunProgress
    max_in_flight: int
    everything: bool = False
    undoes: int | None = None
    let_through: frozenset[str] = frozenset()
    let_through_by: str = ""
    wait_for_lock: float = 0.0
    gate: Gate = field(default_factory=Gate)
    _connections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CONNECTIONS))

    async def carry_out(self) -> None:
        """Deliver every cohort, then close the run."""
        ticking = asyncio.create_task(self._tick(), name=f"rates of run {self.run_id}")
        try:
            async with self.http, asyncio.TaskGroup() as deliveries:
                for cohort_id in self.cohort_ids:
                    deliveries.create_task(self._deliver(cohort_id), name=f"delivery of {cohort_id}")
            await self._close()
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            self.progress.ended_at = time.time()

    async def _deliver(self, cohort_id: str) -> None:
        progress = self.progress.deliveries[cohort_id]
        progress.started_at = time.time()
        gate = Gate(self.gate)
        lock = CohortLock(self.locks, self.target, cohort_id)
        try:
            try:
                taken = await self._locked(lock, progress, gate)
            except Stopped:
                await self._leave_out(progress, _Unsent(_ending(gate.reason), gate.reason, gate.detail))
                return
            if not taken:
                await self._leave_out(progress, _Unsent(DeliveryState.INCOMPLETE, Reason.BUSY_ELSEWHERE), lock)
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
            progress.ended_at = time.time()
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
        opened = await self.ledger.write(lambda connection: self._open(connection, cohort_id))
        progress.name, progress.rename = opened.cohort.name, opened.rename
        progress.adds, progress.removes = len(opened.changes.adds), len(opened.changes.removes)
        progress.unchanged = opened.changes.unchanged
        if opened.unsent is not None:
            _set_unsent(progress, opened.unsent)
        if opened.row is None:
            return
        progress.state = DeliveryState.RUNNING

        def show(in_flight: int, limit: int) -> None:
            progress.at_once, progress.at_once_limit = in_flight, limit

        slots = Slots(1 if opened.one_at_a_time else self.max_in_flight, self._connections, show)
        delivery = Delivery(
            delivery_id=opened.row.delivery_id,
            cohort=CohortName(cohort_id, braze_label(opened.cohort), opened.cohort.created_at),
            route=self.route,
            batches=opened.row.batches,
            rename=progress.rename,
            removes_first=opened.removes_first,
            ledger=self.ledger,
            attempts=Attempts(self.http, gate, slots, self.pace, progress, self.progress),
        )
        await delivery.carry_out()
        try:
            await self._close_delivery(delivery, progress, gate)
        except LedgerError:
            delivery.count_unwritten()
            raise

    def _open(self, connection: sqlite3.Connection, cohort_id: str) -> _Opened:
        """Plan the cohort and make the plan durable, or record why nothing may be sent."""
        cohorts.settle(connection, cohort_id, at=time.time())
        cohort = cohorts.read_one(connection, cohort_id, self.view, examples=0)
        members, belief, changes = planned(
            connection, cohort_id, self.view, everything=self.everything, undoes=self.undoes
        )
        if self.undoes is not None:
            # Otherwise the next automatic sync would bring everybody back.
            cohorts.set_on_hold(connection, cohort_id, on_hold=True)
        label = braze_label(cohort)
        rename = "" if cohort.braze_name == label else label
        unsent = self._held_back(cohort, changes, len(belief.delivered))
        if unsent is not None:
            self._record_unsent(connection, cohort_id, cohort.name, changes, unsent)
            return _Opened(cohort, changes, rename, unsent)
        row = journal.open_delivery(
            connection,
            run_id=self.run_id,
            cohort_id=cohort_id,
            route=self.route.name,
            name=cohort.name,
            rename=rename,
            changes=changes,
            members=members,
            limit=self.route.limit,
            at=time.time(),
            let_through_by=self.let_through_by if cohort_id in self.let_through else "",
        )
        return _Opened(
            cohort,
            changes,
            rename,
            row=row,
            one_at_a_time=beliefs.takes_one_at_a_time(connection, cohort_id, self.route.name),
            removes_first=space_map(connection).count(changes.adds | changes.removes) > 1,
        )

    def _held_back(self, cohort: Cohort, changes: Changes, delivered: int) -> _Unsent | None:
        if self.undoes is not None:
            return None
        if cohort.state == "on_hold":
            return _Unsent(DeliveryState.HELD, Reason.ON_HOLD, "On hold until somebody releases it.")
        if cohort.cohort_id in self.let_through:
            return None
        if not self.route.takes(cohort.space.kind):
            return _Unsent(DeliveryState.STOPPED, Reason.WRONG_KIND, f"Its ids are of the kind {cohort.space}.")
        why = large_change(len(changes.removes), delivered, self.view.guard)
        return _Unsent(DeliveryState.HELD, Reason.LARGE_CHANGE, why) if why else None

    async def _leave_out(self, progress: DeliveryProgress, unsent: _Unsent, lock: CohortLock | None = None) -> None:
        """Nothing is sent for a cohort that was never opened: its run knows it all the same, and can be continued."""
        holder = await lock.holder() if lock else None

        def record(connection: sqlite3.Connection) -> tuple[_Unsent, Changes]:
            told = unsent
            if lock is not None:
                told = replace(unsent, detail=_busy(orphans.owner_of(connection, progress.cohort_id), holder))
            changes = cohorts.changes_of(connection, progress.cohort_id, self.view, everything=self.everything)[2]
            self._record_unsent(connection, progress.cohort_id, progress.name, changes, told)
            return told, changes

        told, changes = await self.ledger.write(record)
        progress.adds, progress.removes = len(changes.adds), len(changes.removes)
        _set_unsent(progress, told)

    def _record_unsent(
        self, connection: sqlite3.Connection, cohort_id: str, name: str, changes: Changes, unsent: _Unsent
    ) -> None:
        journal.unsent_delivery(
            connection,
            run_id=self.run_id,
            cohort_id=cohort_id,
            route=self.route.name,
            name=name,
            changes=changes,
            at=time.time(),
            state=unsent.state,
            reason=unsent.reason,
            detail=unsent.detail,
        )

    async def _close_delivery(self, delivery: Delivery, progress: DeliveryProgress, gate: Gate) -> None:
        state = _ending(gate.reason) if gate.stopped else None
        reason, detail = gate.reason, gate.detail

        def close(connection: sqlite3.Connection) -> journal.Outcome:
            return journal.close_delivery(
                connection,
                delivery.delivery_id,
                at=time.time(),
                settle=self.view.settle,
                reason=reason,
                detail=detail,
                requests=progress.requests,
                retries=progress.retries,
                extra_requests=delivery.extra_requests,
                state=state,
            )

        outcome = await self.ledger.write(close)
        if outcome.state is DeliveryState.INCOMPLETE and reason is Reason.NONE:
            reason = Reason.NO_ANSWER
        progress.state, progress.reason, progress.detail = outcome.state, reason, detail
        progress.submitted, progress.rejected = outcome.submitted, outcome.rejected
        progress.in_doubt, progress.skipped = outcome.in_doubt, outcome.skipped
        progress.unsettled_until = outcome.unsettled_until
        self.progress.tell(
            time.time(),
            f"{progress.name} finished: {progress.submitted_adds:,} join, {progress.submitted_removes:,} leave"
            if outcome.state.closed and reason is Reason.NONE
            else f"{progress.name} ended {outcome.state.replace('_', ' ')}",
        )

    async def _close(self) -> None:
        """Write the end down and make the daily copy. Neither can change what was sent, so a failure is only told."""
        story = msgspec.json.encode([(m.at, m.text, m.important) for m in self.progress.story]).decode()
        at, state = time.time(), self.progress.state
        try:
            await self.ledger.write(
                lambda connection: journal.close_run(connection, self.run_id, at=at, state=state, story=story)
            )
            await asyncio.to_thread(daily_copy, self.ledger.path, at)
        except LedgerError as error:
            self.progress.tell(time.time(), f"After the run: {error}")

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
        for delivery_id, run_id, _, _ in orphans.open_deliveries(connection, cohort_id):
            journal.close_delivery(
                connection,
                delivery_id,
                at=time.time(),
                settle=settle,
                reason=Reason.KILLED,
                detail="The process ended before the delivery did.",
                state=DeliveryState.INCOMPLETE,
                **orphans.counts_so_far(connection, delivery_id),
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


def _set_unsent(progress: DeliveryProgress, unsent: _Unsent) -> None:
    progress.state, progress.reason, progress.detail = unsent.state, unsent.reason, unsent.detail
    progress.skipped = progress.planned
