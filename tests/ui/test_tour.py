"""The tour of the demo is done by doing, and can be left at any time."""

from __future__ import annotations

from heaptui.ui.app import HeaptuiApp
from heaptui.ui.tour import THE_END
from tests.ui.conftest import Desk, highlight, shows, text_of


async def test_each_step_is_done_by_doing_it(desk: Desk) -> None:
    app = HeaptuiApp(desk.opening, tour=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await shows(pilot, "Tour, 1 of 5")
        highlight(app, desk.trials)
        await pilot.press("space")
        await shows(pilot, "Tour, 2 of 5")
        await pilot.press("s")
        await shows(pilot, "Tour, 3 of 5")
        await pilot.press("enter")
        await shows(pilot, "Tour, 5 of 5")
        await pilot.press("4")
        await shows(pilot, THE_END)


async def test_zero_ends_it_everywhere(desk: Desk) -> None:
    app = HeaptuiApp(desk.opening, tour=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Tour, 1 of 5")
        await pilot.press("0")
        await pilot.press("4")
        await shows(pilot, "[4 Runs")
        assert "Tour" not in text_of(app)


async def test_nobody_else_sees_a_tour(desk: Desk) -> None:
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        assert "Tour" not in text_of(app)
