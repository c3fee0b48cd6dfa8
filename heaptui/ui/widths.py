"""How wide a terminal is, in three classes by which screens are laid out."""

from __future__ import annotations

WIDE = 110
"""Cells from which two halves stand side by side."""

WIDTHS = [(0, "-narrow"), (80, "-normal"), (WIDE, "-wide")]
"""From how many cells on a screen is of which class."""


def width_class(cells: int) -> str:
    """The class of a screen of so many cells."""
    return next(name for least, name in reversed(WIDTHS) if cells >= least)
