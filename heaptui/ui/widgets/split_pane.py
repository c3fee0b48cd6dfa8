"""Text that uses the width there is: on wide screens titled sections stand on the right, else between the lines."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget

from heaptui.ui.paint import Part, assembled, parts_of, rule_parts
from heaptui.ui.signs import rule, safe, wrap
from heaptui.ui.widgets.frame import TextPane


class Section(Struct, frozen=True):
    """One titled part; left out when it has no lines."""

    title: str
    lines: Sequence[str] = field(default_factory=tuple)
    verdict: str = ""
    brief: Sequence[str] | None = None
    """What stands between the lines of a narrow screen; without it, title and lines do."""

    @property
    def between(self) -> list[str]:
        """The section on a narrow screen."""
        if self.brief is not None:
            return list(self.brief)
        return ["", self.title, *self.lines] if self.lines else []


class SidePane(Widget):
    """Sections behind a line that separates them from the left half. Hidden below 110 columns."""

    def __init__(self) -> None:
        super().__init__()
        self._sections: list[Section] = []

    def tell(self, sections: Sequence[Section]) -> None:
        """Show these sections."""
        shown = [section for section in sections if section.lines]
        if shown != self._sections:
            self._sections = shown
            self.refresh()

    def render(self) -> Content:
        """What is too long broken, and the separating line down to the bottom."""
        width, height = self.size
        parts: list[Part] = []
        used = 0
        for section in self._sections:
            title, verdict = safe(section.title), safe(section.verdict)
            parts += [("├", "$secondary"), *rule_parts(title, verdict, rule(title, verdict, width - 1)), ("\n", "")]
            lines = [part for line in section.lines for part in wrap(safe(line), width - 3)]
            for line in lines:
                parts += [("│ ", "$secondary"), *parts_of(line), ("\n", "")]
            used += 1 + len(lines)
        parts += [("│\n" * max(0, height - used), "$secondary")]
        return assembled(parts)


class SplitPane(Horizontal):
    """Lines on the left, sections on the right; on narrow screens one below the other."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._top: Sequence[str] = ()
        self._sections: Sequence[Section] = ()
        self._rest: Sequence[str] = ()

    def compose(self) -> ComposeResult:
        """Both halves."""
        with VerticalScroll(can_focus=False):
            yield TextPane()
        yield SidePane()

    def tell(self, top: Sequence[str], sections: Sequence[Section] = (), rest: Sequence[str] = ()) -> None:
        """Show lines, sections, and lines that come after the sections where there is one column."""
        self._top, self._sections, self._rest = top, sections, rest
        self._show()

    def on_resize(self) -> None:
        """Another width may mean another layout."""
        self._show()

    @property
    def side_width(self) -> int:
        """Cells of a line in the right half; those of the whole where there is none."""
        side = self.query_one(SidePane)
        return (side.size.width or self.size.width) - 3

    def _show(self) -> None:
        side, left = self.query_one(SidePane), self.query_one(TextPane)
        between: list[str] = []
        if side.display:
            side.tell(self._sections)
        else:
            between = [line for section in self._sections for line in section.between]
        left.tell([*self._top, *between, *self._rest])
