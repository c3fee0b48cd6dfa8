"""Failures with a name: what a run makes of each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heaptui.model.runs import DeliveryState
from heaptui.sandbox.failures import FAILURES, failure
from heaptui.sandbox.faults import FaultProfile
from tests.services.world import fill, ids, synced, workspace_on

ENDS = {
    "401": (DeliveryState.STOPPED, 0, 0),
    "429": (DeliveryState.FINISHED, 40, 0),
    "500": (DeliveryState.INCOMPLETE, 0, 0),
    "refused-ids": (DeliveryState.FINISHED_WITH_REJECTIONS, 37, 3),
    "timeout": (DeliveryState.INCOMPLETE, 0, 0),
    "lost-answer": (DeliveryState.FINISHED, 40, 0),
}


def test_every_failure_is_known_here() -> None:
    assert ENDS.keys() == FAILURES.keys()


@pytest.mark.parametrize("name", FAILURES)
async def test_a_run_ends_as_the_name_says(sandbox: Any, tmp_path: Path, name: str) -> None:
    sandbox.know(ids(0, 40))
    rules = failure(name)
    for rule in rules:
        rule.seconds = min(rule.seconds, 1.0)
    sandbox.braze.faults.set(FaultProfile(rules))
    async with workspace_on(sandbox, tmp_path / "home") as workspace:
        cohort_id = await fill(workspace, ids(0, 40), name="Cart abandoners")
        progress = await synced(workspace, cohort_id)
    delivery = progress.deliveries[cohort_id]
    assert (delivery.state, delivery.submitted, delivery.rejected) == ENDS[name]
