"""Keys can be chosen by the id of their command; what would clash is told and left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from heaptui.config import load_config, save_config
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.commands import choose_keys, footer_of
from tests.ui.conftest import Desk, shows, text_of


@pytest.fixture(autouse=True)
def _own_keys_afterwards() -> Iterator[None]:
    yield
    choose_keys({})


async def test_a_chosen_key_works_and_is_shown(desk: Desk) -> None:
    home = desk.opening.home
    save_config(home, replace(load_config(home), keys={"cohorts.sync": "S"}))
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        assert "S sync" in text_of(app)
        await pilot.press("s")
        await pilot.press("S")
        await shows(pilot, "nothing has been sent")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"cohorts.sync": "i"}, "already means “import”"),
        ({"cohorts.sink": "S"}, "Did you mean cohorts.sync?"),
        ({"app.quit": "s"}, "already means"),
    ],
)
def test_a_clash_or_an_unknown_command_is_told_and_changes_nothing(keys: dict[str, str], told: str) -> None:
    before = footer_of("cohorts", 120)
    (problem,) = choose_keys(keys)
    assert told in problem
    assert footer_of("cohorts", 120) == before


def test_chosen_keys_survive_a_change_of_the_profile(tmp_path: Any) -> None:
    from heaptui.config import Config, Home, Profile

    home = Home.find(str(tmp_path), {})
    save_config(home, Config({"a": Profile(name="a")}, keys={"cohorts.sync": "S"}))
    assert load_config(home).keys == {"cohorts.sync": "S"}


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ("ｓ", "nothing has been sent"),
        ("Ｗ", "How should people get into Braze?"),
        ("？", "Plan a sync of what is marked or highlighted."),
        ("２ｎ", "A new filter group with"),
        ("２＋", "Add a filter"),
        ("　", "[x]"),
    ],
)
async def test_full_width_letters_and_signs_are_keys_too(desk: Desk, keys: str, shown: str) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        for key in keys:
            await pilot.press(key)
        await shows(pilot, shown)


async def test_a_chosen_key_has_its_full_width_twin(desk: Desk) -> None:
    home = desk.opening.home
    save_config(home, replace(load_config(home), keys={"cohorts.sync": "S", "pane.filter": "&"}))
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("＆", *"vip", "enter")
        await shows(pilot, "1 of 3 match")
        await pilot.press("Ｓ")
        await shows(pilot, "nothing has been sent")


async def test_in_a_field_full_width_letters_are_letters(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("／", *"ｓｙ")
        await shows(pilot, "0 of 3 match")
        assert "ｓｙ" in text_of(pilot.app)
