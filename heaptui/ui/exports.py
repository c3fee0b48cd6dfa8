"""Files that the dashboard writes: the rows of a table, the people of a cohort, and a plan."""

from __future__ import annotations

import asyncio
import csv
import re
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from heaptui.config import Home, private_dir
from heaptui.model.belief import Direction
from heaptui.model.cohorts import Cohort
from heaptui.model.plans import Plan

if TYPE_CHECKING:
    from heaptui.services.upload import Looked, Upload
    from heaptui.services.workspace import Workspace
    from heaptui.ui.widgets.record_table import Column, RecordTable

_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")
_FORMULA = re.compile(r"[=+\-@\t\r]")


@asynccontextmanager
async def whole_file(path: Path) -> AsyncIterator[TextIO]:
    """A file to write that appears whole or not at all."""
    await asyncio.to_thread(private_dir, path.parent)
    half = path.with_name(f".{path.name}.part")
    file = await asyncio.to_thread(half.open, "w", encoding="utf-8", newline="")
    try:
        with file:
            yield file
        await asyncio.to_thread(half.replace, path)
    finally:
        half.unlink(missing_ok=True)


async def write_csv(path: Path, titles: Sequence[str], chunks: AsyncIterator[Iterable[Sequence[str]]]) -> int:
    """Write lines as CSV as they come; returns how many they were."""
    count = 0
    async with whole_file(path) as file:
        writer = csv.writer(file)
        writer.writerow(titles)
        async for lines in chunks:
            rows = list(lines)
            await asyncio.to_thread(writer.writerows, rows)
            count += len(rows)
    return count


async def export_table(home: Home, name: str, table: RecordTable) -> tuple[int, Path]:
    """Write all rows that a table stands for as CSV into the folder for exports."""

    async def lines() -> AsyncIterator[Iterable[Sequence[str]]]:
        async for rows in table.every_row():
            yield [[_plain(column, cell) for column, cell in zip(table.columns, r.cells, strict=True)] for r in rows]

    path = home.out_dir / f"{name}-{_now()}.csv"
    return await write_csv(path, [column.title for column in table.columns], lines()), path


def _plain(column: Column, cell: str) -> str:
    """A cell for other programs: numbers without separators, and no text that a spreadsheet would run.

    Names and answers come from outside, so one that begins like a formula gets an apostrophe, as spreadsheets write
    it themselves. An id with an apostrophe would be somebody else's: ids stay as they are.
    """
    if column.ids:
        return cell
    if _GROUPED.fullmatch(cell):
        return cell.replace(",", "")
    return f"'{cell}" if _FORMULA.match(cell) else cell


async def export_people(workspace: Workspace, cohort: Cohort) -> tuple[int, Path]:
    """Write all people of a cohort as CSV into the folder for exports."""

    async def lines() -> AsyncIterator[Iterable[Sequence[str]]]:
        async for chunk in workspace.cohorts.export(cohort.cohort_id):
            yield ([person.value] for person in chunk)

    path = workspace.home.out_dir / f"{cohort.tail}-{_now()}.csv"
    return await write_csv(path, [cohort.id_column or cohort.space.kind], lines()), path


async def write_upload(workspace: Workspace, upload: Upload, looked: Looked) -> Path:
    """Write a file for Braze into the folder for exports."""
    path = workspace.home.out_dir / f"{upload.attribute or upload.cohort.tail}_{time.strftime('%Y-%m-%d_%H%M%S')}.csv"
    async with whole_file(path) as file:
        async for text in workspace.uploads.text(upload, looked):
            await asyncio.to_thread(file.write, text)
    return path


async def save_plan(workspace: Workspace, plans: Sequence[Plan]) -> Path:
    """Write who would join and who would leave as CSV: cohort, id, join or leave."""

    async def lines() -> AsyncIterator[Iterable[Sequence[str]]]:
        for plan in plans:
            for direction, word in ((Direction.REMOVE, "leave"), (Direction.ADD, "join")):
                async for people in workspace.cohorts.export(plan.cohort_id, waiting=direction):
                    yield ([plan.name, person.value, word] for person in people)

    path = workspace.home.out_dir / f"plan-{_now()}.csv"
    await write_csv(path, ["cohort", "id", "change"], lines())
    return path


def _now() -> str:
    return time.strftime("%Y%m%d-%H%M%S")
