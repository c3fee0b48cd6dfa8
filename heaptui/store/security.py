"""What came to the receiver and was not let in: how often, when last, and from where."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable

from heaptui.model.reception import SecurityNote


def add(connection: sqlite3.Connection, notes: Iterable[SecurityNote]) -> None:
    """Add to what was noted of each kind on its day."""
    connection.executemany(
        "INSERT INTO security_note (kind, day, count, first_at, last_at, peer) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (kind, day) DO UPDATE SET count = count + excluded.count, last_at = excluded.last_at,"
        " peer = excluded.peer",
        [(note.kind, note.day, note.count, note.first_at, note.last_at, note.peer) for note in notes],
    )


def notes(connection: sqlite3.Connection, since: float) -> list[SecurityNote]:
    """What was noted since then, newest first."""
    rows = connection.execute(
        "SELECT kind, day, count, first_at, last_at, peer FROM security_note WHERE last_at >= ? ORDER BY last_at DESC",
        (since,),
    ).fetchall()
    return [SecurityNote(*row) for row in rows]


def day_of(at: float) -> str:
    """The UTC day of a moment."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))
