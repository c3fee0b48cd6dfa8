"""Named facts with long texts, wrapped by cells beside their names."""

from __future__ import annotations

from collections.abc import Sequence

from heaptui.ui.signs import fit, safe, wrap
from heaptui.ui.widgets.fitted import FittedPane

NAME_CELLS = 11


class FactsPane(FittedPane):
    """Lines of (name, text); a text without a name stands at the left edge, one named " " under the one before."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._facts: Sequence[tuple[str, str]] = ()

    @property
    def text(self) -> str:
        """What is shown, one fact a line."""
        return "\n".join(f"{fit(name, NAME_CELLS)}{text}" if name else text for name, text in self._facts)

    def tell(self, facts: Sequence[tuple[str, str]]) -> None:
        """Show these facts."""
        if facts != self._facts:
            self._facts = list(facts)
            self.show_anew()

    def broken(self, width: int) -> list[str]:
        """Each text beside its name."""
        lines: list[str] = []
        for name, text in self._facts:
            indent = NAME_CELLS if name else None
            told = (fit(safe(name), NAME_CELLS) if name else "") + safe(text)
            lines += wrap(told, width, indent)
        return lines
