"""The cohorts: what changed, what of it is in Braze, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult

from heaptui.errors import HeaptuiError
from heaptui.model.cohorts import Cohort, CohortState
from heaptui.model.expressions import InCohort, Names
from heaptui.model.matching import MatchRate
from heaptui.model.reception import Received
from heaptui.model.words import counted, headcount
from heaptui.services.refresh import file_is_old
from heaptui.ui import from_heap, signs
from heaptui.ui.cohort_text import ORDERS, CohortFacts, cells_of, lines_of, ordered
from heaptui.ui.commands import COHORTS
from heaptui.ui.exports import export_people
from heaptui.ui.meanings import cohort_meaning
from heaptui.ui.screens import heap_actions
from heaptui.ui.screens.framed import FramedScreen
from heaptui.ui.waiting import PER_LINE, people_section, people_waiting
from heaptui.ui.widgets.dialogs import Asked
from heaptui.ui.widgets.frame import RuleLine
from heaptui.ui.widgets.record_table import Column, RecordTable, Row
from heaptui.ui.widgets.split_pane import Section, SplitPane

TONES = {
    CohortState.SYNCED: "good",
    CohortState.PENDING: "accent",
    CohortState.HELD: "attention",
    CohortState.ON_HOLD: "attention",
    CohortState.QUIET: "attention",
}


class CohortsScreen(FramedScreen):
    """Tab 1."""

    SCOPE: ClassVar[str] = COHORTS
    COPIES: ClassVar[str] = "name, id, people and state of the cohort"
    EXPORTS: ClassVar[str] = "all people of the cohort"
    TAB: ClassVar[str] = "cohorts"

    def __init__(self) -> None:
        super().__init__()
        self.cohorts: Sequence[Cohort] = ()
        self.rates: dict[str, MatchRate] = {}
        self.marked: set[str] = set()
        self._received: dict[str, Received] = {}
        self._sections: list[Section] = []
        self._sections_of = ""
        self._land_on = ""

    def compose_body(self) -> ComposeResult:
        """The table, and everything about the highlighted cohort."""
        yield RecordTable(
            Column("Cohort", 0),
            Column("People", 9, right=True),
            Column("Waiting", signs.WAITING_WIDTH, right=True),
            Column("Match", 6, right=True, drop=1),
            Column("Ids", 11, drop=3),
            Column("From", 18, drop=4),
            Column("Data", 6, drop=2),
            Column("Synced", 7, drop=5),
            Column("State", 9),
            id="cohort-table",
        )
        yield RuleLine(id="detail-rule")
        yield SplitPane(id="facts")

    @property
    def table(self) -> RecordTable:
        """The list."""
        return self.query_one("#cohort-table", RecordTable)

    @property
    def order(self) -> str:
        """How the list is sorted."""
        order = self.dashboard.preferences.orders.get(self.TAB, "")
        return order if order in ORDERS else ORDERS[0]

    @property
    def current(self) -> Cohort | None:
        """The cohort under the cursor."""
        row = self.table.row
        return next((cohort for cohort in self.cohorts if row and cohort.cohort_id == row.key), None)

    async def read_first(self) -> None:
        """The cohorts; whatever keeps them from being read is told when it keeps them a second time."""
        with suppress(HeaptuiError):
            await self._read()

    def on_mount(self) -> None:
        """Show what was read before."""
        if self.cohorts:
            self._show()

    async def _read(self) -> None:
        self.cohorts = await self.workspace.cohorts.list()
        self.rates = await self.workspace.cohorts.rates()

    @work(group="cohorts", exclusive=True, exit_on_error=True, description="read the cohorts")
    async def load(self) -> None:  # type: ignore[override]
        """Read the ledger and show it."""
        try:
            await self._read()
        except HeaptuiError as error:
            self.unread(error)
            return
        if self.alive:
            self._show()

    def _show(self) -> None:
        self.table.show([self._row(cohort) for cohort in ordered(self.cohorts, self.order)])
        if self._land_on and self.table.go_to(self._land_on):
            self._land_on = ""
        self.heap_looked()
        self._tell_marks()
        self._detail()

    def heap_looked(self) -> None:
        """What was refused at the receiver's door stands where nobody misses it."""
        refused = from_heap.security(self.heap_facts) if self.heap_facts else ""
        self.headline(self.counted(len(self.cohorts), "cohort"), refused or f"sorted by {self.order}")

    def filter_changed(self) -> None:
        """The title counts what matches."""
        super().filter_changed()
        self.heap_looked()

    def _row(self, cohort: Cohort) -> Row:
        cells = cells_of(cohort, self.rates.get(cohort.cohort_id), overdue=bool(self._overdue(cohort)))
        marked, tone = cohort.cohort_id in self.marked, TONES.get(cohort.state, "")
        return Row(cohort.cohort_id, cells, marked, tone, also=cohort.cohort_id)

    def _overdue(self, cohort: Cohort) -> str:
        """Why a newer file of it should be here by now; empty where none should."""
        return file_is_old(self.workspace.profile, cohort) or ""

    def _tell_marks(self) -> None:
        marked = [cohort for cohort in self.cohorts if cohort.cohort_id in self.marked]
        if not self.cohorts:
            self.say("No cohorts yet. i imports a file from Heap. With Developer Hub access, l receives.", idle=True)
        elif marked:
            adds, removes = sum(c.adds for c in marked), sum(c.removes for c in marked)
            self.say(
                f"{len(marked)} marked: {adds:,} join, {removes:,} leave,"
                f" at most {counted(adds + removes, 'data point')}",
                idle=True,
            )
        else:
            self.say("space marks, s plans. Nothing is sent before you say so.", idle=True)

    @on(RecordTable.Highlighted, "#cohort-table")
    def _detail(self) -> None:
        cohort = self.current
        rule = self.query_one("#detail-rule", RuleLine)
        if cohort is None:
            rule.tell("")
            self.query_one("#facts", SplitPane).tell([])
            return
        rule.tell(cohort.name, cohort.cohort_id)
        self._tell_facts(cohort)
        self._people_of(cohort)

    def _tell_facts(self, cohort: Cohort) -> None:
        """What is known of a cohort now; its people and pages follow when they are read."""
        known = CohortFacts(
            cohort,
            self.workspace.people_per_request,
            self.rates.get(cohort.cohort_id),
            self._received.get(cohort.cohort_id),
            Names({one.cohort_id: one.name for one in self.cohorts}),
            self._overdue(cohort),
            wide=self.size.width >= from_heap.ROOMY,
            endpoint=self.workspace.profile.endpoint,
        )
        sections = self._sections if self._sections_of == cohort.cohort_id else []
        self.query_one("#facts", SplitPane).tell(lines_of(known), sections)

    @work(group="people", exclusive=True, exit_on_error=True, description="read people waiting")
    async def _people_of(self, cohort: Cohort) -> None:
        try:
            received, sections = await self._read_of(cohort)
        except HeaptuiError as error:
            self.unread(error)
            return
        if not self.alive or self.current is None or self.current.cohort_id != cohort.cohort_id:
            return
        self._received[cohort.cohort_id] = received
        self._sections, self._sections_of = sections, cohort.cohort_id
        self._tell_facts(self.current)

    async def _read_of(self, cohort: Cohort) -> tuple[Received, list[Section]]:
        """What came from Heap for it, and some of its people."""
        # As many as there is room for below the table.
        lines = max(4, self.size.height - len(self.cohorts) - 18)
        received = await self.workspace.heap.received(cohort.cohort_id, limit=10)
        pages = from_heap.last_pages(received) if received.pages else []
        sections = [Section("Last pages from Heap", pages, brief=())]
        sections += await people_waiting(self.workspace, cohort.cohort_id, (cohort.adds, cohort.removes), lines)
        if not cohort.adds:
            members = await self.workspace.cohorts.members(cohort.cohort_id, limit=PER_LINE * lines // 2)
            sections.append(people_section("People", members, cohort.members))
        return received, sections

    def why_disabled(self, command_id: str) -> str:
        """What the highlighted cohort or the profile does not allow."""
        cohort = self.current
        changes = ("cohorts.import", "cohorts.rename", "cohorts.undo", "cohorts.release", *heap_actions.COMMANDS)
        if self.workspace.read_only and command_id in changes:
            return "This is open read-only: nothing can be changed here."
        if cohort is None and command_id not in ("cohorts.import", "cohorts.order", "cohorts.listen"):
            return "There is no cohort here yet. i imports a file."
        if command_id == "cohorts.match" and self.workspace.secrets.rest_api_key is None:
            return "This needs a Braze REST key with users.export.ids: 6 Credentials."
        if cohort and command_id == "cohorts.undo" and not cohort.can_undo_import:
            return f"“{cohort.name}” has no import to undo."
        if cohort and command_id == "cohorts.release" and cohort.state is not CohortState.ON_HOLD:
            return f"“{cohort.name}” is not on hold."
        return heap_actions.why_off(self, command_id, cohort) if command_id in heap_actions.COMMANDS else ""

    def action_compare(self) -> None:
        """Compare the cohort with a Braze segment."""
        if self.current is not None:
            from heaptui.ui.screens.compare import CompareScreen

            self.app.push_screen(CompareScreen(self.current))

    def action_mark(self) -> None:
        """Mark or unmark; the cursor stays, because what stands below is about what was marked."""
        cohort = self.current
        assert cohort is not None
        self.marked ^= {cohort.cohort_id}
        self._show()

    async def action_sync(self) -> None:
        """Plan the marked cohorts, or the highlighted one."""
        cohort = self.current
        assert cohort is not None
        chosen = [c.cohort_id for c in self.cohorts if c.cohort_id in self.marked] or [cohort.cohort_id]
        if self.dashboard.live_runs:
            self.say("A sync is running: 3 shows it. The next one can be planned when it is over.")
            return
        self.dashboard.planned, self.dashboard.current_run, self.dashboard.continues = chosen, None, None
        self.marked.clear()
        await self.dashboard.action_tab("sync")

    async def action_preview(self) -> None:
        """The marked cohorts, or the highlighted one, as a Braze segment."""
        cohort = self.current
        if cohort is None:
            return
        marked = [c.cohort_id for c in self.cohorts if c.cohort_id in self.marked]
        self.dashboard.previewed = marked or [cohort.cohort_id]
        await self.dashboard.action_tab("segments")

    @work(group="match", exclusive=True, exit_on_error=True, description="measure a match rate")
    async def action_match(self) -> None:
        """Ask Braze how many people of the highlighted cohort exist."""
        cohort = self.current
        if cohort is None:
            return
        from heaptui.ui.measuring import measured

        try:
            await measured(self, InCohort(cohort.cohort_id), cohort.name, cohort.members, cohort.space)
        except HeaptuiError as error:
            self.told(error)

    def action_import(self) -> None:
        """Open the import dialog."""
        from heaptui.ui.screens.import_dialog import ImportDialog

        self.app.push_screen(ImportDialog(self.cohorts, self._imported))

    def _imported(self, cohort: Cohort) -> None:
        """Go to what was imported, so that s plans a sync of it."""
        self._land_on = cohort.cohort_id
        self.say(f"{cohort.name}: {headcount(cohort.members)}. Nothing was sent.")
        self.load()

    def action_order(self) -> None:
        """The next order."""
        self.dashboard.preferences.orders[self.TAB] = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        self._show()

    @work(group="dialog", exclusive=True, exit_on_error=True, description="rename a cohort")
    async def action_rename(self) -> None:
        """Ask for another name."""
        cohort = self.current
        if cohort is None:
            return
        note = "The next sync renames it in Braze, too. Its id stays, and so do the segments that use it."
        name = await self.app.push_screen_wait(Asked("Rename the cohort", [note], value=cohort.name))
        if name and name != cohort.name:
            try:
                await self.workspace.cohorts.rename(cohort.cohort_id, name)
            except HeaptuiError as error:
                self.told(error)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="undo an import")
    async def action_undo(self) -> None:
        """Bring the people before the last import back."""
        cohort = self.current
        if cohort is None:
            return
        try:
            after = await self.workspace.cohorts.undo_import(cohort.cohort_id)
            self.notify(f"{after.name} has {headcount(after.members)} again.", markup=False)
        except HeaptuiError as error:
            self.told(error)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="release a cohort")
    async def action_release(self) -> None:
        """Let it be synced again."""
        cohort = self.current
        if cohort is None:
            return
        await self.workspace.cohorts.release(cohort.cohort_id)

    def action_automatic(self) -> None:
        """Deliver Heap's syncs of it by themselves, or not."""
        self._about_heap(heap_actions.switch_automatic)

    def action_drain(self) -> None:
        """Answer Heap's wish to empty the segment."""
        self._about_heap(heap_actions.answer_drain)

    def action_kind(self) -> None:
        """Say what the ids are in Braze."""
        self._about_heap(heap_actions.say_kind)

    def action_again(self) -> None:
        """Read the newest file again."""
        self._about_heap(heap_actions.read_again)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="something about what Heap sends")
    async def _about_heap(self, action: Callable[[CohortsScreen, Cohort], Coroutine[None, None, None]]) -> None:
        cohort = self.current
        if cohort is None:
            return
        try:
            await action(self, cohort)
        except HeaptuiError as error:
            self.told(error)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="start or stop the receiver")
    async def action_listen(self) -> None:
        """Start or stop the receiver."""
        await heap_actions.switch_listener(self)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="show people of a cohort")
    async def action_open(self) -> None:
        """Browse the people."""
        cohort = self.current
        if cohort is None:
            return
        from heaptui.ui.screens.people import PeopleScreen

        self.app.push_screen(PeopleScreen(cohort))

    async def action_followed(self) -> None:
        """What its people did afterwards."""
        cohort = self.current
        if cohort is not None:
            self.dashboard.preferences.followed = cohort.cohort_id
            await self.dashboard.action_tab("currents")

    async def write_export(self) -> tuple[int, Path]:
        """Everybody in the cohort."""
        assert self.current is not None
        return await export_people(self.workspace, self.current)

    async def to_copy(self) -> tuple[str, str]:
        """The cohort on one line."""
        cohort = self.current
        assert cohort is not None
        state, _ = signs.cohort_state(cohort)
        return f"{cohort.name}\t{cohort.cohort_id}\t{cohort.members}\t{state}", ""

    def explanation(self) -> Sequence[str]:
        """What the state of the cohort means."""
        return cohort_meaning(self.current) if self.current else ()

    def action_upload(self) -> None:
        """Write a file for Braze's Import Users."""
        cohort = self.current
        if cohort is not None:
            from heaptui.ui.screens.upload import UploadScreen

            self.app.push_screen(UploadScreen(cohort))
