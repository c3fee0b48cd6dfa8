"""How long the records of what travelled are kept: 30 days or 2 GB, the oldest go first.

Another table takes part by adding its `Kept` to `KEPT`.
"""

from __future__ import annotations

import sqlite3
from functools import partial

from msgspec import Struct

from heaptui.store.database import Database

DAY = 86_400.0
LONGEST = 30 * DAY
LARGEST = 2 * 1024**3
AT_ONCE = 500
"""Rows deleted in one write, so that none lasts long."""


class Kept(Struct, frozen=True):
    """A table of records that are kept for a while.

    Attributes:
        key: its primary key.
        at: its column with the seconds since the epoch; indexed.
        size: SQL for the bytes of a row.
        may_go: SQL that is true for rows that nothing needs any more.
    """

    table: str
    key: str
    at: str
    size: str
    may_go: str


PAGES = Kept("page", "page_id", "received_at", "kept", "applied_at IS NOT NULL")
TASKS = Kept(
    "sync_task",
    "task_no",
    "last_at",
    "0",
    "closed_at IS NOT NULL AND drain <> 'asked' AND NOT EXISTS"
    " (SELECT 1 FROM page WHERE page.task_no = sync_task.task_no)",
)
EXCHANGES = Kept(
    "exchange",
    "exchange_id",
    "at",
    "length(packed) + 200",
    "run_id IS NULL OR run_id NOT IN (SELECT run_id FROM run WHERE ended_at IS NULL)",
)
KEPT: list[Kept] = [PAGES, TASKS, EXCHANGES]


async def trim_daily(ledger: Database, now: float) -> None:
    """Delete what is too old or too much, unless that was done within a day."""
    if await ledger.write(partial(_due, now=now)):
        await trim_all(ledger, now)


def _due(connection: sqlite3.Connection, now: float) -> bool:
    row = connection.execute("SELECT value FROM meta WHERE key = 'trimmed_at'").fetchone()
    if row is not None and now - float(row[0]) < DAY:
        return False
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('trimmed_at', ?)", (str(now),))
    return True


async def trim_all(ledger: Database, now: float) -> int:
    """Delete what is too old or too much, in short writes; returns the number of rows."""
    total = 0
    while deleted := await ledger.write(partial(trim, now=now)):
        total += deleted
    return total


def trim(connection: sqlite3.Connection, now: float, *, longest: float = LONGEST, largest: int = LARGEST) -> int:
    """Delete up to `AT_ONCE` rows that are too old, or the oldest while all together are too large."""
    deleted = sum(_delete(connection, kept, now - longest) for kept in KEPT)
    if deleted:
        return deleted
    sizes = {kept: _size(connection, kept) for kept in KEPT}
    excess = sum(sizes.values()) - largest
    if excess <= 0:
        return 0
    oldest = min((kept for kept in KEPT if sizes[kept]), key=lambda kept: _oldest(connection, kept))
    return _delete_excess(connection, oldest, excess)


def _delete(connection: sqlite3.Connection, kept: Kept, before: float) -> int:
    return connection.execute(
        f"DELETE FROM {kept.table} WHERE {kept.key} IN (SELECT {kept.key} FROM {kept.table} WHERE {kept.at} < ?"
        f" AND ({kept.may_go}) LIMIT ?)",
        (before, AT_ONCE),
    ).rowcount


def _size(connection: sqlite3.Connection, kept: Kept) -> int:
    return int(connection.execute(f"SELECT coalesce(sum({kept.size}), 0) FROM {kept.table}").fetchone()[0])


def _oldest(connection: sqlite3.Connection, kept: Kept) -> float:
    row = connection.execute(f"SELECT min({kept.at}) FROM {kept.table} WHERE {kept.may_go}").fetchone()
    return float("inf") if row[0] is None else float(row[0])


def _delete_excess(connection: sqlite3.Connection, kept: Kept, excess: int) -> int:
    rows = connection.execute(
        f"SELECT {kept.key}, {kept.size} FROM {kept.table} WHERE {kept.may_go} ORDER BY {kept.at} LIMIT ?", (AT_ONCE,)
    ).fetchall()
    keys = []
    for key, size in rows:
        if excess <= 0:
            break
        keys.append((key,))
        excess -= size
    connection.executemany(f"DELETE FROM {kept.table} WHERE {kept.key} = ?", keys)
    return len(keys)
