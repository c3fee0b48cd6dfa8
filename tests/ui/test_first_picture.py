"""A screen is whole in the first picture that anybody sees of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.screen import Screen

from heaptui.ui.app import HeaptuiApp
from heaptui.ui.screens.people import PeopleScreen
from heaptui.ui.screens.way import WayScreen
from heaptui.ui.widgets.dialogs import Told
from tests.ui.conftest import Desk, lines_of, shows, text_of, until

LONG = "Something that does not fit into one line of a dialog and so goes on in the next one, and the one after that."


async def people(pilot: Any) -> Screen[Any]:
    return PeopleScreen((await pilot.app.opened.cohorts.list())[0])


async def way(_: Any) -> Screen[Any]:
    return WayScreen()


async def told(_: Any) -> Screen[Any]:
    return Told("Something to read", [LONG] * 3)


def ends(lines: list[str]) -> list[str]:
    """Its title and its keys."""
    return [lines[0], lines[-1]]


def inside(lines: list[str]) -> list[str]:
    """What a dialog holds, without the screen around it."""
    x, y = len(lines[0]) // 2, len(lines) // 2
    return [line[x - 28 : x + 28] for line in lines[y - 4 : y + 4]]


@pytest.mark.parametrize("size", [(60, 20), (120, 36)])
@pytest.mark.parametrize(("made", "part"), [(people, ends), (way, ends), (told, inside)], ids=["people", "way", "told"])
async def test_what_a_screen_says_of_itself_stands_in_its_first_picture(
    desk: Desk, made: Callable[[Any], Any], part: Callable[[list[str]], list[str]], size: tuple[int, int]
) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=size) as pilot:
        await shows(pilot, "Cart abandoners")
        pictures: list[list[str]] = []
        screen = await made(pilot)
        drawn = screen.screen_layout_refresh_signal
        drawn.subscribe(pilot.app, lambda _: pictures.append(lines_of(pilot.app)), immediate=True)
        await pilot.app.push_screen(screen)
        await until(pilot, lambda: pictures)
        await pilot.pause()
        assert part(pictures[0]) == part(lines_of(pilot.app))


async def test_the_first_picture_of_the_cohorts_lists_them(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: bool(pilot.app.screen.query("#cohort-table")))
        assert "Cart abandoners" in text_of(pilot.app)
