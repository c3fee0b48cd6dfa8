"""The settings of a profile at the keyboard: shown with their origin, changed, brought back, and what is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from textual.widgets import Input

from heaptui.config import Config, Home, Profile, load_config, save_config
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.commands import choose_keys
from heaptui.ui.screens.settings import SettingsScreen
from tests.ui.conftest import Desk, Opening, highlight, settled, shows, status, text_of, until


@pytest.fixture(autouse=True)
def _own_keys_afterwards() -> Iterator[None]:
    yield
    choose_keys({})


def kept(desk: Desk) -> Profile:
    """The profile as the file has it."""
    return load_config(desk.opening.home).profiles["test"]


async def at(pilot: Any, setting: str) -> None:
    """On a setting, from anywhere."""
    await pilot.press("comma")
    await shows(pilot, "[Settings]")
    await until(pilot, lambda: len(pilot.app.screen.pane.rows) > 40)
    highlight(pilot.app, setting)
    await pilot.pause()


def cells(app: HeaptuiApp, setting: str) -> tuple[str, ...]:
    """What stands in the row of a setting."""
    screen = app.screen
    assert isinstance(screen, SettingsScreen)
    assert screen.pane is not None
    return next(row.cells for row in screen.pane.rows if row.key == setting)


async def answer(pilot: Any, text: str) -> None:
    await until(pilot, lambda: bool(pilot.app.screen.query("#answer")))
    pilot.app.screen.query_one("#answer", Input).value = text
    await pilot.press("enter")


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 36)])
async def test_a_setting_is_changed_kept_and_used_at_once(desk: Desk, size: tuple[int, int]) -> None:
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=size) as pilot:
        await shows(pilot, "Cart abandoners")
        await at(pilot, "guard_min")
        assert cells(app, "guard_min")[1:3] == ("20", "default")
        await pilot.press("enter")
        await answer(pilot, "35")
        await shows(pilot, "Guard, from is 35 now.")
        assert kept(desk).guard_min == 35
        assert app.opened.profile.guard_min == 35
        assert cells(app, "guard_min")[1:3] == ("35", "file")
        assert app.screen.pane.row.key == "guard_min"
        await pilot.press("d")
        await shows(pilot, "Guard, from is 20 now.")
        assert kept(desk).guard_min == 20
        await pilot.press("escape")
        await shows(pilot, "[1 Cohorts]")


async def test_a_wrong_value_is_told_while_it_is_typed_and_not_kept(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await at(pilot, "max_in_flight")
        await pilot.press("enter")
        await shows(pilot, "enter answers")
        await pilot.press("9")
        await shows(pilot, "✗ max_in_flight must be from 1 to 8. It is 9")
        await pilot.press("enter")
        assert kept(desk).max_in_flight == 1
        await pilot.press("backspace")
        await until(pilot, lambda: "✗" not in text_of(pilot.app))
        await pilot.press("escape")
        await shows(pilot, "[Settings]")
    assert kept(desk).max_in_flight == 1


async def test_what_the_environment_overrides_is_told_and_stays_after_a_change_of_the_file(desk: Desk) -> None:
    desk.opening.environ["HEAPTUI_SETTLE_SECONDS"] = "7"
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await at(pilot, "settle_seconds")
        assert cells(app, "settle_seconds")[1:3] == ("7", "! environment")
        await shows(pilot, "HEAPTUI_SETTLE_SECONDS overrides the file")
        await pilot.press("enter")
        await answer(pilot, "90")
        await shows(pilot, "Saved in the file. HEAPTUI_SETTLE_SECONDS overrides it")
        await shows(pilot, "In the file  90")
        assert (kept(desk).settle_seconds, app.opened.profile.settle_seconds) == (90, 7)


async def test_an_overridden_setting_is_not_written_to_the_file_by_credentials(desk: Desk) -> None:
    before = kept(desk).settle_seconds
    desk.opening.environ["HEAPTUI_SETTLE_SECONDS"] = "7"
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("6")
        await shows(pilot, "Partner name")
        highlight(pilot.app, "settle_seconds")
        await pilot.press("enter")
        await shows(pilot, "HEAPTUI_SETTLE_SECONDS overrides the file")
        given = {row.key: row.cells[1] for row in pilot.app.screen_stack[-2].pane.rows}
        assert (given["settle_seconds"], given["max_in_flight"]) == ("environment", "profile")
        assert pilot.app.screen.query_one("#answer", Input).value == f"{before:g}"
        await pilot.press("enter")
    assert kept(desk).settle_seconds == before


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("endpoint", "6 Credentials changes it"),
        ("partner_name", "6 Credentials changes it"),
        ("heap_app_id", "Heap takes events for a wrong one"),
        ("heap_endpoint", "heaptui profile set test heap_endpoint=EU"),
        ("secret_store", "Keys that are kept already do not move"),
        ("rest_api_key_command", "It is set in the configuration file:"),
        ("route", "How should people get into Braze?"),
    ],
)
async def test_what_could_do_harm_is_not_edited_but_told_how_to_change(desk: Desk, setting: str, told: str) -> None:
    before = kept(desk)
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await at(pilot, setting)
        await pilot.press("d")
        await until(pilot, lambda: "enter says how" in status(pilot.app))
        assert ("enter say how" in text_of(pilot.app)) is (setting != "route")
        await pilot.press("enter")
        await shows(pilot, told)
        assert not pilot.app.screen.query("#answer")
    assert kept(desk) == before


async def test_read_only_keeps_settings_credentials_and_the_way_as_they_are(desk: Desk, sandbox: Any) -> None:
    desk.opening.environ["HEAPTUI_REST_API_KEY"] = sandbox.keys.rest_api_key
    desk.opening.read_only = True
    config = load_config(desk.opening.home)
    save_config(desk.opening.home, replace(config, profiles={"test": replace(kept(desk), guard_min=35)}))
    before = desk.opening.home.config_file.read_bytes()
    why = "heaptui was opened with --read-only"
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        for setting, key, said in (
            ("guard_min", "enter", why),
            ("guard_share", "d", "default already"),
            ("guard_min", "d", why),
        ):
            await at(pilot, setting)
            await pilot.press(key)
            await until(pilot, lambda said=said: said in status(pilot.app))
            assert not pilot.app.screen.query("#answer")
            await pilot.press("escape")
        await pilot.press("6")
        await shows(pilot, "[6 Credentials]")
        await until(pilot, lambda: pilot.app.screen.pane.rows)
        highlight(pilot.app, "settle_seconds")
        await pilot.press("enter")
        await until(pilot, lambda: why in status(pilot.app))
        await pilot.press("W")
        await shows(pilot, "How should people get into Braze?")
        await pilot.press("down", "enter")
        await until(pilot, lambda: why in status(pilot.app))
    assert desk.opening.home.config_file.read_bytes() == before


async def test_a_profile_of_the_environment_is_shown_and_changed_there(sandbox: Any, tmp_path: Path) -> None:
    environ = {"HEAPTUI_BRAZE_ENDPOINT": sandbox.braze_url, "HEAPTUI_SETTLE_SECONDS": "3"}
    app = HeaptuiApp(Opening(Home.find(str(tmp_path / "none"), {}), environ))
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "No cohorts yet.")
        await at(pilot, "settle_seconds")
        await shows(pilot, "Settings of the environment")
        assert cells(app, "settle_seconds")[1:3] == ("3", "! environment")
        await pilot.press("enter")
        await until(pilot, lambda: "change the HEAPTUI_… variables" in status(app))


async def test_a_file_that_is_wrong_by_now_is_told_and_nothing_is_lost(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await at(pilot, "guard_min")
        text = desk.opening.home.config_file.read_text() + "guard_shar = 0.2\n"
        desk.opening.home.config_file.write_text(text)
        await pilot.press("d")
        await until(pilot, lambda: "default already" in status(pilot.app))
        await pilot.press("enter")
        await shows(pilot, "Did you mean guard_share?")
        await pilot.press("escape")
        await shows(pilot, "The settings cannot be read")
        await pilot.press("escape")
        await shows(pilot, "[1 Cohorts]")
    assert desk.opening.home.config_file.read_text() == text


async def test_a_change_from_elsewhere_is_shown_beside_what_the_dashboard_still_uses(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        changed = msgspec.structs.replace(kept(desk), guard_min=77)
        save_config(desk.opening.home, Config({"test": changed}))
        await at(pilot, "guard_min")
        assert cells(pilot.app, "guard_min")[1] == "77"
        await shows(pilot, "Until the profile is opened again: 20.")


async def test_while_a_sync_runs_a_change_is_kept_for_later(desk: Desk, sandbox: Any) -> None:
    sandbox.fault(effect="slow", seconds=0.5)
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        highlight(app, desk.carts)
        await pilot.press("s")
        await shows(pilot, "nothing has been sent")
        await pilot.press("enter")
        await until(pilot, lambda: app.live_runs)
        await at(pilot, "guard_min")
        await pilot.press("enter")
        await answer(pilot, "35")
        await until(pilot, lambda: "It is used when the running sync is over" in status(app))
        await shows(pilot, "Until the profile is opened again: 20.")
        assert (kept(desk).guard_min, app.opened.profile.guard_min) == (35, 20)
        sandbox.clear_faults()
        await until(pilot, lambda: not app.live_runs, 30)


async def test_a_receiver_that_ran_runs_again_after_a_change(desk: Desk, sandbox: Any) -> None:
    desk.opening.environ["HEAPTUI_WEBHOOK_SECRET"] = sandbox.keys.webhook_secret
    save_config(desk.opening.home, Config({"test": msgspec.structs.replace(kept(desk), listen_port=0)}))
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("l")
        await until(pilot, lambda: "Listening on" in status(app), 30)
        first = app.listener
        await at(pilot, "guard_min")
        await pilot.press("enter")
        await answer(pilot, "35")
        await until(pilot, lambda: app.listener is not first and app.listener.running and app.listener.lines, 30)
        assert not first.running
        await until(pilot, lambda: not app.listener.starting, 30)


async def test_the_theme_is_chosen_and_brought_back_among_the_settings(desk: Desk) -> None:
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await at(pilot, "theme")
        await pilot.press("enter")
        await shows(pilot, "Search for themes")
        await pilot.press(*"heaptui-light")
        await settled(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.theme == "heaptui-light")
        await until(pilot, lambda: cells(app, "theme")[1:3] == ("heaptui-light", "remembered"))
        await pilot.press("d")
        await until(pilot, lambda: cells(app, "theme")[1:3] == ("heaptui-dark", "default"))


async def test_keys_are_listed_with_what_the_user_chose_and_why_a_choice_is_not_used(desk: Desk) -> None:
    home = desk.opening.home
    chosen = {"cohorts.sync": "S", "cohorts.import": "o", "cohorts.sink": "x"}
    save_config(home, replace(load_config(home), keys=chosen))
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await at(pilot, "guard_min")
        await pilot.press("tab")
        await shows(pilot, "2 of the chosen keys not used.")
        assert cells(app, "cohorts.sync")[1:3] == ("S", "file")
        assert cells(app, "cohorts.import")[1:3] == ("i", "! not used")
        assert cells(app, "cohorts.sink")[2] == "! not used"
        highlight(app, "cohorts.import")
        await until(pilot, lambda: "o already means “order”" in text_of(app))
        highlight(app, "app.settings")
        await shows(pilot, '"app.settings" = "comma"')
        await pilot.press("enter")
        await until(pilot, lambda: "Keys are chosen in the configuration file." in status(app))
        await pilot.press("tab")
        await shows(pilot, "[Settings]")
