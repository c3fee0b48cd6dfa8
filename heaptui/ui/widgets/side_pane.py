"""The right half of wide screens: titled sections, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from textual.widgets import Static

from heaptui.ui.paint import Part, assembled, parts_of, rule_parts
from heaptui.ui.signs import fit, rule, safe


@dataclass(frozen=True, slots=True)
class Section:
    """One titled part; left out when it has no lines."""

    title: str
    lines: Sequence[str] = field(default_factory=tuple)
    verdict: str = ""


class SidePane(Static):
    """Sections behind a line that separates them from the left half. Hidden below 110 columns."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id, markup=False)
        self._sections: list[Section] = []

    def tell(self, sections: Sequence[Section]) -> None:
        """Show these sections."""
        shown = [section for section in sections if section.lines]
        if shown != self._sections:
            self._sections = shown
            self.on_resize()

    def on_resize(self) -> None:
        """Cut to the width, and draw the separating line down to the bottom."""
        width, height = self.size
        if not width:
            return
        parts: list[Part] = []
        used = 0
        for section in self._sections:
            title, verdict = safe(section.title), safe(section.verdict)
            parts += [("├", "$secondary"), *rule_parts(title, verdict, rule(title, verdict, width - 1)), ("\n", "")]
            for line in section.lines:
                parts += [("│ ", "$secondary"), *parts_of(fit(safe(line), width - 2)), ("\n", "")]
            used += 1 + len(section.lines)
        parts += [("│\n" * max(0, height - used), "$secondary")]
        self.update(assembled(parts))
