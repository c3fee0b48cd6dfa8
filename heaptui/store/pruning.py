"""Old records go: beyond an age or a size, the oldest first, in short writes."""

from __future__ import annotations

import sqlite3

DAYS_KEPT = 30.0
BYTES_KEPT = 2 * 1024**3
DAY = 86_400
AT_ONCE = 2_000
"""Rows deleted in one write, so that no write lasts long."""


def overdue(
    connection: sqlite3.Connection,
    table: str,
    time: str,
    size: str,
    *,
    now: float,
    days: float = DAYS_KEPT,
    size_limit: int = BYTES_KEPT,
) -> float:
    """The time before which rows of a table are to go: by age, or earlier rows of a table that grew too large.

    `time` is the column with seconds since the epoch, `size` an expression of a row's bytes. A long read.
    """
    before = now - days * DAY
    total = connection.execute(f"SELECT coalesce(sum({size}), 0) FROM {table} WHERE {time} >= ?", (before,)).fetchone()
    excess = int(total[0]) - size_limit
    if excess <= 0:
        return before
    rows = connection.execute(f"SELECT {time}, {size} FROM {table} WHERE {time} >= ? ORDER BY {time}", (before,))
    for at, weight in rows:
        before = at
        if excess <= 0:
            break
        excess -= weight
    return before


def prune(connection: sqlite3.Connection, table: str, time: str, keep: str, *, before: float) -> int:
    """Delete up to `AT_ONCE` of the oldest rows before a time, but none that the condition `keep` holds for.

    Returns how many went; call it again until that is 0.
    """
    cursor = connection.execute(
        f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {time} < ? AND NOT ({keep})"
        f" ORDER BY {time} LIMIT {AT_ONCE})",
        (before,),
    )
    return cursor.rowcount


def due(connection: sqlite3.Connection, table: str, *, now: float) -> bool:
    """Whether a table was not looked through for a day; from now on it was."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (f"pruned {table}",)).fetchone()
    if row is not None and now - float(row[0]) < DAY:
        return False
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (f"pruned {table}", str(now)))
    return True
