"""Plan syncs and run them. A run belongs to this service, not to the screen or command that started it."""

from __future__ import annotations

import asyncio
import getpass
import os
import signal
import socket
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heaptui import __version__
from heaptui.clients.http import Http
from heaptui.errors import CohortLocked, KeyChanged, Refused, UsageError
from heaptui.model.plans import LeaveElsewhere, Plan
from heaptui.model.routes import ATTRIBUTE
from heaptui.model.runs import SETTLING, DeliveryProgress, Reason, RunProgress
from heaptui.services import key_guard
from heaptui.services.locks import CohortLock
from heaptui.services.opening import large_change, member_requests, planned, way_change
from heaptui.services.pacing import Gate
from heaptui.services.recorder import Recorder
from heaptui.services.run import Run, recover
from heaptui.services.ways import Way, other_ways, way_in_use, why_not
from heaptui.store import beliefs, cohorts, exchanges, history, journal, orphans, target
from heaptui.store.attributes import attribute_names
from heaptui.store.target import Target

if TYPE_CHECKING:
    import sqlite3

    from heaptui.services.workspace import Workspace


STOPPED_BY = {
    signal.SIGINT: "Somebody pressed ctrl-C.",
    signal.SIGTERM: "The system or another program ended it.",
    signal.SIGHUP: "Its terminal was closed.",
}
"""What is told of a run that a signal stopped."""

AFTER_SETTLING = 0.05
"""Seconds after the end of doubt at which a settling run starts."""


class SyncService:
    """The syncs of one workspace. `runs` holds the live progress of every run that this process started."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._running: dict[int, Run] = {}
        self._settling: set[asyncio.Task[None]] = set()
        self.runs: dict[int, RunProgress] = {}

    async def all_cohorts(self) -> list[str]:
        """The cohorts that `--all` means: synced before by name, or automatic."""
        return await self._workspace.ledger.read(cohorts.synced_by_name)

    async def plan(
        self, cohort_ids: Sequence[str], *, everything: bool = False, undoes: int | None = None
    ) -> list[Plan]:
        """What a sync of these cohorts would send now, or the undo of a run. Changes nothing."""
        workspace = self._workspace
        view, limit = workspace.view, workspace.people_per_request
        others = other_ways(workspace)

        def look(connection: sqlite3.Connection) -> list[Plan]:
            plans = []
            for cohort_id in cohort_ids:
                cohort = cohorts.read_one(connection, cohort_id, view, examples=0)
                members, belief, changes = planned(connection, cohort_id, view, everything=everything, undoes=undoes)
                refused = len((belief.refused_adds & members) - belief.delivered)
                elsewhere = [] if undoes else cohorts.left_elsewhere(connection, cohort_id, view)
                before = tuple(
                    self._leave(connection, cohort_id, route, len(left.removes), others.get(route))
                    for route, left in elsewhere
                )
                held = way_change(
                    [leave.route for leave in before], view.route, chosen=bool(workspace.profile.route)
                ) or large_change(*cohorts.loss(belief, changes, members, elsewhere), view.guard)
                plans.append(
                    Plan(
                        cohort_id=cohort_id,
                        name=cohort.name,
                        adds=len(changes.adds),
                        removes=len(changes.removes),
                        unchanged=changes.unchanged - refused,
                        requests=member_requests(changes, limit),
                        rename="" if cohort.attribute or cohort.braze_name == cohort.label else cohort.label,
                        held="" if undoes else held,
                        delivered=len(belief.delivered),
                        first_time=not cohort.braze_name,
                        on_hold=cohort.state == "on_hold" and not undoes,
                        route=view.route,
                        attribute=cohort.attribute,
                        before=before,
                        sending=cohort.sending,
                        refused=refused,
                        refused_in=history.last_refusing(connection, cohort_id) if refused else None,
                    )
                )
            return plans

        plans = await self._workspace.ledger.read(look)
        return [replace(plan, sending="") if plan.sending and await self._is_free(plan) else plan for plan in plans]

    async def _is_free(self, plan: Plan) -> bool:
        """Whether nobody delivers a cohort, whatever a process that lives on has left open in the ledger."""
        lock = self.lock_of(plan.cohort_id)
        if not await lock.taken(0, Gate()):
            return False
        await lock.free()
        return True

    def _leave(
        self, connection: sqlite3.Connection, cohort_id: str, route: str, removes: int, way: Way | None
    ) -> LeaveElsewhere:
        """What taking everybody out of an old way needs, or why it cannot be done."""
        return LeaveElsewhere(
            route,
            removes,
            -(-removes // self._workspace.per_request(route)),
            "" if way and target.fits(connection, way.target) else why_not(route),
            attribute_names(connection)[cohort_id] if route == ATTRIBUTE else "",
        )

    async def start(
        self,
        cohort_ids: Sequence[str],
        *,
        everything: bool = False,
        let_through: frozenset[str] = frozenset(),
        by: str = "",
        origin: str = "tui",
        wait_for_lock: float = 0.0,
        longest_wait: float | None = None,
        continues: int | None = None,
        settle: bool = False,
        settling: bool = False,
        undoes: int | None = None,
    ) -> RunProgress:
        """Start a run of these cohorts and return its live progress.

        With `settle`, a second run follows by itself when a late answer may still undo something; that one is
        `settling`: it sends what is in doubt, and nothing that nobody was asked about.

        Raises:
            Refused: the profile is read-only.
            KeyChanged: the key is another one than before; a run that sent nothing says so in the history.
            UsageError: no key or no endpoint to send with, or the ledger belongs to another workspace.
        """
        workspace, profile = self._workspace, self._workspace.profile
        if workspace.read_only or profile.read_only:
            raise Refused(
                "This profile is read-only.", "Nothing was sent.", "Use a profile that may write, without --read-only."
            )
        way = way_in_use(workspace)
        others = other_ways(workspace)
        by = by or getpass.getuser()
        started_at = time.time()
        wanted = list(dict.fromkeys(cohort_ids))
        names = {plan.cohort_id: plan for plan in await self.plan(wanted, everything=everything, undoes=undoes)}

        def opened(connection: sqlite3.Connection) -> tuple[int, str]:
            other_key = target.other_key(connection, way.target)
            if not other_key:
                target.claim(connection, way.target)
            for name in [name for name, other in others.items() if not target.fits(connection, other.target)]:
                del others[name]
            orphans.close_dead_runs(connection, at=started_at)
            opened_run = journal.open_run(
                connection,
                at=started_at,
                by=by,
                origin=origin,
                pid=os.getpid(),
                host=socket.gethostname(),
                version=__version__,
                endpoint=profile.endpoint,
                keys=workspace.fingerprints(connection),
                continues=continues,
                everything=everything,
                cohort_ids=wanted,
            )
            exchanges.describe_run(connection, opened_run, wanted, workspace.told_context())
            if other_key:
                changes = {
                    one: planned(connection, one, workspace.view, everything=everything, undoes=undoes)[2]
                    for one in wanted
                }
                key_guard.record(connection, opened_run, names, changes, other_key)
            return opened_run, other_key

        run_id, other_key = await workspace.ledger.write(opened)
        if other_key:
            raise key_guard.refusal(workspace, way.target, other_key)
        progress = RunProgress(run_id, started_at, by, origin, continues=continues)
        for cohort_id in wanted:
            plan = names[cohort_id]
            progress.deliveries[cohort_id] = DeliveryProgress(
                cohort_id,
                plan.name,
                plan.adds,
                plan.removes,
                rename=plan.rename,
                unchanged=plan.unchanged,
                route=plan.route,
                attribute=plan.attribute,
            )
        pace = workspace.pace
        recorder = Recorder(workspace.ledger, workspace.secrets.given(), run_id)
        run = Run(
            run_id=run_id,
            cohort_ids=wanted,
            ledger=workspace.ledger,
            http=Http(profile.endpoint, read_timeout=pace.read_timeout, on_exchange=recorder.note),
            way=way,
            other_ways=others,
            view=workspace.view,
            pace=pace if longest_wait is None else replace(pace, longest_wait=longest_wait),
            locks=workspace.home.locks_dir,
            progress=progress,
            max_in_flight=profile.max_in_flight,
            way_chosen=bool(profile.route),
            everything=everything,
            undoes=undoes,
            settling=settling,
            let_through=let_through,
            let_through_by=by,
            wait_for_lock=wait_for_lock,
        )
        self.runs[run_id] = progress
        self._running[run_id] = run
        self._tasks[run_id] = asyncio.create_task(recorder.around(run.carry_out()), name=f"run {run_id}")
        if settle:
            following = asyncio.create_task(self._settle_after(progress), name=f"settling of run {run_id}")
            self._settling.add(following)
            following.add_done_callback(self._settling.discard)
        return progress

    async def _settle_after(self, progress: RunProgress) -> None:
        """When no request of a run can be applied late any more, assert what it changed once more."""
        await self.finished(progress.run_id)
        ends = {d.key: d.unsettled_until for d in progress.deliveries.values() if d.unsettled_until}
        if not ends:
            return
        await asyncio.sleep(max(0.0, max(ends.values()) - time.time()) + AFTER_SETTLING)
        view = self._workspace.view

        def still_open(connection: sqlite3.Connection) -> list[str]:
            found = [progress.deliveries[key].cohort_id for key in ends]
            changes = {one: planned(connection, one, view, settling=True)[2] for one in found}
            return [one for one in found if changes[one].adds or changes[one].removes]

        if wanted := await self._workspace.ledger.read(still_open):
            await self.start(
                wanted,
                by=progress.by,
                origin=SETTLING,
                settling=True,
                continues=progress.run_id,
            )

    def aim(self) -> Target:
        """What a sync of this profile aims at.

        Raises:
            UsageError: something needed to send is missing.
        """
        return way_in_use(self._workspace).target

    @property
    def lacking(self) -> str:
        """What is missing to send anything, in a sentence; empty for nothing."""
        try:
            way_in_use(self._workspace)
        except UsageError as error:
            return error.title
        return ""

    def lock_of(self, cohort_id: str) -> CohortLock:
        """The lock that a sync of a cohort takes.

        Raises:
            UsageError: something needed to send is missing.
        """
        workspace = self._workspace
        ways = (way_in_use(workspace), *other_ways(workspace).values())
        return CohortLock(workspace.home.locks_dir, [way.target for way in ways], cohort_id, workspace.ledger.path)

    async def key_changed(self) -> KeyChanged | None:
        """What has to be answered before a sync, because the key is another one than before; None for nothing.

        Raises:
            UsageError: something needed to send is missing.
        """
        aim = self.aim()
        told = await self._workspace.ledger.read(lambda connection: target.other_key(connection, aim))
        return key_guard.refusal(self._workspace, aim, told) if told else None

    async def same_workspace(self) -> None:
        """Somebody says that the key in use leads to the workspace that the ledger is about.

        Raises:
            UsageError: endpoint or partner differ.
        """
        ways = (way_in_use(self._workspace), *other_ways(self._workspace).values())

        def claimed(connection: sqlite3.Connection) -> None:
            for way in ways:
                target.claim(connection, way.target)

        await self._workspace.ledger.write(claimed)

    def pause(self, run_id: int) -> None:
        """Send nothing more until `go_on`; what is in flight comes home."""
        self._running[run_id].gate.pause()
        self._told(run_id, "paused", paused=True)

    def go_on(self, run_id: int) -> None:
        """End a pause."""
        self._running[run_id].gate.go_on()
        self._told(run_id, "going on", paused=False)

    def cancel(self, run_id: int, why: str = "Somebody stopped it.") -> None:
        """Stop after the requests in flight; the rest waits for the next run. `why` is told with the run."""
        progress = self.runs[run_id]
        if not progress.closed and not progress.stopping:
            progress.stopping = True
            progress.tell(time.time(), "stopping after the requests in flight")
            self._running[run_id].gate.stop(Reason.CANCELLED, why)

    def _told(self, run_id: int, text: str, *, paused: bool) -> None:
        progress = self.runs[run_id]
        progress.paused = paused
        progress.tell(time.time(), text)

    async def finished(self, run_id: int) -> RunProgress:
        """Wait for the end of a run."""
        await asyncio.shield(self._tasks[run_id])
        return self.runs[run_id]

    async def stop(self, why: str = "heaptui was closed.") -> None:
        """Cancel every run, let the requests in flight come home, and flush the journal."""
        for task in self._settling:
            task.cancel()
        for run_id in self._tasks:
            self.cancel(run_id, why)
        await asyncio.gather(*self._tasks.values(), *self._settling, return_exceptions=True)

    async def recover(self, run_id: int, *, forget_refusals: bool = False) -> list[str]:
        """Close what a dead process left open of a run; returns its cohorts, ready for a new plan.

        With `forget_refusals`, the ids that Braze refused are offered again.

        Raises:
            CohortLocked: the process is alive.
            UsageError: there is no such run.
        """
        workspace = self._workspace
        found = await workspace.ledger.read(lambda connection: orphans.cohorts_of(connection, run_id))
        if not found:
            raise UsageError(f"There is no run {run_id}.", "", "See them all: heaptui run list")
        for cohort_id in found:
            lock = self.lock_of(cohort_id)
            if not await lock.taken(0, Gate()):
                raise CohortLocked(
                    f"A cohort of run {run_id} is being delivered just now.",
                    f"Another process of this machine does it: {await lock.holder() or 'which one is not known'}.",
                    "Wait for it, or stop it there.",
                )
            try:
                await recover(workspace.ledger, workspace.view.settle, cohort_id)
                if forget_refusals:
                    await workspace.ledger.write(partial(beliefs.forget_refusals, cohort_id=cohort_id))
            finally:
                await lock.free()
        return found
