"""Pictures of the terminal that look right in every viewer."""

from __future__ import annotations

import html
import re
from typing import Any

from rich.cells import cell_len

CELL = 12.2
"""Width of one cell in the pictures that Textual exports."""

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
    """Place each word by itself.

    Viewers differ in leading blanks, in the widths of Japanese characters and in whether they obey `textLength`, so a
    whole line as one text would come out shifted.
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
            shape = f'class="{style}" x="{left:.1f}" y="{y}" textLength="{width:.1f}" {clip}'
            pieces.append(f"<text {shape}>{html.escape(run)}</text>")
            at += len(run)
    return "".join(pieces)


def _runs(word: str) -> list[str]:
    """The word, with every wide character by itself: fonts seldom make it exactly two cells wide."""
    runs: list[str] = []
    for character in word:
        if runs and cell_len(character) == cell_len(runs[-1][-1]) == 1:
            runs[-1] += character
        else:
            runs.append(character)
    return runs
