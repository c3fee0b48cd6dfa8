"""The dashboard with keys only, on a real sandbox: browse, plan, send, hold, cancel, quit."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual import events
from textual.keys import _character_to_key as character_to_key
from textual.widgets import Input

from heaptui.model.runs import DeliveryState
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.garbage import pause_collecting
from heaptui.ui.widgets.dialogs import Question
from tests.services.world import fill, ids, workspace_on
from tests.ui.conftest import (
    SIZES,
    Desk,
    Opening,
    highlight,
    lines_of,
    settled,
    shows,
    start_carts,
    status,
    text_of,
    until,
)


@pytest.mark.parametrize("size", SIZES)
async def test_the_cohorts_fit_every_size(desk: Desk, size: tuple[int, int]) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=size) as pilot:
        await shows(pilot, "Cart abandoners")
        await shows(pilot, "● to sync")
        await shows(pilot, "■ held")
        lines = lines_of(pilot.app)
        assert len(lines) == size[1]
        assert all(cell_len(line) == size[0] for line in lines), [line for line in lines if cell_len(line) != size[0]]
        assert "[1 Cohorts]" in lines[1]


async def test_marked_cohorts_are_planned_sent_and_found_in_the_history(sandbox: Any, desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "カート放棄")
        highlight(pilot.app, desk.carts)
        await pilot.press("space")
        highlight(pilot.app, desk.trials)
        await pilot.press("space", "s")
        await shows(pilot, "nothing has been sent")
        await shows(pilot, "1,450 join · 300 leave")
        assert sandbox.members(desk.trials) == set()
        await pilot.press("enter")
        await shows(pilot, "counts add up")
        await shows(pilot, "Heap Cohorts › includes › Cart abandoners")
        await shows(pilot, "Receipt saved")
        assert sandbox.members(desk.carts) == set(ids(300, 4200))
        assert sandbox.members(desk.trials) == set(ids(100, 350))
        await pilot.press("4")
        await shows(pilot, "2 cohorts")
        await pilot.press("enter")
        await shows(pilot, "[Story")
        await pilot.press("tab")
        await shows(pilot, "[Batches")
        await shows(pilot, "accepted  ")
        await pilot.press("escape")
        await shows(pilot, "[4 Runs]")


async def test_a_plan_that_is_renewed_says_when_and_why_and_its_sentence_is_that_of_its_button(
    sandbox: Any, desk: Desk, tmp_path: Path
) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(120, 36)) as pilot:
        await shows(pilot, "Cart abandoners")
        highlight(pilot.app, desk.carts)
        await pilot.press("s")
        await shows(pilot, "[ enter  Start: 1,500 changes in test SANDBOX ]")
        assert "Renewed" not in text_of(pilot.app)
        async with workspace_on(sandbox, tmp_path / "home") as workspace:
            await fill(workspace, ids(300, 4300), cohort_id=desk.carts)
        await shows(pilot, "people of Cart abandoners changed")
        await shows(pilot, "[ enter  Start: 1,600 changes in test SANDBOX ]")
        assert "enter sends 1,600 changes to" in status(pilot.app)
        await pilot.press("enter")
        await shows(pilot, "counts add up")
        await pilot.press("1")
        await shows(pilot, "✓ synced")
        highlight(pilot.app, desk.carts)
        await pilot.press("s")
        await shows(pilot, "Nothing to send")
        assert "Renewed" not in text_of(pilot.app)


async def test_a_held_cohort_says_why_and_is_let_through_by_its_name(sandbox: Any, desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        for cohort in (desk.vip, desk.carts):
            highlight(pilot.app, cohort)
            await pilot.press("space")
        await pilot.press("s")
        await shows(pilot, "Loses 38 of 40 people (95 %)")
        await pilot.press("enter")
        await shows(pilot, "counts add up")
        assert sandbox.members(desk.carts) == set(ids(300, 4200))
        assert sandbox.members(desk.vip) == set(ids(0, 40))
        await pilot.press("r")
        await shows(pilot, "nothing has been sent")
        highlight(pilot.app, desk.vip)
        await pilot.press("l")
        await shows(pilot, "Type the cohort's name")
        await pilot.press(*"wrong", "enter")
        await shows(pilot, "That is not “VIP 2024”.")
        await pilot.press(*["backspace"] * 5, *"VIP", "space", *"2024", "enter")
        await shows(pilot, "● let through")
        await pilot.press("enter")
        await shows(pilot, "counts add up")
        assert sandbox.members(desk.vip) == set(ids(0, 2))


async def test_quitting_during_a_run_asks_lets_it_come_home_and_it_can_be_continued(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="slow", seconds=1.0)
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "you can leave this screen")
        await pilot.press("q")
        await shows(pilot, "A sync is running")
        await pilot.press("escape")
        await shows(pilot, "you can leave this screen")
        await until(pilot, lambda: sandbox.world.log and app.live_runs and app.live_runs[0].total("requests"))
        await pilot.press("q")
        await shows(pilot, "Stop and quit")
        await pilot.press("enter")
        await until(pilot, lambda: not app.is_running)
    sandbox.clear_faults()
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("4")
        await shows(pilot, "✗ cancelled")
        await pilot.press("r")
        await shows(pilot, "nothing has been sent")
        await pilot.press("enter")
        await shows(pilot, "counts add up")
    assert sandbox.members(desk.carts) == set(ids(300, 4200))


async def test_a_running_sync_can_be_paused_and_cancelled(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="slow", seconds=0.8)
    async with HeaptuiApp(desk.opening).run_test(size=(120, 36)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "you can leave this screen")
        await pilot.press("p")
        await shows(pilot, "Paused by you")
        await pilot.press("x")
        await shows(pilot, "Stop after the")
        await pilot.press("enter")
        await shows(pilot, "counts add up")
        await shows(pilot, "cancelled")


@pytest.mark.parametrize(("key", "asked"), [("x", "Stop after the"), ("q", "A sync is running")])
async def test_a_question_about_a_sync_does_not_outlive_it(sandbox: Any, desk: Desk, key: str, asked: str) -> None:
    sandbox.fault(effect="slow", seconds=1.0)
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "you can leave this screen")
        await pilot.press(key)
        await shows(pilot, asked)
        sandbox.clear_faults()
        await until(pilot, lambda: not isinstance(pilot.app.screen, Question))
        await shows(pilot, "counts add up")
        assert pilot.app.screen.run_progress.state is DeliveryState.FINISHED


async def read_file(pilot: Any, file: Path) -> None:
    """Open the dialog and let it read a file."""
    await pilot.press("i")
    await shows(pilot, "importing sends nothing")
    pilot.app.screen.query_one("#path").value = str(file)
    await pilot.press("enter")


async def test_asking_twice_for_the_end_quits_during_a_run(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="slow", seconds=1.0)
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "you can leave this screen")
        await pilot.press("ctrl+c")
        await shows(pilot, "enter or y: Stop and quit · esc or n: Go on")
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not app.is_running)


async def test_a_plan_without_changes_has_no_button_and_no_mark(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        highlight(pilot.app, desk.trials)
        await pilot.press("s")
        await shows(pilot, "[3 Sync 1]")
        await shows(pilot, "[ enter")
        await pilot.press("enter")
        await shows(pilot, "counts add up")
        await pilot.press("c")
        await shows(pilot, "Now in Braze, older menu:")
        await pilot.press("4")
        await shows(pilot, "Create Segment › Heap Cohorts")
        await pilot.press("1")
        await shows(pilot, "[1 Cohorts]")
        await shows(pilot, "Create Segment › Heap Cohorts")
        await pilot.press("s")
        await shows(pilot, "Nothing to send")
        assert "[3 Sync]" in text_of(pilot.app)
        assert "[ enter" not in text_of(pilot.app)


async def test_a_click_on_a_tab_opens_it(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        at = text_of(pilot.app).splitlines()[1].index("4 Runs")
        await pilot.click("#tab-line", offset=(at, 0))
        await shows(pilot, "[4 Runs")


async def test_importing_a_file_that_takes_nearly_everybody_out_asks_for_the_name(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "carts.csv"
    file.write_text("user_id,plan\n" + "".join(f"{person},x\n" for person in [*ids(300, 400), "", "a\x01b"]))
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await read_file(pilot, file)
        await shows(pilot, "100 people")
        pilot.app.screen.query_one("#name").value = "Cart abandoners"
        await pilot.press("n", "enter")
        await shows(pilot, "Replaces the people of “Cart abandoners”")
        await shows(pilot, "3,800 leave")
        await pilot.press("b")
        await shows(pilot, "control character")
        await pilot.press("escape", "enter")
        await shows(pilot, "Unusually many would leave")
        await shows(pilot, "Type the cohort's name: Cart abandoners")
        await pilot.press(*"Cart", "space", *"abandoners", "enter")
        await shows(pilot, "[1 Cohorts]")
        await until(pilot, lambda: "−2,900" in text_of(pilot.app))
        await pilot.press("u")
        await until(pilot, lambda: "+1,200 −300" in text_of(pilot.app))


async def test_a_new_file_goes_into_a_new_cohort_and_the_same_file_into_its_own_again(
    desk: Desk, tmp_path: Path
) -> None:
    file = tmp_path / "spring_sale.csv"
    file.write_text("user_id\n" + "".join(f"{person}\n" for person in ids(0, 70)))
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        highlight(pilot.app, desk.vip)
        await read_file(pilot, file)
        await shows(pilot, "New cohort “spring sale”")
        await pilot.press("enter")
        await shows(pilot, "[1 Cohorts]")
        await until(pilot, lambda: "spring sale: 70 people. Nothing was sent." in status(pilot.app))
        await until(pilot, lambda: pilot.app.screen.current.name == "spring sale")
        assert not pilot.app._notifications
        highlight(pilot.app, desk.vip)
        await read_file(pilot, file)
        await shows(pilot, "Replaces the people of “spring sale”")


async def test_a_name_that_is_taken_is_not_proposed(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "vip_2024.csv"
    file.write_text("user_id\n1\n2\n")
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        await read_file(pilot, file)
        await shows(pilot, "Into which cohort?")
        await pilot.press("enter")
        await shows(pilot, "Choose a file and a cohort first")


async def test_a_missing_file_is_told_in_the_dialog_and_changes_nothing(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("i")
        await shows(pilot, "importing sends nothing")
        pilot.app.screen.query_one("#path").value = "/nowhere/file.csv"
        await pilot.press("enter")
        await shows(pilot, "Nothing was changed.")


async def test_a_filter_shows_its_count_and_escape_clears_it(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        await pilot.press("slash", *"cart")
        await shows(pilot, "1 of 3 match, esc clears the filter")
        await shows(pilot, "1 of 3 cohorts")
        headings = next(line for line in lines_of(pilot.app) if "Waiting" in line)
        await pilot.press(*"zzz")
        await shows(pilot, "0 of 3 cohorts")
        assert headings in lines_of(pilot.app)
        await pilot.press("escape")
        await shows(pilot, "─ 3 cohorts")


async def test_a_filter_that_nothing_matches_leaves_nothing_of_a_run_on_the_screen(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        await pilot.press("4")
        await shows(pilot, "Counts")
        await pilot.press("slash", *"zzz")
        await shows(pilot, "0 of 1 run")
        await until(pilot, lambda: "Counts" not in text_of(pilot.app))


async def test_what_is_typed_in_one_go_with_the_filter_key_goes_into_its_field(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        for character in "/trials 1":
            pilot.app.post_message(events.Key(character_to_key(character), character))
        await until(pilot, lambda: [field.value for field in pilot.app.screen.query(Input)] == ["trials 1"])
        assert pilot.app.screen.SCOPE == "cohorts"
        await pilot.press("/")
        await until(pilot, lambda: pilot.app.screen.query_one(Input).value == "trials 1/")


async def test_what_is_typed_in_one_go_with_a_tab_is_done_there(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        for _ in range(2):
            for character in "4/cart":
                pilot.app.post_message(events.Key(character_to_key(character), character))
            await until(pilot, lambda: [field.value for field in pilot.app.screen.query(Input)] == ["cart"])
            assert pilot.app.screen.SCOPE == "runs"
            await pilot.press("escape", "1")
            await shows(pilot, "VIP 2024")


async def test_the_footer_offers_no_letters_while_a_field_takes_them(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        assert "space mark" in lines_of(pilot.app)[-1]
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        assert "esc back" in lines_of(pilot.app)[-1]
        assert "space mark" not in lines_of(pilot.app)[-1]
        assert "?" not in lines_of(pilot.app)[-1]
        await pilot.press("escape")
        await until(pilot, lambda: "space mark" in lines_of(pilot.app)[-1])


async def test_a_key_that_does_nothing_now_says_why(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        highlight(pilot.app, desk.trials)
        await pilot.press("h")
        await until(pilot, lambda: "is not on hold" in status(pilot.app))
        await pilot.press("3")
        await shows(pilot, "Nothing is planned")
        await pilot.press("p")
        await until(pilot, lambda: "No sync is running" in status(pilot.app))


async def test_a_read_only_look_changes_nothing_and_says_so(desk: Desk) -> None:
    desk.opening.read_only = True
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "read-only")
        await pilot.press("i")
        await until(pilot, lambda: "read-only" in status(pilot.app))


async def test_credentials_show_where_keys_come_from_and_never_a_key(sandbox: Any, desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP 2024")
        await pilot.press("6")
        await shows(pilot, "Data Import Key")
        await shows(pilot, f"ends {sandbox.keys.data_import_key[-4:]}")
        assert sandbox.keys.data_import_key not in text_of(pilot.app)
        assert sandbox.keys.partner_api_key not in text_of(pilot.app)


async def test_somebody_without_a_profile_meets_doors_and_makes_one_for_files(desk: Desk, tmp_path: Path) -> None:
    from heaptui.config import Home

    desk.opening.home, desk.opening.environ = Home.find(str(tmp_path / "fresh"), {}), {}
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "What would you like to do?")
        await pilot.press("escape")
        await shows(pilot, "What would you like to do?")
        await pilot.press("4")
        await shows(pilot, "How shall this profile be called?")
        await pilot.press(*"files", "enter")
        await shows(pilot, "No cohorts yet.")


async def test_whoever_looks_for_another_workspace_comes_back_by_escape(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("6")
        await shows(pilot, "verdict after")
        await pilot.press("o")
        await shows(pilot, "1 profile ")
        await pilot.press("n")
        await shows(pilot, "another workspace")
        await pilot.press("escape")
        await shows(pilot, "Which workspace?")
        await pilot.press("escape")
        await shows(pilot, "[6 Credentials]")


async def test_a_crash_shows_no_values_and_ends_the_dashboard(desk: Desk) -> None:
    app = HeaptuiApp(desk.opening)

    async def crashed() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "VIP 2024")
            app.call_later(lambda: 1 / 0)
            await until(pilot, lambda: not app.is_running, 3)

    with pytest.raises(ZeroDivisionError):
        await crashed()
    assert isinstance(app.crash, ZeroDivisionError)
    assert not app._exit_renderables


def test_the_first_paint_needs_no_http_no_server_no_keyring_and_no_files_of_ids() -> None:
    code = (
        "import sys, heaptui.ui.app, heaptui.ui.screens.cohorts, heaptui.services.cohorts, heaptui.services.heap;"
        "print(sorted(sys.modules))"
    )
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in (
        "'httpx'",
        "'starlette'",
        "'uvicorn'",
        "'keyring'",
        "'heaptui.sources'",
        "'heaptui.services.segments'",
    ):
        assert heavy not in modules


async def test_garbage_is_collected_again_once_the_dashboard_is_there(desk: Desk) -> None:
    pause_collecting()
    try:
        async with HeaptuiApp(desk.opening).run_test() as pilot:
            assert not gc.isenabled()
            await until(pilot, gc.isenabled)
    finally:
        gc.enable()
        gc.unfreeze()


async def test_keys_of_a_plan_say_that_there_is_none(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("3")
        await shows(pilot, "Nothing is planned.")
        assert "let through" not in text_of(pilot.app)
        await pilot.press("l")
        await until(pilot, lambda: "Nothing is planned." in status(pilot.app))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("people.csv", b"user_id\n", "no rows below its header"),
        ("noise.csv", bytes(range(1, 256)) * 12, "The file holds no valid id."),
        ("book.xlsx", b"PK\x03\x04" + bytes(40), "book.xlsx is not text."),
        ("odd.jsonl", b'{"a": [1,2,3]}\n', "The file holds no valid id."),
    ],
    ids=["heading only", "noise", "workbook", "list"],
)
async def test_a_file_without_people_is_told_in_words(
    sandbox: Any, desk: Desk, tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    opening = Opening(
        desk.opening.home, {**desk.opening.environ, "HEAPTUI_REST_API_KEY": sandbox.keys.rest_api_key}, read_only=False
    )
    async with HeaptuiApp(opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await read_file(pilot, file)
        await shows(pilot, told)
        await settled(pilot)
        assert pilot.app.crash is None
