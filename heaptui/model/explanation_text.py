"""An explanation as lines, in the order in which people need them: the same on screens, in commands and in bundles."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from heaptui.model.explanation import Explanation
from heaptui.model.runs import Reason

_SIGNS = {"refused_ids": "!", Reason.LARGE_CHANGE.value: "■", Reason.ON_HOLD.value: "■"}


def beyond(headline: str, meaning: str) -> str:
    """What the meaning says beyond the headline: some begin with the same words."""
    first = re.split(r"[.:?](?=\s|$)", meaning, maxsplit=1)[0]
    if not headline.startswith(first):
        return meaning
    rest = meaning[len(first) + 1 :].lstrip()
    return rest[:1].upper() + rest[1:]


def explanation_lines(
    explanation: Explanation,
    *,
    good_run: int | None,
    user: str = "",
    by_keys: Callable[[Sequence[str]], list[str]] | None = None,
    shell: bool = True,
) -> list[tuple[str, str]]:
    """An explanation as (name, text) lines; the name " " goes on a list.

    `by_keys` tells how the commands are done with keys where this is shown; then they come first. Without a `shell` in
    which the commands would work, they are all that is told.
    """
    made: list[tuple[str, str]] = [("", f"{_SIGNS.get(explanation.reason, '✗')} {explanation.headline}")]
    if len(explanation.cohorts) > 1:
        made.append(("Cohorts", ", ".join(explanation.cohorts)))
    else:
        made.append(("Cohort", explanation.cohorts[0]))
    # What heaptui found by itself is the cause; the words of the other side come below what they mean to people.
    told = [("Told" if explanation.by_answer else "Why", explanation.told)] if explanation.told else []
    made += [] if explanation.by_answer else told
    made.append(("Kept", explanation.kept))
    if explanation.since:
        made.append(("Since", f"run {good_run}: {explanation.since}" if good_run else explanation.since))
    if explanation.so:
        made.append(("So", explanation.so))
    if later := explanation.taken_over_by:
        made.append(("Then", f"nothing here: taken over by run {later}, which tells how it went on"))
    if explanation.who:
        made.append(("Who mends", explanation.who))
    owner = f"as {explanation.command_user}: " if explanation.command_user and explanation.command_user != user else ""
    commands = [f"{owner}{command}" for command in explanation.commands] if shell else []
    steps = by_keys(explanation.commands) if by_keys else []
    made += _listed("Then", steps or commands)
    made += _listed("Command", commands if steps and steps != commands else [])
    made += told if explanation.by_answer else []
    how_sure = ""
    if explanation.by_answer:
        how_sure = " (sure: the answer names it)" if explanation.sure else " (likely, from the status alone)"
    if means := beyond(explanation.headline, explanation.meaning):
        made.append(("Means", f"{means}{how_sure}"))
    made += _listed("Causes", [f"{n}. {cause}" for n, cause in enumerate(explanation.causes, 1)])
    if explanation.how:
        made.append(("How", explanation.how))
    if explanation.ruled_out:
        made.append(("Not", ", ".join(explanation.ruled_out)))
    return made


def _listed(name: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    return [(name if number == 0 else " ", text) for number, text in enumerate(texts)]
