"""The runs of all processes: the list, one run, and its receipt."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heaptui.errors import UsageError
from heaptui.model.receipt import receipt_text
from heaptui.model.runs import Rejection, RunProgress, RunSummary
from heaptui.store import history
from heaptui.store.history import BatchRow, RunDetail

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

__all__ = ["BatchRow", "HistoryService", "RunDetail"]


class HistoryService:
    """Looks at what the ledger keeps of past and present runs."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ledger = workspace.ledger

    async def list(self, limit: int = 500) -> Sequence[RunSummary]:
        """The newest runs, newest first."""
        return await self._ledger.read(lambda connection: history.read_runs(connection, limit))

    async def show(self, run_id: int) -> RunDetail:
        """One run.

        Raises:
            UsageError: there is no such run.
        """
        detail = await self._ledger.read(lambda connection: history.read_run(connection, run_id))
        if detail is None:
            raise UsageError(f"There is no run {run_id}.", "", "See them all: heaptui run list")
        return detail

    async def progress(self, run_id: int) -> RunProgress:
        """A run of any process in the form of a live one."""
        detail = await self.show(run_id)
        summary = detail.summary
        progress = RunProgress(
            run_id,
            summary.started_at,
            summary.by,
            summary.origin,
            {delivery.key: delivery for delivery in detail.deliveries},
            owned=False,
            ended_at=summary.ended_at,
            continues=summary.continues,
        )
        progress.story.extend(detail.story)
        return progress

    async def rejections(
        self, run_id: int, cohort_id: str | None = None, limit: int = 1000, offset: int = 0
    ) -> Sequence[Rejection]:
        """Identifiers that Braze refused in a run."""
        return await self._ledger.read(
            lambda connection: history.read_rejections(connection, run_id, cohort_id, limit, offset), long=True
        )

    async def batches(self, run_id: int, limit: int = 10_000, offset: int = 0) -> Sequence[BatchRow]:
        """The requests of a run, in the order of the plan."""
        return await self._ledger.read(
            lambda connection: history.read_batches(connection, run_id, limit, offset), long=True
        )

    async def counts(self, run_id: int) -> tuple[int, int]:
        """How many batches and refused identifiers a run has."""
        return await self._ledger.read(lambda connection: history.count_parts(connection, run_id))

    async def receipt(self, run_id: int) -> str:
        """The proof of a run as Markdown: counts and digests, no identifiers."""
        detail = await self.show(run_id)
        return receipt_text(
            detail.summary,
            detail.deliveries,
            detail.digests,
            profile=self._workspace.profile.name,
            label=self._workspace.profile.label,
        )

    async def receipt_data(self, run_id: int) -> dict[str, Any]:
        """The same for other programs."""
        detail = await self.show(run_id)
        run, profile = detail.summary, self._workspace.profile
        return {
            "run_id": run_id,
            "profile": profile.name,
            "label": profile.label,
            "endpoint": detail.endpoint,
            "state": run.state,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "by": run.by,
            "origin": run.origin,
            "host": run.host,
            "heaptui": run.version,
            "deliveries": [
                {
                    "cohort_id": d.cohort_id,
                    "name": d.name,
                    "state": d.state,
                    "planned": {"adds": d.adds, "removes": d.removes},
                    "submitted": d.submitted,
                    "rejected": d.rejected,
                    "in_doubt": d.in_doubt,
                    "skipped": d.skipped,
                    "requests": d.requests,
                    "retries": d.retries,
                    "unsettled_until": d.unsettled_until,
                    "sha256": dict(
                        zip(("people", "plan", "file"), detail.digests.get(d.cohort_id, ("", "", "")), strict=True)
                    ),
                }
                for d in detail.deliveries
            ],
        }

    async def save_receipt(self, run_id: int) -> Path:
        """Write the receipt into the receipts folder and return its path.

        Raises:
            UsageError: it cannot be written; `heaptui run receipt` still prints it.
        """
        text = await self.receipt(run_id)
        path = self._workspace.home.receipts_dir / f"run-{run_id}.md"
        try:
            await asyncio.to_thread(_write, path, text)
        except OSError as error:
            raise UsageError(
                "The receipt could not be saved.",
                f"{path}: {error.strerror or error}. The run is not affected.",
                f"Print it later: heaptui run receipt {run_id}",
            ) from error
        return path


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = path.with_suffix(".part")
    half.write_text(text, encoding="utf-8")
    os.replace(half, path)
