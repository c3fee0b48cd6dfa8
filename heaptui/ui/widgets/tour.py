"""Where the guided tour speaks: a few lines above the sentence of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Vertical

from heaptui.ui.widgets.frame import RuleLine, TextPane

if TYPE_CHECKING:
    from heaptui.ui.app import HeaptuiApp

LOOKS_EVERY = 0.25
"""Seconds between two looks whether a step of the tour was done."""


class TourPane(Vertical):
    """One step of the tour; hidden when it is over."""

    def compose(self) -> ComposeResult:
        """A title and a sentence."""
        yield RuleLine(id="tour-rule")
        yield TextPane(id="tour-text")

    def on_mount(self) -> None:
        """From now on."""
        self._look()
        self.set_interval(LOOKS_EVERY, self._look)

    def _look(self) -> None:
        dashboard = cast("HeaptuiApp", self.app)
        tour = dashboard.tour
        if tour is not None and self.screen.is_current and not tour.look(dashboard):
            dashboard.action_end_tour()
            tour = None
        self.display = tour is not None
        if tour is not None:
            self.query_one("#tour-rule", RuleLine).tell(tour.title, "0 ends it")
            self.query_one("#tour-text", TextPane).tell([f"▸ {tour.text}"])
