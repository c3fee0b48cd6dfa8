"""Twelve people with a known fate: the trace says it in one sentence, and what to do."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from heaptui.errors import UsageError
from heaptui.model.secret import Secret
from heaptui.model.trace import Answer, steps
from heaptui.sandbox.world import Segment
from heaptui.services.workspace import Workspace
from tests.services.world import fill, ids, synced, workspace_on

AN_HOUR = 3600.0


@asynccontextmanager
async def traced_on(sandbox: Any, tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace with a REST key."""
    async with workspace_on(sandbox, tmp_path / "home") as workspace:
        workspace.secrets.rest_api_key = Secret(sandbox.keys.rest_api_key, "keyring")
        yield workspace


async def an_hour_ago(workspace: Workspace) -> None:
    """Whatever was answered, was so an hour ago."""

    def age(connection: Any) -> None:
        connection.execute("UPDATE batch SET sent_at = sent_at - ?1, answered_at = answered_at - ?1", (AN_HOUR,))

    await workspace.ledger.write(age)


def uses(sandbox: Any, cohort_id: str, name: str = "Carts") -> None:
    """A Braze segment that has the cohort in its filters."""
    sandbox.world.segments["seg1"] = Segment(segment_id="seg1", name="check", include=[cohort_id], description=name)


async def test_never_arrived(sandbox: Any, tmp_path: Path) -> None:
    async with traced_on(sandbox, tmp_path) as workspace:
        await fill(workspace, ids(0, 3))
        found = await workspace.people.trace("nobody")
    assert found.first.answer is Answer.NEVER_ARRIVED
    assert "never arrived" in found.first.sentence


async def test_arrived_and_left(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 3))
    async with traced_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, ids(0, 3))
        await synced(workspace, cohort)
        await fill(workspace, ids(1, 3), cohort_id=cohort)
        waiting = await workspace.people.trace("u000000")
        assert "Braze has not been told yet" in waiting.first.sentence
        left = await synced(workspace, cohort)
        found = await workspace.people.trace("u000000")
    assert found.first.answer is Answer.LEFT
    assert f"Braze took them out in run {left.run_id}" in found.first.sentence


async def test_refused(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 3))
    sandbox.fault(effect="poison", identifiers=["u000001"])
    async with traced_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, ids(0, 3))
        run_id = (await synced(workspace, cohort)).run_id
        found = await workspace.people.trace("u000001")
    assert found.first.answer is Answer.REFUSED
    assert "invalid external_id" in found.first.sentence
    assert f"heaptui run retry {run_id}" in found.first.do


async def test_in_doubt(sandbox: Any, tmp_path: Path) -> None:
    sandbox.fault(effect="timeout_after", match={"path": "users"})
    async with traced_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, ids(0, 3))
        await synced(workspace, cohort)
        sandbox.clear_faults()
        found = await workspace.people.trace("u000001")
    assert found.first.answer is Answer.IN_DOUBT
    assert "no answer came" in found.first.sentence


async def test_in_doubt_after_a_failure_of_braze(sandbox: Any, tmp_path: Path) -> None:
    sandbox.fault(effect="status", status=500, match={"path": "users"})
    async with traced_on(sandbox, tmp_path) as workspace:
        await synced(workspace, await fill(workspace, ids(0, 3)))
        found = await workspace.people.trace("u000001")
    assert found.first.answer is Answer.IN_DOUBT
    assert "Braze answered 500" in found.first.sentence
    assert found.first.facts is not None
    assert steps(found.first.facts)[-1][1].endswith("answer 500: in doubt")


async def test_unknown_to_braze(sandbox: Any, tmp_path: Path) -> None:
    async with traced_on(sandbox, tmp_path) as workspace:
        await synced(workspace, await fill(workspace, ids(0, 3)))
        found = await workspace.people.trace("u000001")
    assert found.first.answer is Answer.UNKNOWN_TO_BRAZE
    assert "never creates people" in found.first.sentence


async def test_accepted_before_braze_knew_the_person(sandbox: Any, tmp_path: Path) -> None:
    async with traced_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, ids(0, 3))
        await synced(workspace, cohort)
        # The sandbox has known everybody since January 2025; so these were accepted before that.
        before = 1_700_000_000 - time.time()
        await workspace.ledger.write(
            lambda connection: connection.execute("UPDATE batch SET answered_at = answered_at + ?", (before,))
        )
        sandbox.know(ids(0, 3))
        found = await workspace.people.trace("u000001")
    assert found.first.answer is Answer.ACCEPTED_TOO_EARLY
    assert "--full" in found.first.do


async def test_wrong_kind_of_id(sandbox: Any, tmp_path: Path) -> None:
    sandbox.world.know("0051120", email="k.mori@example.jp")
    async with traced_on(sandbox, tmp_path) as workspace:
        await synced(workspace, await fill(workspace, ["k.mori@example.jp"]))
        found = await workspace.people.trace("k.mori@example.jp")
    assert found.first.answer is Answer.WRONG_KIND
    assert "knows it as email; its external_id is 0051120" in found.first.sentence


async def test_in_no_braze_segment(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 3))
    async with traced_on(sandbox, tmp_path) as workspace:
        await synced(workspace, await fill(workspace, ids(0, 3)))
        await an_hour_ago(workspace)
        found = await workspace.people.trace("u000001")
    assert found.first.answer is Answer.IN_NO_SEGMENT
    assert "Create Segment" in found.first.do


async def test_accepted_minutes_ago(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 3))
    async with traced_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, ids(0, 3))
        uses(sandbox, cohort)
        await synced(workspace, cohort)
        found = await workspace.people.trace("u000001")
    assert found.first.answer is Answer.JUST_ACCEPTED
    assert "five minutes" in found.first.do


async def test_taken_out_by_an_undo(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 30))
    async with traced_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, ids(0, 10))
        await synced(workspace, cohort)
        await fill(workspace, ids(0, 13), cohort_id=cohort)
        bad = (await synced(workspace, cohort)).run_id
        undone = await workspace.undo.start(bad)
        await workspace.sync.finished(undone.run_id)
        found = await workspace.people.trace("u000011")
    assert found.first.answer is Answer.UNDONE
    assert f"by an undo, run {undone.run_id}" in found.first.sentence
    assert "cohort release" in found.first.do


async def test_fine(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 3))
    async with traced_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, ids(0, 3))
        uses(sandbox, cohort)
        run_id = (await synced(workspace, cohort)).run_id
        await an_hour_ago(workspace)
        found = await workspace.people.trace("u000001")
        requests = await workspace.ledger.read(
            lambda connection: connection.execute("SELECT count(*) FROM exchange WHERE run_id IS NULL").fetchone()[0]
        )
    assert found.first.answer is Answer.FINE
    assert f"Braze accepted them in run {run_id}" in found.first.sentence
    assert "they exist in Braze" in found.first.sentence
    assert requests == 0


async def test_waiting(sandbox: Any, tmp_path: Path) -> None:
    async with traced_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, ids(0, 3))
        found = await workspace.people.trace("u000001")
    assert found.first.answer is Answer.WAITING
    assert f"heaptui sync {cohort.rsplit('-', 1)[-1]}" in found.first.do


async def test_an_email_is_looked_up_and_forgotten(sandbox: Any, tmp_path: Path) -> None:
    sandbox.world.know("u000001", email="k.mori@example.jp")
    async with traced_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, ids(0, 3))
        uses(sandbox, cohort)
        await synced(workspace, cohort)
        found = await workspace.people.trace("k.mori@example.jp\n")
        path = workspace.ledger.path
    assert found.looked_for == ("u000001",)
    assert found.first.answer is Answer.JUST_ACCEPTED
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir() if file.is_file())
    assert b"mori" not in kept


async def test_an_email_without_a_rest_key_says_what_is_needed(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home") as workspace:
        with pytest.raises(UsageError, match="id that Heap and Braze share"):
            await workspace.people.trace("k.mori@example.jp")
