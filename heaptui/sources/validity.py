"""The validator applied to many values at once: the same verdicts, found faster."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple

from heaptui.model.identifiers import MAX_BYTES, invalid_reason


class Refused(NamedTuple):
    """A value that Braze cannot take."""

    line: int
    reason: str
    value: str


def all_plainly_valid(values: Sequence[str]) -> bool:
    """True only when `invalid_reason` finds nothing in any value; False means that each has to be asked."""
    padded = "\n".join(["", *values, ""])
    return (
        padded.isascii()
        and padded.count("\n") == len(values) + 1
        and "\n\n" not in padded
        and "\n " not in padded
        and padded.replace("\n", "").isprintable()
        and max(map(len, values), default=0) <= MAX_BYTES
    )


def sift(values: list[str], lines: Sequence[int]) -> tuple[list[str], Sequence[int], list[Refused]]:
    """The valid values with their lines, and the others with the reason."""
    if all_plainly_valid(values):
        return values, lines, []
    reasons = list(map(invalid_reason, values))
    refused = [
        Refused(line, reason, value) for line, reason, value in zip(lines, reasons, values, strict=True) if reason
    ]
    if not refused:
        return values, lines, refused
    keep = [reason is None for reason in reasons]
    return list(compress(values, keep)), list(compress(lines, keep)), refused
