"""The people of one cohort, as many as there are, and their export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, overload

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from heaptui.model.cohorts import Cohort
from heaptui.model.words import headcount
from heaptui.ui.exports import export_people
from heaptui.ui.signs import sign
from heaptui.ui.widgets.frame import Line, RuleLine
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

PAGE = 500


class PeopleScreen(Screen[None]):
    """Browse the ids of a cohort without loading them all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", show=False),
        Binding("e", "export", show=False),
        Binding("t,ｔ", "trace", show=False),
    ]

    def __init__(self, workspace: Workspace, cohort: Cohort) -> None:
        super().__init__()
        self._workspace, self._cohort = workspace, cohort
        self._rows: dict[int, Row] = {}

    def compose(self) -> ComposeResult:
        """Title, table, keys."""
        yield RuleLine(self._cohort.name, f"{headcount(self._cohort.members)} · {self._cohort.space}")
        yield RecordTable(Column("", 9, right=True), Column("Id", 0), id="people-table")
        yield RuleLine()
        yield Line(sign(" ↑↓ move · pgdn page · G last · t trace · e export · esc back"))

    async def on_mount(self) -> None:
        """Load the first page and whatever the cursor reaches."""
        table = self.query_one(RecordTable)
        table.add_class("-main")
        table.show(_Lazy(self._cohort.members, self._rows))
        await self._load(0)
        table.focus()

    async def on_record_table_highlighted(self, event: RecordTable.Highlighted) -> None:
        """The cursor moved: load what is near."""
        await self._load(max(0, event.table.cursor - PAGE // 2))

    async def _load(self, offset: int) -> None:
        if offset in self._rows and offset + PAGE // 2 in self._rows:
            return
        people = await self._workspace.cohorts.members(self._cohort.cohort_id, offset=offset, limit=PAGE)
        for index, person in enumerate(people, offset):
            self._rows[index] = Row(str(index), (f"{index + 1:,}", person.value))
        self.query_one(RecordTable).refresh()

    def action_trace(self) -> None:
        """Trace the highlighted person."""
        from heaptui.ui.screens.trace import TraceScreen

        row = self.query_one(RecordTable).row
        self.app.push_screen(TraceScreen(row.cells[1] if row else ""))

    async def action_export(self) -> None:
        """Write everybody to a file."""
        path = await export_people(self._workspace, self._cohort)
        self.notify(f"{headcount(self._cohort.members)}: {path}", markup=False)


class _Lazy(Sequence[Row]):
    """As many rows as there are people; those not read yet are empty."""

    def __init__(self, count: int, rows: dict[int, Row]) -> None:
        self._count, self._rows = count, rows

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        return self._rows.get(index) or Row(str(index), (f"{index + 1:,}", "…"))
