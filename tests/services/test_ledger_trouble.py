"""A ledger that is full, locked, damaged, of another version or out of reach: nothing is sent, nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from heaptui.errors import LedgerError, Refused, UsageError
from heaptui.model.runs import DeliveryState, Reason, RunProgress
from heaptui.services.ledgers import export_ledger, import_ledger
from heaptui.services.workspace import Workspace
from heaptui.store import database
from heaptui.store.copies import copies_of
from heaptui.store.database import Database, daily_copy
from tests.services.world import fill, ids, synced, workspace_on


@pytest.fixture
async def workspace(sandbox: Any, tmp_path: Path):
    sandbox.know(ids(0, 5000))
    async with workspace_on(sandbox, tmp_path / "home") as opened:
        yield opened


def adds_up(progress: RunProgress) -> bool:
    return all(d.planned == d.submitted + d.rejected + d.in_doubt + d.skipped for d in progress.deliveries.values())


async def fill_up(workspace: Workspace) -> None:
    """Let the file take nothing more, whatever room was left inside it."""

    def limit(connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")

    def use(size: int) -> Any:
        return lambda connection: connection.execute(
            "INSERT INTO meta VALUES (hex(randomblob(8)), hex(zeroblob(?)))", (size,)
        )

    # It may go into one transaction with what the run writes, and fail with it; the limit is there all the same.
    with contextlib.suppress(LedgerError):
        await workspace.ledger.write(limit)
    for size in (2000, 200, 20):
        with contextlib.suppress(LedgerError):
            while True:
                await workspace.ledger.write(use(size))


async def free(workspace: Workspace) -> None:
    await workspace.ledger.write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000"))


async def test_a_disk_that_fills_up_during_a_run_stops_it_in_order_and_loses_nothing(
    sandbox: Any, workspace: Workspace
) -> None:
    # Every answer carries a long remark, so that journalling it needs room.
    body = {"message": "success", "errors": ["x" * 400]}
    sandbox.fault(effect="status", status=201, body=body, match={"path": "users"})
    first, second = await fill(workspace, ids(0, 60_000)), await fill(workspace, ids(0, 4000), name="Trials")
    progress = await workspace.sync.start([first, second])
    while not progress.total("submitted"):
        await asyncio.sleep(0.002)
    await fill_up(workspace)
    await workspace.sync.finished(progress.run_id)
    assert progress.closed
    assert progress.state is DeliveryState.STOPPED
    stopped = [delivery for delivery in progress.deliveries.values() if delivery.reason is Reason.LEDGER]
    assert stopped
    assert all("disk is full" in delivery.detail for delivery in stopped)
    assert adds_up(progress)
    assert sum(delivery.skipped for delivery in stopped) > 0
    await free(workspace)
    sandbox.clear_faults()
    again = await synced(workspace, first, second, continues=progress.run_id)
    assert again.state is DeliveryState.FINISHED
    assert sandbox.members(second) == set(ids(0, 4000))
    states = {run.run_id: run.state for run in await workspace.history.list()}
    assert states[progress.run_id] in (DeliveryState.STOPPED, DeliveryState.INCOMPLETE)


async def test_a_full_disk_stops_a_sync_before_anything_is_sent_and_loses_nothing(
    sandbox: Any, workspace: Workspace
) -> None:
    cohort = await fill(workspace, ids(0, 30_000))
    await synced(workspace, cohort)
    # Scattered people make batches that need pages of their own in the journal.
    await fill(workspace, ids(0, 30_000)[::3], cohort_id=cohort)
    requests = len(sandbox.world.log)
    await fill_up(workspace)
    with contextlib.suppress(LedgerError):
        stopped = await synced(workspace, cohort, let_through=frozenset([cohort]))
        assert stopped.deliveries[cohort].reason is Reason.LEDGER
        assert "disk is full" in stopped.deliveries[cohort].detail
    assert len(sandbox.world.log) == requests
    await free(workspace)
    await synced(workspace, cohort, let_through=frozenset([cohort]))
    assert sandbox.members(cohort) == set(ids(0, 5000)[::3])


async def test_a_ledger_that_another_process_keeps_locked_stops_a_sync_before_anything_is_sent(
    sandbox: Any, workspace: Workspace
) -> None:
    cohort = await fill(workspace, ids(0, 10))
    await workspace.ledger.write(lambda connection: connection.execute("PRAGMA busy_timeout = 100"))
    other = sqlite3.connect(workspace.ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="keeps the ledger locked"):
        await workspace.sync.start([cohort])
    assert not sandbox.world.log
    other.execute("ROLLBACK")
    other.close()
    assert (await synced(workspace, cohort)).state is DeliveryState.FINISHED


async def test_a_page_that_is_damaged_inside_stops_a_sync_and_names_the_newest_good_copy(
    sandbox: Any, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    async with workspace_on(sandbox, home) as workspace:
        cohort = await fill(workspace, ids(0, 20_000))
        path = workspace.ledger.path
    good = daily_copy(path, time.time() - 2 * 86_400)
    newest = daily_copy(path, time.time())
    assert newest is not None
    for damaged in (path, newest):
        content = bytearray(damaged.read_bytes())
        # The identities fill most of the file: its middle is theirs.
        middle = len(content) // 2 // 4096 * 4096
        content[middle : middle + 40 * 4096] = os.urandom(40 * 4096)
        damaged.write_bytes(content)
    async with workspace_on(sandbox, home) as workspace:
        progress = await synced(workspace, cohort)
        delivery = progress.deliveries[cohort]
        assert (delivery.state, delivery.reason) == (DeliveryState.STOPPED, Reason.LEDGER)
        assert "is damaged" in delivery.detail
        assert f"heaptui ledger import {good}" in delivery.detail
        assert str(newest) not in delivery.detail
        assert adds_up(progress)
    assert good is not None
    await import_ledger(good, path)
    async with workspace_on(sandbox, home) as workspace:
        assert (await synced(workspace, cohort)).deliveries[cohort].submitted == 20_000


async def test_a_lock_folder_out_of_reach_stops_a_sync_and_says_so(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 10))
    workspace.home.state_dir.mkdir(parents=True, exist_ok=True)
    workspace.home.locks_dir.write_text("a file where the folder should be")
    progress = await synced(workspace, cohort)
    delivery = progress.deliveries[cohort]
    assert (delivery.state, delivery.reason) == (DeliveryState.STOPPED, Reason.LEDGER)
    assert str(workspace.home.locks_dir) in delivery.detail
    assert not sandbox.world.log


async def test_a_daily_copy_that_cannot_be_made_does_not_spoil_a_finished_run(
    sandbox: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = await fill(workspace, ids(0, 10))
    real = sqlite3.connect

    def connect(target: Any, *words: Any, **options: Any) -> Any:
        if str(target).endswith(".part"):
            raise OSError(28, "No space left on device")
        return real(target, *words, **options)

    monkeypatch.setattr(sqlite3, "connect", connect)
    progress = await synced(workspace, cohort)
    assert progress.state is DeliveryState.FINISHED
    assert "No space left" in progress.story[-1].text
    assert not list(workspace.ledger.path.parent.glob("*.part"))


def test_processes_may_copy_one_ledger_at_the_same_moment(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Database.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE filling AS SELECT randomblob(20000000)")
    connection.close()
    copy = "import sys, pathlib; from heaptui.store.database import daily_copy; sys.stdin.readline();"
    words = [sys.executable, "-c", f"{copy} daily_copy(pathlib.Path({str(path)!r}), 1_800_000_000.0)"]
    processes = [subprocess.Popen(words, stdin=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"now\n")
        process.stdin.flush()
    assert [process.wait(30) for process in processes] == [0, 0, 0, 0]
    assert [database.check(found) for found in copies_of(path)] == [[]]
    assert not list(tmp_path.glob("*.part"))


async def test_an_import_takes_what_is_still_in_the_write_ahead_log(tmp_path: Path) -> None:
    source = tmp_path / "elsewhere" / "acme.db"
    ledger = Database.open(source)
    await ledger.write(lambda connection: connection.execute("INSERT INTO meta VALUES ('endpoint', 'https://x')"))
    copied = tmp_path / "copied"
    # As somebody would copy the folder of a running heaptui.
    shutil.copytree(source.parent, copied)
    ledger.close()
    assert (copied / "acme.db-wal").stat().st_size
    target = tmp_path / "here" / "acme.db"
    assert await import_ledger(copied / "acme.db", target) is None
    taken = Database.open(target)
    row = await taken.read(lambda connection: connection.execute("SELECT value FROM meta").fetchone())
    taken.close()
    assert row == ("https://x",)


@pytest.mark.parametrize("what", ["newer", "foreign", "text"])
async def test_an_import_of_what_is_no_ledger_of_ours_changes_nothing(tmp_path: Path, what: str) -> None:
    here = tmp_path / "here" / "acme.db"
    Database.open(here).close()
    before = here.read_bytes()
    source = tmp_path / "source.db"
    if what == "text":
        source.write_text("no database at all\n" * 100)
    else:
        connection = sqlite3.connect(source)
        connection.execute("CREATE TABLE meta (something TEXT)")
        connection.execute(f"PRAGMA user_version = {999 if what == 'newer' else 0}")
        connection.close()
    with pytest.raises((LedgerError, UsageError)) as told:
        await import_ledger(source, here)
    assert {"newer": "newer heaptui", "foreign": "no heaptui ledger", "text": "damaged"}[what] in str(told.value)
    assert here.read_bytes() == before
    assert [path.name for path in here.parent.iterdir()] == ["acme.db"]


async def test_a_ledger_in_use_is_not_replaced(sandbox: Any, workspace: Workspace, tmp_path: Path) -> None:
    moved = tmp_path / "moved.ledger"
    await export_ledger(workspace.ledger.path, moved)
    with pytest.raises(Refused, match="in use"):
        await import_ledger(moved, workspace.ledger.path)


async def test_an_older_ledger_is_read_without_being_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.db"
    Database.open(path).close()
    before = path.read_bytes()
    known = database._migrations(database.LEDGER)
    later = [*known, (known[-1][0] + 1, "CREATE TABLE later (number INTEGER);")]
    monkeypatch.setattr(database, "_migrations", lambda _: later)
    reader = Database.open(path, read_only=True)
    assert await reader.read(lambda connection: connection.execute("SELECT count(*) FROM later").fetchone()) == (0,)
    reader.close()
    assert path.read_bytes() == before


async def test_a_run_that_died_before_it_opened_its_cohorts_can_be_continued(
    sandbox: Any, workspace: Workspace
) -> None:
    first, second = await fill(workspace, ids(0, 10)), await fill(workspace, ids(0, 20), name="Trials")
    run = await synced(workspace, first)

    def died(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM delivery")
        connection.execute("DELETE FROM belief")
        connection.execute("UPDATE run SET ended_at = NULL, state = 'running', pid = 4194303")
        connection.execute("INSERT INTO meta VALUES (?, ?)", (f"run-{run.run_id}-cohorts", f'["{first}", "{second}"]'))

    await workspace.ledger.write(lambda connection: connection.execute("DELETE FROM batch"))
    await workspace.ledger.write(died)
    assert await workspace.sync.recover(run.run_id) == [first, second]
    with pytest.raises(UsageError, match="no run 99"):
        await workspace.sync.recover(99)


async def test_a_cohort_cancelled_while_it_waited_for_another_process_belongs_to_its_run(
    sandbox: Any, workspace: Workspace, tmp_path: Path
) -> None:
    sandbox.fault(effect="slow", seconds=0.2)
    cohort = await fill(workspace, ids(0, 3000))
    going = await workspace.sync.start([cohort])
    while not going.deliveries[cohort].at_once:
        await asyncio.sleep(0.005)
    waiting = await workspace.sync.start([cohort], wait_for_lock=60)
    while waiting.deliveries[cohort].wait is None:
        await asyncio.sleep(0.005)
    wait = waiting.deliveries[cohort].wait
    assert f"process {os.getpid()}, since" in wait.reason
    assert wait.at_most
    workspace.sync.cancel(waiting.run_id)
    await workspace.sync.finished(waiting.run_id)
    assert waiting.deliveries[cohort].state is DeliveryState.CANCELLED
    assert adds_up(waiting)
    await workspace.sync.finished(going.run_id)
    assert await workspace.sync.recover(waiting.run_id) == [cohort]
