"""How the commands of an explanation are done with keys of the dashboard."""

from __future__ import annotations

import re
from collections.abc import Sequence

from heaptui.model.secret import KEY_WORDS
from heaptui.ui.commands import RUN, RUNS, command_of


def by_keys(commands: Sequence[str], scope: str, *, shell: bool) -> list[str]:
    """The commands as keys on a screen, in their order; what has no key stays a command where there is a shell.

    Empty where no key does any of it.
    """
    if not shell and any(command.startswith("set HEAPTUI_") for command in commands):
        # The demo's keys are given by the demo: nothing that is typed changes them.
        return []
    asks = any(_asks_about_workspace(command) for command in commands)
    told = [(command, _told(command, scope)) for command in commands if not (asks and _CONTINUE in command)]
    if not any(sentence for _, sentence in told):
        return []
    return list(dict.fromkeys(sentence or command for command, sentence in told if sentence or shell))


def _asks_about_workspace(command: str) -> bool:
    return command.endswith(" --same-workspace") and not _KEY.search(command)


def given_here(hint: str) -> str:
    """Where the dashboard takes what a command of an error gives; empty for a command that gives nothing."""
    if not _GIVES.search(hint):
        return ""
    file = (
        f" Without any: 1 Cohorts, {_key('cohorts.upload')} writes a file for Braze." if "--for-braze" in hint else ""
    )
    return f"6 Credentials takes it: {_key('credentials.edit')} on what is missing.{file}"


_GIVES = re.compile(r"\bprofile set \S+ (?:endpoint=|\w+_key\b)")
_CONTINUE = " run resume "
_KEY = re.compile(r"\bprofile set \S+ (\w+_key)\b")


def _told(command: str, scope: str) -> str:
    """What to press for one command; empty where there is no key for it."""
    if key := _KEY.search(command):
        return f"6 Credentials: {_key('credentials.edit')} on the {KEY_WORDS[key[1]]}, then type the right one"
    if command.startswith("set HEAPTUI_"):
        return f"{_key('app.quit')} quits; {command}, then start heaptui again"
    again = _key("runs.continue" if scope == RUNS else "sync.again")
    here = f"{_key('app.back')}, then {_key('runs.continue')}" if scope == RUN else again
    way = f"{_key('app.back')}, then " if scope == RUN else "" if scope == RUNS else "4 Runs: "
    if _asks_about_workspace(command):
        return (
            f"{here} plans it again; {_key('sync.start')} there asks, of another key, whether the workspace is the same"
        )
    sentences = (
        (_CONTINUE, f"{here} continues the run, as a plan first"),
        (
            r"\brun show\b",
            "" if scope == RUN else f"{way}{_key('runs.open')}, then {_key('run.pane')} to “Refused” shows the ids",
        ),
        (r"\brun retry\b", f"{here} offers the refused ids again, as a plan first"),
        (r"\bsync \S+ --yes-really\b", f"{here} plans it again; there, {_key('sync.let')} lets it through"),
        (r"\bsync \S+ --wait\b", f"{here} plans it again, when the other process has ended"),
        (r"\bprofile set \S+ route=", f"{_key('app.way')} chooses the way into Braze"),
        (r"\brun bundle\b", f"{way}{_key('runs.bundle')} packs the run into one file"),
        (r"\bverify\b", "6 Credentials checks endpoint and keys one by one"),
        (r"\bprofile show\b", "6 Credentials shows endpoint and partner name"),
        (r"\bcohort release\b", f"1 Cohorts: {_key('cohorts.release')} releases it"),
        (r"\bcohort rename\b", f"1 Cohorts: {_key('cohorts.rename')} renames it"),
        (r"\bcohort members\b", f"1 Cohorts: {_key('cohorts.open')} shows its people"),
        (r"\bcohort import\b", f"1 Cohorts: {_key('cohorts.import')} imports the file again"),
    )
    return next((sentence for pattern, sentence in sentences if re.search(pattern, command)), "")


def with_keys(text: str) -> str:
    """A sentence whose commands are told as keys; what has no key stays a command."""
    for pattern, places in (
        (r"run (?:retry|resume) (\d+)", f"{_key('runs.continue')} on run \\1 in 4 Runs"),
        (r"run show (\d+)", f"{_key('runs.open')} on run \\1 in 4 Runs"),
        (r"run receipt (\d+)", f"{_key('runs.receipt')} on run \\1 in 4 Runs"),
        (r"run list", "4 Runs"),
        (r"segment list", "2 Segments"),
        (r"cohort list", "1 Cohorts"),
        (r"cohort import FILE --into \S+ --id-column COLUMN", f"{_key('cohorts.import')} in 1 Cohorts"),
        (r"cohort release \S+\b", f"{_key('cohorts.release')} in 1 Cohorts"),
        (r"compare \S+\b", f"{_key('cohorts.compare')} in 1 Cohorts"),
        (
            r"sync \S+ --yes-really",
            f"{_key('cohorts.sync')} in 1 Cohorts, and {_key('sync.let')} in the plan lets it through",
        ),
        (r"sync [^-\s]\S*\b(?! --)", f"{_key('cohorts.sync')} in 1 Cohorts"),
    ):
        text = re.sub(rf"\bheaptui {pattern}", places, text)
    return text


def _key(command_id: str) -> str:
    return command_of(command_id).shown_key
