"""No sequence of keys, clicks and sizes crashes the dashboard or locks anybody in."""

from __future__ import annotations

import pytest

from tests.ui.conftest import Desk
from tests.ui.monkey import play


@pytest.mark.parametrize("seed", range(3))
async def test_random_keys_clicks_and_sizes_do_no_harm(desk: Desk, seed: int) -> None:
    assert len(await play(desk.opening, seed, steps=120)) == 120
