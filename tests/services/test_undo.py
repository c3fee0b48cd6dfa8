"""Undo: Braze holds again what it held before the run, except what later runs touched; the cohort rests on hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heaptui.errors import UsageError
from heaptui.model.cohorts import CohortState
from heaptui.model.runs import DeliveryState, Reason
from heaptui.services.workspace import Workspace
from tests.services.world import fill, ids, synced, workspace_on


@pytest.fixture
async def workspace(sandbox: Any, tmp_path: Path):
    sandbox.know(ids(0, 3000))
    async with workspace_on(sandbox, tmp_path / "home") as opened:
        yield opened


async def undone(workspace: Workspace, run_id: int) -> Any:
    progress = await workspace.undo.start(run_id)
    return await workspace.sync.finished(progress.run_id)


async def test_an_undo_brings_back_what_was_and_holds_until_released(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 1500))
    await synced(workspace, cohort)
    await fill(workspace, ids(200, 1800), cohort_id=cohort)
    bad = (await synced(workspace, cohort)).run_id
    (plan,) = await workspace.undo.plan(bad)
    assert (plan.adds, plan.removes) == (200, 300)
    await undone(workspace, bad)
    assert sandbox.members(cohort) == set(ids(0, 1500))
    assert (await workspace.cohorts.show(cohort)).state is CohortState.ON_HOLD
    again = await synced(workspace, cohort)
    assert again.deliveries[cohort].reason is Reason.ON_HOLD
    assert sandbox.members(cohort) == set(ids(0, 1500))
    await workspace.cohorts.release(cohort)
    assert (await synced(workspace, cohort)).state is DeliveryState.FINISHED
    assert sandbox.members(cohort) == set(ids(200, 1800))


async def test_people_whom_a_later_run_touched_stay_as_it_left_them(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 100))
    await synced(workspace, cohort)
    await fill(workspace, ids(0, 150), cohort_id=cohort)
    bad = (await synced(workspace, cohort)).run_id
    await fill(workspace, ids(0, 140), cohort_id=cohort)
    await synced(workspace, cohort)
    await synced(workspace, cohort, everything=False)
    await undone(workspace, bad)
    assert sandbox.members(cohort) == set(ids(0, 100))
    await workspace.cohorts.release(cohort)
    with pytest.raises(UsageError, match="Nothing of run"):
        await workspace.undo.plan(bad)


async def test_the_undo_of_a_full_run_leaves_those_who_were_there_before(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 100))
    await synced(workspace, cohort)
    await fill(workspace, ids(0, 120), cohort_id=cohort)
    full = (await synced(workspace, cohort, everything=True)).run_id
    await undone(workspace, full)
    assert sandbox.members(cohort) == set(ids(0, 100))


async def test_a_run_that_is_unknown_or_changed_nothing_cannot_be_undone(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="status", status=401)
    run_id = (await synced(workspace, await fill(workspace, ids(0, 10)))).run_id
    for number, words in ((run_id, "Nothing of run"), (999, "no run 999")):
        with pytest.raises(UsageError, match=words):
            await workspace.undo.plan(number)
