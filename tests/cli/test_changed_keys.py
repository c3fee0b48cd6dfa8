"""A key that was replaced: nobody is asked in vain, nothing goes to another workspace, and what is advised works."""

from __future__ import annotations

import shlex

import pytest

from heaptui.config import Home
from heaptui.ui.app import HeaptuiApp
from tests.cli.conftest import Desk, people
from tests.ui.conftest import Opening, shows, text_of, until

WRONG = "11111111-2222-3333-4444-555555559176"


@pytest.fixture
def named(desk: Desk) -> Desk:
    """The profile wk, with its keys in a file."""
    keys = [desk.environ.pop(f"HEAPTUI_{name}") for name in ("PARTNER_API_KEY", "DATA_IMPORT_KEY")]
    endpoint = f"endpoint={desk.environ.pop('HEAPTUI_BRAZE_ENDPOINT')}"
    words = ("partner_api_key", "data_import_key", "--store", "file")
    assert desk.run("profile", "set", "wk", endpoint, *words, stdin="\n".join(keys)).returncode == 0
    desk.run("cohort", "import", desk.file(people(0, 100)), "--name", "Carts")
    return desk


def key(desk: Desk, value: str) -> None:
    assert desk.run("profile", "set", "wk", "data_import_key", stdin=value).returncode == 0


def advised(desk: Desk, run: str) -> list[list[str]]:
    """The commands that `run show` prints, as somebody copies them."""
    commands = desk.json("run", "show", run)["explanations"][0]["commands"]
    return [shlex.split(command)[1:] for command in commands]


def test_the_advice_after_a_wrong_key_works_when_nothing_was_ever_accepted(named: Desk) -> None:
    key(named, WRONG)
    assert named.run("sync", "Carts", "--yes").returncode == 3
    set_key, resume = advised(named, "1")
    assert "--same-workspace" not in set_key
    assert named.run(*set_key, stdin=named.sandbox["data_import_key"]).returncode == 0
    done = named.run(*resume, "--yes")
    assert done.returncode == 0, done.stderr
    assert "Now in Braze" in done.stdout


def test_a_key_of_a_ledger_that_braze_holds_something_of_is_asked_about_by_its_end(named: Desk) -> None:
    assert named.run("sync", "Carts", "--yes").returncode == 0
    named.run("cohort", "import", named.file(people(0, 120)), "--name", "Carts")
    key(named, WRONG)
    refused = named.run("sync", "Carts", "--yes")
    assert refused.returncode == 2
    end = named.sandbox["data_import_key"][-4:]
    assert f"The Data Import Key is another one than before (ended {end}, now ends 9176)." in refused.stderr
    assert named.sandbox["data_import_key"][-5:] not in refused.stderr
    assert "heaptui profile set wk --same-workspace" in refused.stderr
    assert len(named.held(named.json("cohort", "list")["cohorts"][0]["cohort_id"])) == 100
    assert named.json("run", "list")["runs"][0]["reason"] == "key_changed"
    assert "now ends 9176" in named.run("run", "show", "2").stdout
    letter = named.run("run", "letter", "2").stdout
    assert "  heaptui profile set wk --same-workspace\nand continues with\n" in letter
    same, resume = advised(named, "2")
    assert named.run(*same).returncode == 0
    assert named.run(*resume, "--yes").returncode == 3
    set_key, resume = advised(named, "3")
    assert named.run(*set_key, stdin=named.sandbox["data_import_key"]).returncode == 0
    assert named.run(*resume, "--yes").returncode == 0


def test_going_back_to_a_key_that_braze_took_is_not_asked_about(named: Desk) -> None:
    assert named.run("sync", "Carts", "--yes").returncode == 0
    named.run("cohort", "import", named.file(people(0, 120)), "--name", "Carts")
    key(named, WRONG)
    named.run("profile", "set", "wk", "--same-workspace")
    assert named.run("sync", "Carts", "--yes").returncode == 3
    key(named, named.sandbox["data_import_key"])
    done = named.run("sync", "Carts", "--yes")
    assert done.returncode == 0, done.stderr


def test_a_key_from_the_environment_is_named_as_such(named: Desk) -> None:
    assert named.run("sync", "Carts", "--yes").returncode == 0
    refused = named.run("sync", "Carts", "--yes", HEAPTUI_DATA_IMPORT_KEY=WRONG)
    assert "HEAPTUI_DATA_IMPORT_KEY" in refused.stderr
    key(named, WRONG)
    with_key = {"HEAPTUI_DATA_IMPORT_KEY": named.sandbox["data_import_key"]}
    named.fault(effect="status", status=401, body={"message": "client_secret is invalid"})
    named.run("cohort", "import", named.file(people(0, 130)), "--name", "Carts")
    assert named.run("sync", "Carts", "--yes", **with_key).returncode == 3
    shown = named.run("run", "show", "3").stdout
    assert "set HEAPTUI_DATA_IMPORT_KEY in the environment" in shown
    assert "heaptui profile set wk data_import_key" not in shown


async def test_the_dashboard_asks_and_goes_on_with_yes(named: Desk) -> None:
    named.run("sync", "Carts", "--yes")
    named.run("cohort", "import", named.file(people(0, 120)), "--name", "Carts")
    named.environ["HEAPTUI_DATA_IMPORT_KEY"] = WRONG
    app = HeaptuiApp(Opening(Home.find(named.environ["HEAPTUI_HOME"], {}), named.environ))
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Carts")
        await pilot.press("s")
        await shows(pilot, "enter sends 20 changes")
        await pilot.press("enter")
        await shows(pilot, "Is it the same workspace?")
        await shows(pilot, "9176")
        await pilot.press("escape")
        await until(pilot, lambda: "Is it the same" not in text_of(app))
        assert len(named.json("run", "list")["runs"]) == 1
        await pilot.press("enter")
        await shows(pilot, "Is it the same workspace?")
        await pilot.press("enter")
        await shows(pilot, "The Data Import Key is invalid")
    assert len(named.json("run", "list")["runs"]) == 2
