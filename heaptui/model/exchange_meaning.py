"""What an answer means, with what its run made of it: a refusal in the search for single ids ends nothing."""

from __future__ import annotations

from msgspec import Struct

from heaptui.model.belief import Direction
from heaptui.model.lexicon import entry_of, recognise
from heaptui.model.runs import BatchState
from heaptui.model.words import counted, headcount


class Outcome(Struct, frozen=True):
    """What became of the batch that an exchange carried; `refused` counts the ids that stand refused in the end."""

    state: BatchState
    direction: Direction
    size: int
    refused: int


def meaning_lines(
    status: int | None, words: str, path: str, *, html: bool = False, outcome: Outcome | None = None
) -> list[tuple[str, str]]:
    """What it means and who mends it, as (name, text) lines; nothing for a plain success."""
    if status == 400 and outcome and (told := _searched(outcome)):
        return [("Meaning", told), ("Who mends", entry_of("braze.400.bad_ids").who)]
    found = recognise(status, words, path, html=html)
    if found is None:
        return []
    sure = "sure: the answer names it" if found.sure else "likely, from the status alone"
    return [("Meaning", f"{found.entry.meaning} ({sure})"), ("Who mends", found.entry.who)]


def _searched(outcome: Outcome) -> str:
    """What the search for refused ids made of a refused batch; empty where there was none."""
    if outcome.state is BatchState.REJECTED:
        still = " The person is still in Braze." if outcome.direction is Direction.REMOVE and outcome.size == 1 else ""
        one = "this one id" if outcome.size == 1 else counted(outcome.size, "id")
        return f"Braze refused {one}. Refused ids are not sent again by themselves.{still}"
    if outcome.state is not BatchState.SPLIT:
        return ""
    found = f"the run found {counted(outcome.refused, 'refused id')}" if outcome.refused else "none was found yet"
    return (
        f"Braze refuses a request as a whole when it refuses one id in it. This one of {headcount(outcome.size)} was"
        f" halved until such ids stood alone: {found}. The others were sent again."
    )
