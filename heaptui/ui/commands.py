"""The one table of commands: keys, footer, palette, help and the README's key table come from it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len
from textual.binding import Binding, BindingType

TRACE, COMPARE = "trace", "compare"
COHORTS, SYNC, RUNS, RUN, CREDENTIALS, IMPORT, START = (
    "cohorts",
    "sync",
    "runs",
    "run",
    "credentials",
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
    Command("table.filter", EVERYWHERE, "slash", "filter", "screen.filter", "Show only rows with a text; esc clears."),
    Command("people.trace", EVERYWHERE, "t", "trace", "screen.trace", "Trace a person: why in the segment, or not."),
    Command("cohorts.mark", COHORTS, "space", "mark", "screen.mark", "Mark the cohort for the next plan.", 1),
    Command("cohorts.sync", COHORTS, "s", "sync", "screen.sync", "Plan a sync of what is marked. Sends nothing.", 2),
    Command("cohorts.import", COHORTS, "i", "import", "screen.import", "Import a file. Sends nothing.", 3),
    Command("cohorts.open", COHORTS, "enter", "open", "screen.open", "Browse the people of the cohort.", 4),
    Command("cohorts.order", COHORTS, "o", "order", "screen.order", "Sort by name, people, waiting or state.", 5),
    Command("cohorts.rename", COHORTS, "n", "rename", "screen.rename", "Give the cohort another name."),
    Command("cohorts.undo", COHORTS, "u", "undo import", "screen.undo", "Bring back the people before the import."),
    Command("cohorts.release", COHORTS, "h", "release", "screen.release", "Let a cohort on hold be synced again."),
    Command("cohorts.export", COHORTS, "e", "export", "screen.export", "Write all people of the cohort to a file."),
    Command("cohorts.compare", COHORTS, "v", "compare", "screen.compare", "Compare the cohort with a Braze segment."),
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
    Command("runs.order", RUNS, "o", "order", "screen.order", "Sort by need, time, people accepted or reason."),
    Command("runs.receipt", RUNS, "w", "receipt", "screen.save", "Save the receipt of the run.", 3),
    Command("runs.copy", RUNS, "y", "copy", "screen.copy", "Copy a message for the customer: no keys, no ids.", 4),
    Command("runs.undo", RUNS, "u", "undo", "screen.undo", "Take the run back, as a plan; its cohorts go on hold."),
    Command("runs.bundle", RUNS, "b", "bundle", "screen.bundle", "Pack the run into one file: no keys, ids hashed.", 5),
    Command("run.pane", RUN, "tab", "pane", "screen.pane", "Story, batches, refused ids, exchanges.", 1),
    Command("run.copy", RUN, "y", "copy", "screen.copy", "Copy what the lower half shows.", 2),
    Command("run.ids", RUN, "i", "ids", "screen.ids", "Show the people of a request, or mask them again.", 3),
    Command("run.larger", RUN, "z", "larger", "screen.larger", "The lower half alone, or both again.", 4),
    Command("run.receipt", RUN, "w", "receipt", "screen.save", "Save the receipt of the run."),
    Command("run.curl", RUN, "a", "as curl", "screen.curl", "Copy the request as curl, with variables for keys."),
    Command("run.back", RUN, "escape", "back", "screen.back", "Back to the list.", 5),
    Command("trace.edit", TRACE, "i", "another", "screen.edit", "Type another id.", 1),
    Command("trace.again", TRACE, "m", "ask again", "screen.again", "Look again, and ask Braze again.", 2),
    Command("trace.copy", TRACE, "y", "copy answer", "screen.copy", "Copy the answer.", 3),
    Command("trace.back", TRACE, "escape", "back", "screen.back", "Back to where it was opened.", 4),
    Command("compare.report", COMPARE, "y", "copy report", "screen.copy", "Copy a report without ids.", 1),
    Command("compare.export", COMPARE, "e", "export", "screen.export", "Write the people of the line to a file.", 2),
    Command("compare.again", COMPARE, "r", "again", "screen.again", "Read the Braze segment again.", 3),
    Command("compare.repair", COMPARE, "s", "repair", "screen.repair", "Believe what was read, and plan a sync.", 4),
    Command("compare.back", COMPARE, "escape", "back", "screen.back", "Back to the cohorts.", 5),
    Command("credentials.edit", CREDENTIALS, "enter", "edit", "screen.edit", "Edit the highlighted setting or key.", 1),
    Command("credentials.forget", CREDENTIALS, "d", "forget key", "screen.forget", "Remove a stored key.", 2),
)  # fmt: skip

MOVES = "↑↓ j k g G move · pgup pgdn page · mouse works too"


def commands_of(scope: str) -> list[Command]:
    """The commands of one screen, those of everywhere last."""
    own = [command for command in COMMANDS if command.scope == scope]
    return own + [command for command in COMMANDS if command.scope == EVERYWHERE]


def bindings_of(scope: str) -> list[BindingType]:
    """Textual's bindings for one screen, each with its id so that it can be mapped to another key."""
    return [
        Binding(_with_wide(command.key), command.action, command.label, id=command.command_id, show=False)
        for command in commands_of(scope)
    ]


def _with_wide(key: str) -> str:
    """A single letter or digit also as its full-width twin, which Japanese input methods send."""
    if len(key) != 1:
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
