"""After any number of SIGKILLs, a finished sync leaves the sandbox with exactly the cohort."""

from __future__ import annotations

import random

import pytest

from tests.cli.conftest import Desk
from tests.cli.kills import survive


@pytest.mark.parametrize("_", range(2))
def test_killed_syncs_converge(desk: Desk, _: int) -> None:
    survive(desk, kills=6, seed=random.randrange(1_000_000))
