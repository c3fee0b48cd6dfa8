"""Asking Braze how many people exist, with a sentence that says how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heaptui.model.expressions import Expression
from heaptui.model.matching import MatchRate
from heaptui.ui import signs
from heaptui.ui.rate_text import share
from heaptui.ui.widgets.dialogs import Question

if TYPE_CHECKING:
    from heaptui.model.identifiers import Space
    from heaptui.ui.screens.framed import FramedScreen

LONG = 10.0
"""Seconds from which a measurement asks before it begins."""

LOOK_EVERY = 0.25


async def measured(screen: FramedScreen, expression: Expression, name: str, people: int, space: Space) -> MatchRate:
    """Measure, and say on the screen how it goes; None is never returned: whoever says no gets an error.

    Raises:
        HeaptuiError: there is no REST key, Braze refuses, or somebody said no.
    """
    from heaptui.errors import UsageError
    from heaptui.services.matching import Progress

    matching = screen.workspace.segments.matching
    requests, seconds = matching.plan(people, space)
    limit = matching.allowance.limit
    if seconds > LONG:
        lines = [
            f"Up to {requests:,} look-ups, at most {limit:,} a minute: about {signs.duration(seconds)}.",
            "Nothing is sent but the ids that are looked up, and nothing changes in Braze.",
        ]
        if not await screen.app.push_screen_wait(Question("Ask Braze", lines, yes="Ask", no="Not now")):
            raise UsageError("Nothing was asked.")
    progress = Progress()

    def tell() -> None:
        left = progress.waiting or f"about {signs.duration(progress.seconds_left)} left"
        screen.say(f"{name}: {progress.asked:,} of {progress.wanted:,} asked, {progress.known:,} exist, {left}")

    ticking = screen.set_interval(LOOK_EVERY, tell)
    try:
        rate = await matching.measure(expression, progress=progress)
    finally:
        ticking.stop()
    causes = "; ".join(f"{count:,} {cause}" for cause, count in rate.causes[:2])
    screen.say(f"{name}: {share(rate)} of {rate.asked:,} asked exist" + (f". Not found: {causes}" if causes else ""))
    return rate
