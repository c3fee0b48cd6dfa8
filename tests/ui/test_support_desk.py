"""The support desk in the terminal: why a run failed, its exchanges, and the people of a request only when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heaptui.cli.bundle_home import home_of
from heaptui.sandbox.world import Segment
from heaptui.ui.app import HeaptuiApp
from tests.services.world import fill, ids, synced, workspace_on
from tests.ui.conftest import SIZES, Desk, Opening, highlight, lines_of, shows, status, text_of, until

REFUSED = {"effect": "status", "status": 401, "body": {"message": "client_secret is invalid"}}


async def failed(sandbox: Any, tmp_path: Path, fault: dict[str, Any] = REFUSED) -> int:
    """One more run, which Braze refuses, or at which it fails."""
    sandbox.fault(**fault, match={"path": "users"})
    async with workspace_on(sandbox, tmp_path / "home") as workspace:
        progress = await synced(workspace, await fill(workspace, ids(0, 20), name="Late carts"))
    sandbox.clear_faults()
    return progress.run_id


async def go_to_failure(pilot: Any, run_id: int) -> None:
    """To the run in the history that the key ended."""
    await shows(pilot, "Cart abandoners")
    await pilot.press("4")
    await shows(pilot, "401 key")
    highlight(pilot.app, str(run_id))


@pytest.mark.parametrize("size", SIZES)
async def test_the_list_says_why_and_the_detail_who_mends_it(
    sandbox: Any, desk: Desk, tmp_path: Path, size: tuple[int, int]
) -> None:
    run_id = await failed(sandbox, tmp_path)
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=size) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("4")
        await shows(pilot, "Data Import Key is invalid (401)")
        assert any(f"{run_id}" in line and "401 key" in line for line in lines_of(app))
        assert "1 needs attention" in text_of(app)
        # However narrow: the tab one is on has its name.
        assert "[4 Runs ✗1]" in lines_of(app)[1]
        assert all(len(line.rstrip()) <= size[0] for line in lines_of(app))


async def test_every_tab_tells_of_a_run_that_needs_somebody_until_a_later_one_takes_it_over(
    sandbox: Any, desk: Desk, tmp_path: Path
) -> None:
    await failed(sandbox, tmp_path)
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "4 Runs ✗1")
        async with workspace_on(sandbox, tmp_path / "home") as workspace:
            late = next(one for one in await workspace.cohorts.list() if one.name == "Late carts")
            await synced(workspace, late.cohort_id)
        await until(pilot, lambda: "4 Runs ✗1" not in text_of(pilot.app))


async def test_the_help_on_a_run_at_which_braze_failed_does_not_say_that_no_answer_came(
    sandbox: Any, desk: Desk, tmp_path: Path
) -> None:
    await failed(sandbox, tmp_path, {"effect": "status", "status": 500})
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("4")
        await shows(pilot, "5xx")
        await pilot.press("question_mark")
        await shows(pilot, "not known: no answer came")


async def test_a_run_opens_in_four_panes_and_its_exchanges_hold_no_key(
    sandbox: Any, desk: Desk, tmp_path: Path
) -> None:
    run_id = await failed(sandbox, tmp_path)
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(120, 36)) as pilot:
        await go_to_failure(pilot, run_id)
        await pilot.press("enter")
        await shows(pilot, f"Run {run_id} ✗ stopped")
        await shows(pilot, "[Story")
        await pilot.press("tab", "tab", "tab")
        await shows(pilot, "[Exchanges 2]")
        await pilot.press("G")
        end = sandbox.keys.data_import_key[-4:]
        await shows(pilot, f"‹data import key, from environment, ends {end}›")
        assert "20 (masked)" in text_of(app)
        assert "u00001" not in text_of(app)
        await pilot.press("i")
        await shows(pilot, "u000001")
        await pilot.press("a")
        await until(pilot, lambda: "as curl" in status(app))
        assert 'client_secret": "$DATA_IMPORT_KEY' in app.clipboard
        assert "u00000" not in app.clipboard
        await pilot.press("slash", *"name", "enter")
        await shows(pilot, "[Exchanges 1]")
        await pilot.press("escape")
        await shows(pilot, "[Exchanges 2]")
        await pilot.press("escape")
        await shows(pilot, "needs attention")


@pytest.mark.parametrize("demo", [False, True])
async def test_y_copies_a_message_for_the_customer(sandbox: Any, desk: Desk, tmp_path: Path, *, demo: bool) -> None:
    run_id = await failed(sandbox, tmp_path)
    app = HeaptuiApp(desk.opening, demo=demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to_failure(pilot, run_id)
        await shows(pilot, "Late carts")
        await pilot.press("y")
        await until(pilot, lambda: "customer's message" in status(app))
        assert "Please do not send the key by mail" in app.clipboard
        assert (f"heaptui run resume {run_id}" in app.clipboard) is not demo
        assert sandbox.keys.data_import_key[-4:] not in app.clipboard


async def test_after_a_sync_its_run_is_the_highlighted_one(sandbox: Any, desk: Desk, tmp_path: Path) -> None:
    await failed(sandbox, tmp_path)
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("4")
        await shows(pilot, "401 key")
        assert app.screen.current == 2
        await pilot.press("1")
        await shows(pilot, "[1 Cohorts")
        highlight(app, desk.trials)
        await pilot.press("s")
        await shows(pilot, "enter sends 250 changes")
        await pilot.press("enter")
        await shows(pilot, "✓ done")
        await pilot.press("4")
        await shows(pilot, "─ Run 3 ─")
        await pilot.press("down")
        await shows(pilot, "─ Run 1 ─")
        await pilot.press("1", "4")
        await shows(pilot, "─ Run 1 ─")


async def test_who_opens_the_history_sees_a_newer_run_unless_the_cursor_was_moved(
    sandbox: Any, desk: Desk, tmp_path: Path
) -> None:
    async def newer(name: str) -> None:
        await pilot.press("1")
        await shows(pilot, "[1 Cohorts")
        async with workspace_on(sandbox, tmp_path / "home") as workspace:
            await synced(workspace, await fill(workspace, ids(0, 20), name=name))
        await pilot.press("4")
        await shows(pilot, name)

    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("4")
        await shows(pilot, "─ Run 1 ─")
        await newer("Second")
        await shows(pilot, "─ Run 2 ─")
        await pilot.press("down")
        await shows(pilot, "─ Run 1 ─")
        await newer("Third")
        await shows(pilot, "3 runs")
        assert pilot.app.screen.current == 1


async def test_a_run_of_another_process_is_seen_as_it_goes_on(sandbox: Any, desk: Desk, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home", read_timeout_seconds=5.0) as workspace:
        cohort = await fill(workspace, ids(0, 3000), name="Slow")
        progress = await workspace.sync.start([cohort])
        workspace.sync.pause(progress.run_id)
        app = HeaptuiApp(desk.opening)
        async with app.run_test(size=(120, 36)) as pilot:
            await shows(pilot, "Cart abandoners")
            await pilot.press("4")
            await shows(pilot, "▶ running")
            await until(pilot, lambda: str(progress.run_id) in [row.key for row in app.screen.table.rows])
            highlight(app, str(progress.run_id))
            await pilot.press("enter")
            await shows(pilot, f"Run {progress.run_id} ▶ running")
            workspace.sync.go_on(progress.run_id)
            await workspace.sync.finished(progress.run_id)
            await shows(pilot, f"Run {progress.run_id} ✓ done")
            await shows(pilot, "Exchanges 4")


async def test_t_traces_a_person_from_everywhere(sandbox: Any, desk: Desk) -> None:
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("t")
        await shows(pilot, "Trace a person")
        assert "[1 Cohorts" in lines_of(app)[1]
        await pilot.press(*"u000350", "enter")
        await shows(pilot, "Braze accepted them for")
        await shows(pilot, "step by step")
        await shows(pilot, "join sent: run 1")
        await pilot.press("y")
        assert "Cart abandoners" in app.clipboard or "カート放棄" in app.clipboard
        await pilot.press("escape")
        await shows(pilot, "[1 Cohorts")


async def test_an_undo_is_a_question_then_a_run_and_the_cohort_rests(sandbox: Any, desk: Desk, tmp_path: Path) -> None:
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("4")
        await shows(pilot, "✓ done")
        await pilot.press("u")
        await shows(pilot, "Undo run 1?")
        await shows(pilot, "3,000 leave")
        await pilot.press("enter")
        await until(pilot, lambda: not sandbox.members(desk.carts))
        await shows(pilot, "✓ done")
        await pilot.press("1")
        await shows(pilot, "on hold")


async def test_v_compares_a_cohort_with_a_braze_segment(sandbox: Any, desk: Desk) -> None:
    desk.opening.environ["HEAPTUI_REST_API_KEY"] = sandbox.keys.rest_api_key
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        highlight(app, desk.carts)
        await pilot.press("v")
        await shows(pilot, "Which Braze segment")
        segment = Segment(segment_id="s1", name="check: Cart abandoners", include=[desk.carts])
        sandbox.world.segments["s1"] = segment
        sandbox.world.cohorts[desk.carts].members.discard("u000123")
        await pilot.press("enter")
        await shows(pilot, "known to Braze")
        await shows(pilot, "2,999")
        await pilot.press("e")
        await until(pilot, lambda: "as they should be" in status(app))
        highlight(app, "1")
        await pilot.press("e")
        await until(pilot, lambda: " 1 in " in status(app))
        (path,) = desk.opening.home.out_dir.iterdir()
        assert path.read_text() == "u000123\n"
        await pilot.press("y")
        await until(pilot, lambda: "report" in status(app))
        assert "u000123" not in app.clipboard
        assert "2,999" in app.clipboard


async def test_a_bundle_is_written_and_opens_in_the_same_screens(sandbox: Any, desk: Desk, tmp_path: Path) -> None:
    run_id = await failed(sandbox, tmp_path)
    app = HeaptuiApp(desk.opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to_failure(pilot, run_id)
        await pilot.press("b")
        await until(pilot, lambda: "ids hashed" in status(app))
    (path,) = desk.opening.home.out_dir.glob("*.zip")
    other = HeaptuiApp(Opening(home_of(str(path), {}), {}, read_only=True))
    async with other.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Late carts")
        await pilot.press("4")
        await shows(pilot, "Data Import Key is invalid (401)")
        await pilot.press("enter")
        await shows(pilot, f"Run {run_id} ✗ stopped")
        assert "read-only" in text_of(other)
