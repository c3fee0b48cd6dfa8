"""The frame of every screen: header, tabs, titled rules, one sentence, and the keys."""

from __future__ import annotations

from rich.cells import cell_len
from textual.widgets import Static

from heaptui.ui.signs import fit, rule, safe, sign

TABS = (
    (1, "cohorts", "Cohorts"),
    (2, "segments", "Segments"),
    (3, "sync", "Sync"),
    (4, "runs", "Runs"),
    (6, "credentials", "Credentials"),
)


class Line(Static):
    """Text that is never markup and never wraps."""

    def __init__(self, text: str = "", id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(text, id=id, classes=classes, markup=False)


class HeaderLine(Line):
    """Where we are, on the left; how fresh the data is, on the right."""

    def __init__(self) -> None:
        super().__init__(id="header-line")
        self._left, self._right = "", ""

    def tell(self, left: str, right: str) -> None:
        """Show both ends."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.on_resize()

    def on_resize(self) -> None:
        """Push the right end to the edge."""
        width = max(0, self.size.width - 2)
        room = width - cell_len(self._right) - 1
        self.update(sign(f" {fit(safe(self._left), max(0, room))} {self._right} "))


class TabLine(Line):
    """The tabs with their fixed numbers; the active one in brackets."""

    def __init__(self, active: str) -> None:
        super().__init__(id="tab-line")
        self._active = active
        self._marks: dict[str, str] = {}

    def mark(self, marks: dict[str, str]) -> None:
        """What wants attention, by tab."""
        if marks != self._marks:
            self._marks = marks
            self.on_resize()

    def on_resize(self) -> None:
        """Names where there is room, numbers where not."""
        full = "".join(self._tab(number, tab, title) for number, tab, title in TABS)
        if cell_len(full) > self.size.width:
            full = "".join(self._tab(number, tab, title if tab == self._active else "") for number, tab, title in TABS)
        self.update(sign(full))

    def _tab(self, number: int, tab: str, title: str) -> str:
        inside = " ".join(part for part in (str(number), title, self._marks.get(tab, "")) if part)
        return f"[{inside}]" if tab == self._active else f" {inside} "


class RuleLine(Line):
    """`─ title ───── verdict ─`."""

    def __init__(self, title: str = "", verdict: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes="rule-line")
        self._title, self._verdict = title, verdict

    def tell(self, title: str, verdict: str = "") -> None:
        """Show another title and verdict."""
        if (title, verdict) != (self._title, self._verdict):
            self._title, self._verdict = title, verdict
            self.on_resize()

    def on_resize(self) -> None:
        """As wide as there is room."""
        self.update(sign(rule(safe(self._title), safe(self._verdict), self.size.width)))


class TextPane(Line):
    """Lines of text, cut to the width, never wrapped in the middle of a column."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes="text-pane")
        self._lines: list[str] = []

    @property
    def lines(self) -> list[str]:
        """What is shown, before it is cut."""
        return self._lines

    def tell(self, lines: list[str]) -> None:
        """Show these lines."""
        if lines != self._lines:
            self._lines = lines
            self.on_resize()

    def on_resize(self) -> None:
        """Cut to the width."""
        width = self.size.width
        self.update(sign("\n".join(fit(safe(line), width) for line in self._lines)) if width else "")
