"""Commands of an explanation as keys: the key first, in the order of the commands, and only keys without a shell."""

from __future__ import annotations

from typing import Any

from heaptui.model.lexicon import entries
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.command_keys import by_keys, given_here, with_keys
from heaptui.ui.commands import RUN, RUNS, SYNC
from tests.services.world import fill, ids, synced, workspace_on
from tests.ui.conftest import Desk, flowed, highlight, shows, status, until

KEY, CONTINUE = "heaptui profile set acme-jp data_import_key", "heaptui run resume 142"


def test_a_key_is_entered_before_the_run_goes_on() -> None:
    assert by_keys([KEY, CONTINUE], RUNS, shell=True) == [
        "6 Credentials: enter on the Data Import Key, then type the right one",
        "r continues the run, as a plan first",
    ]
    assert by_keys([CONTINUE], RUN, shell=True) == ["esc, then r continues the run, as a plan first"]


def test_the_plan_asks_about_the_workspace_so_nobody_is_told_to_continue_besides() -> None:
    (told,) = by_keys(["heaptui profile set acme-jp --same-workspace", CONTINUE], SYNC, shell=True)
    assert "enter there asks, of another key, whether the workspace is the same" in told


def test_what_has_no_key_stays_a_command_only_where_there_is_a_shell() -> None:
    commands = ["heaptui doctor", CONTINUE]
    assert by_keys(commands, SYNC, shell=True)[0] == "heaptui doctor"
    assert by_keys(commands, SYNC, shell=False) == ["r continues the run, as a plan first"]


def test_in_the_demo_nobody_is_told_to_type_another_key() -> None:
    commands = ["set HEAPTUI_DATA_IMPORT_KEY in the environment", "heaptui profile set acme-jp --same-workspace"]
    assert by_keys([*commands, CONTINUE], SYNC, shell=False) == []


def test_an_error_about_missing_keys_names_the_tab_that_takes_them_and_the_way_without() -> None:
    without = "heaptui profile set acme rest_api_key; without any key: heaptui cohort export COHORT --for-braze"
    assert given_here(without) == (
        "6 Credentials takes it: enter on what is missing. Without any: 1 Cohorts, b writes a file for Braze."
    )
    assert given_here("heaptui profile set acme data_import_key").endswith("on what is missing.")
    assert not given_here("heaptui run list")


def test_every_end_of_a_run_has_a_key_that_goes_on() -> None:
    for entry in entries():
        if entry.reason is not None:
            assert by_keys(entry.commands, SYNC, shell=False), entry.code


def test_sentences_name_keys_where_there_are_some() -> None:
    assert with_keys("Offer it again: heaptui run retry 4") == "Offer it again: r on run 4 in 4 Runs"
    assert with_keys("heaptui cohort release 4c7e2a, then heaptui sync 4c7e2a") == (
        "h in 1 Cohorts, then s in 1 Cohorts"
    )
    assert "l in the plan lets it through" in with_keys("Then: heaptui sync 4c7e2a --yes-really")
    assert with_keys("then heaptui sync --full sends them") == "then heaptui sync --full sends them"
    assert with_keys("heaptui sync 4c7e2a --full. By itself") == "heaptui sync 4c7e2a --full. By itself"


async def test_a_trace_says_which_key_offers_a_refused_id_again(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="poison", identifiers=["r0001"])
    async with workspace_on(sandbox, desk.opening.home.data_dir.parent) as workspace:
        await synced(workspace, await fill(workspace, ["r0001", "r0002"], name="Late carts"))
    async with HeaptuiApp(desk.opening, demo=True).run_test(size=(120, 36)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("t", *"r0001", "enter")
        await shows(pilot, "r on run 2 in 4 Runs")


async def test_the_verdict_names_keys_first_and_the_demo_only_keys(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="status", status=503, match={"path": "users"})
    async with workspace_on(sandbox, desk.opening.home.data_dir.parent) as workspace:
        await synced(workspace, await fill(workspace, ids(0, 20), name="Late carts"))
    for demo in (False, True):
        async with HeaptuiApp(desk.opening, demo=demo).run_test(size=(120, 36)) as pilot:
            await shows(pilot, "Cart abandoners")
            await pilot.press("4")
            await shows(pilot, "Then r continues the run")
            assert ("Command heaptui run resume 2" in flowed(pilot.app)) is not demo


async def test_r_on_a_run_with_refused_ids_offers_them_again_when_somebody_says_so(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="poison", identifiers=["u000120"])
    async with HeaptuiApp(desk.opening).run_test(size=(120, 36)) as pilot:
        await shows(pilot, "Cart abandoners")
        highlight(pilot.app, desk.trials)
        await pilot.press("s")
        await shows(pilot, "enter sends 250 changes")
        await pilot.press("enter")
        await shows(pilot, "r offers the refused ids again")
        sandbox.clear_faults()
        await pilot.press("r")
        await shows(pilot, "Offer 1 refused id again?")
        await pilot.press("escape")
        await until(pilot, lambda: "Offer 1" not in flowed(pilot.app))
        await pilot.press("r")
        await shows(pilot, "Offer 1 refused id again?")
        await pilot.press("enter")
        await until(pilot, lambda: "enter sends 1 change " in status(pilot.app))
        await pilot.press("enter")
        await shows(pilot, "✓ done")
    assert "u000120" in sandbox.members(desk.trials)


async def test_a_plan_without_changes_names_the_key_that_offers_refused_ids_again(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="poison", identifiers=["u000120"])
    async with workspace_on(sandbox, desk.opening.home.data_dir.parent) as workspace:
        await synced(workspace, desk.trials)
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        highlight(pilot.app, desk.trials)
        await pilot.press("s")
        await shows(pilot, "Nothing to send but 1 refused id: 4 Runs, r on run 2 offers them again.")
