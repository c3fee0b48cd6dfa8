"""A look at a source before it is imported: its format, its rows, and what each column holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from heaptui.sources.columns import likeliness, looks_like
from heaptui.sources.damage import Damage
from heaptui.sources.detect import Format, Layout, detect_format
from heaptui.sources.rows import Rows, SeparatedRows, json_cell, json_value
from heaptui.sources.source import Source
from heaptui.sources.text import line_blocks
from heaptui.sources.validity import sift

SAMPLE_ROWS = 100_000
SAMPLE_CELLS = 600_000
"""Facts about columns are exact up to about so many rows and cells, and from the beginning of the source beyond."""

COUNTED_BYTES = 256 * 1024 * 1024
"""Rows of larger sources are estimated from their beginning."""

EXAMPLES = 6
_LOOKED_AT = 1_000


class ColumnFacts(Struct, frozen=True):
    """What a column holds. Counts are of the rows looked at.

    Attributes:
        filled: share of rows with a value, 0 to 1.
        repeated: values that stood in an earlier row already.
        looks: "7 digits", "e-mail", "UUID", "Heap's own id", "phone" or "text".
        examples: the first values, as they stand.
    """

    name: str
    index: int
    examples: tuple[str, ...]
    filled: float
    repeated: int
    looks: str
    damage: Damage

    @property
    def example(self) -> str:
        """The first value."""
        return self.examples[0] if self.examples else ""


class Inspection(Struct, frozen=True):
    """What the import dialog shows before anything is imported.

    Attributes:
        rows: without the header; an estimate unless `rows_exact`.
        rows_looked_at: the rows that the facts about columns are from.
        broken: rows, of those, that could not be taken apart.
        best: the place of the column that is most likely the id.
        first_rows: as they stand.
    """

    name: str
    format: Format
    size: int
    modified_at: float | None
    rows: int
    rows_exact: bool
    rows_looked_at: int
    broken: int
    columns: tuple[ColumnFacts, ...]
    best: int
    first_rows: tuple[tuple[str, ...], ...]


def inspect_source(
    source: Source,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    id_column: str | None = None,
) -> Inspection:
    """Detect the format (what is given is not guessed) and look at the rows.

    Raises:
        UsageError: as `detect_format`.
    """
    layout = detect_format(source, encoding=encoding, delimiter=delimiter, header=header, id_column=id_column)
    seen = _Seen(layout)
    bytes_read = 0

    def count(raw: bytes) -> None:
        nonlocal bytes_read
        bytes_read += len(raw)

    stream = source.open()
    try:
        blocks = line_blocks(stream, layout.encoding, bare_cr=layout.bare_cr, on_bytes=count)
        rows, exact = _count_rows(source, seen, blocks, lambda: bytes_read)
    finally:
        source.done(stream)
    looked_at = seen.count
    facts = tuple(seen.facts(index) for index in range(len(layout.columns)))
    scores = [likeliness(fact.name, fact.looks, fact.filled, fact.repeated / max(looked_at, 1)) for fact in facts]
    return Inspection(
        name=source.name,
        format=layout,
        size=source.size,
        modified_at=source.modified_at,
        rows=rows,
        rows_exact=exact,
        rows_looked_at=looked_at,
        broken=seen.broken,
        columns=facts,
        best=scores.index(max(scores)),
        first_rows=tuple(tuple(row) for row in seen.rows[:EXAMPLES]),
    )


def _count_rows(
    source: Source, seen: _Seen, blocks: Iterator[tuple[int, str]], bytes_read: Callable[[], int]
) -> tuple[int, bool]:
    """Let the first blocks be seen; then the number of all rows, and whether it is exact."""
    lines_seen, more, exact = -seen.layout.header_line, 0, True
    for first_line, block in blocks:
        lines = block.count("\n") + 1
        if not seen.enough:
            seen.look(first_line, block)
            lines_seen += lines
            continue
        more += lines
        exact = exact and (seen.layout.is_json or '"' not in block)
        if source.size > COUNTED_BYTES:
            lines_of_all = (lines_seen + more) * source.size / bytes_read()
            return round(lines_of_all * seen.count / lines_seen), False
    seen.finish(whole=not more)
    return seen.count + (more if exact else round(more * seen.count / lines_seen)), exact


class _Seen:
    """The rows looked at, cell by cell."""

    def __init__(self, layout: Format) -> None:
        self.layout = layout
        self.rows: list[Sequence[str]] = []
        self.lines: list[int] = []
        self.broken = 0
        self._table = SeparatedRows(layout.delimiter)

    @property
    def count(self) -> int:
        return len(self.rows) + self.broken

    @property
    def enough(self) -> bool:
        return len(self.rows) >= min(SAMPLE_ROWS, SAMPLE_CELLS // len(self.layout.columns))

    def look(self, first_line: int, block: str) -> None:
        if not self.layout.is_json:
            self._take(self._table.feed(first_line, block))
            return
        for line, text in enumerate(block.split("\n"), first_line):
            try:
                self.rows.append(self._json_row(text))
                self.lines.append(line)
            except ValueError:
                self.broken += 1

    def finish(self, *, whole: bool) -> None:
        if whole:
            self._take(self._table.finish())

    def _take(self, rows: Rows) -> None:
        for line, row in zip(rows.lines, rows.cells, strict=True):
            if line > self.layout.header_line:
                self.lines.append(line)
                self.rows.append(row)
        self.broken += sum(row.line > self.layout.header_line for row in rows.broken)

    def _json_row(self, text: str) -> Sequence[str]:
        value = json_value(text) if text.strip() else ""
        if self.layout.layout is Layout.JSON_VALUES:
            return (json_cell(value, None)[0] or "",)
        return [json_cell(value, key)[0] or "" for key in self.layout.columns]

    def facts(self, index: int) -> ColumnFacts:
        cells = [row[index] if index < len(row) else "" for row in self.rows]
        values, lines, _ = sift(cells, self.lines)
        damage = Damage()
        damage.look(values, lines, json=self.layout.is_json)
        filled = len(cells) - cells.count("")
        return ColumnFacts(
            name=self.layout.columns[index],
            index=index,
            examples=tuple(values[:EXAMPLES]),
            filled=filled / len(cells) if cells else 0.0,
            repeated=len(values) - len(set(values)),
            looks=looks_like(values[:: 1 + len(values) // _LOOKED_AT]),
            damage=damage,
        )
