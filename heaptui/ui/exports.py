"""Files that the dashboard writes: the people of a cohort, and a plan."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from heaptui.config import private_dir
from heaptui.model.belief import Direction
from heaptui.model.cohorts import Cohort
from heaptui.model.runs import Plan

if TYPE_CHECKING:
    from heaptui.services.upload import Looked, Upload
    from heaptui.services.workspace import Workspace


async def export_people(workspace: Workspace, cohort: Cohort) -> Path:
    """Write all people of a cohort as CSV into the folder for exports."""
    folder = private_dir(workspace.home.out_dir)
    path = folder / f"{cohort.tail}-{time.strftime('%Y%m%d-%H%M%S')}.csv"
    file = await asyncio.to_thread(path.open, "w", encoding="utf-8", newline="")
    with file:
        writer = csv.writer(file)
        writer.writerow([cohort.id_column or cohort.space.kind])
        async for chunk in workspace.cohorts.export(cohort.cohort_id):
            await asyncio.to_thread(writer.writerows, [[person.value] for person in chunk])
    return path


async def write_upload(workspace: Workspace, upload: Upload, looked: Looked) -> Path:
    """Write a file for Braze into the folder for exports; it appears whole or not at all."""
    folder = private_dir(workspace.home.out_dir)
    path = folder / f"{upload.attribute or upload.cohort.tail}_{time.strftime('%Y-%m-%d_%H%M%S')}.csv"
    half = path.with_name(f".{path.name}.part")
    try:
        file = await asyncio.to_thread(half.open, "w", encoding="utf-8", newline="")
        with file:
            async for text in workspace.uploads.text(upload, looked):
                await asyncio.to_thread(file.write, text)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    return path


async def save_plan(workspace: Workspace, plans: Sequence[Plan]) -> Path:
    """Write who would join and who would leave as CSV: cohort, id, join or leave."""
    folder = private_dir(workspace.home.out_dir)
    path = folder / f"plan-{time.strftime('%Y%m%d-%H%M%S')}.csv"
    file = await asyncio.to_thread(path.open, "w", encoding="utf-8", newline="")
    with file:
        writer = csv.writer(file)
        writer.writerow(["cohort", "id", "change"])
        for plan in plans:
            for direction, word in ((Direction.REMOVE, "leave"), (Direction.ADD, "join")):
                async for people in workspace.cohorts.export(plan.cohort_id, waiting=direction):
                    rows = [[plan.name, person.value, word] for person in people]
                    await asyncio.to_thread(writer.writerows, rows)
    return path
