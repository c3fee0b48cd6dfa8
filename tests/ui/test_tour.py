"""The tour of the demo is done by doing, and can be left at any time."""

from __future__ import annotations

from typing import Any

import pytest

from heaptui.ui import tour
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.tour import STEPS, THE_END
from tests.ui.conftest import Desk, highlight, shows, text_of, until


async def test_each_step_is_done_by_doing_it(desk: Desk) -> None:
    app = HeaptuiApp(desk.opening, demo=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await shows(pilot, "Tour, 1 of 4")
        await shows(pilot, "Cart abandoners")
        await shows(pilot, "VIP 2024")
        highlight(app, desk.trials)
        await pilot.press("space")
        await shows(pilot, "Tour, 2 of 4")
        await pilot.press("s")
        await shows(pilot, "Tour, 3 of 4")
        await pilot.press("enter")
        await shows(pilot, "Tour, 4 of 4")
        await pilot.press("4")
        await shows(pilot, THE_END)


async def test_after_a_sync_that_failed_it_promises_no_clicks(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="status", status=401, body={"message": "client_secret is invalid"})
    app = HeaptuiApp(desk.opening, demo=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Tour, 1 of 4")
        await shows(pilot, "Cart abandoners")
        highlight(app, desk.trials)
        await pilot.press("space", "s")
        await shows(pilot, "Tour, 3 of 4")
        await pilot.press("enter")
        await shows(pilot, "Tour, 4 of 4")
        await shows(pilot, "Not everything went out: 3 says why, and what to do.")
        assert "clicks" not in app.tour.text


@pytest.mark.parametrize("size", [(60, 20), (80, 24)], ids=str)
async def test_every_sentence_can_be_read_to_its_end(desk: Desk, size: tuple[int, int]) -> None:
    app = HeaptuiApp(desk.opening, demo=True)
    async with app.run_test(size=size) as pilot:
        for at, step in enumerate(STEPS):
            for app.tour.fell_short in (False, True):
                app.tour.at = at
                await shows(pilot, app.tour.text)
                assert app.tour.text in (step.text, step.fell_short)


async def test_it_ends_by_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tour, "END_STAYS", 2.0)
    app = HeaptuiApp(desk.opening, demo=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Tour, 1 of 4")
        app.tour.at = len(STEPS)
        await shows(pilot, THE_END)
        await until(pilot, lambda: "Tour" not in text_of(app))


async def test_zero_ends_it_everywhere(desk: Desk) -> None:
    app = HeaptuiApp(desk.opening, demo=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Tour, 1 of 4")
        await pilot.press("0")
        await pilot.press("4")
        await shows(pilot, "[4 Runs")
        assert "Tour" not in text_of(app)


async def test_nobody_else_sees_a_tour(desk: Desk) -> None:
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        assert "Tour" not in text_of(app)
