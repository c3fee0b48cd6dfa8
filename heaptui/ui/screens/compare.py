"""What Braze holds of one cohort against what is held here, and the way to mend it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from heaptui.errors import HeaptuiError, UsageError
from heaptui.model.cohorts import Cohort
from heaptui.model.comparison import meaning_lines, sentence
from heaptui.model.words import headcount
from heaptui.ui import signs
from heaptui.ui.commands import COMPARE
from heaptui.ui.screens.framed import FramedScreen
from heaptui.ui.widgets.dialogs import Asked, Question
from heaptui.ui.widgets.facts import FactsPane
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

if TYPE_CHECKING:
    from heaptui.services.compare import Comparison

PARTS = {1: "missing", 2: "unknown", 3: "known", 4: "extra"}
"""Which people are behind a row of the table."""


class CompareScreen(FramedScreen):
    """Opened with v on a cohort. Sends nothing; a repair opens a plan."""

    SCOPE: ClassVar[str] = COMPARE
    TAB: ClassVar[str] = "cohorts"

    def __init__(self, cohort: Cohort) -> None:
        super().__init__()
        self._cohort = cohort
        self._segment = ""
        self._found: Comparison | None = None

    def compose_body(self) -> ComposeResult:
        """The two sides, the counts, and one sentence."""
        yield FactsPane(id="sides")
        yield RecordTable(
            Column("", 18), Column("People", 11, right=True), Column("", 7, right=True), Column("What it means", 0),
            id="compare-table",
        )  # fmt: skip
        with VerticalScroll(classes="grow", can_focus=False):
            yield FactsPane(id="sentence")

    def on_mount(self) -> None:
        """Begin at once."""
        super().on_mount()
        self.headline(f"Compare with Braze: {self._cohort.name}", "nothing is sent")
        self.say("A large export takes Braze some minutes.", idle=True)
        self._compare()

    @work(group="compare", exclusive=True, exit_on_error=True, description="compare with Braze")
    async def _compare(self) -> None:
        sides = self.query_one("#sides", FactsPane)
        sides.tell([("Here", f"{self._cohort.name}, {headcount(self._cohort.members)}"), ("In Braze", "being read…")])
        try:
            found = await self.workspace.compare.compare(self._cohort.cohort_id, segment=self._segment, told=self.say)
        except UsageError as error:
            sides.tell([("", line) for line in (error.title, error.detail) if line])
            self._segment_asked(error)
            return
        except HeaptuiError as error:
            sides.tell([("", line) for line in (error.title, error.detail, error.hint) if line])
            return
        if not self.alive:
            return
        self._found = found
        counts = found.counts
        here = counts.source or {"delivered": "accepted by Braze", "members": "in the cohort"}[counts.against]
        when = signs.day_and_time(counts.exported_at)
        sides.tell(
            [
                ("Here", f"{here}: {headcount(counts.here)}"),
                ("In Braze", f"segment “{counts.segment_name}”, export of {when}: {headcount(counts.in_braze)}"),
            ]
        )
        rows = []
        for number, (name, people, means) in enumerate(meaning_lines(counts)):
            share = f"{100 * people / counts.here:.1f} %" if people is not None and counts.here else ""
            tone = "attention" if people and number in PARTS else ""
            rows.append(Row(str(number), (name, "?" if people is None else f"{people:,}", share, means), tone=tone))
        table = self.query_one("#compare-table", RecordTable)
        table.show(rows)
        table.focus()
        self.query_one("#sentence", FactsPane).tell([("", ""), ("So", sentence(counts))])
        self.say("y copies a report without ids; e writes the people of the highlighted line.", idle=True)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="choose a segment")
    async def _segment_asked(self, error: UsageError) -> None:
        lines = [error.title, error.detail, "Name it, or its API id:"]
        wanted = await self.app.push_screen_wait(
            Asked("Which Braze segment?", lines, value=self._segment or f"check: {self._cohort.name}")
        )
        if wanted:
            self._segment = wanted.strip()
            self._compare()

    def why_disabled(self, command_id: str) -> str:
        """What needs a comparison, or a profile that may write."""
        if command_id in ("compare.report", "compare.export", "compare.repair") and self._found is None:
            return "There is nothing to compare yet."
        if command_id == "compare.repair" and self.workspace.read_only:
            return "This is open read-only: the owner repairs it."
        if command_id == "compare.repair" and not self.workspace.route:
            return "This profile has no way into Braze: only the comparison works."
        return ""

    def action_again(self) -> None:
        """Read it again."""
        self._compare()

    def action_copy(self) -> None:
        """Copy a report without ids."""
        if not self.refuses("compare.report") and self._found is not None:
            self.app.copy_to_clipboard(self.workspace.compare.report(self._found))
            self.say("A report without ids was sent to the terminal's clipboard.")

    @work(group="dialog", exclusive=True, exit_on_error=True, description="export people")
    async def action_export(self) -> None:
        """Write the people of the highlighted line to a file."""
        row = self.query_one("#compare-table", RecordTable).row
        part = PARTS.get(int(row.key)) if row else None
        if self.refuses("compare.export") or self._found is None:
            return
        if part is None:
            self.say("These are as they should be; the lines below can be exported.")
            return
        path = self.workspace.home.out_dir / f"{self._cohort.tail}-{part}.txt"
        text = [value async for some in self.workspace.compare.people(self._found, part) for _, value in some]
        await asyncio.to_thread(_write, path, text)
        self.say(f"{len(text):,} people: {path}")

    @work(group="dialog", exclusive=True, exit_on_error=True, description="repair")
    async def action_repair(self) -> None:
        """Believe what was read, then plan a sync."""
        if self.refuses("compare.repair") or self._found is None:
            return
        counts = self._found.counts
        agreed = await self.app.push_screen_wait(
            Question(
                f"Repair {self._cohort.name}?",
                [
                    f"What was read is taken as what Braze holds: {headcount(counts.in_braze)}.",
                    "Then a plan opens that mends the difference. Nothing is sent before you start it.",
                ],
                yes="Take it and plan",
                no="Leave it",
            )
        )
        if not agreed:
            return
        try:
            await self.workspace.compare.believe(self._found)
        except HeaptuiError as error:
            self.told(error)
            return
        app = self.dashboard
        app.planned, app.continues, app.current_run = [self._cohort.cohort_id], None, None
        await app.action_tab("sync")

    def action_back(self) -> None:
        """Back to the cohorts."""
        self.app.pop_screen()

    def key_escape(self) -> None:
        """The binding does it."""


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
