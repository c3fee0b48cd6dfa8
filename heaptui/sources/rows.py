"""Lines to rows: separated values with quotes, and JSON lines. A broken row costs itself, never its neighbours."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

NOT_CLOSED = "quotes do not match"
NO_COLUMN = "no such column in this row"
TOO_LONG = "too long"
NOT_JSON = "not JSON"
NOT_A_VALUE = "neither text nor a number"

_NO_DELIMITER = "\x1f"
_STRAY_CR = "\x0b"
_CUT_SHORT = "unexpected end of data"


class Broken(NamedTuple):
    """A row that has no id to judge."""

    line: int
    reason: str
    text: str


class Rows(Struct, frozen=True):
    """Rows in their order, the line each begins on, and what could not be taken apart."""

    lines: Sequence[int]
    cells: list[list[str]]
    broken: list[Broken]


class SeparatedRows:
    """Takes blocks of whole lines apart as RFC 4180 says, with any delimiter; "" means one value per line."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter or _NO_DELIMITER
        self._one_column = not delimiter
        self._open: list[str] = []
        self._open_line = 0

    @property
    def inside_quotes(self) -> bool:
        """Whether the last row goes on in the next block."""
        return bool(self._open)

    def feed(self, first_line: int, block: str) -> Rows:
        """The rows that end in this block."""
        lines = [f"{line}\n" for line in block.replace("\r", _STRAY_CR).split("\n")]
        if self._open:
            lines = self._open + lines
            first_line, self._open = self._open_line, []
        return self._take_apart(first_line, lines, final=False)

    def finish(self) -> Rows:
        """The rows left when there is no more."""
        lines, self._open = self._open, []
        return self._take_apart(self._open_line, lines, final=True)

    def _take_apart(self, first_line: int, lines: list[str], *, final: bool) -> Rows:
        try:
            cells = list(csv.reader(lines, delimiter=self._delimiter, strict=True))
        except csv.Error:
            return self._carefully(first_line, lines, final=final)
        if len(cells) != len(lines):
            return self._carefully(first_line, lines, final=final)
        return Rows(range(first_line, first_line + len(lines)), self._joined(cells), [])

    def _carefully(self, first_line: int, lines: list[str], *, final: bool) -> Rows:
        starts: list[int] = []
        cells: list[list[str]] = []
        broken: list[Broken] = []
        position = 0
        while position < len(lines):
            rest = map(lines.__getitem__, range(position, len(lines)))
            reader = csv.reader(rest, delimiter=self._delimiter, strict=True)
            start = position
            try:
                for row in reader:
                    starts.append(first_line + start)
                    cells.append(row)
                    start = position + reader.line_num
                position = len(lines)
            except csv.Error as error:
                if str(error) == _CUT_SHORT and not final:
                    self._open, self._open_line = lines[start:], first_line + start
                    break
                reason = NOT_CLOSED if '"' in lines[start] else TOO_LONG
                broken.append(Broken(first_line + start, reason, lines[start].rstrip("\n")))
                position = start + 1
        return Rows(starts, self._joined(cells), broken)

    def _joined(self, cells: list[list[str]]) -> list[list[str]]:
        if self._one_column and max(map(len, cells), default=0) > 1:
            return [[_NO_DELIMITER.join(row)] if len(row) > 1 else row for row in cells]
        return cells


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


_decode = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant).raw_decode


def json_value(line: str) -> Any:
    """One JSON value; numbers become their literal text, so that no digit is lost.

    Raises:
        ValueError: not one JSON value, or nested too deeply.
    """
    bare = line.strip(" \t\r")
    try:
        value, end = _decode(bare)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if end != len(bare):
        raise ValueError("more than one value")
    return value


def json_cell(value: Any, key: str | None) -> tuple[str | None, str]:
    """The id in a JSON value, or in an object under the key: (its text, ""), or (None, what is wrong)."""
    if isinstance(value, str) and key is None:
        return value, ""
    if value is None or value == "":
        return "", ""
    if key is not None:
        if not isinstance(value, dict) or key not in value:
            return None, NO_COLUMN
        return json_cell(value[key], None)
    return None, NOT_A_VALUE


def json_cells(first_line: int, lines: Iterable[str], key: str | None) -> tuple[list[int], list[str], list[Broken]]:
    """Of each line the id in it: numbers of the lines, ids, and the lines that have none."""
    numbers: list[int] = []
    cells: list[str] = []
    broken: list[Broken] = []
    for number, line in enumerate(lines, first_line):
        try:
            value = json_value(line) if line.strip() else ""
        except ValueError:
            broken.append(Broken(number, NOT_JSON, line))
            continue
        cell, problem = json_cell(value, key)
        if cell is None:
            broken.append(Broken(number, problem, line))
        else:
            numbers.append(number)
            cells.append(cell)
    return numbers, cells, broken
