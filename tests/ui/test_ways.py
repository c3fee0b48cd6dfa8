"""The way into Braze and the file for Braze, as they are used at the keyboard."""

from __future__ import annotations

from typing import Any

import pytest

from heaptui.config import load_config
from heaptui.ui.app import HeaptuiApp
from tests.services.world import ids
from tests.ui.conftest import Desk, highlight, lines_of, shows, until


@pytest.fixture
def with_rest(desk: Desk, sandbox: Any) -> Desk:
    desk.opening.environ["HEAPTUI_REST_API_KEY"] = sandbox.keys.rest_api_key
    return desk


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_the_way_is_changed_at_the_keyboard_and_people_move_with_the_next_sync(
    with_rest: Desk, sandbox: Any, size: tuple[int, int]
) -> None:
    app = HeaptuiApp(with_rest.opening)
    async with app.run_test(size=size) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("W")
        await shows(pilot, "How should people get into Braze?")
        assert all(len(line) <= size[0] for line in lines_of(app))
        await pilot.press("down")
        await shows(pilot, "heap_cart_abandoners")
        await pilot.press("tab", "n")
        await shows(pilot, "The attribute of")
        await pilot.press("end", "_", "2", "enter")
        await shows(pilot, "heap_cart_abandoners_2")
        await pilot.press("tab", "enter")
        await shows(pilot, "Change to Custom attribute?")
        await pilot.press("enter")
        await until(pilot, lambda: load_config(with_rest.opening.home).profiles["test"].route == "attribute")
        await shows(pilot, "Cart abandoners")
        await until(pilot, lambda: app.workspace is not None and app.workspace.route == "attribute")
        if size[0] >= 80:
            await shows(pilot, "Custom attribute")
        highlight(app, with_rest.carts)
        await pilot.press("s")
        await shows(pilot, "out of the old way first")
        await pilot.press("enter")
        await shows(pilot, "counts add up", 30)
        await shows(pilot, "Custom Attributes ›")
    carry = {person for person, values in sandbox.world.attributes.items() if values.get("heap_cart_abandoners_2")}
    assert carry == set(ids(300, 4200))
    assert sandbox.members(with_rest.carts) == set()


async def test_without_keys_a_file_for_braze_is_written(desk: Desk) -> None:
    desk.opening.environ.clear()
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "no way into Braze yet")
        await shows(pilot, "Cart abandoners")
        highlight(app, desk.carts)
        await pilot.press("b")
        await shows(pilot, "Create targeting filter and add to new segment")
        await pilot.press("k")
        await shows(pilot, "Only with a REST key")
        await pilot.press("a", "enter")
        await shows(pilot, "Written:")
        await pilot.press("escape", "W")
        await shows(pilot, "no key opens a way yet")
        await pilot.press("up", "enter")
        await shows(pilot, "A key is missing: rest_api_key.")
    (file,) = desk.opening.home.out_dir.iterdir()
    lines = file.read_text().splitlines()
    assert lines[0] == "external_id,heap_cart_abandoners"
    assert set(lines[1:]) == {
        *(f"{person},true" for person in ids(300, 4200)),
        *(f"{person},false" for person in ids(0, 300)),
    }
