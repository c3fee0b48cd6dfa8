"""A table of a million rows reads what is in sight and keeps little of it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import App, ComposeResult

from heaptui.ui.widgets.record_table import Column, Row
from heaptui.ui.widgets.windowed import PAGE, PAGES_KEPT, WindowedTable
from tests.ui.conftest import shows, until


class Window(App[None]):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.read: list[int] = []

    def compose(self) -> ComposeResult:
        yield WindowedTable(Column("Number", 0), id="table")

    def on_mount(self) -> None:
        self.table = self.query_one(WindowedTable)
        self.table.show_many(self.count, self.some)
        self.table.focus()

    async def some(self, offset: int, limit: int) -> Sequence[Row]:
        self.read.append(offset)
        return [Row(str(n), (f"row {n}",)) for n in range(offset, min(offset + limit, self.count))]


async def test_only_what_comes_into_sight_is_read_and_little_is_kept() -> None:
    app = Window(1_000_000)
    async with app.run_test(size=(40, 20)) as pilot:
        await shows(pilot, "row 0")
        assert app.read == [0]
        await pilot.press("G")
        await shows(pilot, "row 999999")
        assert len(app.read) <= 3
        for place in range(0, 1_000_000, 20_000):
            app.table.cursor = place
            await until(pilot, lambda place=place: app.table.row.key == str(place))
        assert len(app.table._pages._kept) <= PAGES_KEPT
        assert sum(len(rows) for rows in app.table._pages._kept.values()) <= PAGES_KEPT * PAGE


async def test_more_rows_come_without_moving_the_cursor() -> None:
    app = Window(300)
    async with app.run_test(size=(40, 20)) as pilot:
        await shows(pilot, "row 0")
        app.table.cursor = 250
        await shows(pilot, "row 250")
        app.count = 900
        app.table.show_many(900, app.some)
        assert app.table.cursor == 250
        assert app.table.row.key == "250"
        await pilot.press("G")
        await shows(pilot, "row 899")
