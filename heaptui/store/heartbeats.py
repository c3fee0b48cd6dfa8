"""Which processes have the ledger open."""

from __future__ import annotations

import os
import socket
import sqlite3

EVERY = 5.0
"""Seconds between two signs of life."""

GONE_AFTER = 15.0
"""Seconds without a sign of life after which a process counts as gone."""


def beat(connection: sqlite3.Connection, pid: int, host: str, what: str, *, since: float, at: float) -> None:
    """This process is alive."""
    connection.execute(
        "INSERT OR REPLACE INTO heartbeat (pid, host, what, since, seen) VALUES (?, ?, ?, ?, ?)",
        (pid, host, what, since, at),
    )


def leave(connection: sqlite3.Connection, pid: int, host: str) -> None:
    """This process closes the ledger."""
    connection.execute("DELETE FROM heartbeat WHERE pid = ? AND host = ?", (pid, host))


def alive(connection: sqlite3.Connection, at: float) -> list[tuple[int, str, str, float]]:
    """The processes that gave a sign of life lately: (pid, host, what, since)."""
    return connection.execute(
        "SELECT pid, host, what, since FROM heartbeat WHERE seen > ? ORDER BY since", (at - GONE_AFTER,)
    ).fetchall()


def lives(connection: sqlite3.Connection, pid: int, host: str, *, since: float, at: float) -> bool:
    """Whether the process that did something `since` then still lives: this host knows, others give signs of life."""
    if host != socket.gethostname():
        row = connection.execute("SELECT seen FROM heartbeat WHERE pid = ? AND host = ?", (pid, host)).fetchone()
        return row is not None and row[0] > at - GONE_AFTER
    # A number that was given to a later process tells nothing of the earlier one.
    later = "SELECT 1 FROM heartbeat WHERE pid = ? AND host = ? AND since > ?"
    return connection.execute(later, (pid, host, since)).fetchone() is None and _exists(pid)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Somebody else's process, but a process.
        return True
    return True
