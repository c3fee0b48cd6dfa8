"""Take a file of ids into a cohort: first what would change, then the change. Nothing is sent to Braze."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

from msgspec import Struct
from pyroaring import BitMap

from heaptui.errors import UsageError
from heaptui.model.cohorts import Guard, Origin, new_cohort_id
from heaptui.model.identifiers import Kind, Space
from heaptui.services.file_warnings import file_warnings
from heaptui.services.import_destination import Destination, find_destination, space_for
from heaptui.services.import_reading import FileRead, StandardInput, number_all
from heaptui.sources import (
    BadRow,
    ColumnFacts,
    Inspection,
    ReadReport,
    Source,
    inspect_source,
    open_source,
    pasted_path,
)
from heaptui.store import cohort_names, cohorts

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

__all__ = [
    "BadRow",
    "ColumnFacts",
    "ImportPreview",
    "ImportRequest",
    "Inspection",
    "ReadReport",
    "apply_import",
    "inspect_file",
    "preview_import",
]

T = TypeVar("T")

EXAMPLES = 6


class ImportRequest(Struct, frozen=True):
    """Which file goes into which cohort, and how it is read.

    Attributes:
        path: as typed or pasted; "-" is standard input.
        name: of a new cohort, or of a file cohort whose people are replaced.
        into: an existing cohort, instead of a name.
        id_column: name or number, from 1; None means the remembered one, else the most likely one.
        kind: None means as before, else the profile's.
        expect: people that Heap shows for the segment.
        encoding, delimiter, header: None means that it is detected.
    """

    path: str
    name: str | None = None
    into: str | None = None
    id_column: str | None = None
    kind: Kind | None = None
    alias_label: str = ""
    expect: int | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What an import would change. `valid` counts values, `members` people: duplicates = valid - members.

    Attributes:
        cohort_id: None for a new cohort.
        encoding, delimiter: for people, "CP932", "comma".
        remembered: whether the column is that of the last import.
        guessed: whether nobody chose the column and there were several.
        reasons: invalid rows by reason.
        bad_rows: the first thousand of them.
        warnings: sentences about the file, also when it is not of the expected size.
        unusual: a sentence when unusually many would leave, else empty.
        usual_share: share of the people that usually changes, 0 to 1; None when nothing is known.
        examples: the first ids of the file.
    """

    request: ImportRequest
    cohort_id: str | None
    name: str
    space: Space
    encoding: str
    delimiter: str
    column: str
    remembered: bool
    guessed: bool
    rows: int
    valid: int
    invalid: int
    reasons: Counter[str]
    bad_rows: list[BadRow]
    duplicates: int
    members: int
    adds: int
    removes: int
    unchanged: int
    warnings: list[str]
    expected: int | None
    unusual: str
    usual_share: float | None
    examples: tuple[str, ...]
    source_name: str
    source_digest: str
    column_to_remember: str = field(repr=False)
    before: BitMap = field(repr=False)
    known: BitMap = field(repr=False)
    missing: list[str] = field(repr=False)


async def inspect_file(path: str) -> Inspection:
    """The format of a file and what each of its columns holds.

    Raises:
        UsageError: missing, a folder, empty, binary, or in a form that is not understood.
    """

    def look() -> Inspection:
        with open_source(_meant(path)) as source:
            return inspect_source(source)

    return await asyncio.to_thread(look)


async def preview_import(
    workspace: Workspace, request: ImportRequest, progress: Callable[[ReadReport], None] | None = None
) -> ImportPreview:
    """Read the file and compare it with the people of the cohort now. Changes no cohort.

    `progress` is called in the thread that reads.

    Raises:
        UsageError: no such file or cohort, a name that belongs to another kind of cohort, no valid id, no such column.
    """
    view = workspace.view
    destination = await workspace.ledger.read(lambda connection: find_destination(connection, request, view))
    space = space_for(request, destination.cohort, workspace.profile, view.route)

    def read(cancelled: Callable[[], bool]) -> ImportPreview:
        with _opened(request.path, cancelled) as source:
            file = FileRead(source, request, destination.cohort.id_column if destination.cohort else "")
            file.read(workspace.ledger, space, progress, cancelled)
            return _compared(file, request, destination, space, view.guard)

    return await _in_thread(read)


def _compared(
    file: FileRead, request: ImportRequest, destination: Destination, space: Space, guard: Guard
) -> ImportPreview:
    report, before = file.report, destination.before
    staying, leaving = len(file.known & before), len(before - file.known)
    unusual = ""
    if guard.holds(leaving, len(before)):
        unusual = f"{leaving:,} of {len(before):,} people would leave. Is the file complete?"
    return ImportPreview(
        request=request,
        cohort_id=destination.cohort.cohort_id if destination.cohort else None,
        name=destination.name,
        space=space,
        encoding=file.layout.encoding_name,
        delimiter=file.layout.layout_name,
        column=file.column,
        remembered=file.remembered,
        guessed=file.guessed,
        rows=report.rows,
        valid=report.valid,
        invalid=report.invalid,
        reasons=report.reasons,
        bad_rows=report.bad_rows,
        duplicates=report.valid - file.people,
        members=file.people,
        adds=file.people - staying,
        removes=leaving,
        unchanged=staying,
        warnings=[
            *_about_cohort(file, destination, space),
            *_about_size(request.expect, file.people),
            *file_warnings(report, file.column, file.first, space),
        ],
        expected=request.expect,
        unusual=unusual,
        usual_share=destination.usual_share,
        examples=tuple(file.first[:EXAMPLES]),
        source_name=file.source.name,
        source_digest=report.digest,
        column_to_remember=file.column_to_remember,
        before=before,
        known=file.known,
        missing=file.missing,
    )


def _about_cohort(file: FileRead, destination: Destination, space: Space) -> list[str]:
    cohort = destination.cohort
    warnings = [destination.warning] if destination.warning else []
    if cohort is not None and cohort.source_digest and cohort.source_digest == file.report.digest:
        warnings.append("This is the same file as at the last import.")
    if cohort is not None and cohort.members and cohort.space != space:
        warnings.append(f"The ids were {cohort.space} and are {space} now: everybody leaves, and joins again.")
    return warnings


def _about_size(expected: int | None, people: int) -> list[str]:
    if expected is None or expected == people:
        return []
    if people < expected:
        return [f"{expected - people:,} fewer than Heap shows. Cut export, or people without this id."]
    return [f"{people - expected:,} more than Heap shows. Another segment, or an older size?"]


async def apply_import(workspace: Workspace, preview: ImportPreview) -> str:
    """Make the previewed change and return the cohort's id. Nothing is sent.

    Raises:
        Refused: the ledger is open read-only.
        UsageError: the cohort is not what it was at the preview.
    """
    workspace.refuse_if_read_only()
    whereabouts = await asyncio.to_thread(_whereabouts, preview.request.path)
    uids = preview.known | await _in_thread(
        lambda cancelled: number_all(workspace.ledger, preview.space, preview.missing, cancelled)
    )

    def swap(connection: sqlite3.Connection) -> str:
        now = time.time()
        cohort_id = preview.cohort_id
        if cohort_id is None:
            if cohort_names.names_in_use(connection, preview.name):
                raise _changed_meanwhile(preview.name)
            cohort_id = new_cohort_id(Origin.FILE)
            cohorts.create(connection, cohort_id, name=preview.name, origin=Origin.FILE, space=preview.space, at=now)
        elif cohorts.members(connection, cohort_id) != preview.before:
            raise _changed_meanwhile(preview.name)
        cohorts.replace_members(
            connection,
            cohort_id,
            uids,
            space=preview.space,
            at=now,
            source_name=preview.source_name,
            source_digest=preview.source_digest,
            id_column=preview.column_to_remember,
        )
        cohorts.set_source(connection, cohort_id, *whereabouts)
        return cohort_id

    return await workspace.ledger.write(swap)


async def _in_thread(work: Callable[[Callable[[], bool]], T]) -> T:
    """Run work that asks now and then whether it is cancelled; a cancelled await returns when the work has ended."""
    stop = threading.Event()
    working = asyncio.create_task(asyncio.to_thread(work, stop.is_set))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.gather(working, return_exceptions=True)
        raise


def _opened(path: str, cancelled: Callable[[], bool]) -> Source:
    if path == "-":
        return open_source(cast(BinaryIO, StandardInput(cancelled)), name="standard input")
    return open_source(_meant(path))


def _meant(path: str) -> Path:
    return Path(path) if os.path.exists(path) else pasted_path(path)


def _whereabouts(path: str) -> tuple[str, float | None]:
    """Where a file is and when it was written; nothing for standard input."""
    if path == "-":
        return "", None
    found = _meant(path).absolute()
    try:
        return str(found), found.stat().st_mtime
    except OSError:
        return str(found), None


def _changed_meanwhile(name: str) -> UsageError:
    return UsageError(
        f"“{name}” changed while the file was looked at.", "Nothing was changed now.", "Import the file again."
    )
