"""Texts to send to others: what happened in a run, without keys and without people."""

from __future__ import annotations

import re
import time

from heaptui.model.explanation import Explanation, RunFacts

_SHELL = re.compile(r"^heaptui (run resume|run retry|sync)")


def to_the_customer(
    facts: RunFacts, good: RunFacts | None, explanation: Explanation, *, profile: str, reference: str
) -> str:
    """A message about a failed run. Braze's own words are left out: they may name people."""
    at = time.localtime(facts.started_at)
    head = explanation.headline.rstrip(".")
    cause = re.sub(r", (on the first request|after [\d,]+ requests)?,? ?\d\d:\d\d:\d\d$", "", head)
    lines = [
        "Hello,",
        f"the cohort sync for {profile} on {time.strftime('%-d %b', at)} ended at"
        f" {time.strftime('%H:%M (%Z)', time.localtime(facts.ended_at or facts.started_at))}:",
        f"{cause}.",
        explanation.kept,
        "",
        explanation.meaning,
    ]
    if explanation.so:
        lines.append(f"Compared with run {good.run_id if good else ''}: {explanation.so}.")
    if explanation.causes and not explanation.so:
        lines.append("Likely causes, in this order: " + "; ".join(explanation.causes) + ".")
    lines += ["", f"Who can mend it: {explanation.who}", explanation.how]
    setting = [command for command in explanation.commands if not _SHELL.match(command)]
    going_on = [command for command in explanation.commands if _SHELL.match(command)]
    if any(word in command.casefold() for command in setting for word in ("_key", "_secret", "_token")):
        lines.append("Please do not send the key by mail or chat. Enter it with")
    elif setting:
        lines.append("Then:")
    lines += [f"  {command}" for command in setting]
    if going_on:
        lines += ["and continue with" if setting else "Continue with", *(f"  {command}" for command in going_on)]
    lines += ["", f"Run {facts.run_id}, heaptui {facts.version}, reference {reference}"]
    return "\n".join(lines) + "\n"
