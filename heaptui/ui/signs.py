"""Signs, numbers, times and names as every screen shows them. Pure text, measured in cells."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from heaptui.model.cohorts import Cohort, CohortState
from heaptui.model.runs import DeliveryState

_ASCII = {
    "✓": "ok", "●": "*", "○": "o", "■": "#", "✗": "x", "▶": ">", "⏸": "=", "▸": ">", "─": "-", "│": "|",
    "━": "#", "█": "#", "·": ".", "›": ">", "≈": "~", "…": "..", "−": "-", "→": "->", "≤": "<=",
    "┌": "+", "┐": "+", "└": "+", "┘": "+", "┤": "|", "├": "+", "≥": ">=",
}  # fmt: skip
BLOCKS = "▁▂▃▄▅▆▇█"

COHORT_SIGNS = {
    CohortState.NEW: ("○", "new", ""),
    CohortState.PENDING: ("●", "to sync", "accent"),
    CohortState.SYNCED: ("✓", "synced", "good"),
    CohortState.HELD: ("■", "held", "attention"),
    CohortState.ON_HOLD: ("■", "on hold", "attention"),
    CohortState.QUIET: ("!", "quiet", "attention"),
    CohortState.RETIRED: ("✗", "retired", ""),
}

_RUN_GLYPHS = {
    DeliveryState.PLANNED: "○",
    DeliveryState.RUNNING: "▶",
    DeliveryState.WAITING: "⏸",
    DeliveryState.FINISHED: "✓",
    DeliveryState.FINISHED_WITH_REJECTIONS: "!",
    DeliveryState.INCOMPLETE: "✗",
    DeliveryState.STOPPED: "✗",
    DeliveryState.CANCELLED: "✗",
    DeliveryState.HELD: "■",
}
RUN_SIGNS = {state: (glyph, state.word) for state, glyph in _RUN_GLYPHS.items()}

RUN_TONES = {
    DeliveryState.STOPPED: "bad",
    DeliveryState.INCOMPLETE: "bad",
    DeliveryState.HELD: "attention",
    DeliveryState.WAITING: "attention",
    DeliveryState.FINISHED_WITH_REJECTIONS: "attention",
    DeliveryState.FINISHED: "good",
}


_plain = bool(os.environ.get("HEAPTUI_ASCII"))


def plain_signs() -> bool:
    """Whether this terminal wants signs of plain ASCII."""
    return _plain


def use_plain_signs(*, plain: bool = True) -> None:
    """From now on signs are plain ASCII, or not."""
    global _plain  # noqa: PLW0603 - one terminal for each process
    _plain = plain


def sign(text: str) -> str:
    """The text with its signs as this terminal can show them."""
    if not plain_signs():
        return text
    return "".join(_ASCII.get(character, character) for character in text)


def safe(text: str) -> str:
    """Text from outside with control characters made visible."""
    return "".join(character if character.isprintable() else "␛" for character in text)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly `width` cells: cut with an ellipsis, or padded."""
    if cell_len(text) > width:
        return set_cell_size(text, max(0, width - 1)) + "…" if width > 0 else ""
    gap = " " * (width - cell_len(text))
    return gap + text if right else text + gap


_LABEL = re.compile(r" *(?:\d+|\S+(?: \S+){0,2})  +(?=\S)| +")


def wrap(line: str, width: int, indent: int | None = None) -> list[str]:
    """The line in pieces of at most `width` cells, broken between words, and within those that are too long.

    What goes on below is indented; without a number it stands behind its label, or under its first letter.
    """
    # What is hidden has no width, and is told all the same.
    width = max(1, width)
    if len(line) <= width and cell_len(line) <= width:
        return [line]
    if indent is None:
        label = _LABEL.match(line)
        indent = cell_len(label[0]) if label else 0
    lead = " " * (indent if indent < width // 2 else 0)
    pieces: list[str] = []
    current = ""
    # A number keeps its percent sign.
    for word in re.findall(r" *[^ ]+(?: %\S*)?", line):
        if cell_len(current) + min(len(word), 2 * width) <= width and cell_len(current + word) <= width:
            current += word
            continue
        if current.strip():
            pieces.append(current)
            current = lead + word.lstrip(" ")
        else:
            current += word
        # An answer without a blank may have tens of thousands of letters: only as many as fit are measured.
        while len(current) > width or cell_len(current) > width:
            end = min(len(current), max(1, width))
            while end > 1 and cell_len(current[:end]) > width:
                end -= 1
            pieces.append(current[:end])
            current = lead + current[end:]
    return [*pieces, current]


def short_path(path: Path) -> str:
    """The path with ~ for the home of the user."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def people(count: int) -> str:
    """A count with thousands separators."""
    return f"{count:,}"


WAITING_WIDTH = 13
"""Cells for who waits to join and to leave."""


def waiting(adds: int, removes: int) -> str:
    """+1,204 −310, shorter where that is wider than its column, or a dot when nothing waits."""
    parts = [("+", adds)] if adds else []
    parts += [("−", removes)] if removes else []
    exact = " ".join(f"{sign}{count:,}" for sign, count in parts)
    if len(exact) > WAITING_WIDTH:
        return " ".join(f"{sign}{short(count)}" for sign, count in parts)
    return exact or "·"


def age(at: float | None, now: float | None = None) -> str:
    """How long ago, in one unit."""
    if at is None:
        return "never"
    seconds = max(0.0, (time.time() if now is None else now) - at)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"


def clock(at: float) -> str:
    """Local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def day_and_time(at: float) -> str:
    """Today as such, other days by date."""
    local, today = time.localtime(at), time.localtime()
    day = "today" if local[:3] == today[:3] else time.strftime("%-d %b", local)
    return f"{day} {time.strftime('%H:%M', local)}"


def utc(at: float) -> str:
    """The same moment for people in other places; nothing where the clock is that of UTC anyway."""
    if not time.localtime(at).tm_gmtoff:
        return ""
    return (
        f"{time.strftime('%H:%M:%S %Z', time.localtime(at))} is {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at))}"
    )


def bar(done: int, total: int, width: int) -> str:
    """A progress bar of exactly `width` cells; full only when everything is done."""
    filled = width if total == 0 or done >= total else min(width - 1, int(width * done / total))
    return "━" * filled + "─" * (width - filled)


def sparkline(values: list[float], width: int) -> str:
    """The last values as blocks."""
    shown = values[-width:]
    highest = max(shown, default=0)
    if not highest:
        return "▁" * len(shown)
    return "".join(BLOCKS[min(7, int(8 * value / highest))] for value in shown)


def chart(values: Sequence[float], width: int, height: int) -> list[str]:
    """Columns of eighths of a cell, the newest on the right, with the highest value and 0 on the left."""
    top = max(values, default=0)
    if not top:
        return []
    mark = short(top)
    room = max(1, width - cell_len(mark) - 3)
    shown = list(values)[-room:]
    eighths = [round(8 * height * value / top) for value in shown]
    lines = []
    for row in reversed(range(height)):
        label = mark if row == height - 1 else "0" if row == 0 else ""
        columns = "".join(_column(max(0, min(8, filled - 8 * row)), bottom=row == 0) for filled in eighths)
        lines.append(f"{label.rjust(cell_len(mark))} ┤{columns}")
    return lines


def _column(eighths: int, *, bottom: bool) -> str:
    if eighths:
        return BLOCKS[eighths - 1]
    return BLOCKS[0] if bottom else " "


def short(count: float) -> str:
    """12,345 as 12k, for the edge of a chart."""
    for unit, size in (("M", 1_000_000), ("k", 1000)):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + unit if count < 10 * size else f"{count / size:.0f}{unit}"
    return f"{count:.0f}"


def rule(title: str, verdict: str, width: int, *, line: str = "─") -> str:
    """`─ title ──── verdict ─`, exactly `width` cells; the verdict is cut last."""
    left = f"{line} {title} " if title else ""
    right = f" {verdict} {line}" if verdict else ""
    room = width - cell_len(left) - cell_len(right)
    if room < 1:
        left = fit(left.rstrip(), max(0, width - cell_len(right) - 1)) + " "
        room = width - cell_len(left) - cell_len(right)
    return fit(left + line * max(0, room) + right, width)


def cohort_state(cohort: Cohort) -> tuple[str, str]:
    """The sign with its word, and the theme colour that goes with it."""
    if cohort.sending:
        return "▶ sending", "accent"
    glyph, word, colour = COHORT_SIGNS[cohort.state]
    return f"{glyph} {word}", colour


def duration(seconds: float) -> str:
    """0.9 s, or 1:05."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
