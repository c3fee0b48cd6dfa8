"""Texts to send to others: what happened in a run, without keys and without people."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from heaptui.model.explanation import Explanation
from heaptui.model.explanation_text import beyond
from heaptui.model.since import RunFacts

_MOMENT = re.compile(r"(, on the first request|, on request [\d,]+)?, \d\d:\d\d:\d\d$")
_KEY_WORDS = ("_key", "_secret", "_token")


def to_the_customer(
    facts: RunFacts, good: RunFacts | None, explanations: Sequence[Explanation], *, profile: str, reference: str
) -> str:
    """A message about a run that did not go well, for somebody who has never seen heaptui.

    Braze's own words are left out: they may name people.
    """
    first, *others = explanations
    ended = time.localtime(facts.ended_at or facts.started_at)
    lines = [
        "Hello,",
        f"the cohort sync for {profile} on {time.strftime('%-d %b', ended)} at {time.strftime('%H:%M (%Z)', ended)}"
        " did not go well:",
        *_happened(first),
        "",
    ]
    if means := beyond(first.headline, first.meaning):
        lines.append(means)
    if first.so:
        lines.append(f"Compared with run {good.run_id if good else ''}, which went well: {first.so}.")
    elif first.causes:
        lines.append(f"Likely causes, in this order: {'; '.join(first.causes)}.")
    lines += [*_needed(first), ""]
    for other in others:
        lines += ["In the same run:", *_happened(other), ""]
    lines += ["If anything is unclear, just reply to this message.", "Kind regards", ""]
    lines.append(f"Run {facts.run_id}, heaptui {facts.version}, reference {reference}")
    return "\n".join(lines) + "\n"


def _happened(explanation: Explanation) -> list[str]:
    """What happened to which cohorts, and what waits."""
    doubt = " Sending those again does no harm." if "in doubt" in explanation.kept else ""
    return [
        f"{_MOMENT.sub('', explanation.headline.rstrip('.'))}.",
        f"{'Cohort' if len(explanation.cohorts) == 1 else 'Cohorts'}: {', '.join(explanation.cohorts)}.",
        f"{explanation.kept}{doubt}",
    ]


def _needed(explanation: Explanation) -> list[str]:
    """Who has to do what. Commands only for a key: whoever has it enters it where heaptui runs."""
    if explanation.taken_over_by:
        return ["Nothing is needed from you."]
    if explanation.code == "braze.400.bad_ids":
        return ["This message names no ids. Ask for the list of the refused ones, and it comes to you on a safer way."]
    person, _, task = explanation.who.partition(":")
    if person.startswith("Nobody"):
        return ["Nothing is needed from you: the next sync goes on with it."]
    if person == "You":
        lines = [f"What is needed: {task.strip()}"]
    else:
        lines = [f"Who can mend it: {explanation.who}", explanation.how]
    entering = [command for command in explanation.commands if " run " not in command]
    going_on = [command for command in explanation.commands if " run " in command]
    if any(word in command.casefold() for command in entering for word in _KEY_WORDS):
        asked, goes_on = "Please do not send the key by mail or chat. Enter it where heaptui runs:", "and continue with"
    elif any(command.endswith("--same-workspace") for command in entering):
        asked, goes_on = "Whoever knows that says so where heaptui runs:", "and continues with"
    else:
        return lines
    return [*lines, asked, *_indented(entering), goes_on, *_indented(going_on)]


def _indented(commands: Sequence[str]) -> list[str]:
    return [f"  {command}" for command in commands]
