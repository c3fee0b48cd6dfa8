"""Pictures of the terminal that look right in every viewer."""

from __future__ import annotations

import html
import re
from typing import Any

from rich.cells import cell_len

CELL, LINE, RISE = 12.2, 24.4, 18.5
"""Width and height of one cell in the pictures that Textual exports, and how far its top is above the baseline."""

_ARMS = {"─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu", "├": "udr", "┤": "udl"}
"""Where a line leaves its cell: left, right, up, down."""
_THIN, _THICK = 1.4, 4.0
_BLOCKS = "▁▂▃▄▅▆▇█"
_STRETCHED = f"─━{_BLOCKS}"
"""Signs that may be drawn any number of cells wide at once."""
_ALONE = {*_ARMS, "⏸"}

_TEXT = re.compile(
    r'<text class="([^"]+)" x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+" (clip-path="[^"]+")>([^<]*)</text>'
)
_WORD = re.compile(r"\S+")


def picture_of(app: Any, title: str = "heaptui") -> str:
    """The screen as SVG, without fonts that a viewer would have to fetch, every word at its cell."""
    picture = app.export_screenshot(title=title)
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    return aligned(picture)


def aligned(picture: str) -> str:
    """Place each word by itself, and draw lines and blocks as shapes.

    Viewers differ in leading blanks, in the widths of Japanese characters and in whether they obey `textLength`, so a
    whole line as one text would come out shifted, and lines and charts with gaps.
    """
    return _TEXT.sub(lambda found: _placed(*found.groups()), picture)


def lines_of_picture(picture: str) -> list[str]:
    """The text of a picture, line by line."""
    lines: dict[float, list[tuple[float, str]]] = {}
    for found in _TEXT.finditer(picture):
        _, x, y, _, content = found.groups()
        lines.setdefault(float(y), []).append((float(x), html.unescape(content)))
    return [" ".join(text for _, text in sorted(lines[y])) for y in sorted(lines)]


def _placed(style: str, x: str, y: str, clip: str, content: str) -> str:
    text = html.unescape(content).replace("\u00a0", " ")
    pieces = []
    for found in _WORD.finditer(text):
        at = found.start()
        for run in _runs(found[0]):
            left = float(x) + cell_len(text[:at]) * CELL
            width = cell_len(run) * CELL
            # Blocks without seams between them; a thin line would be one pixel here and two there.
            crisp = ' shape-rendering="crispEdges"' if run[0] in _BLOCKS else ""
            if shapes := _shapes(run[0], left, width, float(y) - RISE):
                pieces += [
                    f'<rect class="{style}" x="{across:.1f}" y="{down:.1f}" width="{wide:.1f}" height="{high:.1f}"'
                    f"{crisp}/>"
                    for across, down, wide, high in shapes
                ]
            else:
                shape = f'class="{style}" x="{left:.1f}" y="{y}" textLength="{width:.1f}" {clip}'
                pieces.append(f"<text {shape}>{html.escape(run)}</text>")
            at += len(run)
    return "".join(pieces)


def _shapes(sign: str, left: float, width: float, top: float) -> list[tuple[float, float, float, float]]:
    """A run of one sign as rectangles (x, y, width, height); none where it is not drawn but written."""
    if sign in _BLOCKS:
        height = LINE * (1 + _BLOCKS.index(sign)) / len(_BLOCKS)
        return [(left, top + LINE - height, width, height)]
    if sign == "━":
        return [(left, top + (LINE - _THICK) / 2, width, _THICK)]
    if sign == "⏸":
        # Few fonts have it.
        return [(left + width * at, top + LINE / 4, width / 5, LINE / 2) for at in (0.2, 0.6)]
    middle, half = top + LINE / 2, _THIN / 2
    shapes = []
    for arm in _ARMS.get(sign, ""):
        if arm in "lr":
            start, end = (left, left + width / 2 + half) if arm == "l" else (left + width / 2 - half, left + width)
            shapes.append((start, middle - half, end - start, _THIN))
        else:
            start = top if arm == "u" else middle
            shapes.append((left + width / 2 - half, start, _THIN, LINE / 2))
    return shapes


def _runs(word: str) -> list[str]:
    """The word in pieces: equal lines and blocks together, other drawn signs and wide characters by themselves, since
    fonts seldom make those exactly two cells wide.
    """
    runs: list[str] = []
    for character in word:
        if runs and _goes_on(runs[-1][-1], character):
            runs[-1] += character
        else:
            runs.append(character)
    return runs


def _goes_on(before: str, character: str) -> bool:
    if character in _STRETCHED or before in _STRETCHED:
        return before == character
    return not {character, before} & _ALONE and cell_len(before) == cell_len(character) == 1
