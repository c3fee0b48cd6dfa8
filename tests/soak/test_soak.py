"""Thousands of random histories, and hundreds of kills."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heaptui.model.routes import ATTRIBUTE, COHORT_IMPORT
from tests.cli.conftest import Desk, desk  # noqa: F401 - the fixture
from tests.cli.kills import survive
from tests.cli.test_listen import receive_through_kills
from tests.services.histories import WAYS, Step, play, steps


@pytest.mark.parametrize("part", range(10))
@pytest.mark.parametrize("ways", WAYS)
def test_every_history_converges(ways: str, part: int) -> None:
    @settings(max_examples=500, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck))
    @given(steps(), st.integers(0, 10_000).map(lambda number: number * 10 + part))
    def converges(history: list[Step], seed: int) -> None:
        play(history, seed, WAYS[ways])

    converges()


@pytest.mark.parametrize("part", range(10))
@pytest.mark.parametrize("route", [COHORT_IMPORT, ATTRIBUTE])
def test_a_hundred_kills_converge(desk: Desk, route: str, part: int) -> None:  # noqa: F811
    assert survive(desk, kills=10, seed=random.randrange(1_000_000), route=route) >= 4


@pytest.mark.parametrize("part", range(5))
def test_a_receiver_is_exact_after_any_number_of_kills(desk: Desk, part: int) -> None:  # noqa: F811
    receive_through_kills(desk, tasks=200, seed=random.randrange(1_000_000))
