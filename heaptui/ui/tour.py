"""The guided tour of the demo: steps that are done by doing them; it ends by itself, and at any time with 0."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from heaptui.model.runs import DeliveryState

if TYPE_CHECKING:
    from heaptui.ui.app import HeaptuiApp


class Step(Struct, frozen=True):
    """What to do, and how it shows that it was done."""

    text: str
    done: Callable[[HeaptuiApp], bool]
    fell_short: str = ""
    """What is true instead after a sync that did not send everything; empty where it is the same."""


def _marked(app: HeaptuiApp) -> bool:
    # Whoever plans at once has marked too quickly to be seen, or knows that the highlighted one is planned as well.
    return bool(getattr(app.screen, "marked", None)) or _planned(app)


def _planned(app: HeaptuiApp) -> bool:
    return bool(app.planned) and getattr(app.screen, "TAB", "") == "sync"


def _finished(app: HeaptuiApp) -> bool:
    return app.current_run is not None and not app.live_runs


def _looked_back(app: HeaptuiApp) -> bool:
    return getattr(app.screen, "TAB", "") == "runs"


_SENT = {DeliveryState.FINISHED, DeliveryState.FINISHED_WITH_REJECTIONS}

STEPS = (
    Step("Groups of people from Heap. ↑↓ to “Cart abandoners”, then space marks it.", _marked),
    Step("s plans a sync of what is marked. A plan sends nothing.", _planned),
    Step("Who joins, who leaves, what it costs. enter sends it; every wait says why.", _finished),
    Step(
        "3 has the clicks for Braze now. 4 keeps every run and what went wrong.",
        _looked_back,
        "Not everything went out: 3 says why, and what to do. 4 keeps every run.",
    ),
)
THE_END = "That was the tour. ? helps on every screen, : lists all commands."
END_STAYS = 12.0
"""Seconds in which the last sentence can be read."""


class Tour:
    """Where somebody is in the tour."""

    def __init__(self) -> None:
        self.at = 0
        self.fell_short = False
        """Whether the last sync did not send everything."""
        self._over_since = math.inf

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
        if self.over:
            return THE_END
        step = STEPS[self.at]
        return step.fell_short if self.fell_short and step.fell_short else step.text

    def look(self, app: HeaptuiApp) -> bool:
        """Go on past every step that is done; False when the last sentence has stood long enough."""
        run = app.opened.sync.runs.get(app.current_run) if app.current_run is not None else None
        if run is not None and run.closed:
            self.fell_short = run.state not in _SENT
        while not self.over and STEPS[self.at].done(app):
            self.at += 1
        if self.over:
            self._over_since = min(self._over_since, time.monotonic())
        return time.monotonic() - self._over_since < END_STAYS
