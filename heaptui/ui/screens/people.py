"""The people of one cohort, as many as there are, and their export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult

from heaptui.model.cohorts import Cohort
from heaptui.model.words import headcount
from heaptui.ui.commands import PEOPLE
from heaptui.ui.exports import export_people
from heaptui.ui.screens.page import Page
from heaptui.ui.widgets.record_table import Column, Row
from heaptui.ui.widgets.windowed import WindowedTable


class PeopleScreen(Page):
    """Browse the ids of a cohort without loading them all."""

    SCOPE: ClassVar[str] = PEOPLE
    COPIES: ClassVar[str] = "the id"
    EXPORTS: ClassVar[str] = "all people, or those that match the filter,"

    def __init__(self, cohort: Cohort) -> None:
        super().__init__()
        self._cohort = cohort

    def compose_body(self) -> ComposeResult:
        """One table."""
        yield WindowedTable(Column("", 9, right=True), Column("Id", 0, ids=True), id="people-table")

    def on_mount(self) -> None:
        """Show as many rows as there are people; they are read when they come into sight."""
        self.headline(self._cohort.name, f"{headcount(self._cohort.members)} · {self._cohort.space}")
        self.query_one(WindowedTable).show_many(self._cohort.members, self._read)

    async def _read(self, offset: int, limit: int) -> Sequence[Row]:
        people = await self.workspace.cohorts.members(self._cohort.cohort_id, offset=offset, limit=limit)
        return [Row(f"p{n}", (f"{n + 1:,}", person.value)) for n, person in enumerate(people, offset)]

    def traced_by_default(self) -> str:
        """The person under the cursor."""
        row = self.pane.row if self.pane else None
        return row.cells[1] if row else ""

    async def to_copy(self) -> tuple[str, str]:
        """The id under the cursor."""
        return self.traced_by_default(), ""

    async def write_export(self) -> tuple[int, Path]:
        """Everybody as a file that can be imported again; with a filter, what matches."""
        if self.filter_text:
            return await super().write_export()
        return await export_people(self.workspace, self._cohort)
