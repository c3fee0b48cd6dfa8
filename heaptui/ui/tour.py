"""The guided tour of the demo: five steps, each done by doing it, ended at any time with 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heaptui.ui.app import HeaptuiApp


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, and how it shows that it was done."""

    text: str
    done: Callable[[HeaptuiApp], bool]


def _marked(app: HeaptuiApp) -> bool:
    return bool(getattr(app.screen, "marked", None))


def _planned(app: HeaptuiApp) -> bool:
    return bool(app.planned) and getattr(app.screen, "TAB", "") == "sync"


def _started(app: HeaptuiApp) -> bool:
    return app.current_run is not None


def _finished(app: HeaptuiApp) -> bool:
    return _started(app) and not app.live_runs


def _looked_back(app: HeaptuiApp) -> bool:
    return getattr(app.screen, "TAB", "") == "runs"


STEPS = (
    Step("These are groups of people from Heap. ↑↓ to “Cart abandoners”, then space marks it.", _marked),
    Step("s plans a sync of what is marked. A plan sends nothing.", _planned),
    Step("Who joins, who leaves, what it costs. enter sends it, here into the sandbox.", _started),
    Step("Every count adds up and every wait says why. It is over in a moment.", _finished),
    Step("The clicks for Braze are here. 4 keeps every run, with what went wrong and who mends it.", _looked_back),
)
THE_END = "That was the tour. ? helps on every screen, : lists everything that can be done."


class Tour:
    """Where somebody is in the tour."""

    def __init__(self) -> None:
        self.at = 0

    @property
    def over(self) -> bool:
        """Whether the last step was done."""
        return self.at >= len(STEPS)

    @property
    def title(self) -> str:
        """`Tour, 2 of 5`."""
        return "Tour" if self.over else f"Tour, {self.at + 1} of {len(STEPS)}"

    @property
    def text(self) -> str:
        """What to do now."""
        return THE_END if self.over else STEPS[self.at].text

    def look(self, app: HeaptuiApp) -> bool:
        """Go on past every step that is done; whether anything changed."""
        before = self.at
        while not self.over and STEPS[self.at].done(app):
            self.at += 1
        return self.at != before
