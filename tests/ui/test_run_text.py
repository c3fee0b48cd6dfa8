"""A running sync in words and numbers that do not jump."""

from __future__ import annotations

from heaptui.model.runs import DeliveryProgress, DeliveryState, RunProgress
from heaptui.ui import run_text


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


def test_a_paused_run_promises_no_time_and_says_what_still_comes_home() -> None:
    progress = running(1000, 1000)
    progress.paused = True
    assert run_text.remaining(progress, 2) is None
    assert run_text.wait_lines(progress, 2) == ["⏸ Paused by you. p goes on. What is in flight still comes home."]
