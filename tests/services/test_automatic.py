"""Complete Heap syncs that go to Braze by themselves: when, which, under the guard, and after a failure."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from heaptui.services.automatic import AutomaticDelivery
from heaptui.services.door_notes import DoorNotes
from heaptui.services.reception import Reception
from heaptui.services.workspace import Workspace
from heaptui.store import segments
from tests.receiver.heap import SECRET, page_body, signed
from tests.services.world import EVERY_KEY, ids, synced, workspace_on

COHORT = "heaptui-seg-42"


@asynccontextmanager
async def delivering(workspace: Workspace, *, everything: bool = False) -> AsyncIterator[tuple[Reception, list[str]]]:
    from heaptui.model.secret import Secret

    told: list[str] = []
    delivery = AutomaticDelivery(workspace, everything=everything, told=told.append)
    reception = Reception(workspace, Secret(SECRET), DoorNotes(workspace.ledger), on_applied=delivery.look)
    work = [asyncio.create_task(reception.carry_out()), asyncio.create_task(delivery.carry_out())]
    try:
        yield reception, told
    finally:
        for task in work:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def takes(reception: Reception, *args: Any, **options: Any) -> None:
    body = page_body(*args, **options)
    await reception.take([signed(body)["Heap-Hash"]], body, "here")


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.02)


async def settled(workspace: Workspace) -> None:
    """Nothing is due any more."""
    async with asyncio.timeout(20):
        while await workspace.ledger.read(segments.due):
            await asyncio.sleep(0.02)


async def test_a_cohort_whose_switch_is_on_goes_to_braze_and_others_wait(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 500))
    async with workspace_on(sandbox, tmp_path / "home") as workspace, delivering(workspace) as (reception, _):
        await takes(reception, ids(0, 10))
        await takes(reception, ids(0, 10), segment=43, task="other")
        await until(lambda: not reception._arrived.is_set())
        await workspace.heap.set_automatic(COHORT, automatic=True)
        await takes(reception, ids(10, 20), task="task-2")
        await until(lambda: sandbox.members(COHORT) == set(ids(0, 20)))
        await takes(reception, None, ids(0, 5), task="task-3")
        await until(lambda: sandbox.members(COHORT) == set(ids(5, 20)))
        assert sandbox.members("heaptui-seg-43") == set()


async def test_a_sync_that_is_not_complete_waits_for_its_pages(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 500))
    async with (
        workspace_on(sandbox, tmp_path / "home") as workspace,
        delivering(workspace, everything=True) as (reception, _),
    ):
        await takes(reception, ids(0, 10), total=2)
        await takes(reception, ids(0, 3), segment=43, task="other")
        await until(lambda: sandbox.members("heaptui-seg-43"))
        assert sandbox.members(COHORT) == set()
        await takes(reception, ids(10, 20), number=2, total=2)
        await until(lambda: sandbox.members(COHORT) == set(ids(0, 20)))


async def test_an_unusually_large_leave_is_held(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 500))
    async with (
        workspace_on(sandbox, tmp_path / "home") as workspace,
        delivering(workspace, everything=True) as (reception, told),
    ):
        await takes(reception, ids(0, 100))
        await until(lambda: len(sandbox.members(COHORT)) == 100)
        await takes(reception, None, ids(0, 90), task="task-2")
        await until(lambda: any("held" in line for line in told))
        await settled(workspace)
        assert len(sandbox.members(COHORT)) == 100
        assert (await workspace.cohorts.show(COHORT)).state == "held"


async def test_a_changed_way_waits_for_the_first_sync_of_somebody(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 500))
    async with (
        workspace_on(sandbox, tmp_path / "home", keys=EVERY_KEY, route="cohort_import") as workspace,
        delivering(workspace, everything=True) as (reception, told),
    ):
        await takes(reception, ids(0, 100))
        await until(lambda: len(sandbox.members(COHORT)) == 100)
        await settled(workspace)
        workspace.profile = replace(workspace.profile, route="attribute")
        await takes(reception, ids(100, 110), task="task-2")
        await until(lambda: any("waits for a sync that somebody starts" in line for line in told))
        await settled(workspace)
        assert (len(sandbox.members(COHORT)), sandbox.world.attributes) == (100, {})
        await synced(workspace, COHORT)
        await takes(reception, ids(110, 120), task="task-3")
        await until(lambda: len(sandbox.world.attributes) == 120)


async def test_what_failed_goes_with_the_next_complete_sync(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 500))
    async with (
        workspace_on(sandbox, tmp_path / "home") as workspace,
        delivering(workspace, everything=True) as (reception, told),
    ):
        sandbox.fault(effect="status", status=401)
        await takes(reception, ids(0, 10))
        await until(lambda: any("stopped" in line for line in told))
        await settled(workspace)
        sandbox.clear_faults()
        await takes(reception, ids(10, 12), task="task-2")
        await until(lambda: sandbox.members(COHORT) == set(ids(0, 12)))


async def test_what_was_due_when_a_process_died_is_delivered_by_the_next(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 500))
    async with workspace_on(sandbox, tmp_path / "home") as workspace:
        from heaptui.model.secret import Secret

        reception = Reception(workspace, Secret(SECRET), DoorNotes(workspace.ledger))
        await takes(reception, ids(0, 10))
        await reception.apply_all()
    async with workspace_on(sandbox, tmp_path / "home") as workspace, delivering(workspace, everything=True):
        await until(lambda: sandbox.members(COHORT) == set(ids(0, 10)))
        await settled(workspace)


async def test_a_sync_without_changes_makes_no_run(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 500))
    async with (
        workspace_on(sandbox, tmp_path / "home") as workspace,
        delivering(workspace, everything=True) as (reception, told),
    ):
        await takes(reception, ids(0, 10))
        await until(lambda: told)
        await takes(reception, task="task-2")
        await takes(reception, ids(0, 10), task="task-3")
        await settled(workspace)
        assert len(workspace.sync.runs) == 1


async def test_without_keys_it_is_said_once_and_stays_due(sandbox: Any, tmp_path: Path) -> None:
    async with (
        workspace_on(sandbox, tmp_path / "home", endpoint="") as workspace,
        delivering(workspace, everything=True) as (reception, told),
    ):
        await takes(reception, ids(0, 10))
        await until(lambda: told)
        await takes(reception, ids(10, 12), task="task-2")
        await reception.apply_all()
        assert len(told) == 1
        assert "no Braze endpoint" in told[0]
        assert len(await workspace.ledger.read(segments.due)) == 1


async def test_a_run_that_nobody_started_is_marked_and_its_commands_name_no_user(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 20))
    sandbox.fault(effect="status", status=401, body={"message": "client_secret is invalid"})
    async with (
        workspace_on(sandbox, tmp_path / "home") as workspace,
        delivering(workspace, everything=True) as (reception, told),
    ):
        await takes(reception, ids(0, 10))
        await until(lambda: told)
        (run,) = await workspace.history.list()
        assert run.starter == "auto"
        commands = [text for _, text in (await workspace.support.desk(run.run_id)).lines() if "heaptui" in text]
        assert f"heaptui run resume {run.run_id}" in commands
