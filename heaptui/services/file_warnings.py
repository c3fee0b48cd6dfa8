"""Sentences about a file of ids: what a spreadsheet may have done to it, and ids that are probably the wrong ones."""

from __future__ import annotations

from collections.abc import Sequence

from heaptui.model.identifiers import Kind, Space
from heaptui.sources import ReadReport, Sightings
from heaptui.sources.columns import EMAIL, HEAP_ID, looks_like, why_no_ids

_LOOKS = {
    EMAIL: ["The ids look like e-mail addresses. Look one up in Braze (Audience › Search Users) to be sure."],
    HEAP_ID: ["The ids look like Heap's own user ids, which Braze does not know. Look one up in Braze to be sure."],
}


def file_warnings(report: ReadReport, column: str, values: Sequence[str], space: Space) -> list[str]:
    """What is worth a look before importing; `values` are some of the ids. They are all taken as they stand."""
    if space.kind is not Kind.EXTERNAL_ID:
        return _damage(report, some_mails=False)
    looks = looks_like(values)
    return [*_LOOKS.get(looks, ()), *_no_ids(column, values), *_damage(report, some_mails=looks != EMAIL)]


def _no_ids(column: str, values: Sequence[str]) -> list[str]:
    why = why_no_ids(column, values)
    if not why:
        return []
    return [
        f"“{column}” does not look like a column of ids: {why}. Braze knows people by ids only."
        " Choose another column, or look one up in Braze (Audience › Search Users) to be sure."
    ]


def _damage(report: ReadReport, *, some_mails: bool) -> list[str]:
    damage = report.damage
    zeros = damage.maybe_lost_zeros
    sentences = (
        (damage.nothing, "like null or N/A, which stand for no value: kept as they are"),
        (damage.mails if some_mails else Sightings(), "like an e-mail address, among others that are not"),
        (damage.rounded, "rounded by a spreadsheet, like 1.23E+15: the digits are lost"),
        (damage.decimal, "ending in .0: a spreadsheet took them for numbers, and Braze compares every character"),
        (damage.wide, "with full-width digits: Braze compares every character"),
        (damage.blanks, "with blanks before or after: kept, and Braze compares them"),
        (zeros, f"with fewer than {damage.usual_width} digits: Excel may have dropped their zeros"),
        (damage.leading_zero, "beginning with 0: kept. Excel drops zeros, so compare one by eye"),
        (report.longer, "in rows with more cells than the header: often a comma in a text without quotes"),
    )
    return [f"{seen.count:,} id{'s' * (seen.count > 1)} {what} ({_lines(seen)})." for seen, what in sentences if seen]


def _lines(seen: Sightings) -> str:
    listed = ", ".join(f"{line:,}" for line in seen.lines)
    more = ", …" if seen.count > len(seen.lines) else ""
    return f"line{'s' if len(seen.lines) > 1 else ''} {listed}{more}"
