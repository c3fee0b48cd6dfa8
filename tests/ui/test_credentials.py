"""The first minute: the doors, somebody's keys, the checks as they come, and which workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Input

from heaptui.config import Config, Home, Profile, load_config, save_config
from heaptui.services.ledgers import export_ledger
from heaptui.services.profiles import ProfileService, SecretName
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.screens.paste import PasteField
from tests.ui.conftest import Desk, highlight, shows, status, text_of, until

NOBODY = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def fresh(desk: Desk, tmp_path: Path) -> Desk:
    """Nothing set up."""
    desk.opening.home, desk.opening.environ = Home.find(str(tmp_path / "fresh"), {}), {}
    return desk


def kept(home: Home) -> bytes:
    """Everything that is in any file."""
    return b"".join(path.read_bytes() for path in home.config_dir.parent.rglob("*") if path.is_file())


async def pasted(pilot: Any, text: str) -> None:
    pilot.app.screen.query_one(PasteField).post_message(events.Paste(text))
    await pilot.pause()


async def test_a_pasted_message_is_judged_without_being_shown_or_kept(sandbox: Any, fresh: Desk) -> None:
    keys = sandbox.keys
    fresh.opening.environ = {"HEAPTUI_PARTNER_API_KEY_US": keys.partner_api_key}
    fresh.opening.profile = None
    async with HeaptuiApp(fresh.opening).run_test(size=(80, 24)) as pilot:
        from heaptui.ui.screens.paste import PasteScreen

        await pilot.app.push_screen(PasteScreen())
        await pasted(pilot, f"{sandbox.braze_url}\nData Import Key: {keys.rest_api_key}\nREST {keys.data_import_key}")
        await shows(pilot, "✓ READY")
        await shows(pilot, "What you gave as Data Import Key is a REST key.")
        shown = text_of(pilot.app)
        assert "✓ Heap Cohorts" in shown
        assert not any(key in shown for key in (keys.data_import_key, keys.rest_api_key, keys.partner_api_key))
        await pilot.press("escape", "y")
        assert "READY" in pilot.app.clipboard
        assert keys.data_import_key[-4:] not in pilot.app.clipboard
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, PasteScreen)
    everything = kept(fresh.opening.home)
    assert not any(key.encode() in everything for key in (keys.data_import_key, keys.rest_api_key))
    assert sandbox.braze_url.encode() not in everything


async def test_what_is_wrong_with_an_answer_stands_below_its_field(sandbox: Any, fresh: Desk) -> None:
    async with HeaptuiApp(fresh.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "What would you like to do?")
        await pilot.press("3")
        await shows(pilot, "Which Braze workspace?")
        await pilot.press(*"ftp://x", "enter")
        await shows(pilot, "is no address of Braze")
        pilot.app.screen.query_one(Input).value = sandbox.braze_url
        await pilot.press("enter")
        await shows(pilot, "Which label?")
        await pilot.press(*"prod", "enter")
        await shows(pilot, "A label is one of PRODUCTION")
        await pilot.press(*"uction", "enter")
        await shows(pilot, "How shall this profile be called?")
        await pilot.press("enter")
        await shows(pilot, "Type something, or esc leaves everything as it is.")
        await pilot.press("question_mark", "enter")
        await shows(pilot, "cannot name a profile")
        await pilot.press("backspace", *"acme", "enter")
        await shows(pilot, "No ledger on this computer yet")
        await pilot.press("escape")
        await shows(pilot, "[6 Credentials]")
        await shows(pilot, "No key was given.")


async def test_door_two_leads_to_the_check(fresh: Desk) -> None:
    async with HeaptuiApp(fresh.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "What would you like to do?")
        await pilot.press("2")
        await shows(pilot, "only w saves")
        await pilot.press("escape", "escape")
        await shows(pilot, "What would you like to do?")


async def test_pasted_keys_become_a_profile_only_when_the_user_says_so(sandbox: Any, fresh: Desk) -> None:
    async with HeaptuiApp(fresh.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "What would you like to do?")
        await pilot.press("2")
        await shows(pilot, "only w saves")
        await pasted(pilot, f"{sandbox.braze_url} {sandbox.keys.rest_api_key}")
        await shows(pilot, "✓ Custom attribute")
        assert not load_config(fresh.opening.home).profiles
        await pilot.press("escape", "w")
        await shows(pilot, "How shall this profile be called?")
        await pilot.press(*"acme", "enter")
        await shows(pilot, "Which label?")
        await pilot.press(*"production", "enter")
        await shows(pilot, "In a private file")
        await pilot.press("enter")
        await shows(pilot, "No ledger on this computer yet")
        await pilot.press("escape")
        await shows(pilot, "[6 Credentials]")
        await shows(pilot, "file, ends")
    profile = load_config(fresh.opening.home).profiles["acme"]
    assert (profile.endpoint, profile.label, profile.secret_store) == (sandbox.braze_url, "PRODUCTION", "file")


async def test_a_refused_key_is_named_with_who_mends_it(sandbox: Any, desk: Desk) -> None:
    desk.opening.environ["HEAPTUI_DATA_IMPORT_KEY"] = NOBODY
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        await pilot.press("6")
        await shows(pilot, "Data Import Key: Braze refuses it.")
        await shows(pilot, "Partner Integrations › Technology Partners › Heap")
        await shows(pilot, "✗ refused, 401")
        desk.opening.environ["HEAPTUI_DATA_IMPORT_KEY"] = sandbox.keys.data_import_key
        await pilot.press("r")
        await shows(pilot, "✓ READY")


async def test_in_the_demo_a_key_says_how_its_401_ends(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening, demo=True).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        await pilot.press("6")
        await shows(pilot, "READY")
        highlight(pilot.app, "data_import_key")
        await pilot.press("enter")
        await until(pilot, lambda: status(pilot.app).endswith("a 401 in it is from --fault. q, then: heaptui demo"))


async def test_with_only_a_file_the_plan_offers_no_start_but_the_tab_of_the_keys_and_the_file(
    fresh: Desk, tmp_path: Path
) -> None:
    (tmp_path / "carts.csv").write_text("user_id\nu1\nu2\n")
    async with HeaptuiApp(fresh.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "What would you like to do?")
        await pilot.press("4")
        await shows(pilot, "How shall this profile be called?")
        await pilot.press(*"files", "enter")
        await shows(pilot, "No cohorts yet.")
        await pilot.press("i")
        await shows(pilot, "Import a file into a cohort")
        pilot.app.screen.query_one("#path", Input).value = str(tmp_path / "carts.csv")
        await pilot.press("enter")
        await shows(pilot, "enter makes the new cohort")
        await pilot.press("enter")
        await shows(pilot, "2 people. Nothing was sent.")
        await pilot.press("s")
        await shows(pilot, "! This profile has no Braze endpoint.")
        await shows(pilot, "6 Credentials takes endpoint and keys: enter on what is missing.")
        await shows(pilot, "1 Cohorts, b writes a file that you upload in Braze.")
        assert "start" not in text_of(pilot.app).casefold()
        await pilot.press("enter")
        await until(pilot, lambda: "no Braze endpoint. 6 Credentials takes it." in status(pilot.app))
        await pilot.press("6")
        await shows(pilot, "No endpoint was given.")
        await shows(pilot, "let it be found: f here")
        assert "--find-cluster" not in text_of(pilot.app)


async def test_a_kept_key_is_replaced_only_when_the_user_says_so(sandbox: Any, desk: Desk) -> None:
    good = desk.opening.environ.pop("HEAPTUI_DATA_IMPORT_KEY")
    service = ProfileService(desk.opening.home, {})
    await service.keep_key("test", SecretName.DATA_IMPORT_KEY, good, store="file")
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        await pilot.press("6")
        await shows(pilot, "READY")
        for answer, end in (("escape", good[-4:]), ("enter", "0001")):
            highlight(pilot.app, "data_import_key")
            await pilot.press("enter")
            await until(pilot, lambda: bool(pilot.app.screen.query("#answer")))
            pilot.app.screen.query_one(Input).value = NOBODY
            await pilot.press("enter")
            await shows(pilot, f"Kept now: file, 36 chars, ends {good[-4:]}")
            assert "Typed: 36 chars, ends 0001" in text_of(pilot.app)
            await pilot.press(answer)
            await shows(pilot, f"file, ends {end}")
        await shows(pilot, "Data Import Key: Braze refuses it.")


async def test_a_typed_key_that_looks_like_none_is_doubted(sandbox: Any, desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        await pilot.press("6")
        await shows(pilot, "READY")
        highlight(pilot.app, "rest_api_key")
        await pilot.press("enter")
        await until(pilot, lambda: bool(pilot.app.screen.query("#answer")))
        await pilot.press(*"abc", "enter")
        await shows(pilot, "The typed one has only 3 characters; was all of it copied?")
        await pilot.press("escape")
        await until(pilot, lambda: "was all of it copied" not in text_of(pilot.app))
    assert not (desk.opening.home.config_dir / "secrets.toml").exists()


async def test_checks_appear_while_others_are_still_out(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="slow", seconds=30.0, match={"path": "/cohorts/users"})
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        await pilot.press("6")
        await shows(pilot, " s off")
        assert "checking…" in text_of(pilot.app)
        await pilot.press("y")
        assert "still running" in status(pilot.app)


async def test_with_several_profiles_one_is_chosen(desk: Desk) -> None:
    config = load_config(desk.opening.home)
    save_config(desk.opening.home, Config({**config.profiles, "acme-jp": Profile(name="acme-jp", label="STAGING")}))
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Which workspace?")
        await shows(pilot, "STAGING")
        highlight(pilot.app, "test")
        await pilot.press("enter")
        await shows(pilot, "VIP 2024")
        await pilot.press("s")
        await shows(pilot, "nothing has been sent")
        await pilot.press("6")
        await shows(pilot, "[6 Credentials]")
        await pilot.press("o")
        await shows(pilot, "Which workspace?")
        highlight(pilot.app, "acme-jp")
        await pilot.press("enter")
        await shows(pilot, "No cohorts yet.")
        # What was planned was for the other workspace.
        await pilot.press("3")
        await shows(pilot, "Nothing is planned.")


async def test_a_production_workspace_without_a_ledger_asks_where_to_go_on_from(desk: Desk, tmp_path: Path) -> None:
    there = desk.opening.home.data_dir / "test.db"
    ledger = await export_ledger(there, tmp_path / "acme.ledger")
    save_config(desk.opening.home, Config({"acme": Profile(name="acme", label="PRODUCTION")}))
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "No ledger on this computer yet")
        await pilot.press("enter")
        await shows(pilot, "Which ledger file?")
        await pilot.press(*"/none", "enter")
        await shows(pilot, "/none")
        await pilot.press("escape")
        await shows(pilot, "No ledger on this computer yet")
        await pilot.press("enter")
        await shows(pilot, "Which ledger file?")
        pilot.app.screen.query_one(Input).value = str(ledger)
        await pilot.press("enter")
        await shows(pilot, "VIP 2024")


async def test_a_colleagues_ledger_is_taken_over(desk: Desk, fresh: Desk, tmp_path: Path) -> None:
    there = Home.find(str(tmp_path / "home"), {})
    ledger = await export_ledger(there.data_dir / "test.db", tmp_path / "acme.ledger")
    async with HeaptuiApp(fresh.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "What would you like to do?")
        await pilot.press("5")
        await shows(pilot, "Which ledger file?")
        pilot.app.screen.query_one(Input).value = str(ledger)
        await pilot.press("enter")
        await shows(pilot, "3 cohorts")
        await pilot.press(*"acme", "enter")
        await shows(pilot, "Which label?")
        await pilot.press("enter")
        await shows(pilot, "[6 Credentials]")
        await pilot.press("1")
        await shows(pilot, "VIP 2024")


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 36), (200, 60)])
async def test_the_screens_fit_every_size(size: tuple[int, int], desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=size) as pilot:
        await shows(pilot, "VIP 2024")
        await pilot.press("6")
        await shows(pilot, "READY")
        await pilot.press("p")
        await shows(pilot, "Are these keys right?")
        await until(pilot, lambda: "nothing that is pasted" in text_of(pilot.app))
