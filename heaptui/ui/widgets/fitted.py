"""Text that is made for the width it has at the moment it is drawn, so that the first picture of a screen is whole."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from heaptui.ui.paint import painted


class Line(Static):
    """Text of its own that is never markup."""

    def __init__(self, text: str = "", id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(text, id=id, classes=classes, markup=False)


class FittedLine(Widget):
    """One line."""

    def made(self, width: int) -> Content:
        """The line in so many cells."""
        raise NotImplementedError

    def render(self) -> Content:
        """What there is room for."""
        return self.made(self.size.width)


class TextLine(FittedLine):
    """One text in a line."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.text = text

    def tell(self, text: str) -> None:
        """Show another text."""
        if text != self.text:
            self.text = text
            self.refresh()


class FittedPane(Widget):
    """As many lines as its text needs in its width, where its height is not given."""

    labels = True
    """Whether words before a gap at the beginning of a line are painted as its label."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id, classes="text-pane")
        self._broken: tuple[int, list[str]] = (-1, [])

    def broken(self, width: int) -> list[str]:
        """The text in lines of so many cells."""
        raise NotImplementedError

    def show_anew(self) -> None:
        """The text is another one; what is around it moves only if that needs another number of lines."""
        width, before = self._broken
        self._broken = (-1, [])
        self.refresh(layout=self.styles.auto_dimensions and len(before) != len(self._in(width)))

    def _in(self, width: int) -> Sequence[str]:
        if self._broken[0] != width:
            self._broken = (width, self.broken(width) if width > 0 else [])
        return self._broken[1]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line for each of them."""
        del container, viewport
        return len(self._in(width))

    def render(self) -> Content:
        """The lines, painted."""
        return painted(list(self._in(self.size.width)), labels=self.labels)
