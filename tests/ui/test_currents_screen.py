"""5 Currents with keys only: counts that add up, a cohort compared, one event in both shapes, and how to begin."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from heaptui.ui.app import HeaptuiApp
from tests.services.currents_world import TOKEN, an_event, events_came
from tests.services.world import ids, workspace_on
from tests.ui.conftest import SIZES, Desk, highlight, lines_of, shows, status, text_of

EMAIL = "users.messages.email."


def story() -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    steps = (
        ("Send", ids(0, 2000) + ids(6000, 7000)),
        ("Open", ids(0, 800) + ids(6000, 6200)),
        ("Click", ids(0, 100) + ids(6000, 6010)),
    )
    for word, people in steps:
        for person in people:
            event = an_event(len(events), f"{EMAIL}{word}", campaign_id="c1", campaign_name="Spring sale")
            events.append({**event, "time": int(time.time()), "user": {"external_user_id": person, "user_id": "b"}})
    events += [an_event(90_000, f"{EMAIL}Click", url="x" * 1312), an_event(90_001, "users.behaviors.app.SessionStart")]
    return events


@pytest.fixture
async def flowing(sandbox: Any, desk: Desk) -> Desk:
    """The desk after events came and went to Heap."""
    await events_came(sandbox, desk.opening.home.config_dir.parent, story())
    return desk


@pytest.mark.parametrize("size", SIZES)
async def test_counts_and_comparison_fit_every_size(flowing: Desk, size: tuple[int, int]) -> None:
    flowing.opening.environ["HEAPTUI_CURRENTS_TOKEN"] = TOKEN
    async with HeaptuiApp(flowing.opening).run_test(size=size) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("5")
        await shows(pilot, "What happened to")
        await shows(pilot, "reached")
        await shows(pilot, "Together")
        lines = lines_of(pilot.app)
        assert all(cell_len(line) == size[0] for line in lines)
        assert "1 could not go to Heap" in text_of(pilot.app)


async def test_members_stand_beside_everybody_else_and_sums_agree(flowing: Desk) -> None:
    async with HeaptuiApp(flowing.opening).run_test(size=(120, 36)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("A")
        await shows(pilot, "What happened to “Cart abandoners”")
        await shows(pilot, "24 hours")
        await shows(pilot, "of 3,000 accepted")
        text = text_of(pilot.app)
        assert "2,000     67 %     1,000" in text
        assert "800     40 %       200    20 %" in text
        together = next(line for line in lines_of(pilot.app) if "Together" in line).split()
        _, came, forwarded_, filtered, twice, dead, waiting = (int(x.replace(",", "")) for x in together[-7:])
        assert came == forwarded_ + filtered + twice + dead + waiting
        assert (filtered, twice, dead) == (1, 40, 1)
        await pilot.press("p", "p", "p")
        await shows(pilot, "since run 1")


async def test_one_event_is_seen_in_both_shapes(flowing: Desk) -> None:
    async with HeaptuiApp(flowing.opening).run_test(size=(120, 36)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("5")
        await shows(pilot, "Together")
        await pilot.press("g", "j", "enter")
        await shows(pilot, "Braze sent")
        text = text_of(pilot.app)
        assert "✓ went to Heap" in text
        assert "user.external_user_id" in text
        assert "identity" in text
        assert "Spring sale (c1)" in text
        await pilot.press("escape")
        await shows(pilot, "Together")


async def test_what_is_cut_off_in_the_table_of_an_event_stands_whole_below_it(flowing: Desk) -> None:
    async with HeaptuiApp(flowing.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("5")
        await shows(pilot, "property url has 1,312 characters")
        await pilot.press("l", "enter")
        await shows(pilot, "✗ dead letter")
        assert "x" * 40 not in text_of(pilot.app)
        highlight(pilot.app, "properties.url")
        await shows(pilot, "x" * 60)


async def test_dead_letters_are_looked_at_and_sent_again(flowing: Desk) -> None:
    async with HeaptuiApp(flowing.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("5")
        await shows(pilot, "property url has 1,312 characters")
        await pilot.press("l")
        await shows(pilot, "What could not go to Heap")
        await pilot.press("enter")
        await shows(pilot, "✗ dead letter")
        await pilot.press("escape")
        await pilot.press("r")
        await shows(pilot, "Send 1 dead letter again?")
        await pilot.press("enter")
        await shows(pilot, "1 wait, nobody forwards")


async def test_an_event_that_is_no_json_or_nested_very_deeply_is_seen_too(sandbox: Any, desk: Desk) -> None:
    async with workspace_on(sandbox, desk.opening.home.config_dir.parent, heap_app_id="123") as workspace:
        deep = json.dumps({**an_event(1), "properties": "?"}).replace('"?"', '{"a":' * 700 + "7" + "}" * 700)
        intake = await workspace.currents.intake()
        assert (await intake.take(f'{{"events":[{deep},{{"a":nul}}]}}'.encode())).new == 2
    desk.opening.environ["HEAPTUI_CURRENTS_TOKEN"] = TOKEN
    async with HeaptuiApp(desk.opening).run_test(size=(120, 36)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("5")
        await shows(pilot, "Together")
        await pilot.press("g", "j", "enter")
        await shows(pilot, '{"a":nul}')
        await pilot.press("escape")
        await shows(pilot, "Together")
        await pilot.press("g", "j", "j", "enter")
        await shows(pilot, "properties.a.a.a")


async def test_without_currents_the_tab_says_what_it_needs_and_can_be_hidden(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("5")
        await shows(pilot, "not set up")
        await shows(pilot, "Heap Export")
        assert "Nothing is wrong" in status(pilot.app)
        await pilot.press("p")
        assert "Nothing was received yet" in status(pilot.app)
        await pilot.press("h")
        await shows(pilot, "[1 Cohorts]")
        assert "5 Currents" not in lines_of(pilot.app)[1]
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        assert "5 Currents" not in lines_of(pilot.app)[1]
        await pilot.press("5")
        await shows(pilot, "h shows the tab again")
        await pilot.press("h")
        await shows(pilot, "h hides this tab")


async def test_setting_up_makes_a_token_and_shows_what_to_enter_in_braze(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("5")
        await shows(pilot, "not set up")
        await pilot.press("enter")
        await shows(pilot, "Your Heap app id")
        await pilot.press(*"1234567890", "enter")
        await shows(pilot, "Where shall the token be kept?")
        await pilot.press("enter")
        await shows(pilot, "Enter this in Braze")
        await pilot.press("escape")
        await shows(pilot, "no event yet")
        await shows(pilot, "✓ 1234567890")
    stored = Path(desk.opening.home.config_dir / "secrets.toml").read_text("utf-8")
    assert "currents_token" in stored
