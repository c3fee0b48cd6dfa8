"""Reading ids: a stream of valid values in chunks, and a report of everything that was not."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct, field

from heaptui.sources.damage import Damage, Sightings
from heaptui.sources.detect import Format, Layout
from heaptui.sources.rows import NO_COLUMN, Broken, Rows, SeparatedRows, json_cells
from heaptui.sources.source import Source
from heaptui.sources.text import line_blocks
from heaptui.sources.validity import sift

CHUNK = 20_000
"""Values per chunk; the last one may be shorter."""

MAX_BAD_ROWS = 1_000
"""Bad rows kept with their line and value; the counts are exact beyond it."""

_SHOWN = 60
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_UNDECODABLE = re.compile("[\udc00-\udcff]")


class ReadingCancelled(Exception):
    """Somebody cancelled the reading; what was read so far is not the whole."""


class BadRow(Struct, frozen=True):
    """A row that is not taken: the line it begins on, why, and its value as it can be shown."""

    line: int
    reason: str
    shown: str


class ReadReport(Struct):
    """What reading found, growing while it goes on. ``rows == valid + invalid`` always holds.

    Attributes:
        rows: rows read, without the header.
        valid: values handed out, duplicates included.
        reasons: exact count of invalid rows per reason.
        bad_rows: the first of them.
        longer: rows with more columns than the header: often an unquoted delimiter in a text.
        damage: signs that a spreadsheet changed the ids; they are valid as they stand.
        bytes_read: of `bytes_total`.
        digest: SHA-256 of the content, hexadecimal, once everything is read.
        complete: whether everything is read.
    """

    bytes_total: int
    rows: int = 0
    valid: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    bad_rows: list[BadRow] = field(default_factory=list)
    longer: Sightings = field(default_factory=Sightings)
    damage: Damage = field(default_factory=Damage)
    bytes_read: int = 0
    digest: str = ""
    complete: bool = False

    @property
    def invalid(self) -> int:
        """Rows that were not taken."""
        return self.rows - self.valid

    @property
    def empty(self) -> int:
        """Rows whose value is empty or blank, among the invalid ones."""
        return self.reasons["empty"]


def shown(value: str) -> str:
    r"""The value for a screen: a tab as \t, what else cannot be seen as ␛, cut to 60 characters."""
    visible = _INVISIBLE.sub(lambda found: "\\t" if found[0] == "\t" else "␛", value[: _SHOWN + 1])
    return visible if len(value) <= _SHOWN else f"{visible[: _SHOWN - 1]}…"


class Reading:
    """One pass over a source. Iterate it once, in a worker thread; the report may be looked at meanwhile."""

    def __init__(
        self,
        source: Source,
        layout: Format,
        column: int,
        progress: Callable[[ReadReport], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self.report = ReadReport(source.size)
        self._source = source
        self._format = layout
        self._column = column
        self._progress = progress
        self._cancelled = cancelled
        self._hash = hashlib.sha256()

    def __iter__(self) -> Iterator[list[str]]:
        """Chunks of `CHUNK` valid values, verbatim, in the order of the file.

        Raises:
            UsageError: the file changed meanwhile, or is no list of ids.
            ReadingCancelled: `cancelled` said so.
        """
        stream = self._source.open()
        waiting: list[str] = []
        try:
            blocks = line_blocks(
                stream, self._format.encoding, bare_cr=self._format.bare_cr, on_bytes=self._count_bytes
            )
            for part in self._parts(blocks):
                self._stop_if_cancelled()
                waiting += self._judge(part)
                if self._progress is not None:
                    self._progress(self.report)
                for start in range(0, len(waiting) - CHUNK + 1, CHUNK):
                    yield waiting[start : start + CHUNK]
                    self._stop_if_cancelled()
                del waiting[: len(waiting) - len(waiting) % CHUNK]
        finally:
            self._source.done(stream)
        self._source.refuse_if_changed(self.report.bytes_read)
        self.report.digest = self._source.digest = self._hash.hexdigest()
        self.report.complete = True
        if waiting:
            yield waiting

    def _stop_if_cancelled(self) -> None:
        if self._cancelled is not None and self._cancelled():
            raise ReadingCancelled

    def _count_bytes(self, raw: bytes) -> None:
        self._hash.update(raw)
        self.report.bytes_read += len(raw)

    def _parts(self, blocks: Iterable[tuple[int, str]]) -> Iterator[_Part]:
        if self._format.is_json:
            key = self._format.columns[self._column] if self._format.layout is Layout.JSON_OBJECTS else None
            for first_line, block in blocks:
                yield _Part(*json_cells(first_line, block.split("\n"), key), Sightings())
            return
        for part in _column_of_table(blocks, self._format.delimiter, len(self._format.columns), self._column):
            yield _below(part, self._format.header_line)

    def _judge(self, part: _Part) -> list[str]:
        report = self.report
        values, lines, refused = sift(part.values, part.lines)
        report.rows += len(part.values) + len(part.broken)
        report.valid += len(values)
        report.longer.add(part.longer.count, iter(part.longer.lines))
        report.damage.look(values, lines, json=self._format.is_json)
        bad = [*part.broken, *(Broken(line, self._reason(reason, value), value) for line, reason, value in refused)]
        report.reasons.update(row.reason for row in bad)
        if len(report.bad_rows) < MAX_BAD_ROWS:
            bad.sort()
            room = MAX_BAD_ROWS - len(report.bad_rows)
            report.bad_rows += [BadRow(row.line, row.reason, shown(row.text)) for row in bad[:room]]
        return values

    def _reason(self, reason: str, value: str) -> str:
        if reason == "lone surrogate" and not self._format.is_json and _UNDECODABLE.search(value):
            return f"not {self._format.encoding_name}"
        return reason


def read_ids(
    source: Source,
    layout: Format,
    column: int | str,
    *,
    progress: Callable[[ReadReport], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Reading:
    """The ids of one column, validated. Iterate the result for chunks of values; its `report` says the rest.

    Args:
        layout: from `inspect_source` or `detect_format`.
        column: its place, from 0, or its name.
        progress: called about once per MiB, in the thread that reads.
        cancelled: asked as often; when true, the iteration raises `ReadingCancelled`.

    Raises:
        UsageError: there is no such column.
    """
    place = layout.column_index(column) if isinstance(column, str) else column
    return Reading(source, layout, place, progress, cancelled)


class _Part(NamedTuple):
    """Values of one column, the line of each, rows that have none, and rows that are too long."""

    lines: Sequence[int]
    values: list[str]
    broken: list[Broken]
    longer: Sightings


def _below(part: _Part, header_line: int) -> _Part:
    if not header_line or (part.lines and part.lines[0] > header_line):
        return part
    start = bisect_right(part.lines, header_line)
    broken = [row for row in part.broken if row.line > header_line]
    return part._replace(lines=part.lines[start:], values=part.values[start:], broken=broken)


def _column_of_table(blocks: Iterable[tuple[int, str]], delimiter: str, width: int, column: int) -> Iterator[_Part]:
    table = SeparatedRows(delimiter)
    for first_line, block in blocks:
        if '"' in block or table.inside_quotes:
            yield _picked(table.feed(first_line, block), delimiter, width, column)
        else:
            yield _split(first_line, block, delimiter, width, column)
    yield _picked(table.finish(), delimiter, width, column)


def _split(first_line: int, block: str, delimiter: str, width: int, column: int) -> _Part:
    """Without a quote in the block, a row is a line and a cell is what stands between delimiters."""
    texts = block.split("\n")
    lines = range(first_line, first_line + len(texts))
    if not delimiter:
        return _Part(lines, texts, [], Sightings())
    try:
        if column:
            values = [text.split(delimiter, column + 1)[column] for text in texts]
        else:
            values = [text.partition(delimiter)[0] for text in texts]
    except IndexError:
        return _picked(Rows(lines, [text.split(delimiter) for text in texts], []), delimiter, width, column)
    longer = Sightings()
    if block.count(delimiter) > (width - 1) * len(texts):
        longer = _seen(line for line, text in zip(lines, texts, strict=True) if text.count(delimiter) >= width)
    return _Part(lines, values, [], longer)


def _picked(rows: Rows, delimiter: str, width: int, column: int) -> _Part:
    longer = _seen(line for line, row in zip(rows.lines, rows.cells, strict=True) if len(row) > width)
    try:
        return _Part(rows.lines, [row[column] for row in rows.cells], rows.broken, longer)
    except IndexError:
        pass  # a row is too short or blank: look at each
    broken = list(rows.broken)
    lines: list[int] = []
    values: list[str] = []
    for line, row in zip(rows.lines, rows.cells, strict=True):
        if len(row) > column or row in ([], [""]):
            lines.append(line)
            values.append(row[column] if len(row) > column else "")
        else:
            broken.append(Broken(line, NO_COLUMN, delimiter.join(row)))
    return _Part(lines, values, broken, longer)


def _seen(lines: Iterable[int]) -> Sightings:
    found = list(lines)
    seen = Sightings()
    seen.add(len(found), iter(found))
    return seen
