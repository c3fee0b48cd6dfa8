"""A running sync in words and numbers that do not jump."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from heaptui.model.cohorts import CohortState
from heaptui.model.runs import DeliveryProgress, DeliveryState, RunProgress, Wait
from heaptui.ui import run_text, signs
from heaptui.ui.screens.cohorts import CohortsScreen
from heaptui.ui.screens.page import Page
from heaptui.ui.screens.runs import RunsScreen
from heaptui.ui.screens.sync import SyncScreen
from heaptui.ui.widgets.record_table import RecordTable


def running(*rates: int, people: int = 100_000) -> RunProgress:
    progress = RunProgress(1, 0.0)
    delivery = DeliveryProgress("c", "Carts", people, state=DeliveryState.RUNNING, submitted=sum(rates))
    progress.deliveries["c"] = delivery
    progress.rates.extend(rates)
    progress.latencies.append(150.0)
    return progress


def speed(progress: RunProgress) -> str:
    return run_text.live_sections(progress, 60)[0].verdict


def test_a_second_without_an_answer_is_no_standstill() -> None:
    assert speed(running(1000, 0, 1000, 0)) == "500 people/s"


def test_the_time_that_is_left_goes_down_in_steps_whatever_the_last_second_brought() -> None:
    rates = [1000, 0, 0, 2000, 1000] * 6
    told = [run_text.remaining(running(*rates, *rates[:more]), 30 + more) for more in range(5)]
    assert all(left is not None and left % 5 == 0 for left in told)
    assert max(left or 0 for left in told) - min(left or 0 for left in told) <= 15


def test_a_wait_is_part_of_the_time_that_is_left_where_nothing_else_goes_out_meanwhile() -> None:
    progress = running(50_000, 40_000)
    progress.deliveries["c"].wait = Wait(2 + 6.0, "Braze asked us to wait (429)", "the time Braze named")
    assert run_text.remaining(progress, 2) == pytest.approx(6 + 10_000 / 45_000)
    progress.deliveries["d"] = DeliveryProgress("d", "Trials", 10, state=DeliveryState.RUNNING)
    assert (run_text.remaining(progress, 2) or 9) < 1


def test_a_paused_run_promises_no_time_and_says_what_still_comes_home() -> None:
    progress = running(1000, 1000)
    progress.paused = True
    assert run_text.remaining(progress, 2) is None
    assert run_text.wait_lines(progress, 2) == ["⏸ Paused by you. p goes on. What is in flight still comes home."]


def test_what_is_beside_a_running_sync_is_broken_only_by_the_width_there_is() -> None:
    progress = running(1000)
    progress.deliveries["c"].in_doubt = 300
    told = {section.title: section.lines for section in run_text.live_sections(progress, 60)}
    assert all(len(told[title]) == 1 for title in ("In doubt means", "Afterwards"))


@pytest.mark.parametrize(
    ("screen", "column", "words"),
    [
        (CohortsScreen, "State", [*(f"{sign} {word}" for sign, word, _ in signs.COHORT_SIGNS.values()), "▶ sending"]),
        (SyncScreen, "State", [f"{sign} {word}" for sign, word in signs.RUN_SIGNS.values()]),
        (RunsScreen, "Result", [f"{sign} {word}" for sign, word in signs.RUN_SIGNS.values()]),
    ],
)
def test_no_word_for_a_state_is_cut_in_its_column(screen: type[Page], column: str, words: list[str]) -> None:
    table = next(one for one in screen().compose_body() if isinstance(one, RecordTable))
    width = next(one.width for one in table.columns if one.title == column)
    assert len(words) >= len(CohortState)
    assert max(map(cell_len, words)) <= width


def test_a_run_of_several_cohorts_names_the_one_that_is_looked_for() -> None:
    names = ("Paying", "Cart abandoners", "VIP 2024")
    assert run_text.cohorts_in_short(names) == "3 cohorts"
    assert run_text.cohorts_in_short(names, "cart") == "Cart abandoners + 2"
    assert run_text.cohorts_in_short(names, "held") == "3 cohorts"
    assert run_text.cohorts_in_short(names[:1], "cart") == "Paying"
    assert run_text.cohorts_in_short(()) == "no cohort"
