"""Where the guided tour speaks: a few lines above the sentence of the screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from heaptui.ui.tour import Tour
from heaptui.ui.widgets.frame import RuleLine, TextPane


class TourPane(Vertical):
    """One step of the tour; not there without a tour."""

    def compose(self) -> ComposeResult:
        """A title and a sentence."""
        yield RuleLine(id="tour-rule")
        yield TextPane(id="tour-text")

    def show(self, tour: Tour | None) -> None:
        """Show a step, or nothing."""
        self.set_class(tour is not None, "-open")
        if tour is not None:
            self.query_one("#tour-rule", RuleLine).tell(tour.title, "0 ends it")
            self.query_one("#tour-text", TextPane).tell([f"▸ {tour.text}"])
