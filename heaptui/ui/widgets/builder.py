"""Braze's segment builder, drawn line by line, with a cursor that stops at the filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from heaptui.ui.segment_text import BuilderLine, Place
from heaptui.ui.signs import fit, safe, sign


class Builder(ScrollView, can_focus=True):
    """The groups of a segment."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"builder--cursor", "builder--accent", "builder--attention"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k,ｋ", "move(-1)", show=False),
        Binding("down,j,ｊ", "move(1)", show=False),
        Binding("home,g,ｇ", "move(-99)", show=False),
        Binding("end,G,Ｇ", "move(99)", show=False),
    ]

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.lines: Sequence[BuilderLine] = ()
        self.place: Place | None = None

    @property
    def places(self) -> list[Place]:
        """Where the cursor may stand."""
        return [line.place for line in self.lines if line.place is not None]

    def show(self, lines: Sequence[BuilderLine], *, at: Place | None = None) -> None:
        """Show these lines; the cursor goes to a place, or stays as near as it can."""
        self.lines = lines
        self.virtual_size = Size(0, len(lines))
        places = self.places
        wanted = at or self.place or (0, 0)
        before = [place for place in places if place <= wanted]
        self.place = before[-1] if before else places[0] if places else None
        self._reveal()
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's signature
        """As high as its lines."""
        return max(1, len(self.lines))

    def action_move(self, by: int) -> None:
        """Some filters up or down."""
        places = self.places
        if self.place in places:
            self.place = places[max(0, min(len(places) - 1, places.index(self.place) + by))]
            self._reveal()
            self.refresh()

    def _reveal(self) -> None:
        index = next((i for i, line in enumerate(self.lines) if line.place == self.place and line.place), 0)
        height = max(1, self.size.height)
        if index < self.scroll_offset.y + 1:
            self.scroll_to(y=max(0, index - 1), animate=False)
        elif index >= self.scroll_offset.y + height - 1:
            self.scroll_to(y=index - height + 2, animate=False)

    def on_click(self, event: events.Click) -> None:
        """A click on a filter takes the cursor there."""
        index = self.scroll_offset.y + event.y
        if 0 <= index < len(self.lines) and self.lines[index].place is not None:
            self.place = self.lines[index].place
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line; the one with the cursor begins with ▸."""
        index = self.scroll_offset.y + y
        width = self.size.width
        if index >= len(self.lines):
            return Strip.blank(width, self.rich_style)
        line = self.lines[index]
        cursor = line.place is not None and line.place == self.place
        component = "cursor" if cursor and self.has_focus else line.tone
        style = self.get_component_rich_style(f"builder--{component}") if component else self.rich_style
        text = fit(sign(f"{'▸' if cursor else ' '}{safe(line.text)}"), width)
        return Strip([Segment(text, style)], cell_length=width)

    def on_focus(self) -> None:
        """The cursor line looks different with focus."""
        self.refresh()

    def on_blur(self) -> None:
        """And without."""
        self.refresh()
