"""The frame of every screen: header, tabs, titled rules, one sentence, and the keys."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content

from heaptui.ui.paint import assembled, painted_header, painted_keys, painted_tabs, rule_parts
from heaptui.ui.signs import fit, rule, safe, sign, wrap
from heaptui.ui.tabs import Tab, shown_tabs
from heaptui.ui.widgets.fitted import FittedLine, FittedPane, TextLine


class HeaderLine(FittedLine):
    """Where we are, on the left; how fresh the data is, on the right."""

    def __init__(self) -> None:
        super().__init__(id="header-line")
        self._left, self._right = "", ""

    def tell(self, left: str, right: str) -> None:
        """Show both ends."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def made(self, width: int) -> Content:
        """The right end at the edge."""
        room = width - 2 - cell_len(self._right) - 1
        return painted_header(f" {fit(safe(self._left), max(0, room))} {self._right} ")


class TabLine(FittedLine):
    """The tabs with their fixed numbers; the active one in brackets."""

    def __init__(self, active: str) -> None:
        super().__init__(id="tab-line")
        self._active = active
        self._marks: dict[str, str] = {}
        self._tabs = shown_tabs(active)
        self._widths: list[int] = []

    def mark(self, marks: dict[str, str]) -> None:
        """What wants attention, by tab."""
        tabs = shown_tabs(self._active)
        if marks != self._marks or tabs != self._tabs:
            self._marks, self._tabs = marks, tabs
            self.refresh()

    def made(self, width: int) -> Content:
        """Names where there is room, numbers where not."""
        full = [self._tab(tab, tab.title) for tab in self._tabs]
        if sum(map(cell_len, full)) > width:
            full = [self._tab(tab, tab.title if tab.name == self._active else "") for tab in self._tabs]
        self._widths = [cell_len(text) for text in full]
        active = [tab.name == self._active for tab in self._tabs]
        return painted_tabs(list(zip(full, active, strict=True)))

    async def on_click(self, event: events.Click) -> None:
        """A click on a tab opens it."""
        end = 0
        for tab, width in zip(self._tabs, self._widths, strict=True):
            end += width
            if event.x < end:
                await self.run_action(f"app.tab('{tab.name}')")
                return

    def _tab(self, tab: Tab, title: str) -> str:
        mark = self._marks.get(tab.name, "")
        # Without the title, a mark that is a number must not look like a tab.
        number = f"{tab.number}({mark})" if mark and not title else str(tab.number)
        inside = " ".join(part for part in (number, title, mark if title else "") if part)
        return f"[{inside}]" if tab.name == self._active else f" {inside} "


class RuleLine(FittedLine):
    """`─ title ───── verdict ─`."""

    def __init__(self, title: str = "", verdict: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes="rule-line")
        self._title, self._verdict = title, verdict

    def tell(self, title: str, verdict: str = "") -> None:
        """Show another title and verdict."""
        if (title, verdict) != (self._title, self._verdict):
            self._title, self._verdict = title, verdict
            self.refresh()

    def made(self, width: int) -> Content:
        """As wide as there is room."""
        title, verdict = safe(self._title), safe(self._verdict)
        return assembled(rule_parts(title, verdict, rule(title, verdict, width)))


class StatusLine(FittedPane):
    """One sentence, on two lines where it is too long for one."""

    def __init__(self) -> None:
        super().__init__(id="status-line")
        self.text = ""

    def tell(self, text: str) -> None:
        """Show another sentence."""
        if text != self.text:
            self.text = text
            self.show_anew()

    def broken(self, width: int) -> list[str]:
        """Two lines at most; what is longer still is cut by cells."""
        first, *rest = wrap(f" {safe(self.text)}", width, 1)
        return [first, fit("".join(rest), width).rstrip()] if rest else [first]

    def render(self) -> Content:
        """In one colour."""
        return Content(sign("\n".join(self._in(self.size.width))))


class KeyLine(TextLine):
    """The keys of a screen, given as `space mark · s sync`."""

    def __init__(self, keys: str = "") -> None:
        super().__init__(keys, id="key-line")

    def made(self, width: int) -> Content:
        """As many as there is room for."""
        shown = self.text.split(" · ")
        while len(shown) > 1 and cell_len(f" {' · '.join(shown)}") > width:
            shown.pop()
        return painted_keys(f" {' · '.join(shown)}")


class TextPane(FittedPane):
    """Lines of text; those that are too long go on below, behind their label."""

    def __init__(self, id: str | None = None, *, labels: bool = True, lines: Sequence[str] = ()) -> None:  # noqa: A002
        super().__init__(id=id)
        self.labels = labels
        self.lines = list(lines)
        """What is shown, before it is broken."""

    def tell(self, lines: list[str]) -> None:
        """Show these lines."""
        if lines != self.lines:
            self.lines = lines
            self.show_anew()

    def broken(self, width: int) -> list[str]:
        """What is too long goes on below."""
        return [part for line in self.lines for part in wrap(safe(line), width)]
