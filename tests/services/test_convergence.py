"""Whatever happens between us and Braze, after the next finished sync Braze holds exactly the cohort, by one way only."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heaptui.model.routes import ATTRIBUTE, COHORT_IMPORT
from tests.services.histories import WAYS, Step, play, steps

EXAMPLES = int(os.environ.get("HEAPTUI_EXAMPLES", "34"))


PARTS = [
    *((COHORT_IMPORT, part) for part in range(4)),
    *((way, part) for way in (ATTRIBUTE, "both") for part in (4, 5)),
]


@pytest.mark.parametrize(("ways", "part"), PARTS)
def test_every_history_converges(ways: str, part: int) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(steps(), st.integers(0, 10_000).map(lambda number: number * 6 + part))
    def converges(history: list[Step], seed: int) -> None:
        play(history, seed, WAYS[ways])

    converges()
