"""How long Currents events are kept: bodies for 7 days after they went to Heap, ids for 30 days."""

from __future__ import annotations

import sqlite3

from heaptui.model.deeds import SLOT
from heaptui.store.currents import CAP, get_meta, used

DAY = 86_400.0
BODY_DAYS = 7
ID_DAYS = 30
DEED_DAYS = 90
MINUTES_KEPT = 2 * 24 * 60
AT_ONCE = 20
"""Batches that one write touches, so that none lasts long."""

NEVER_FORWARDED = "not forwarded within 7 days"


def trim(connection: sqlite3.Connection, now: float, *, can_forward: bool, cap: int = CAP) -> int:
    """Remove some of what is no longer needed; returns how many batches were touched, 0 when nothing is left.

    Without a Heap app id nothing will ever be forwarded, so bodies need not wait for it.
    """
    touched = _bodies(connection, now - BODY_DAYS * DAY)
    if not touched and used(connection) > 0.9 * cap:
        touched = _bodies(connection, now)
    if not touched and not can_forward:
        touched = _give_up(connection, now)
    if not touched:
        touched = _ids(connection, now - ID_DAYS * DAY)
    if not touched:
        connection.execute("DELETE FROM minute WHERE minute < ?", (int(now // 60) - MINUTES_KEPT,))
        connection.execute("DELETE FROM deed WHERE slot < ?", (int((now - DEED_DAYS * DAY) // SLOT),))
    return touched


def _bodies(connection: sqlite3.Connection, before: float) -> int:
    """Bodies of which every event is settled."""
    digested = int(get_meta(connection, "digested") or 0)
    return connection.execute(
        "UPDATE batch SET body = NULL WHERE batch_no IN (SELECT batch_no FROM batch"
        " WHERE waiting = 0 AND body IS NOT NULL AND settled_at < ? AND batch_no <= ? ORDER BY settled_at LIMIT ?)",
        (before, digested, AT_ONCE),
    ).rowcount


def _give_up(connection: sqlite3.Connection, now: float) -> int:
    """Settle, as filtered, what has waited too long for a Heap app id."""
    rows = connection.execute(
        "SELECT batch_no, first_no, last_no FROM batch WHERE waiting > 0 AND received_at < ? ORDER BY batch_no LIMIT ?",
        (now - BODY_DAYS * DAY, AT_ONCE),
    ).fetchall()
    for batch_no, first_no, last_no in rows:
        counts = connection.execute(
            "SELECT type_no, count(*) FROM event WHERE event_no BETWEEN ? AND ? AND outcome = 0 GROUP BY type_no",
            (first_no, last_no),
        ).fetchall()
        for type_no, count in counts:
            connection.execute("UPDATE tally SET filtered = filtered + ? WHERE type_no = ?", (count, type_no))
            connection.execute(
                "INSERT INTO filtered (type_no, reason, count) VALUES (?, ?, ?)"
                " ON CONFLICT (type_no, reason) DO UPDATE SET count = count + excluded.count",
                (type_no, NEVER_FORWARDED, count),
            )
        connection.execute(
            "UPDATE event SET outcome = 2 WHERE event_no BETWEEN ? AND ? AND outcome = 0", (first_no, last_no)
        )
        connection.execute("UPDATE batch SET waiting = 0, settled_at = ? WHERE batch_no = ?", (now, batch_no))
    return len(rows)


def _ids(connection: sqlite3.Connection, before: float) -> int:
    """Ids, and the dead letters among them."""
    rows = connection.execute(
        "SELECT batch_no, first_no, last_no FROM batch WHERE received_at < ? AND waiting = 0 AND body IS NULL"
        " ORDER BY batch_no LIMIT ?",
        (before, AT_ONCE),
    ).fetchall()
    for batch_no, first_no, last_no in rows:
        connection.execute("DELETE FROM dead WHERE event_no BETWEEN ? AND ?", (first_no, last_no))
        connection.execute("DELETE FROM event WHERE event_no BETWEEN ? AND ?", (first_no, last_no))
        connection.execute("DELETE FROM batch WHERE batch_no = ?", (batch_no,))
    return len(rows)
