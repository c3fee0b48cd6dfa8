"""Whatever happens between us and Braze, after the next finished sync Braze holds exactly the cohort."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.histories import Step, play, steps

EXAMPLES = int(os.environ.get("HEAPTUI_EXAMPLES", "34"))


@pytest.mark.parametrize("part", range(6))
def test_every_history_converges(part: int) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(steps(), st.integers(0, 10_000).map(lambda number: number * 6 + part))
    def converges(history: list[Step], seed: int) -> None:
        play(history, seed)

    converges()
