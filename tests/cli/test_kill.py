"""After any number of SIGKILLs, a finished sync leaves the sandbox with exactly the cohort."""

from __future__ import annotations

import pytest

from heaptui.model.routes import ATTRIBUTE, COHORT_IMPORT
from tests.cli.conftest import Desk
from tests.cli.kills import survive


@pytest.mark.parametrize(("route", "seed"), [(COHORT_IMPORT, 11), (ATTRIBUTE, 23)])
def test_killed_syncs_converge(desk: Desk, route: str, seed: int) -> None:
    assert survive(desk, kills=6, seed=seed, route=route) >= 2
