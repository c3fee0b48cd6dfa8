"""A sync in trouble, as the dashboard shows it: waits, doubts, refusals, and a ledger that takes nothing more."""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec
import pytest

from heaptui.config import Config, load_config, save_config
from heaptui.ui.app import HeaptuiApp
from tests.services.world import ids
from tests.ui.conftest import Desk, Opening, flowed, highlight, lines_of, shows, start_carts, walk_to


def change_profile(desk: Desk, **settings: Any) -> None:
    """The profile with other settings."""
    home = desk.opening.home
    profile = msgspec.structs.replace(load_config(home).profiles["test"], **settings)
    save_config(home, Config({"test": profile}))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_wait_is_a_countdown_with_its_reason_and_its_source(
    sandbox: Any, desk: Desk, size: tuple[int, int]
) -> None:
    sandbox.fault(effect="status", status=429, reset="delta", seconds=30, match={"path": "users"})
    async with HeaptuiApp(desk.opening).run_test(size=size) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "Braze asked us to wait (429)")
        await shows(pilot, "Next request in 2")
        shown = flowed(pilot.app)
        assert "(the time Braze named)" in shown
        assert "0 of up to 1" in shown
        assert "This hour" in shown
        assert "⏸ waiting" in shown
        await pilot.press("x")
        await shows(pilot, "What is accepted stays")
        await pilot.press("enter")
        await shows(pilot, "cancelled")


async def test_between_two_tries_the_screen_says_that_braze_failed_and_counts_down(sandbox: Any, desk: Desk) -> None:
    change_profile(desk, backoff_seconds=8.0)
    sandbox.fault(effect="status", status=500, match={"path": "users"})
    async with HeaptuiApp(desk.opening).run_test(size=(120, 36)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "⏸ Braze failed (500).")
        assert "(our own back-off)" in flowed(pilot.app)
        assert "No answer from Braze" not in flowed(pilot.app)
        await shows(pilot, "of 6 in")
        await pilot.press("x")
        await shows(pilot, "What is accepted stays")
        await pilot.press("enter")
        await shows(pilot, "cancelled")


async def test_doubts_and_the_search_for_refused_ids_are_counted_while_they_last(sandbox: Any, desk: Desk) -> None:
    sandbox.faults(
        {"effect": "reset_before", "at": [1], "match": {"path": "users"}},
        {"effect": "poison", "identifiers": ["u003500"]},
        {"effect": "slow", "seconds": 0.15},
    )
    async with HeaptuiApp(desk.opening).run_test(size=(120, 36)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "connection lost before an answer; 300 in doubt")
        await shows(pilot, "of at most 256 extra requests", seconds=20)
        await shows(pilot, "counts add up", seconds=20)
        await shows(pilot, "looked for refused ids")
        await shows(pilot, "4, enter, then tab to “Refused”")
    assert sandbox.members(desk.carts) == set(ids(300, 4200)) - {"u003500"}


async def test_a_sync_with_refused_ids_says_so_in_full_also_in_a_narrow_list(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="poison", identifiers=["u003500"])
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "counts add up", seconds=20)
        assert any("Cart abandoners" in line and "! refused some" in line for line in lines_of(pilot.app))


async def test_a_ledger_that_takes_nothing_more_during_a_run_is_told_and_the_dashboard_goes_on(
    sandbox: Any, desk: Desk
) -> None:
    sandbox.fault(effect="slow", seconds=1.0, at=[1], match={"path": "users"})
    async with HeaptuiApp(desk.opening).run_test(size=(120, 36)) as pilot:
        ledger = pilot.app.workspace.ledger
        await start_carts(pilot, desk)
        await shows(pilot, "you can leave this screen")
        await ledger.write(lambda connection: connection.execute("PRAGMA busy_timeout = 100"))
        other = sqlite3.connect(ledger.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await shows(pilot, "Another process keeps the ledger locked", seconds=20)
        await shows(pilot, "✗ stopped")
        other.execute("ROLLBACK")
        other.close()
        await pilot.press("r")
        await shows(pilot, "nothing has been sent")
        await pilot.press("enter")
        await shows(pilot, "✓ done", seconds=20)
    assert sandbox.members(desk.carts) == set(ids(300, 4200))


async def test_a_receipt_that_cannot_be_saved_is_told_and_the_result_stands(sandbox: Any, desk: Desk) -> None:
    desk.opening.home.receipts_dir.parent.mkdir(parents=True, exist_ok=True)
    desk.opening.home.receipts_dir.write_text("a file where the folder should be")
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "The receipt could not be saved")
        await pilot.press("escape")
        await shows(pilot, "counts add up")
    assert sandbox.members(desk.carts) == set(ids(300, 4200))


async def test_a_result_without_anything_accepted_uses_its_right_half_for_what_the_failure_means(
    sandbox: Any, desk: Desk
) -> None:
    sandbox.fault(effect="status", status=401, match={"path": "users"})
    async with HeaptuiApp(desk.opening).run_test(size=(120, 36)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "├─ What it means")
        assert "Accepted means" not in flowed(pilot.app)
        left, right = ("\n".join(part) for part in zip(*(halves(line) for line in lines_of(pilot.app)), strict=True))
        assert "Who mends" in left
        assert "Causes" in right


def halves(line: str) -> tuple[str, str]:
    """What stands left and right of the line between them."""
    left, _, right = line.partition("│")
    return left, right


async def test_a_complete_run_offers_no_continuing_and_says_why(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "Receipt saved")
        assert "continue" not in lines_of(pilot.app)[-1]
        await pilot.press("r")
        await shows(pilot, "This run is complete")
        await pilot.press("4")
        await shows(pilot, "✓ done")
        assert "continue" not in lines_of(pilot.app)[-1]
        await pilot.press("r")
        await shows(pilot, "This run is complete")


async def test_a_plan_without_changes_offers_no_start_and_says_why(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "counts add up")
        await pilot.press("1")
        await shows(pilot, "✓ synced")
        highlight(pilot.app, desk.carts)
        await pilot.press("s")
        await shows(pilot, "Nothing to send")
        assert "start" not in lines_of(pilot.app)[-1]
        await pilot.press("l")
        await shows(pilot, "No cohort is held.")


async def test_there_are_no_clicks_where_nothing_came_to_braze(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="status", status=401)
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "✗ stopped")
        await shows(pilot, "Receipt saved")
        assert "c clicks" not in lines_of(pilot.app)[-1]
        await pilot.press("c")
        await shows(pilot, "nothing to click there")


async def test_a_plan_that_is_only_looked_at_has_no_button(desk: Desk) -> None:
    opening = Opening(desk.opening.home, desk.opening.environ, read_only=True)
    async with HeaptuiApp(opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        highlight(pilot.app, desk.carts)
        await pilot.press("s")
        await shows(pilot, "nothing has been sent")
        await shows(pilot, "This is open read-only: nothing can be sent from here.")
        assert "[ enter" not in flowed(pilot.app)


async def test_a_failure_that_the_demo_was_asked_for_says_so(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="status", status=401)
    async with HeaptuiApp(desk.opening, demo=True, fault="401").run_test(size=(120, 36)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "--fault 401 asked for this: heaptui demo, without it, sends")


async def test_a_run_that_got_through_in_the_end_says_what_was_sent_again(sandbox: Any, desk: Desk) -> None:
    sandbox.fault(effect="reset_after", at=[1], match={"path": "users"})
    async with HeaptuiApp(desk.opening).run_test(size=(120, 36)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "✓ done")
        await pilot.press("4")
        await shows(pilot, "1 request had to be sent again")
        await pilot.press("enter")
        await shows(pilot, "The request left and no answer came.")


async def test_what_a_later_run_took_over_is_not_offered_again_and_a_plan_names_what_it_continues(
    sandbox: Any, desk: Desk
) -> None:
    sandbox.fault(effect="status", status=401)
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await start_carts(pilot, desk)
        await shows(pilot, "✗ stopped")
        sandbox.clear_faults()
        await walk_to(pilot, ["4", "r"])
        await shows(pilot, "continues run 2")
        await pilot.press("escape")
        await shows(pilot, "newest first")
        await pilot.press("r")
        await shows(pilot, "continues run 2")
        await pilot.press("enter")
        await shows(pilot, "counts add up")
        await pilot.press("4")
        await shows(pilot, "Run 3")
        pilot.app.screen.table.go_to("2")
        await shows(pilot, "taken over by run 3")
        await pilot.press("r")
        await shows(pilot, "Run 3 took over what was left.")
        assert "r continue" not in lines_of(pilot.app)[-1]
