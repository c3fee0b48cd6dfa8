"""Signs that ids are not what was meant, mostly by a spreadsheet: counted, located, never repaired."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec import Struct, field

FEW = 5
"""How many line numbers are kept of each sign."""

_ROUNDED = re.compile(r"\n-?\d(?:\.\d+)?[eE]\+\d+(?=\n)")
_JSON_FLOAT = re.compile(r"\n-?\d+(?:\.\d+)?[eE][+-]?\d+(?=\n)")
_DECIMAL = re.compile(r"\n-?\d+\.00?(?=\n)")
_WIDE_DIGIT = re.compile("[０-９]")
_WIDE = re.compile(r"\n[^\n]*[０-９][^\n]*(?=\n)")
_LEADING_ZERO = re.compile(r"\n0[0-9]+(?=\n)")
_BLANK_AROUND = re.compile(r"\n(?:[^\S\n][^\n]*|[^\n]*[^\S\n])(?=\n)")
_NOTHING = {
    "null",
    "NULL",
    "Null",
    "None",
    "none",
    "NONE",
    "N/A",
    "n/a",
    "NA",
    "#N/A",
    "NaN",
    "nan",
    "nil",
    "undefined",
    "\\N",
}
_NO_VALUE = re.compile(rf"\n(?:{'|'.join(map(re.escape, sorted(_NOTHING)))})(?=\n)")
_MAIL = re.compile(r"\n[^\n@]+@[^\n@]+(?=\n)")
_USUAL_SHARE = 0.8
_ENOUGH = 10


class Sightings(Struct):
    """How often something was seen, and on which lines first."""

    count: int = 0
    lines: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.count > 0

    def add(self, count: int, lines: Iterator[int]) -> None:
        """Count more, and take lines while there are few."""
        self.count += count
        self.lines.extend(islice(lines, FEW - len(self.lines)))


class Damage(Struct):
    """What is odd about ids that are valid as they stand.

    Attributes:
        rounded: ``1.23E+15``: the digits are lost; in JSON also ``1e3``.
        decimal: ``123.0``: a number where text was meant.
        wide: full-width digits, ``１２３``.
        leading_zero: digits that begin with 0; kept here, dropped by Excel when it opens the file.
        blanks: blanks before or after; they are kept, and Braze compares them.
        nothing: a word that programs write where there is no value, such as ``null``.
        mails: e-mail addresses among other values.
    """

    rounded: Sightings = field(default_factory=Sightings)
    decimal: Sightings = field(default_factory=Sightings)
    wide: Sightings = field(default_factory=Sightings)
    leading_zero: Sightings = field(default_factory=Sightings)
    blanks: Sightings = field(default_factory=Sightings)
    nothing: Sightings = field(default_factory=Sightings)
    mails: Sightings = field(default_factory=Sightings)
    _seen: int = 0
    _widths: dict[int, Sightings] = field(default_factory=dict)

    def look(self, values: list[str], lines: Sequence[int], *, json: bool = False) -> None:
        """Count the signs in values without line ends; `lines` are their line numbers."""
        if not values:
            return
        self._seen += len(values)
        padded = "\n".join(["", *values, ""])
        foreign = not padded.isascii()
        if json:
            _spot(self.rounded, _JSON_FLOAT, padded, lines)
        elif "E+" in padded or "e+" in padded:
            _spot(self.rounded, _ROUNDED, padded, lines)
        if ".0" in padded:
            _spot(self.decimal, _DECIMAL, padded, lines)
        if "\n0" in padded:
            _spot(self.leading_zero, _LEADING_ZERO, padded, lines)
        if foreign and _WIDE_DIGIT.search(padded):
            _spot(self.wide, _WIDE, padded, lines)
        if foreign or "\n " in padded or " \n" in padded:
            _spot(self.blanks, _BLANK_AROUND, padded, lines)
        all_digits = not foreign and padded.replace("\n", "").isdigit()
        if not all_digits and not _NOTHING.isdisjoint(values):
            _spot(self.nothing, _NO_VALUE, padded, lines)
        if 0 < padded.count("@") < len(values):
            _spot(self.mails, _MAIL, padded, lines)
        self._measure(values, lines, all_digits=all_digits)

    def _measure(self, values: list[str], lines: Sequence[int], *, all_digits: bool) -> None:
        digits = values if all_digits else [value for value in values if value.isdecimal()]
        for width, count in Counter(map(len, digits)).items():
            seen = self._widths.setdefault(width, Sightings())
            seen.add(
                count,
                (
                    line
                    for value, line in zip(values, lines, strict=True)
                    if len(value) == width and (all_digits or value.isdecimal())
                ),
            )

    @property
    def usual_width(self) -> int:
        """How many digits most ids have; 0 unless nearly all ids are digits and of one width, none longer."""
        digits = sum(seen.count for seen in self._widths.values())
        if digits < _ENOUGH or digits < self._seen * _USUAL_SHARE:
            return 0
        widest = max(self._widths)
        return widest if self._widths[widest].count >= digits * _USUAL_SHARE else 0

    @property
    def maybe_lost_zeros(self) -> Sightings:
        """Ids with fewer digits than usual while none begins with 0: Excel may have dropped their zeros."""
        usual = self.usual_width
        if not usual or self.leading_zero:
            return Sightings()
        shorter = [seen for width, seen in self._widths.items() if width < usual]
        return Sightings(
            sum(seen.count for seen in shorter), sorted(line for seen in shorter for line in seen.lines)[:FEW]
        )

    def __bool__(self) -> bool:
        return any((self.rounded, self.decimal, self.wide, self.blanks, self.nothing, self.maybe_lost_zeros))


def _spot(seen: Sightings, pattern: re.Pattern[str], padded: str, lines: Sequence[int]) -> None:
    """Count matches; each begins at the line end before its value, so that the line ends before it number the value."""
    count = sum(1 for _ in pattern.finditer(padded))
    if count:
        seen.add(count, (lines[padded.count("\n", 0, match.start())] for match in pattern.finditer(padded)))
