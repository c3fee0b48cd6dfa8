"""The one table of commands: keys, footer, palette, help and the README's key table come from it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from rich.cells import cell_len
from textual.binding import Binding, BindingType

COHORTS, SYNC, RUNS, RUN, CREDENTIALS, PASTE, IMPORT, START = (
    "cohorts",
    "sync",
    "runs",
    "run",
    "credentials",
    "paste",
    "import",
    "start",
)
EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing the user can do: where, by which key, how it is called, and what it does."""

    command_id: str
    scope: str
    key: str
    label: str
    action: str
    help: str
    footer: int = 0
    """Place in the footer, from 1; 0 keeps it out."""

    @property
    def shown_key(self) -> str:
        """The key as people read it."""
        names = {"space": "space", "slash": "/", "question_mark": "?", "colon": ":", "escape": "esc"}
        return names.get(self.key.split(",")[0], self.key.split(",")[0])


COMMANDS: tuple[Command, ...] = (
    Command("app.cohorts", EVERYWHERE, "1", "Cohorts", "app.tab('cohorts')", "Go to the cohorts."),
    Command("app.sync", EVERYWHERE, "3", "Sync", "app.tab('sync')", "Go to the plan, the running sync or its result."),
    Command("app.runs", EVERYWHERE, "4", "Runs", "app.tab('runs')", "Go to the history of runs."),
    Command("app.credentials", EVERYWHERE, "6", "Credentials", "app.tab('credentials')", "Go to profile and keys."),
    Command("app.help", EVERYWHERE, "question_mark", "help", "app.help", "Show the keys of this screen."),
    Command("app.commands", EVERYWHERE, "colon", "more", "app.command_palette", "List all commands."),
    Command("app.quit", EVERYWHERE, "q", "quit", "app.ask_quit", "Quit; asks while a run is going."),
    Command("app.end_tour", EVERYWHERE, "0", "end tour", "app.end_tour", "End the guided tour of the demo."),
    Command("table.filter", EVERYWHERE, "slash", "filter", "screen.filter", "Show only rows with a text; esc clears."),
    Command("cohorts.mark", COHORTS, "space", "mark", "screen.mark", "Mark the cohort for the next plan.", 1),
    Command("cohorts.sync", COHORTS, "s", "sync", "screen.sync", "Plan a sync of what is marked. Sends nothing.", 2),
    Command("cohorts.import", COHORTS, "i", "import", "screen.import", "Import a file. Sends nothing.", 3),
    Command("cohorts.open", COHORTS, "enter", "open", "screen.open", "Browse the people of the cohort.", 4),
    Command("cohorts.order", COHORTS, "o", "order", "screen.order", "Sort by name, people, waiting or state.", 5),
    Command("cohorts.rename", COHORTS, "n", "rename", "screen.rename", "Give the cohort another name."),
    Command("cohorts.undo", COHORTS, "u", "undo import", "screen.undo", "Bring back the people before the import."),
    Command("cohorts.release", COHORTS, "h", "release", "screen.release", "Let a cohort on hold be synced again."),
    Command("cohorts.export", COHORTS, "e", "export", "screen.export", "Write all people of the cohort to a file."),
    Command("sync.start", SYNC, "enter", "start", "screen.start", "Send what the plan shows.", 1),
    Command("sync.leave_out", SYNC, "space", "leave out", "screen.leave_out", "Leave this cohort out of the plan.", 2),
    Command("sync.let", SYNC, "l", "let through", "screen.let_through", "Let a held cohort through; asks its name.", 3),
    Command("sync.pause", SYNC, "p", "pause", "screen.pause", "Send nothing more until p is pressed again.", 4),
    Command("sync.cancel", SYNC, "x", "cancel", "screen.cancel", "Stop after the requests in flight.", 5),
    Command("sync.clicks", SYNC, "c", "clicks", "screen.clicks", "The clicks to make in Braze; again: the older menu."),
    Command("sync.copy", SYNC, "y", "copy", "screen.copy", "Copy the clicks for Braze.", 6),
    Command("sync.save", SYNC, "w", "save", "screen.save", "Save the plan as CSV, or the receipt."),
    Command("sync.again", SYNC, "r", "continue", "screen.again", "Plan anew what this run left over."),
    Command("runs.open", RUNS, "enter", "open", "screen.open", "Open the run.", 1),
    Command("runs.continue", RUNS, "r", "continue", "screen.again", "Plan the cohorts of this run anew.", 2),
    Command("runs.receipt", RUNS, "w", "receipt", "screen.save", "Save the receipt of the run.", 3),
    Command("runs.copy", RUNS, "y", "copy", "screen.copy", "Copy what happened, without keys or ids.", 4),
    Command("run.pane", RUN, "tab", "pane", "screen.pane", "Story, batches, refused ids.", 1),
    Command("run.receipt", RUN, "w", "receipt", "screen.save", "Save the receipt of the run.", 2),
    Command("run.back", RUN, "escape", "back", "screen.back", "Back to the list.", 3),
    Command("credentials.edit", CREDENTIALS, "enter", "edit", "screen.edit", "Edit the highlighted setting or key.", 1),
    Command("credentials.check", CREDENTIALS, "r", "check", "screen.check", "Check endpoint and keys again.", 2),
    Command("credentials.copy", CREDENTIALS, "y", "copy verdict", "screen.copy", "Copy the verdict without keys.", 3),
    Command("credentials.paste", CREDENTIALS, "p", "paste", "screen.paste", "Check somebody's keys; saves nothing.", 4),
    Command("credentials.find", CREDENTIALS, "f", "find cluster", "screen.find", "Ask every cluster; asks first.", 5),
    Command("credentials.note", CREDENTIALS, "n", "copy note", "screen.note", "Copy a note to Heap's account manager."),
    Command("credentials.switch", CREDENTIALS, "o", "other profile", "screen.switch", "Choose another profile."),
    Command("credentials.forget", CREDENTIALS, "d", "forget key", "screen.forget", "Remove a stored key.", 6),
    Command("paste.check", PASTE, "enter", "check", "screen.check", "Check what was pasted.", 1),
    Command("paste.find", PASTE, "f", "find cluster", "screen.find", "Ask every cluster; asks first.", 2),
    Command("paste.copy", PASTE, "y", "copy verdict", "screen.copy", "Copy the verdict without keys.", 3),
    Command("paste.note", PASTE, "n", "copy note", "screen.note", "Copy a note to Heap's account manager."),
    Command("paste.save", PASTE, "w", "save", "screen.save", "Keep this as a profile.", 4),
    Command("paste.leave", PASTE, "escape", "leave", "screen.leave", "Leave the field; then leave, forgetting all.", 5),
)  # fmt: skip

MOVES = "↑↓ j k g G move · pgup pgdn page · mouse works too"


_chosen: dict[str, str] = {}
"""Keys that the user chose, by command id."""


def choose_keys(keys: Mapping[str, str]) -> list[str]:
    """Use other keys for some commands; returns a sentence for each that cannot be."""
    _chosen.clear()
    problems = []
    ids = {command.command_id: command for command in COMMANDS}
    for command_id, key in keys.items():
        if command_id not in ids:
            near = get_close_matches(command_id, ids, n=1, cutoff=0.4)
            problems.append(f"[keys] {command_id}: no such command." + (f" Did you mean {near[0]}?" if near else ""))
            continue
        before = dict(_chosen)
        _chosen[command_id] = key
        scope = ids[command_id].scope
        meant = commands_of(scope) if scope != EVERYWHERE else [_with_chosen(command) for command in COMMANDS]
        clash = next((other for other in meant if other.key == key and other.command_id != command_id), None)
        if clash is not None:
            problems.append(f"[keys] {command_id}: {key} already means “{clash.label}” ({clash.command_id}).")
            _chosen.clear()
            _chosen.update(before)
    return problems


def chosen_keys() -> dict[str, str]:
    """The accepted choices as Textual's keymap takes them."""
    return {command_id: _with_wide(key) for command_id, key in _chosen.items()}


def _with_chosen(command: Command) -> Command:
    key = _chosen.get(command.command_id)
    return replace(command, key=key) if key else command


def commands_of(scope: str) -> list[Command]:
    """The commands of one screen, those of everywhere last, with the keys that the user chose."""
    own = [command for command in COMMANDS if command.scope == scope]
    return [_with_chosen(c) for c in own + [command for command in COMMANDS if command.scope == EVERYWHERE]]


def bindings_of(scope: str) -> list[BindingType]:
    """Textual's bindings for one screen, each with its id so that it can be mapped to another key."""
    return [
        Binding(_with_wide(command.key), command.action, command.label, id=command.command_id, show=False)
        for command in commands_of(scope)
    ]


def _with_wide(key: str) -> str:
    """A single letter or digit also as its full-width twin, which Japanese input methods send."""
    if len(key) != 1 or not 0x21 <= ord(key) < 0x7F:
        twins = {"slash": "／", "question_mark": "？", "colon": "："}
        return f"{key},{twins[key]}" if key in twins else key
    wide = next(chr(code) for code in range(0xFF01, 0xFF5F) if unicodedata.normalize("NFKC", chr(code)) == key)
    return f"{key},{wide}"


def footer_of(scope: str, width: int, is_on: Callable[[str], bool] = lambda _: True) -> str:
    """At most eight keys that work now, the most useful first, in so many cells."""
    own = sorted((command for command in commands_of(scope) if command.footer), key=lambda command: command.footer)
    shown = [f"{command.shown_key} {command.label}" for command in own if is_on(command.command_id)][:6]
    while shown and cell_len(" · ".join([*shown, "? help", ": more"])) > width:
        shown.pop()
    return " · ".join([*shown, "? help", ": more"])


def key_table() -> str:
    """The README's table of keys."""
    lines = ["| where | key | does |", "|---|---|---|"]
    lines += [f"| {command.scope} | `{command.shown_key}` | {command.help} |" for command in COMMANDS]
    return "\n".join(lines)
