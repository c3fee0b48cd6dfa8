"""The ledger file: durable writes, honest errors, migrations and copies."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from pathlib import Path

import pytest

from heaptui.errors import LedgerError, UsageError
from heaptui.store.copies import copies_of
from heaptui.store.database import COPIES_KEPT, Database, check, daily_copy


def insert(key: str, value: str = "x"):
    return lambda connection: connection.execute("INSERT INTO meta (key, value) VALUES (?, ?)", (key, value))


def keys(connection: sqlite3.Connection) -> list[str]:
    return [key for (key,) in connection.execute("SELECT key FROM meta ORDER BY key")]


@pytest.fixture
def ledger(tmp_path: Path):
    database = Database.open(tmp_path / "data" / "ledger.db")
    yield database
    database.close()


async def test_a_write_is_there_for_every_reader_when_it_returns(ledger: Database) -> None:
    await ledger.write(insert("a"))
    assert await ledger.read(keys) == ["a"]
    assert keys(sqlite3.connect(ledger.path)) == ["a"]


async def test_a_failing_write_takes_no_other_write_with_it(ledger: Database) -> None:
    results = await asyncio.gather(
        ledger.write(insert("a")), ledger.write(insert("a")), ledger.write(insert("b")), return_exceptions=True
    )
    assert isinstance(results[1], sqlite3.IntegrityError)
    assert await ledger.read(keys) == ["a", "b"]


async def test_a_cancelled_write_is_written_all_the_same(ledger: Database) -> None:
    def slow(connection: sqlite3.Connection) -> None:
        time.sleep(0.05)
        insert("slow")(connection)

    waiting = asyncio.create_task(ledger.write(slow))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await ledger.write(insert("after"))
    assert await ledger.read(keys) == ["after", "slow"]


async def test_the_version_changes_when_something_was_written(ledger: Database) -> None:
    before = await ledger.version()
    assert await ledger.version() == before
    await ledger.write(insert("a"))
    assert await ledger.version() != before


async def test_a_read_only_ledger_can_be_read_and_not_written(ledger: Database) -> None:
    await ledger.write(insert("a"))
    reader = Database.open(ledger.path, read_only=True)
    try:
        assert await reader.read(keys) == ["a"]
        with pytest.raises(UsageError, match="read-only"):
            await reader.write(insert("b"))
    finally:
        reader.close()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_cannot_be_written_is_told_and_still_read(ledger: Database) -> None:
    await ledger.write(insert("a"))
    ledger.path.parent.chmod(0o500)
    reader = Database.open(ledger.path, read_only=True)
    assert await reader.read(keys) == ["a"]
    reader.close()


def test_a_damaged_ledger_names_its_newest_good_copy(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Database.open(path).close()
    copy = daily_copy(path, time.time())
    path.write_bytes(b"this is not a database" * 500)
    with pytest.raises(LedgerError) as told:
        Database.open(path)
    assert "damaged" in told.value.title
    assert str(copy) in told.value.hint


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Database.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="newer heaptui"):
        Database.open(path)
    assert path.read_bytes() == before


async def test_a_full_disk_is_told_and_loses_nothing(ledger: Database) -> None:
    await ledger.write(insert("a"))

    def limit(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    await ledger.write(limit)
    with pytest.raises(LedgerError, match="disk is full"):
        await ledger.write(insert("b", "x" * 1_000_000))
    assert await ledger.read(keys) == ["a"]
    await ledger.write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000"))
    await ledger.write(insert("c"))
    assert await ledger.read(keys) == ["a", "c"]


def test_seven_daily_copies_are_kept_and_none_is_made_twice_a_day(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Database.open(path).close()
    start = time.time()
    for day in range(COPIES_KEPT + 3):
        assert daily_copy(path, start + day * 86_400) is not None
        assert daily_copy(path, start + day * 86_400 + 3600) is None
    assert len(copies_of(path)) == COPIES_KEPT
    assert check(copies_of(path)[0]) == []


def test_a_sound_ledger_has_nothing_to_complain_about_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "data" / "ledger.db"
    Database.open(path).close()
    assert check(path) == []
    assert path.parent.stat().st_mode & 0o777 == 0o700
