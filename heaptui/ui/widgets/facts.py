"""Named facts with long texts, wrapped by cells beside their names."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from heaptui.ui.signs import fit, safe, sign
from heaptui.ui.widgets.frame import Line

NAME_CELLS = 11


class FactsPane(Line):
    """Lines of (name, text); a text without a name stands at the left edge, one named " " under the one before."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id, classes="text-pane")
        self._facts: Sequence[tuple[str, str]] = ()

    @property
    def text(self) -> str:
        """What is shown, one fact a line."""
        return "\n".join(f"{fit(name, NAME_CELLS)}{text}" if name else text for name, text in self._facts)

    def tell(self, facts: Sequence[tuple[str, str]]) -> None:
        """Show these facts."""
        if facts != self._facts:
            self._facts = list(facts)
            self.on_resize()

    def on_resize(self) -> None:
        """Wrap to the width."""
        width = self.size.width
        if not width:
            return
        lines = []
        for name, text in self._facts:
            indent = NAME_CELLS if name else 0
            parts = wrapped(safe(text), max(10, width - indent))
            lines.append((fit(safe(name), NAME_CELLS) if indent else "") + parts[0])
            lines += [" " * indent + part for part in parts[1:]]
        self.update(sign("\n".join(lines)))


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most so many cells, broken at blanks where there are any; leading blanks stay."""
    lead = text[: len(text) - len(text.lstrip(" "))][: width // 2]
    lines: list[str] = []
    line = lead
    for word in text.split():
        joined = f"{line} {word}" if line.strip() else line + word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line.strip():
            lines.append(line)
        line = lead + word
        # An answer without a blank may have tens of thousands of letters: only as many as fit are measured.
        while len(line) > width or cell_len(line) > width:
            end = min(len(line), width)
            while cell_len(line[:end]) > width:
                end -= 1
            lines.append(line[:end])
            line = line[end:]
    return [*lines, line]
