"""The dashboard opens as it was left."""

from __future__ import annotations

from heaptui.ui.app import HeaptuiApp
from tests.ui.conftest import Desk, shows, text_of


async def test_theme_tab_and_order_are_remembered(desk: Desk) -> None:
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "sorted by name")
        await pilot.press("o")
        await shows(pilot, "sorted by people")
        await pilot.press("4")
        await shows(pilot, "[4 Runs")
        app.theme = "heaptui-light"
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "[4 Runs")
        assert app.theme == "heaptui-light"
        await pilot.press("1")
        await shows(pilot, "sorted by people")


async def test_a_damaged_memory_is_forgotten(desk: Desk) -> None:
    path = desk.opening.home.state_dir / "dashboard.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"tab": 5', encoding="utf-8")
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "sorted by name")
    assert '"tab":"cohorts"' in path.read_text(encoding="utf-8")


async def test_a_tab_that_no_longer_exists_opens_the_cohorts(desk: Desk) -> None:
    path = desk.opening.home.state_dir / "dashboard.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"tab": "yesterday", "theme": "none"}', encoding="utf-8")
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        assert "[1 Cohorts]" in text_of(app)
