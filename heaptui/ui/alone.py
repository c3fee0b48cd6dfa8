"""One pane alone on its screen."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widget import Widget

ALONE, ASIDE = "-alone", "-aside"


def in_sight(widget: Widget) -> bool:
    """Whether a widget and everything around it is displayed, be it aside."""
    return all(node.display for node in widget.ancestors_with_self if isinstance(node, Widget))


def show(screen: Screen[None], pane: Widget) -> None:
    """Give a pane the whole body, and the focus, so that the arrows move in it."""
    show_all(screen)
    node = pane
    while node.id != "body" and isinstance(node.parent, Widget):
        node.add_class(ALONE)
        for sibling in node.parent.children:
            sibling.set_class(sibling is not node, ASIDE)
        node = node.parent
    scroller = pane if pane.can_focus else next(iter(pane.query(VerticalScroll)), pane)
    if not scroller.can_focus:
        scroller.can_focus = True
        scroller.add_class("-lent-focus")
    scroller.focus()


def show_all(screen: Screen[None]) -> None:
    """All panes side by side again."""
    for widget in screen.query(f".{ALONE}, .{ASIDE}"):
        widget.remove_class(ALONE, ASIDE)
    for widget in screen.query(".-lent-focus"):
        widget.remove_class("-lent-focus")
        widget.can_focus = False
