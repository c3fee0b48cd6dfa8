"""The one table of commands: keys, footer, palette, help and the README's key table come from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from msgspec import Struct
from msgspec.structs import replace
from rich.cells import cell_len
from textual.binding import Binding, BindingType

TRACE, COMPARE, PASTE, PEOPLE, EVENT, SETTINGS = "trace", "compare", "paste", "people", "event", "settings"
COHORTS, SEGMENTS, SYNC, RUNS, RUN, CURRENTS, CREDENTIALS, IMPORT, START, WAY, UPLOAD = (
    "cohorts",
    "segments",
    "sync",
    "runs",
    "run",
    "currents",
    "credentials",
    "import",
    "start",
    "way",
    "upload",
)
EVERYWHERE = "everywhere"
FILTER = "pane.filter"
_CHARACTERS = {
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "space": " ",
    "comma": ",",
}
"""What the keys type that are called by a name."""
_ENDS = ("app.back", "app.help", "app.commands")


class Command(Struct, frozen=True):
    """One thing the user can do: where, by which key, how it is called, and what it does."""

    command_id: str
    scope: str
    key: str
    label: str
    action: str
    help: str
    footer: int = 0
    """Place in the footer, from 1; 0 keeps it out; from 9 for what works everywhere."""

    @property
    def comes_first(self) -> bool:
        """Whether keys that are typed in one go with it are meant for where it leads: a field, or another tab."""
        return self.command_id == FILTER or self.action.startswith("app.tab(")

    @property
    def is_letter(self) -> bool:
        """Whether a field takes its key as text."""
        return all(len(_CHARACTERS.get(key, key)) == 1 for key in self.key.split(","))

    @property
    def shown_key(self) -> str:
        """The key as people read it."""
        key = self.key.split(",")[0]
        names = {"escape": "esc", "delete": "del", "left": "←", "right": "→"}
        return names.get(key) or _CHARACTERS.get(key, "").strip() or key


COMMANDS: tuple[Command, ...] = (
    Command("app.cohorts", EVERYWHERE, "1", "Cohorts", "app.tab('cohorts')", "Go to the cohorts."),
    Command("app.segments", EVERYWHERE, "2", "Segments", "app.tab('segments')", "Go to the preview of Braze segments."),
    Command("app.sync", EVERYWHERE, "3", "Sync", "app.tab('sync')", "Go to the plan, the running sync or its result."),
    Command("app.runs", EVERYWHERE, "4", "Runs", "app.tab('runs')", "Go to the history of runs."),
    Command("app.currents", EVERYWHERE, "5", "Currents", "app.tab('currents')", "Go to the events from Braze."),
    Command("app.credentials", EVERYWHERE, "6", "Credentials", "app.tab('credentials')", "Go to profile and keys."),
    Command("app.way", EVERYWHERE, "W", "way into Braze", "screen.way", "Choose how people get into Braze."),
    Command("app.settings", EVERYWHERE, "comma", "settings", "screen.settings", "Settings, and keys of the dashboard."),
    Command(FILTER, EVERYWHERE, "slash", "filter", "screen.filter", "Show and count rows that hold a text.", 10),
    Command("pane.copy", EVERYWHERE, "y", "copy", "screen.copy", "Copy what is highlighted, or was found.", 9),
    Command("pane.export", EVERYWHERE, "e", "export", "screen.export", "Write all rows of the pane to a file."),
    Command("pane.alone", EVERYWHERE, "z", "alone", "screen.alone", "This pane alone; again: the next; then all.", 11),
    Command("app.trace", EVERYWHERE, "t", "trace", "screen.trace", "Trace a person: why in the segment, or not.", 12),
    Command("app.back", EVERYWHERE, "escape", "back", "screen.back", "Back; out of a filter or a field first.", 13),
    Command("app.help", EVERYWHERE, "question_mark", "help", "app.help", "What is highlighted, and the keys here.", 14),
    Command("app.commands", EVERYWHERE, "colon", "more", "app.command_palette", "List all commands.", 15),
    Command("app.quit", EVERYWHERE, "q", "quit", "app.ask_quit", "Quit; asks while a run is going."),
    Command("app.end_tour", EVERYWHERE, "0", "end tour", "app.end_tour", "End the guided tour of the demo."),
    Command("cohorts.mark", COHORTS, "space", "mark", "screen.mark", "Mark the cohort for the next plan.", 1),
    Command("cohorts.sync", COHORTS, "s", "sync", "screen.sync", "Plan a sync of what is marked or highlighted.", 2),
    Command("cohorts.import", COHORTS, "i", "import", "screen.import", "Import a file. Sends nothing.", 3),
    Command("cohorts.open", COHORTS, "enter", "open", "screen.open", "Browse the people of the cohort.", 4),
    Command("cohorts.order", COHORTS, "o", "order", "screen.order", "Sort by name, people, waiting or state.", 5),
    Command("cohorts.preview", COHORTS, "p", "preview", "screen.preview", "Preview a Braze segment of what is marked."),
    Command("cohorts.match", COHORTS, "m", "match rate", "screen.match", "Ask Braze how many of the people exist."),
    Command("cohorts.rename", COHORTS, "n", "rename", "screen.rename", "Give the cohort another name."),
    Command("cohorts.undo", COHORTS, "u", "undo import", "screen.undo", "Bring back the people before the import."),
    Command("cohorts.release", COHORTS, "h", "release", "screen.release", "Let a cohort on hold be synced again."),
    Command("cohorts.automatic", COHORTS, "a", "automatic", "screen.automatic", "Deliver Heap's syncs by themselves."),
    Command("cohorts.again", COHORTS, "r", "read again", "screen.again", "Read the newest file of the cohort again."),
    Command("cohorts.listen", COHORTS, "l", "listen", "screen.listen", "Start or stop the receiver for Heap's pages."),
    Command("cohorts.drain", COHORTS, "d", "answer", "screen.drain", "Answer Heap's wish to empty the segment."),
    Command("cohorts.kind", COHORTS, "f", "id kind", "screen.kind", "Say what the ids from Heap are in Braze."),
    Command("cohorts.followed", COHORTS, "A", "what followed", "screen.followed", "What its people did afterwards."),
    Command("cohorts.upload", COHORTS, "b", "file for Braze", "screen.upload", "Write a file for Import Users."),
    Command("cohorts.compare", COHORTS, "v", "compare", "screen.compare", "Compare the cohort with a Braze segment."),
    Command("segments.view", SEGMENTS, "tab", "next view", "screen.view", "Preview, segments in Braze, overlap.", 1),
    Command("segments.add", SEGMENTS, "plus", "filter", "screen.add", "Add a filter to this group.", 2),
    Command("segments.mark", SEGMENTS, "p", "cohorts", "app.tab('cohorts')", "Mark in 1 Cohorts; p there shows it."),
    Command("segments.exclude", SEGMENTS, "minus", "exclusion", "screen.exclude", "Add an exclusion group.", 3),
    Command("segments.group", SEGMENTS, "n", "new group", "screen.group", "Add a filter group."),
    Command("segments.join", SEGMENTS, "o", "AND/OR", "screen.join", "Join the filters by AND or OR.", 4),
    Command("segments.groups", SEGMENTS, "O", "groups AND/OR", "screen.join_groups", "Join the groups by AND or OR."),
    Command("segments.turn", SEGMENTS, "i", "includes", "screen.turn", "Includes, or does not include."),
    Command("segments.remove", SEGMENTS, "delete,backspace", "remove", "screen.remove", "Remove the filter."),
    Command("segments.text", SEGMENTS, "equals_sign", "text", "screen.text", "Edit the expression as text.", 5),
    Command("segments.sync", SEGMENTS, "s", "sync", "screen.sync", "Plan all that is missing. Sends nothing.", 6),
    Command("segments.match", SEGMENTS, "m", "match rate", "screen.match", "Ask Braze how many of these people exist."),
    Command("segments.derive", SEGMENTS, "d", "own cohort", "screen.derive", "Make it a cohort, computed from others."),
    Command("segments.clicks", SEGMENTS, "c", "clicks", "screen.clicks", "The clicks in Braze; again: the older menu."),
    Command("segments.keep", SEGMENTS, "w", "keep", "screen.keep", "Keep it as a draft."),
    Command("segments.drafts", SEGMENTS, "b", "drafts", "screen.drafts", "Open a draft."),
    Command("segments.clear", SEGMENTS, "x", "empty", "screen.clear", "Begin with an empty segment."),
    Command("segments.again", SEGMENTS, "r", "read again", "screen.again", "Ask Braze for its segments again.", 7),
    Command("sync.start", SYNC, "enter", "start", "screen.start", "Send what the plan shows.", 1),
    Command("sync.leave_out", SYNC, "space", "leave out", "screen.leave_out", "Leave this cohort out of the plan.", 2),
    Command("sync.let", SYNC, "l", "let through", "screen.let_through", "Let a held cohort through; asks its name.", 3),
    Command("sync.pause", SYNC, "p", "pause", "screen.pause", "Send nothing more until p is pressed again.", 4),
    Command("sync.cancel", SYNC, "x", "cancel", "screen.cancel", "Stop after the requests in flight.", 5),
    Command("sync.clicks", SYNC, "c", "clicks", "screen.clicks", "The clicks for Braze; again: the older menu.", 6),
    Command("sync.save", SYNC, "w", "save", "screen.save", "Save the plan as CSV, or the receipt."),
    Command("sync.again", SYNC, "r", "continue", "screen.again", "Plan anew what this run left over.", 7),
    Command("runs.open", RUNS, "enter", "open", "screen.open", "Open the run.", 1),
    Command("runs.continue", RUNS, "r", "continue", "screen.again", "Plan its cohorts anew; refused ids if wanted.", 2),
    Command("runs.order", RUNS, "o", "order", "screen.order", "Sort by need, time, people accepted or reason."),
    Command("runs.receipt", RUNS, "w", "receipt", "screen.save", "Save the receipt of the run.", 3),
    Command("runs.undo", RUNS, "u", "undo", "screen.undo", "Take the run back, as a plan; its cohorts go on hold."),
    Command("runs.bundle", RUNS, "b", "bundle", "screen.bundle", "Pack the run into one file: no keys, ids hashed.", 5),
    Command("run.pane", RUN, "tab", "pane", "screen.pane", "Story, batches, refused ids, exchanges.", 1),
    Command("run.ids", RUN, "i", "ids", "screen.ids", "Show the people of a request, or mask them again.", 3),
    Command("run.receipt", RUN, "w", "receipt", "screen.save", "Save the receipt of the run."),
    Command("run.curl", RUN, "a", "as curl", "screen.curl", "Copy the request as curl, with variables for keys."),
    Command("way.choose", WAY, "enter", "choose", "screen.choose", "Take this way into Braze, or show how it goes.", 1),
    Command("way.pane", WAY, "tab", "cohorts", "screen.pane", "To the attributes of the cohorts, and back.", 2),
    Command("way.name", WAY, "n", "name", "screen.name", "Choose the attribute of the highlighted cohort.", 3),
    Command("upload.write", UPLOAD, "enter", "write file", "screen.write", "Write the file. Sends nothing.", 1),
    Command("upload.who", UPLOAD, "k", "who", "screen.who", "Everybody, or only people Braze knows.", 2),
    Command("upload.form", UPLOAD, "a", "form", "screen.form", "A list of ids, or the attribute.", 3),
    Command("upload.clicks", UPLOAD, "c", "older menu", "screen.clicks", "The clicks in the other menu.", 4),
    Command("trace.edit", TRACE, "i", "another", "screen.edit", "Type another id.", 1),
    Command("trace.again", TRACE, "m", "ask again", "screen.again", "Look again, and ask Braze again.", 2),
    Command("compare.again", COMPARE, "r", "again", "screen.again", "Read the Braze segment again.", 3),
    Command("compare.repair", COMPARE, "s", "repair", "screen.repair", "Believe what was read, and plan a sync.", 4),
    Command("currents.open", CURRENTS, "enter", "event", "screen.open", "An event in Braze's and in Heap's shape.", 1),
    Command("currents.cohort", CURRENTS, "a", "another cohort", "screen.cohort", "Look at another cohort's people.", 2),
    Command("currents.period", CURRENTS, "p", "period", "screen.period", "Since the run, 24 hours, 7 or 30 days.", 3),
    Command("currents.dead", CURRENTS, "l", "dead letters", "screen.dead", "Look at what could not go to Heap.", 4),
    Command("currents.again", CURRENTS, "r", "send dead again", "screen.again", "Send dead letters to Heap again.", 5),
    Command("currents.set_up", CURRENTS, "s", "set up", "screen.set_up", "Make a token, see the clicks for Braze."),
    Command("currents.demo", CURRENTS, "d", "sample events", "screen.demo", "Watch it with sample events."),
    Command("currents.hide", CURRENTS, "h", "hide Currents", "screen.hide", "Hide this tab, or show it again."),
    Command("credentials.edit", CREDENTIALS, "enter", "edit", "screen.edit", "Edit the highlighted setting or key.", 1),
    Command("credentials.check", CREDENTIALS, "r", "check", "screen.check", "Check endpoint and keys again.", 2),
    Command("credentials.paste", CREDENTIALS, "p", "paste", "screen.paste", "Check somebody's keys; saves nothing.", 4),
    Command("credentials.find", CREDENTIALS, "f", "find cluster", "screen.find", "Ask every cluster; asks first.", 5),
    Command("credentials.note", CREDENTIALS, "n", "copy note", "screen.note", "Copy a note to Heap's account manager."),
    Command("credentials.switch", CREDENTIALS, "o", "other profile", "screen.switch", "Choose another profile."),
    Command("credentials.forget", CREDENTIALS, "d", "forget key", "screen.forget", "Remove a stored key.", 6),
    Command("settings.edit", SETTINGS, "enter", "change", "screen.edit", "Change the setting, or say how.", 1),
    Command("settings.default", SETTINGS, "d", "default", "screen.default", "Bring the default back.", 2),
    Command("settings.view", SETTINGS, "tab", "next view", "screen.view", "To the keys of the dashboard, and back.", 3),
    Command("event.older", EVENT, "left,N", "older", "screen.step(1)", "The event before.", 1),
    Command("event.newer", EVENT, "right,n", "newer", "screen.step(-1)", "The event after.", 2),
    Command("import.now", IMPORT, "enter", "import", "screen.import_now", "Replace the people. Sends nothing.", 1),
    Command("import.file", IMPORT, "f", "file", "screen.field('path')", "Choose another file.", 2),
    Command("import.cohort", IMPORT, "n", "cohort", "screen.field('name')", "Say into which cohort.", 3),
    Command("import.kind", IMPORT, "a", "kind", "screen.kind", "The next kind of id.", 4),
    Command("import.label", IMPORT, "l", "label", "screen.field('label')", "Give the label of the alias."),
    Command("import.size", IMPORT, "x", "size", "screen.field('expect')", "Say how many people Heap shows."),
    Command("import.bad", IMPORT, "b", "bad rows", "screen.bad_rows", "List what is not taken.", 5),
    Command("import.why", IMPORT, "w", "why", "screen.why", "Why ids of the column are not in Braze.", 6),
    Command("import.ask", IMPORT, "m", "ask Braze", "screen.ask", "Look samples of the columns up again."),
    Command("paste.check", PASTE, "enter", "check", "screen.check", "Check what was pasted.", 1),
    Command("paste.find", PASTE, "f", "find cluster", "screen.find", "Ask every cluster; asks first.", 2),
    Command("paste.note", PASTE, "n", "copy note", "screen.note", "Copy a note to Heap's account manager."),
    Command("paste.save", PASTE, "w", "save", "screen.save", "Keep this as a profile.", 4),
)  # fmt: skip

MOVES = "↑↓ j k g G move · pgup pgdn page · mouse works too"


_chosen: dict[str, str] = {}
"""Keys that the user chose, by command id."""
_refused: dict[str, str] = {}
"""Why other choices of the user are not used, by command id."""


def choose_keys(keys: Mapping[str, str]) -> list[str]:
    """Use other keys for some commands; returns a sentence for each that cannot be."""
    _chosen.clear()
    _refused.clear()
    ids = {command.command_id: command for command in COMMANDS}
    for command_id, key in keys.items():
        if command_id not in ids:
            near = get_close_matches(command_id, ids, n=1, cutoff=0.4)
            hint = f" Did you mean {near[0]}?" if near else ""
            _refused[command_id] = f"[keys] {command_id}: no such command.{hint}"
            continue
        before = dict(_chosen)
        _chosen[command_id] = key
        scope = ids[command_id].scope
        meant = commands_of(scope) if scope != EVERYWHERE else [_with_chosen(command) for command in COMMANDS]
        clash = next((other for other in meant if other.key == key and other.command_id != command_id), None)
        if clash is not None:
            _refused[command_id] = f"[keys] {command_id}: {key} already means “{clash.label}” ({clash.command_id})."
            _chosen.clear()
            _chosen.update(before)
    return list(_refused.values())


class KeyNow(Struct, frozen=True):
    """The key of one command: as made, as it is now, and why the user's choice is not used."""

    command_id: str
    scope: str
    help: str
    default: str
    now: str
    written: str
    """How the file calls the key of now."""
    problem: str


def keys_now() -> list[KeyNow]:
    """The key of every command; first the choices of which no command is known."""
    unknown = [KeyNow(command_id, "", "No such command", "·", "·", "", _refused[command_id]) for command_id in _refused]
    known = [
        KeyNow(
            command.command_id,
            command.scope,
            command.help,
            command.shown_key,
            _with_chosen(command).shown_key,
            _with_chosen(command).key.split(",")[0],
            _refused.get(command.command_id, ""),
        )
        for command in COMMANDS
    ]
    ids = {key.command_id for key in known}
    return [*(key for key in unknown if key.command_id not in ids), *known]


def chosen_keys() -> dict[str, str]:
    """The accepted choices as Textual's keymap takes them."""
    return {command_id: _with_wide(key) for command_id, key in _chosen.items()}


def _with_chosen(command: Command) -> Command:
    key = _chosen.get(command.command_id)
    return replace(command, key=key) if key else command


def commands_of(scope: str) -> list[Command]:
    """The commands of one screen, those of everywhere last, with the keys that the user chose."""
    return [_with_chosen(command) for command in _commands_of(scope)]


def _commands_of(scope: str) -> list[Command]:
    return [command for wanted in (scope, EVERYWHERE) for command in COMMANDS if command.scope == wanted]


def command_of(command_id: str) -> Command:
    """The command of that id, with the key that the user chose."""
    return _with_chosen(next(command for command in COMMANDS if command.command_id == command_id))


def bindings_of(scope: str) -> list[BindingType]:
    """Textual's bindings for one screen, each with its id, by which the user's own keys are mapped to it."""
    return [
        Binding(
            _with_wide(command.key),
            f"screen.do('{command.command_id}')",
            command.label,
            id=command.command_id,
            show=False,
            # Done before the next key is looked at, so that what is typed in one go with it comes where it leads.
            priority=command.comes_first,
        )
        for command in _commands_of(scope)
    ]


def _with_wide(keys: str) -> str:
    """Each letter, digit and sign also as its full-width twin, which Japanese input methods send."""
    return ",".join(part for key in keys.split(",") for part in (key, _wide(key)) if part)


def _wide(key: str) -> str:
    """The full-width twin of a key; empty where it has none."""
    narrow = _CHARACTERS.get(key, key)
    if narrow == " ":
        return "ideographic_space"
    # Full-width characters stand in the order of ASCII, so many places behind it.
    return chr(ord(narrow) + 0xFEE0) if len(narrow) == 1 and "!" <= narrow <= "~" else ""


def footer_of(
    scope: str,
    width: int,
    is_on: Callable[[str], bool] = lambda _: True,
    label_of: Callable[[Command], str] = lambda command: command.label,
) -> str:
    """At most eight keys that work now, the most useful first, in so many cells; the way back and on is never lost."""
    on = sorted((c for c in commands_of(scope) if c.footer and is_on(c.command_id)), key=lambda command: command.footer)
    ends = [f"{c.shown_key} {label_of(c)}" for c in on if c.command_id in _ENDS]
    shown = [f"{c.shown_key} {label_of(c)}" for c in on if c.command_id not in _ENDS][: 8 - len(ends)]
    while shown and cell_len(" · ".join([*shown, *ends])) > width:
        shown.pop()
    return " · ".join([*shown, *ends])


def key_table() -> str:
    """The README's table of keys."""
    lines = ["| where | key | does |", "|---|---|---|"]
    lines += [f"| {command.scope} | `{command.shown_key}` | {command.help} |" for command in COMMANDS]
    return "\n".join(lines)
