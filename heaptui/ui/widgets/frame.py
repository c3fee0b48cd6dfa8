"""The frame of every screen: header, tabs, titled rules, one sentence, and the keys."""

from __future__ import annotations

from rich.cells import cell_len
from textual import events
from textual.visual import VisualType
from textual.widgets import Static

from heaptui.ui.paint import assembled, painted, painted_header, painted_keys, painted_tabs, rule_parts
from heaptui.ui.signs import fit, rule, safe, sign, wrap
from heaptui.ui.tabs import Tab, shown_tabs


class Line(Static):
    """Text that is never markup and never wraps."""

    def __init__(self, text: str = "", id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(text, id=id, classes=classes, markup=False)

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Show something else; where the size is given, nothing around it has to be laid out anew."""
        if content != self.content:
            super().update(content, layout=layout and self.styles.auto_dimensions)


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
        self.update(painted_header(f" {fit(safe(self._left), max(0, room))} {self._right} "))


class TabLine(Line):
    """The tabs with their fixed numbers; the active one in brackets."""

    def __init__(self, active: str) -> None:
        super().__init__(id="tab-line")
        self._active = active
        self._marks: dict[str, str] = {}
        self._tabs: list[Tab] = []
        self._widths: list[int] = []

    def mark(self, marks: dict[str, str]) -> None:
        """What wants attention, by tab."""
        tabs = shown_tabs(self._active)
        if marks != self._marks or tabs != self._tabs:
            self._marks = marks
            self.on_resize()

    def on_resize(self) -> None:
        """Names where there is room, numbers where not."""
        tabs = self._tabs = shown_tabs(self._active)
        full = [self._tab(tab, tab.title) for tab in tabs]
        if sum(map(cell_len, full)) > self.size.width:
            full = [self._tab(tab, tab.title if tab.name == self._active else "") for tab in tabs]
        self._widths = [cell_len(text) for text in full]
        active = [tab.name == self._active for tab in tabs]
        self.update(painted_tabs(list(zip(full, active, strict=True))))

    async def on_click(self, event: events.Click) -> None:
        """A click on a tab opens it."""
        end = 0
        for tab, width in zip(self._tabs, self._widths, strict=True):
            end += width
            if event.x < end:
                await self.run_action(f"app.tab('{tab.name}')")
                return

    def _tab(self, tab: Tab, title: str) -> str:
        inside = " ".join(part for part in (str(tab.number), title, self._marks.get(tab.name, "")) if part)
        return f"[{inside}]" if tab.name == self._active else f" {inside} "


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
        title, verdict = safe(self._title), safe(self._verdict)
        self.update(assembled(rule_parts(title, verdict, rule(title, verdict, self.size.width))))


class StatusLine(Line):
    """One sentence, cut by cells where it is too long."""

    def __init__(self) -> None:
        super().__init__(id="status-line")
        self._text = ""

    def tell(self, text: str) -> None:
        """Show another sentence."""
        self._text = text
        self.on_resize()

    def on_resize(self) -> None:
        """Cut to the width."""
        if self.size.width:
            self.update(sign(fit(f" {safe(self._text)}", self.size.width).rstrip()))


class KeyLine(Line):
    """The keys of a screen, given as `space mark · s sync`."""

    def __init__(self, keys: str = "") -> None:
        super().__init__(id="key-line")
        self._keys = keys

    def tell(self, keys: str) -> None:
        """Show these keys, as many as there is space for."""
        if keys != self._keys:
            self._keys = keys
            self.on_resize()

    def on_resize(self) -> None:
        shown = self._keys.split(" · ")
        while len(shown) > 1 and cell_len(f" {' · '.join(shown)}") > self.size.width:
            shown.pop()
        self.update(painted_keys(f" {' · '.join(shown)}"))


class TextPane(Line):
    """Lines of text; those that are too long go on below, behind their label."""

    def __init__(self, id: str | None = None, *, labels: bool = True) -> None:  # noqa: A002
        super().__init__(id=id, classes="text-pane")
        self._labels = labels
        self._lines: list[str] = []
        self._height = 0

    @property
    def lines(self) -> list[str]:
        """What is shown, before it is broken."""
        return self._lines

    def tell(self, lines: list[str]) -> None:
        """Show these lines."""
        if lines != self._lines:
            self._lines = lines
            self._draw()

    def on_resize(self) -> None:
        """Break what is too long now."""
        self._height = -1
        self._draw()

    def _draw(self) -> None:
        width = self.size.width
        parts = [part for line in self._lines for part in wrap(safe(line), width)] if width else []
        self.update(painted(parts, labels=self._labels), layout=len(parts) != self._height)
        self._height = len(parts)
