"""After any number of SIGKILLs, a finished sync leaves the sandbox with exactly the cohort."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Desk
from tests.cli.kills import survive


@pytest.mark.parametrize("seed", [11, 23])
def test_killed_syncs_converge(desk: Desk, seed: int) -> None:
    assert survive(desk, kills=6, seed=seed) >= 2
