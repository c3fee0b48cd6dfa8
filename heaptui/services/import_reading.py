"""Read a file of ids to its end and find out which of them the ledger knows."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Callable
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from pyroaring import BitMap

from heaptui.errors import UsageError
from heaptui.model.identifiers import Space
from heaptui.model.words import counted
from heaptui.sources import Format, ReadingCancelled, ReadReport, Source, detect_format, inspect_source, read_ids
from heaptui.store.database import Database
from heaptui.store.identities import CHUNK, find_values, number_values

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from heaptui.services.imports import ImportRequest

RUN = 1_000_000
"""Values kept in memory to be sorted: the ledger takes sorted values several times as fast."""

SAMPLE = 1_000


class FileRead:
    """One file, read for one import in a worker thread.

    Attributes:
        report: what reading found.
        column: the name of the id column.
        remembered: whether it is the one of the last import.
        guessed: whether nobody chose it and there were several.
        known: the uids of values that have one.
        missing: sorted values that have none.
        first: the first values.
    """

    report: ReadReport
    column: str
    remembered: bool
    guessed: bool

    def __init__(self, source: Source, request: ImportRequest, remembered: str) -> None:
        """Detect the format and choose the column; `remembered` is that of the last import, or empty.

        Raises:
            UsageError: the format is not understood, or there is no such column.
        """
        self.source = source
        self.layout = detect_format(
            source,
            encoding=request.encoding,
            delimiter=request.delimiter,
            header=request.header,
            id_column=request.id_column or remembered or None,
        )
        self._index = _column(source, self.layout, request, remembered)
        self.column = self.layout.columns[self._index]
        several = len(self.layout.columns) > 1
        self.remembered = request.id_column is None and bool(remembered) and (several or self.column == remembered)
        self.guessed = several and request.id_column is None and not remembered
        self.known = BitMap()
        self.missing: list[str] = []
        self.first: list[str] = []

    @property
    def column_to_remember(self) -> str:
        """The name of the column; empty where the file has one column without a name."""
        nameless = len(self.layout.columns) == 1 and not self.layout.header_line and self.column == "column 1"
        return "" if nameless else self.column

    @property
    def people(self) -> int:
        """Distinct values."""
        return len(self.known) + len(self.missing)

    def read(
        self,
        ledger: Database,
        space: Space,
        progress: Callable[[ReadReport], None] | None,
        cancelled: Callable[[], bool],
    ) -> None:
        """Read everything. Where more values are new than fit in memory, those before the last are numbered now.

        Raises:
            UsageError: the file changed meanwhile, or it holds no valid id.
            ReadingCancelled: `cancelled` said so.
        """
        reading = read_ids(self.source, self.layout, self._index, progress=progress, cancelled=cancelled)
        self.report = reading.report
        waiting: list[str] = []
        for chunk in reading:
            if not self.first:
                self.first = chunk[:SAMPLE]
            waiting += chunk
            if len(waiting) >= RUN:
                self.known |= number_all(ledger, space, self._look_up(ledger, space, waiting), cancelled)
                waiting = []
        self._refuse_if_nothing()
        self.missing = self._look_up(ledger, space, waiting)

    def _look_up(self, ledger: Database, space: Space, values: list[str]) -> list[str]:
        distinct = [value for value, _ in groupby(sorted(values))]
        known, missing = ledger.read_now(lambda connection: find_values(connection, space, distinct))
        self.known |= known
        return missing

    def _refuse_if_nothing(self) -> None:
        if self.report.valid:
            return
        if not self.report.rows:
            raise UsageError(
                "The file has no rows below its header.",
                f"{self.source.name}: nothing was changed.",
                "Export it again. If nobody is in the segment any more: heaptui cohort retire COHORT",
            )
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.report.reasons.most_common())
        raise UsageError(
            "The file holds no valid id.",
            f"{counted(self.report.rows, 'row')}: {reasons}. Nothing was changed.",
            "Choose another column: --id-column COLUMN",
        )


class StandardInput(io.RawIOBase):
    """Standard input for a thread that must be able to stop while nothing comes."""

    def __init__(self, cancelled: Callable[[], bool]) -> None:
        self._file = sys.stdin.fileno()
        self._cancelled = cancelled

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """What is there; waits for it.

        Raises:
            ReadingCancelled: `cancelled` said so.
        """
        # Where select knows sockets only, a read waits until the other side has ended.
        while os.name == "posix" and not select.select([self._file], [], [], 0.2)[0]:
            if self._cancelled():
                raise ReadingCancelled
        return _read_into(self._file, memoryview(buffer))


def _read_into(file: int, view: memoryview) -> int:
    content = os.read(file, len(view))
    view[: len(content)] = content
    return len(content)


def number_all(ledger: Database, space: Space, values: list[str], cancelled: Callable[[], bool]) -> BitMap:
    """Number sorted values in short writes, from a thread of the caller's own.

    Raises:
        ReadingCancelled: `cancelled` said so.
    """
    uids = BitMap()
    for start in range(0, len(values), CHUNK):
        if cancelled():
            raise ReadingCancelled
        # One write at a time: those that wait together would be committed together, in one long transaction.
        job = partial(number_values, space=space, values=values[start : start + CHUNK])
        uids |= ledger.submit(job).result()
    return uids


def _column(source: Source, layout: Format, request: ImportRequest, remembered: str) -> int:
    if request.id_column is not None:
        return layout.column_index(request.id_column)
    if len(layout.columns) == 1:
        return 0
    if not remembered:
        return inspect_source(source, encoding=layout.encoding, delimiter=request.delimiter, header=request.header).best
    try:
        return layout.column_index(remembered)
    except UsageError as error:
        raise UsageError(
            f"The id column of the last import, {remembered}, is not in this file.",
            error.detail,
            "Choose one: --id-column COLUMN",
        ) from error
