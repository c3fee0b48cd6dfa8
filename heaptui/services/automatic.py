"""Deliver complete Heap syncs to Braze by themselves, under the same guard as any other sync."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from heaptui.errors import HeaptuiError
from heaptui.model.runs import DeliveryState
from heaptui.store import segments

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

GATHER = 0.2
"""Seconds in which cohorts that become due together go into one run."""

LOOK_EVERY = 5.0
LOCK_WAIT = 900.0
"""Seconds an automatic delivery waits for another process that delivers the cohort; then it plans anew."""


class AutomaticDelivery:
    """What a listening process delivers: cohorts whose switch is on, or with `everything` all that Heap sends.

    What is due is in the ledger, so that a process that takes over goes on. A delivery that fails is tried again
    with the next complete Heap sync, or when somebody syncs. `told` hears a sentence about each.
    """

    def __init__(self, workspace: Workspace, *, everything: bool, told: Callable[[str], None]) -> None:
        self._workspace = workspace
        self._everything = everything
        self._told = told
        self._woken = asyncio.Event()
        self._busy: set[str] = set()
        self._complaint = ""

    def look(self) -> None:
        """Something was applied: look soon whether a cohort is due."""
        self._woken.set()

    async def carry_out(self) -> None:
        """Deliver what becomes due until cancelled; the workspace brings the runs home."""
        async with asyncio.TaskGroup() as deliveries:
            while True:
                self._woken.clear()
                try:
                    await self._start_due(deliveries)
                except HeaptuiError as error:
                    self._complain(error)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY):
                        await self._woken.wait()
                await asyncio.sleep(GATHER)

    async def _start_due(self, deliveries: asyncio.TaskGroup) -> None:
        rows = await self._workspace.ledger.read(segments.due)
        wanted = {
            cohort_id: since
            for cohort_id, since, automatic in rows
            if (automatic or self._everything) and cohort_id not in self._busy
        }
        if not wanted:
            return
        changed = []
        for plan in await self._workspace.sync.plan(list(wanted)):
            if plan.changes_way:
                self._told(
                    f"{plan.name}: the way into Braze was changed. Moving its people waits for a sync that somebody"
                    " starts."
                )
            if plan.empty or plan.on_hold or plan.changes_way:
                await self._done(plan.cohort_id, wanted[plan.cohort_id])
            else:
                changed.append(plan.cohort_id)
        if changed:
            self._busy.update(changed)
            deliveries.create_task(self._deliver({cohort_id: wanted[cohort_id] for cohort_id in changed}))

    async def _deliver(self, wanted: dict[str, float]) -> None:
        """One run of some cohorts; what was due is done when the run has ended by itself, well or not."""
        sync = self._workspace.sync
        try:
            if asked := await sync.key_changed():
                # Here and not in the history: it would be tried again every few seconds.
                raise asked
            progress = await sync.start(
                list(wanted), by="listener", origin="automatic", wait_for_lock=LOCK_WAIT, settle=True
            )
            await sync.finished(progress.run_id)
            for cohort_id, since in wanted.items():
                delivery = progress.deliveries[cohort_id]
                self._told(
                    f"{delivery.name}: {delivery.adds:,} join, {delivery.removes:,} leave,"
                    f" {delivery.state.word} (run {progress.run_id})"
                )
                if delivery.state is not DeliveryState.CANCELLED:
                    await self._done(cohort_id, since)
            self._complaint = ""
        except HeaptuiError as error:
            # Nothing could be sent at all: a missing key, a read-only profile. It stays due.
            self._complain(error)
        finally:
            self._busy.difference_update(wanted)
            self._woken.set()

    async def _done(self, cohort_id: str, since: float) -> None:
        await self._workspace.ledger.write(partial(segments.done, cohort_id=cohort_id, due_since=since))

    def _complain(self, error: HeaptuiError) -> None:
        """Say it once, not every few seconds."""
        if str(error) != self._complaint:
            self._complaint = str(error)
            self._told(f"Nothing is delivered: {error}")
