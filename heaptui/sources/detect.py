"""The format of a source: encoding, line ends, layout, delimiter, header and columns."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from msgspec import Struct

from heaptui.errors import UsageError
from heaptui.sources.columns import is_header, plain_name
from heaptui.sources.rows import Broken, SeparatedRows, json_value
from heaptui.sources.source import Source
from heaptui.sources.text import BYTE_ORDER_MARK, MARK_UNDECODABLE, detect_encoding, encoding_name, known_encoding

_SAMPLE_BYTES = 256 * 1024
_SAMPLE_LINES = 400
_DELIMITERS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe"}
_JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
_JSON_BEGINS = re.compile(r"\s*[\[{]\s*(?:[\[{\"]|$)")
_MARKUP = re.compile(r"\s*<(?:(?P<declared>\?xml|!doctype|html|svg)\b|[A-Za-z][\w:.-]*(?=[\s/>])|!--)", re.IGNORECASE)
_MARKUP_KINDS = {"HTML": "<html", "SVG, a picture": "<svg"}
_CLOSED = re.compile(r"</[A-Za-z]|/>|-->")
_MANY = 20
_RAGGED = 0.7
"""What a row of another width says for a delimiter, compared with one as wide as the first row."""


class Layout(StrEnum):
    """How ids stand in a source."""

    SEPARATED = "separated"
    JSON_VALUES = "json values"
    JSON_OBJECTS = "json objects"


class Format(Struct, frozen=True):
    """How to read a source.

    Attributes:
        encoding: a Python codec.
        delimiter: one character; "" when each line is one value.
        header_line: the line the names of the columns stand on; 0 without a header.
        bare_cr: lines end with a carriage return alone.
        columns: names of the columns; "column 1" and so on without a header.
    """

    layout: Layout
    encoding: str
    delimiter: str = ""
    header_line: int = 0
    bare_cr: bool = False
    columns: tuple[str, ...] = ("column 1",)

    @property
    def encoding_name(self) -> str:
        """For people: "UTF-8", "CP932"."""
        return encoding_name(self.encoding)

    @property
    def layout_name(self) -> str:
        """For people: "comma", "tab", "one id per line", "JSON lines"."""
        if self.layout is not Layout.SEPARATED:
            return "JSON lines"
        return _DELIMITERS.get(self.delimiter, self.delimiter) if self.delimiter else "one id per line"

    def column_index(self, wanted: str) -> int:
        """The place of a column by its name (exact, then without case and signs), or by its number, from 1.

        Raises:
            UsageError: there is none, or more than one.
        """
        for same in (str, plain_name):
            found = [index for index, name in enumerate(self.columns) if same(name) == same(wanted)]
            if len(found) == 1:
                return found[0]
            if found:
                places = " and ".join(str(index + 1) for index in found)
                raise UsageError(
                    f"More than one column is called {wanted}.", f"They are columns {places}.", "Give the number."
                )
        if wanted.isdecimal() and 1 <= int(wanted) <= len(self.columns):
            return int(wanted) - 1
        names = ", ".join(self.columns[:_MANY])
        near = get_close_matches(wanted, self.columns, 1)
        raise UsageError(
            f"There is no column {wanted}.", f"The columns are {names}.", f"Did you mean {near[0]}?" if near else ""
        )

    @property
    def is_json(self) -> bool:
        """Whether each line is a JSON value."""
        return self.layout is not Layout.SEPARATED


def detect_format(
    source: Source,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    id_column: str | None = None,
) -> Format:
    """How to read the source. What is given is not guessed.

    Args:
        delimiter: "" means one value per line.
        id_column: the name of a column; when it stands in the first row, that row is a header.

    Raises:
        UsageError: an unknown encoding, JSON that is no lines of values, or all ids on one line.
    """
    codec = known_encoding(encoding) if encoding else detect_encoding(source)
    text, bare_cr = _sample(source, codec)
    lines = text.rstrip("\n").split("\n")[:_SAMPLE_LINES]
    if delimiter is None:
        _refuse_markup(source, text)
    json = _json_layout(source, lines) if delimiter is None else None
    if json is not None:
        layout, keys = json
        return Format(layout, codec, bare_cr=bare_cr, columns=keys)
    separator = _delimiter(lines) if delimiter is None else delimiter
    header_line, names = _header(lines, separator, header, id_column)
    return Format(Layout.SEPARATED, codec, separator, header_line, bare_cr, names)


def _sample(source: Source, codec: str) -> tuple[str, bool]:
    r"""Whole lines from the beginning, joined by ``\n``, and whether a carriage return alone ends them."""
    stream = source.open()
    try:
        raw = stream.read(_SAMPLE_BYTES)
    finally:
        source.done(stream)
    text = codecs.getincrementaldecoder(codec)(MARK_UNDECODABLE).decode(raw)
    text = text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n")
    bare_cr = "\r" in text[:-1] and "\n" not in text
    if bare_cr:
        text = text.replace("\r", "\n")
    if source.size > _SAMPLE_BYTES and "\n" in text:
        text = text[: text.rindex("\n")]
    return text, bare_cr


def _refuse_markup(source: Source, text: str) -> None:
    """Every line of a page or a picture would be a valid id.

    Raises:
        UsageError: this is XML, SVG or HTML.
    """
    found = _MARKUP.match(text)
    if found is None or not (found["declared"] or _CLOSED.search(text)):
        return
    kind = next((name for name, tag in _MARKUP_KINDS.items() if tag in text.lower()), "XML")
    raise UsageError(
        f"This looks like {kind}, not ids.",
        f"{source.name} begins with {found[0].strip()}. Nothing was changed.",
        "Export the ids as CSV, or one id per line.",
    )


def _json_layout(source: Source, lines: Sequence[str]) -> tuple[Layout, tuple[str, ...]] | None:
    written = [line for line in lines if line.strip()]
    values = [_json_or_none(line) for line in written]
    objects = [value for value in values if isinstance(value, dict)]
    if objects and len(objects) * 2 >= len(written):
        keys = tuple(dict.fromkeys(key for value in objects for key in value))
        if not keys:
            raise UsageError("The JSON objects have no keys.", f"{source.name} holds no ids.", "Export it again.")
        return Layout.JSON_OBJECTS, keys
    if written and (isinstance(values[0], list) or (values[0] is None and _JSON_BEGINS.match(written[0]))):
        raise UsageError(
            "This is one JSON document, not JSON lines.",
            f"{source.name} begins with {written[0].strip()[:1]}. One value per line is needed.",
            "Convert it: jq -c '.[]' FILE > ids.jsonl",
        )
    readable = sum(isinstance(value, str) for value in values)
    if PurePath(source.name).suffix.lower() in _JSON_ENDINGS:
        is_json = readable * 2 >= len(written)
    else:  # quoted lines are CSV too; only escapes tell them apart
        is_json = readable == len(written) and all(line.lstrip().startswith('"') for line in written)
        is_json = is_json and any("\\" in line for line in written)
    return (Layout.JSON_VALUES, ("column 1",)) if is_json else None


def _json_or_none(line: str) -> Any:
    try:
        return json_value(line)
    except ValueError:
        return None


def _rows(lines: Sequence[str], delimiter: str) -> tuple[list[tuple[int, list[str]]], list[Broken]]:
    """Rows that are not blank, with their lines, and those that could not be taken apart."""
    table = SeparatedRows(delimiter)
    parts = (table.feed(1, "\n".join(lines)), table.finish())
    rows = [(line, row) for part in parts for line, row in zip(part.lines, part.cells, strict=True) if any(row)]
    return rows, [row for part in parts for row in part.broken]


def _delimiter(lines: Sequence[str]) -> str:
    best, best_score = "", (0.6, 0)
    for delimiter in _DELIMITERS:
        rows, broken = _rows(lines, delimiter)
        if not rows or len(rows[0][1]) < 2:
            continue
        width = len(rows[0][1])
        same = sum(len(row) == width for _, row in rows)
        other = sum(len(row) > 1 for _, row in rows) - same + sum(delimiter in row.text for row in broken)
        score = (same + _RAGGED * other) / (len(rows) + len(broken))
        pair_of_pipes = delimiter == "|" and width == 2  # "auth0|5f7c8ec7" is one id
        if pair_of_pipes and not is_header(rows[0][1], [row for _, row in rows[1:]]):
            continue
        if (round(score, 1), width) > best_score:
            best, best_score = delimiter, (round(score, 1), width)
    return best


def _header(
    lines: Sequence[str], delimiter: str, given: bool | None, id_column: str | None
) -> tuple[int, tuple[str, ...]]:
    """The line of the header, or 0, and the names of the columns."""
    rows, _ = _rows(lines, delimiter)
    if not rows:
        return 0, ("column 1",)
    (line, first), body = rows[0], [row for _, row in rows[1:]]
    named = given if given is not None else id_column in first or is_header(first, body)
    if named:
        return line, tuple(name.strip() or f"column {number}" for number, name in enumerate(first, 1))
    if not body and len(first) >= _MANY:
        raise UsageError(
            "All ids are on one line.", f"The only line has {len(first):,} values.", "Put each id on a line of its own."
        )
    width = Counter(map(len, (first, *body))).most_common(1)[0][0]
    return 0, tuple(f"column {number}" for number in range(1, width + 1))
