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
from heaptui.ui.exports import whole_file
from heaptui.ui.screens.framed import FramedScreen
from heaptui.ui.widgets.dialogs import Asked, Question
from heaptui.ui.widgets.facts import FactsPane
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

if TYPE_CHECKING:
    from heaptui.services.compare import Comparison

PARTS = {1: "missing", 2: "unknown", 3: "known", 4: "extra"}
"""Which people are behind a row of the table."""


NOTHING_YET = "There is nothing to compare yet."


class CompareScreen(FramedScreen):
    """Opened with v on a cohort. Sends nothing; a repair opens a plan."""

    SCOPE: ClassVar[str] = COMPARE
    COPIES: ClassVar[str] = "a report without ids"
    EXPORTS: ClassVar[str] = "the people of the line"
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
            Column("", 18), Column("People", 11, right=True), Column("", 7, right=True, drop=1),
            Column("What it means", 0), id="compare-table",
        )  # fmt: skip
        with VerticalScroll(classes="grow", can_focus=False):
            yield FactsPane(id="sentence")

    def on_mount(self) -> None:
        """Begin at once."""
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
        if command_id == "compare.repair" and self._found is None:
            return NOTHING_YET
        if command_id == "compare.repair" and self.workspace.read_only:
            return "This is open read-only: the owner repairs it."
        if command_id == "compare.repair" and not self.workspace.route:
            return "This profile has no way into Braze: only the comparison works."
        return ""

    def action_again(self) -> None:
        """Read it again."""
        self._compare()

    def why_not_copied(self) -> str:
        """A report needs a comparison."""
        return NOTHING_YET if self._found is None else ""

    async def to_copy(self) -> tuple[str, str]:
        """a report without ids"""
        assert self._found is not None
        return self.workspace.compare.report(self._found), "a report without ids"

    @property
    def _part(self) -> str | None:
        row = self.query_one("#compare-table", RecordTable).row
        return PARTS.get(int(row.key)) if row else None

    def why_not_exported(self) -> str:
        """Only lines that differ have people to write."""
        if self._found is None:
            return NOTHING_YET
        return "" if self._part else "These are as they should be; the lines below can be exported."

    async def write_export(self) -> tuple[int, Path]:
        """The people of the highlighted line, one id a line."""
        assert self._found is not None
        assert self._part is not None
        path, count = self.workspace.home.out_dir / f"{self._cohort.tail}-{self._part}.txt", 0
        async with whole_file(path) as file:
            async for some in self.workspace.compare.people(self._found, self._part):
                await asyncio.to_thread(file.writelines, [f"{value}\n" for _, value in some])
                count += len(some)
        return count, path

    @work(group="dialog", exclusive=True, exit_on_error=True, description="repair")
    async def action_repair(self) -> None:
        """Believe what was read, then plan a sync."""
        if self._found is None:
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
