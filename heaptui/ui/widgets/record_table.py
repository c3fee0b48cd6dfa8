"""A table of any number of rows, drawn line by line: only what is visible is ever measured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from msgspec import Struct
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from heaptui.ui.paint import SIGN_STYLES
from heaptui.ui.signs import BLOCKS, fit, safe, sign

_SAYS_NOTHING = {"·", "0", "never", "–", "-"}
"""Cells that are held back."""

ROOMY = 20
"""Cells that a flexible column wants before others have to go."""


class Column(Struct, frozen=True):
    """How one column is shown; `width` 0 takes what is left. The highest `drop` goes first when space is short."""

    title: str
    width: int
    right: bool = False
    drop: int = 0
    ids: bool = False
    """Whether it holds ids, which are never altered, whatever a spreadsheet makes of them."""


class Row(Struct, frozen=True):
    """One row: its key, its cells as plain text, whether it is marked (None: no box), and how loud it is."""

    key: str
    cells: tuple[str, ...]
    marked: bool | None = None
    tone: str = ""
    also: str = ""
    """What a filter finds beside the cells."""

    def holds(self, text: str) -> bool:
        """Whether the row has a text, given in lower case."""
        return text in " ".join((*self.cells, self.also)).casefold()


class RecordTable(ScrollView, can_focus=True):
    """Rows with a cursor. Keys stay with their row when rows change."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "record-table--header",
        "record-table--cursor",
        "record-table--quiet",
        "record-table--done",
        "record-table--good",
        "record-table--accent",
        "record-table--attention",
        "record-table--bad",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k,ｋ", "move(-1)", show=False),
        Binding("down,j,ｊ", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g,ｇ", "go(0)", show=False),
        Binding("end,G,Ｇ", "go(-1)", show=False),
    ]

    cursor: reactive[int] = reactive(0)

    class Highlighted(Message):
        """The cursor came to another row."""

        def __init__(self, table: RecordTable, row: Row | None) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> RecordTable:
            """The table it happened in."""
            return self.table

    class RowsChanged(Message):
        """Other rows are shown, or looked through."""

    class Chosen(Message):
        """A row was clicked twice."""

        def __init__(self, table: RecordTable, row: Row) -> None:
            super().__init__()
            self.table = table
            self.row = row

    def __init__(self, *columns: Column, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.columns = columns
        self.rows: Sequence[Row] = ()
        self.needle = ""
        self._all: Sequence[Row] = ()
        self._told: str | None = None

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def filter(self, text: str) -> None:
        """Show only rows that hold a text; nothing shows all."""
        if text.casefold() != self.needle:
            self.needle = text.casefold()
            self._show_matching()

    @property
    def found(self) -> str:
        """How many rows match the filter."""
        return f"{len(self.rows):,} of {len(self._all):,} match"

    async def every_row(self) -> AsyncIterator[Sequence[Row]]:
        """All rows that match the filter, some at a time, also those that were never in sight."""
        yield self.rows

    def go_to(self, key: str) -> bool:
        """Put the cursor on a row; whether it is there."""
        at = next((index for index, row in enumerate(self.rows) if row.key == key), None)
        if at is not None:
            self.cursor = at
        return at is not None

    def show(self, rows: Sequence[Row]) -> None:
        """Show those of the rows that match; the cursor stays on the same key if that is still there."""
        if rows != self._all:
            self._all = rows
            self._show_matching()

    def _show_matching(self) -> None:
        rows = self._all
        self._show_rows([row for row in rows if row.holds(self.needle)] if self.needle else rows)
        self.post_message(self.RowsChanged())

    def _show_rows(self, rows: Sequence[Row]) -> None:
        key = self.row.key if self.row else None
        self.rows = rows
        self.virtual_size = Size(0, len(rows) + 1)
        # Only a short list is searched; a long one is read lazily and does not change its order.
        found = next((i for i, row in enumerate(rows) if row.key == key), None) if key and len(rows) < 10_000 else None
        self.cursor = found if found is not None else min(self.cursor, max(0, len(rows) - 1))
        self.refresh()
        self._tell()

    def watch_cursor(self) -> None:
        """Keep the cursor visible and tell about it."""
        visible = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + visible:
            self.scroll_to(y=self.cursor - visible + 1, animate=False)
        self.refresh()
        self._tell()

    def _tell(self) -> None:
        key = self.row.key if self.row else None
        if key != self._told:
            self._told = key
            self.post_message(self.Highlighted(self, self.row))

    def action_move(self, by: int) -> None:
        """Some rows up or down."""
        self.cursor = max(0, min(len(self.rows) - 1, self.cursor + by))

    def action_page(self, by: int) -> None:
        """A screen up or down."""
        self.action_move(by * max(1, self.size.height - 2))

    def action_go(self, to: int) -> None:
        """The first or the last row."""
        self.cursor = max(0, len(self.rows) - 1) if to < 0 else to

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; a second one on the same row opens it."""
        index = self.scroll_offset.y + event.y - 1
        if event.y > 0 and 0 <= index < len(self.rows):
            self.cursor = index
            if event.chain == 2:
                self.post_message(self.Chosen(self, self.rows[index]))

    def layout_of(self, width: int) -> list[tuple[int, int]]:
        """Which columns fit into so many cells, as (index, width)."""
        shown = list(range(len(self.columns)))
        box = 4 if any(row.marked is not None for row in self._all[:1]) else 0

        def needed() -> int:
            return 1 + box + sum((self.columns[i].width or ROOMY) + 2 for i in shown)

        while needed() > width and any(self.columns[i].drop for i in shown):
            shown.remove(max(shown, key=lambda i: self.columns[i].drop))
        fixed = sum(self.columns[i].width for i in shown) + 2 * len(shown) + box + 1
        flexible = [i for i in shown if not self.columns[i].width]
        spare = max(6, (width - fixed) // len(flexible)) if flexible else 0
        return [(i, self.columns[i].width or spare) for i in shown]

    def header_text(self, layout: list[tuple[int, int]]) -> str:
        """The titles of the columns."""
        indent = " " + ("    " if any(row.marked is not None for row in self._all[:1]) else "")
        return sign(indent + "  ".join(fit(self.columns[i].title, w, right=self.columns[i].right) for i, w in layout))

    def render_line(self, y: int) -> Strip:
        """One line of the window; the first is the header."""
        width = self.size.width
        layout = self.layout_of(width)
        index = self.scroll_offset.y + y - 1
        if y == 0:
            return self._strip(self.header_text(layout), "record-table--header", width)
        if index >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        return self._row_strip(self.rows[index], layout, width, is_cursor=index == self.cursor)

    def _row_strip(self, row: Row, layout: list[tuple[int, int]], width: int, *, is_cursor: bool) -> Strip:
        """A row with its sign in its tone, and with what says nothing held back."""
        base = (
            self.get_component_rich_style("record-table--cursor") if is_cursor and self.has_focus else self.rich_style
        )
        segments = [Segment(sign("▸" if is_cursor else " "), base)]
        if row.marked is not None:
            segments.append(self._cell("[x] " if row.marked else "[ ] ", "accent" if row.marked else "quiet", base))
        for place, (column, cells) in enumerate(layout):
            text = fit(safe(row.cells[column]), cells, right=self.columns[column].right)
            segments.append(Segment("  " if place else "", base))
            done = text.rstrip("─") if text[:1] in "━─" else ""
            segments.append(self._cell(done, "done", base))
            rest = text[len(done) :]
            segments.append(self._cell(rest, self._tone_of(rest.strip(), row), base))
        strip = Strip([segment for segment in segments if segment.text])
        return strip.adjust_cell_length(width, base)

    def _cell(self, text: str, tone: str, base: Style) -> Segment:
        """A cell in a tone; the cursor keeps its background."""
        if not tone:
            return Segment(sign(text), base)
        colour = self.get_component_rich_style(f"record-table--{tone}").color
        return Segment(sign(text), base + Style(color=colour))

    @staticmethod
    def _tone_of(text: str, row: Row) -> str:
        if text in _SAYS_NOTHING or text[:1] == "─":
            return "quiet"
        if text and not text.strip(BLOCKS):
            return "done"
        return row.tone if text[:1] in SIGN_STYLES else ""

    def _strip(self, text: str, component: str, width: int) -> Strip:
        style: Style = self.get_component_rich_style(component) if component else self.rich_style
        return Strip([Segment(fit(text, width), style)], cell_length=width)

    def on_focus(self) -> None:
        """The cursor line looks different with focus."""
        self.refresh()

    def on_blur(self) -> None:
        """And without."""
        self.refresh()

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.watch_cursor()
