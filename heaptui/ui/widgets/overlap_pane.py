"""How cohorts overlap: everyone in both of each pair, who is in exactly which, and some of those people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical

from heaptui.model.cohorts import Cohort
from heaptui.model.expressions import Names
from heaptui.services.segments import Overlap, SegmentService, region_of
from heaptui.ui import signs
from heaptui.ui.segment_text import dots, matrix
from heaptui.ui.widgets.frame import RuleLine, TextPane
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

COMPARED = 8
"""Cohorts at most, where there is room."""

BARS_FROM = 118
"""Cells from which the regions are drawn with bars."""


class OverlapPane(Vertical):
    """The view Overlap."""

    def __init__(self) -> None:
        super().__init__(id="segment-overlap")
        self._service: SegmentService | None = None
        self._overlap: Overlap | None = None
        self._names = Names({})

    def compose(self) -> ComposeResult:
        """Matrix, regions, people."""
        yield TextPane(id="overlap-matrix", labels=False)
        yield RuleLine("In exactly these", "people", id="overlap-rule")
        yield RecordTable(
            Column("", 15, drop=1), Column("Cohorts", 0), Column("People", 9, right=True), Column("", 44, drop=2),
            id="overlap-table",
        )  # fmt: skip
        yield RuleLine("Some of them", id="overlap-people-rule")
        yield TextPane(id="overlap-people")

    @work(group="overlap", exclusive=True, exit_on_error=True, description="compare cohorts")
    async def compare(
        self, service: SegmentService, cohorts: Mapping[str, Cohort], names: Names, *, first: Sequence[str]
    ) -> None:
        """Compare some cohorts first, then the largest of the others, as many as there is room for."""
        others = sorted((one for one in cohorts if one not in first), key=lambda one: -cohorts[one].members)
        most = max(2, min(COMPARED, (self.screen.size.width - 24) // 9))
        chosen = [one for one in [*first, *others] if one in cohorts][:most]
        overlap = await service.overlap(chosen)
        if not self.is_attached:
            return
        self._service, self._overlap, self._names = service, overlap, names
        self._show(overlap, names)

    def _show(self, overlap: Overlap, names: Names) -> None:
        width = self._room
        self.query_one("#overlap-matrix", TextPane).tell(matrix(overlap, names, width - 2))
        most = max((region.people for region in overlap.regions), default=1)
        wide = width >= BARS_FROM
        rows = [
            Row(
                str(index),
                (
                    dots(region.inside, overlap.cohort_ids),
                    self._called(region.inside),
                    signs.people(region.people),
                    signs.bar(region.people, most, 40).rstrip("─") if wide else "",
                ),
            )
            for index, region in enumerate(overlap.regions)
        ]
        table = self.query_one("#overlap-table", RecordTable)
        table.show(rows)
        self._tell()

    @property
    def _room(self) -> int:
        """Cells in a line; a view that was opened just now has no width of its own yet."""
        return self.size.width or self.screen.size.width

    def _called(self, inside: Sequence[str]) -> str:
        only = "only " if len(inside) == 1 else ""
        return only + " + ".join(self._names.of(one) for one in inside)

    @on(RecordTable.Highlighted, "#overlap-table")
    @work(group="region", exclusive=True, exit_on_error=True, description="read some people of a region")
    async def _tell(self) -> None:
        row = self.query_one("#overlap-table", RecordTable).row
        if self._service is None or self._overlap is None or row is None:
            return
        region = self._overlap.regions[int(row.key)]
        expression = region_of(region.inside, self._overlap.cohort_ids)
        people = await self._service.sample(expression, 24)
        self.query_one("#overlap-people-rule", RuleLine).tell(
            f"Some of them, {len(people)} of {region.people:,}", self._called(region.inside)
        )
        self.query_one("#overlap-people", TextPane).tell(in_lines([one.value for one in people], self._room - 4))


def in_lines(values: Sequence[str], width: int) -> list[str]:
    """Ids side by side."""
    if not values:
        return []
    column = max(len(value) for value in values) + 2
    each = max(1, width // column)
    return [
        "".join(value.ljust(column) for value in values[start : start + each]).rstrip()
        for start in range(0, len(values), each)
    ]
