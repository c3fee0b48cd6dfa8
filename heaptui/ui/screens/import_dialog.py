"""Import a file: the right column, a whole file, and what would change, before anything is replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input

from heaptui.errors import HeaptuiError
from heaptui.model.cohorts import Cohort, Origin
from heaptui.model.identifiers import Kind
from heaptui.model.routes import way_facts
from heaptui.model.words import counted, headcount, percent
from heaptui.services.imports import ImportPreview, ImportRequest, Inspection
from heaptui.ui import signs
from heaptui.ui.commands import IMPORT
from heaptui.ui.screens.page import Page
from heaptui.ui.widgets.dialogs import Asked, Told
from heaptui.ui.widgets.fitted import Line
from heaptui.ui.widgets.frame import RuleLine, TextPane
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

if TYPE_CHECKING:
    from heaptui.services.identity import Candidate

BAD_ROWS_SHOWN = 200


class ImportDialog(Page):
    """Path, cohort, column, difference; tells which cohort was imported."""

    SCOPE: ClassVar[str] = IMPORT
    AUTO_FOCUS = "#path"

    def __init__(self, cohorts: Sequence[Cohort], imported: Callable[[Cohort], None]) -> None:
        super().__init__()
        self._cohorts, self._imported = cohorts, imported
        self._from_files = [one for one in cohorts if one.origin is Origin.FILE]
        self._into: Cohort | None = None
        self._inspection: Inspection | None = None
        self._preview: ImportPreview | None = None
        self._candidates: list[Candidate] = []
        self._note, self._remembered = "", False
        workspace = self.workspace
        self._kinds = way_facts(workspace.route).kinds if workspace.route else tuple(Kind)
        self._kind = workspace.profile.kind

    def compose_body(self) -> ComposeResult:
        """Fields, columns, difference."""
        with Vertical(classes="form"):
            with Horizontal():
                yield Line("File", classes="name")
                yield Input(id="path", placeholder="drop a file here, or type its path; enter reads it")
            with Horizontal():
                yield Line("Into", classes="name")
                yield Input(
                    id="name",
                    placeholder="a new cohort's name, or one from a file (→ completes it)",
                    suggester=SuggestFromList([one.name for one in self._from_files], case_sensitive=False),
                )
            with Horizontal():
                yield Line("Heap says", classes="name")
                yield Input(id="expect", placeholder="people, as Heap shows them (optional)", type="integer")
            with Horizontal():
                yield Line("Alias label", classes="name")
                yield Input(self.workspace.profile.alias_label, id="label", placeholder="for the kind alias only")
        yield RuleLine("Which column is the id in Braze?", id="column-rule")
        yield RecordTable(
            Column("Column", 16),
            Column("Example", 0),
            Column("Filled", 6, right=True, drop=1),
            Column("Repeated", 9, right=True, drop=2),
            Column("Looks like", 14),
            Column("In Braze", 11),
            id="column-table",
        )
        yield RuleLine("What changes here", id="change-rule")
        with VerticalScroll(classes="grow", can_focus=False):
            yield TextPane(id="facts")

    def on_mount(self) -> None:
        """Say what is expected."""
        self.headline("Import a file into a cohort", "importing sends nothing to Braze")
        self.say("Drop a file here or type its path, then enter.")
        self._show_kind()

    def _value(self, field: str) -> str:
        return self.query_one(f"#{field}", Input).value.strip()

    def _show_kind(self) -> None:
        shown = "   ".join(f"{'●' if kind is self._kind else '○'} {kind}" for kind in self._kinds)
        self.query_one("#column-rule", RuleLine).tell("Which column is the id in Braze?", f"as {shown}")
        self.query_one("#label", Input).parent.display = self._kind is Kind.ALIAS  # type: ignore[union-attr]

    @on(Input.Submitted, "#path")
    def _path_given(self) -> None:
        self._inspect()

    @on(Input.Submitted, "#name")
    def _name_given(self) -> None:
        self._go_into(self._value("name"))
        self._field_given()

    @on(Input.Submitted, "#expect")
    @on(Input.Submitted, "#label")
    def _field_given(self) -> None:
        self.query_one(RecordTable).focus()
        self._look()

    @work(group="inspect", exclusive=True, exit_on_error=True, description="inspect a file")
    async def _inspect(self) -> None:
        self._preview = None
        self.say("Reading…")
        try:
            self._inspection = await self.workspace.cohorts.inspect(self._value("path"))
        except HeaptuiError as error:
            self._inspection = None
            self.query_one(RecordTable).show([])
            self.query_one("#facts", TextPane).tell([error.title, error.detail, error.hint])
            self.say("Nothing was changed.")
            return
        found = self._inspection
        self._candidates, self._note, self._remembered = [], "", False
        table = self.query_one(RecordTable)
        table.show(self._rows(found))
        table.cursor = found.best
        if not self._value("name"):
            self.query_one("#name", Input).value = self._proposed(found.name)
        self._go_into(self._value("name"))
        table.focus()
        self._look()
        self._ask()

    def _proposed(self, file: str) -> str:
        """The cohort that this file filled before, else a new one called like it; nothing that would surprise."""
        path = str(Path(self._value("path")).absolute())
        filled = [one.name for one in self._from_files if one.source_path == path]
        filled = filled or [one.name for one in self._from_files if one.source_name == file]
        if filled:
            return filled[0] if len(filled) == 1 else ""
        new = file.rsplit(".", 1)[0].replace("_", " ").strip()
        taken = {name.casefold() for one in self._cohorts for name in (one.name, *one.former_names)}
        return "" if new.casefold() in taken else new

    def _go_into(self, name: str) -> None:
        """Take over the column and the kind of ids of the cohort with this name, where there is one."""
        self._into = next((one for one in self._from_files if one.name == name), None)
        if self._into is None:
            return
        self._kind = self._into.space.kind
        self.query_one("#label", Input).value = self._into.space.label
        self._show_kind()
        columns = self._inspection.columns if self._inspection else ()
        place = next((column.index for column in columns if column.name == self._into.id_column), None)
        self._remembered = place is not None
        self.query_one(RecordTable).go_to(str(place))

    def _rows(self, found: Inspection) -> list[Row]:
        """The columns, those that Braze knows best first."""
        order = [one.column for one in self._candidates]
        ranked = sorted(found.columns, key=lambda one: order.index(one.index) if one.index in order else len(order))
        return [
            Row(
                str(column.index),
                (
                    column.name or f"column {column.index + 1}",
                    column.example,
                    percent(column.filled),
                    signs.people(column.repeated),
                    column.looks,
                    self._in_braze(column.index),
                ),
            )
            for column in ranked
        ]

    def _in_braze(self, column: int) -> str:
        """How many ids of a column exist, as the kind that Braze knows them best by."""
        best = next((one for one in self._candidates if one.column == column), None)
        if best is None:
            return "?"
        other = "" if best.space.kind is self._kind or not best.known else f" {best.space.kind}"
        return percent(best.share) + (other or (" why: w" if best.why else ""))

    @work(group="ask", exclusive=True, exit_on_error=True, description="look samples of columns up in Braze")
    async def _ask(self) -> None:
        """Where there is a REST key, look a sample of every column up."""
        if self._inspection is None or self.workspace.secrets.rest_api_key is None:
            return
        inspection, label = self._inspection, self._value("label")
        try:
            async for ranking in self.workspace.cohorts.ranked_columns(self._value("path"), inspection, label):
                if self._inspection is not inspection or not self.is_attached:
                    return
                if not ranking:
                    # A file without ids: what it holds instead is said by whoever reads it.
                    return
                first = not self._candidates
                self._candidates = ranking
                table = self.query_one(RecordTable)
                table.show(self._rows(inspection))
                # Braze knows better than the looks of a column, unless somebody chose one before.
                if first and ranking[0].known and not self._remembered:
                    table.cursor = 0
                self._tell_asked(ranking[0])
        except HeaptuiError as error:
            self._note = f"{error.title} The looks of a column are all there is to go by."
            if self._preview is not None:
                self.query_one("#facts", TextPane).tell(self._lines(self._preview))

    def _tell_asked(self, best: Candidate) -> None:
        asked = sum(one.asked for one in self._candidates)
        if best.known:
            self.say(f"{percent(best.share)} of {asked:,} ids exist as {best.space}; {self._enter_does()}")
        else:
            self.say(f"None of {asked:,} ids looked up exists in Braze. w says why.")

    def action_why(self) -> None:
        """Why the ids of a column were not found."""
        row = self.query_one(RecordTable).row
        found = [one for one in self._candidates if row and str(one.column) == row.key]
        lines = [f"{one.known:,} of {one.asked:,} exist as {one.space}. {one.why}".rstrip() for one in found]
        if any(one.why.startswith("an e-mail") for one in found):
            lines += [
                "",
                "E-mail addresses are no ids for Heap Cohorts. Choose another column, or alias (a) if Braze has such an"
                " alias.",
            ]
        if not found:
            lines = ["Nothing was looked up: that needs a Braze REST key with users.export.ids.",
                     "Look one id up by hand: Audience › Search Users."]  # fmt: skip
        self.app.push_screen(Told(row.cells[0] if row else "Columns", lines))

    @on(RecordTable.Highlighted)
    def _column_changed(self) -> None:
        self._look()

    @work(group="look", exclusive=True, exit_on_error=True, description="compare a file with a cohort")
    async def _look(self) -> None:
        """Read the file with the highlighted column, and show the difference."""
        facts, rule = self.query_one("#facts", TextPane), self.query_one("#change-rule", RuleLine)
        self._preview = None
        rule.tell("What changes here")
        request = self._request()
        if request is None:
            facts.tell([])
            if self._inspection is not None:
                self.say(self._enter_does())
            return
        try:
            self._preview = preview = await self.workspace.cohorts.preview_import(request)
        except HeaptuiError as error:
            facts.tell([error.title, error.detail, error.hint])
            self.say("Nothing was changed.")
            return
        new = preview.cohort_id is None
        rule.tell(f"New cohort “{preview.name}”" if new else f"Replaces the people of “{preview.name}”")
        facts.tell(self._lines(preview))
        self.say(self._enter_does())

    def _enter_does(self) -> str:
        """What enter would do now."""
        preview = self._preview
        if preview is None:
            return "Into which cohort? n: type a new name, or that of a cohort whose people this file replaces."
        if preview.unusual:
            return "enter asks for the cohort's name first. Sends nothing."
        if preview.cohort_id is None:
            return "enter makes the new cohort. Sends nothing."
        return "enter replaces its people. Sends nothing."

    def _request(self) -> ImportRequest | None:
        row = self.query_one(RecordTable).row
        name = self._value("name")
        if self._inspection is None or row is None or not name:
            return None
        expect = self._value("expect")
        into = self._into.cohort_id if self._into else None
        return ImportRequest(
            path=self._value("path"),
            name=None if into else name,
            into=into,
            id_column=str(int(row.key) + 1) if not row.cells[0] else row.cells[0],
            kind=self._kind,
            alias_label=self._value("label") if self._kind is Kind.ALIAS else "",
            expect=int(expect) if expect.isdigit() else None,
        )

    def _lines(self, preview: ImportPreview) -> list[str]:
        lines = [
            f"{preview.encoding} · {preview.delimiter} · {counted(preview.rows, 'row')}",
            f"{headcount(preview.members)} · {preview.duplicates:,} repeated · {preview.invalid:,} invalid"
            + (" (b lists them)" if preview.invalid else ""),
            f"{preview.adds:,} join · {preview.removes:,} leave · {preview.unchanged:,} stay",
        ]
        if preview.unusual:
            lines += ["", f"! {preview.unusual}", "! The next sync would take these people out of the cohort in Braze."]
        lines += [f"! {warning}" for warning in (*preview.warnings, *([self._note] if self._note else []))]
        if preview.examples:
            lines += ["", "First ids  " + "  ".join(preview.examples)]
        return lines

    def why_disabled(self, command_id: str) -> str:
        """What needs a file, or a key."""
        match command_id:
            case "import.now" if self._preview is None:
                return "Choose a file and a cohort first: f file, n cohort."
            case "import.bad" if self._preview is None or not self._preview.bad_rows:
                return "No row is invalid."
            case "import.ask" if self.workspace.secrets.rest_api_key is None:
                return "This needs a Braze REST key with users.export.ids."
            case "import.why" if self.query_one(RecordTable).row is None:
                return "Choose a file first: f goes to its field."
            case "import.label" if self._kind is not Kind.ALIAS:
                return "Only an alias has a label: a chooses the kind."
        return ""

    def action_ask(self) -> None:
        """Look samples up again, after a label was given."""
        self._ask()

    def action_field(self, field: str) -> None:
        """Go to a field."""
        self.query_one(f"#{field}", Input).focus()

    def action_kind(self) -> None:
        """The next kind of identifier."""
        kinds = self._kinds
        self._kind = kinds[(kinds.index(self._kind) + 1) % len(kinds)] if self._kind in kinds else kinds[0]
        self._show_kind()
        self._look()

    def action_bad_rows(self) -> None:
        """List what was not taken."""
        assert self._preview is not None
        bad = self._preview.bad_rows
        lines = [f"line {row.line:>8,}  {row.reason}  {row.shown}" for row in bad[:BAD_ROWS_SHOWN]]
        if self._preview.invalid > len(lines):
            lines.append(f"… {self._preview.invalid - len(lines):,} more")
        self.app.push_screen(Told(f"{self._preview.invalid:,} invalid rows", lines))

    @work(group="import", exclusive=True, exit_on_error=True, description="import a file")
    async def action_import_now(self) -> None:
        """Replace the people; asks for the name when unusually many would leave."""
        preview = self._preview
        assert preview is not None
        if preview.unusual:
            lines = [preview.unusual, "Importing sends nothing, but the next sync would."]
            if not await self.app.push_screen_wait(Asked("Unusually many would leave", lines, must_be=preview.name)):
                return
        try:
            cohort = await self.workspace.cohorts.apply_import(preview)
        except HeaptuiError as error:
            self.told(error)
            return
        self.leave()
        self._imported(cohort)

    def home(self) -> Widget | None:
        """The columns, once there are some."""
        return super().home() if self._inspection is None else self.query_one(RecordTable)
