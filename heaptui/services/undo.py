"""Undo a run: the inverse of its accepted changes as a plan, and the cohorts on hold until somebody releases them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from heaptui.errors import Refused, UsageError
from heaptui.model.plans import Plan
from heaptui.model.runs import RunProgress
from heaptui.store import orphans, undo

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace


class UndoService:
    """Takes back what a run changed in Braze."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def plan(self, run_id: int) -> Sequence[Plan]:
        """What an undo would send, for the cohorts where anything can be taken back. Changes nothing.

        Raises:
            UsageError: there is no such run, it is still going, or later runs have touched all that it changed.
        """
        ledger = self._workspace.ledger
        over = await ledger.read(lambda connection: undo.is_over(connection, run_id))
        if over is None:
            raise UsageError(f"There is no run {run_id}.", "", "See them all: heaptui run list")
        if not over and (await self._workspace.history.show(run_id)).summary.ended_at is not None:
            raise UsageError(
                f"The process of run {run_id} is gone, and nobody has closed it.",
                "Nothing was changed.",
                f"Continue it first: heaptui run resume {run_id}",
            )
        if not over:
            raise UsageError(f"Run {run_id} is still going.", "Nothing was changed.", "Wait for its end, or cancel it.")
        cohort_ids = await ledger.read(lambda connection: orphans.cohorts_of(connection, run_id))
        plans = await self._workspace.sync.plan(cohort_ids, undoes=run_id)
        left = [plan for plan in plans if plan.adds or plan.removes]
        if not left:
            raise UsageError(
                f"Nothing of run {run_id} can be undone.",
                "Braze accepted nothing in it, or later runs have touched everybody it changed.",
                f"See what it did: heaptui run show {run_id}",
            )
        return left

    async def start(self, run_id: int, *, origin_by: str = "") -> RunProgress:
        """Send the inverse and put the cohorts on hold; returns the live progress of the new run.

        Raises:
            UsageError: as in `plan`.
            Refused: the profile is read-only.
        """
        if self._workspace.read_only:
            raise Refused("This profile is read-only.", "Nothing was sent.", "Its owner can undo the run.")
        plans = await self.plan(run_id)
        return await self._workspace.sync.start(
            [plan.cohort_id for plan in plans], by=origin_by, origin="undo", undoes=run_id
        )
