"""Reads about received events: counts, the newest, dead letters, one by its id."""

from __future__ import annotations

import sqlite3

import msgspec

from heaptui.model.currents_batch import id_of, key_of
from heaptui.model.currents_facts import CurrentsStats, DeadLetter, ForwarderStatus, StoredEvent, TypeCounts
from heaptui.store.currents import Outcome, bodies_in, get_meta, used

MINUTES = 60
OUTCOMES = {
    Outcome.WAITING: "waiting",
    Outcome.FORWARDED: "to Heap",
    Outcome.FILTERED: "filtered",
    Outcome.DEAD: "dead letter",
}


def stats(connection: sqlite3.Connection, now: float) -> CurrentsStats:
    """Everything that is counted."""
    minute = int(now // 60)
    # The last whole minute and the part of this one, scaled to a minute.
    share = (now % 60) / 60
    recent = {
        type_no: (now_count, before)
        for type_no, now_count, before in connection.execute(
            "SELECT type_no, sum(received * (minute = ?)), sum(received * (minute = ?)) FROM minute"
            " WHERE minute >= ? GROUP BY type_no",
            (minute, minute - 1, minute - 1),
        )
    }
    types = [
        TypeCounts(name, received, twice, forwarded, filtered, dead, _rate(recent.get(type_no, (0, 0)), share))
        for type_no, name, received, twice, forwarded, filtered, dead in connection.execute(
            "SELECT type_no, name, received, duplicates, forwarded, filtered, dead FROM tally JOIN type USING (type_no)"
            " WHERE received + duplicates > 0 ORDER BY received DESC, name"
        )
    ]
    by_minute = dict(
        connection.execute(
            "SELECT minute, sum(received) FROM minute WHERE minute > ? GROUP BY minute", (minute - MINUTES,)
        ).fetchall()
    )
    status = get_meta(connection, "forwarder")
    return CurrentsStats(
        types,
        msgspec.json.decode(status, type=ForwarderStatus) if status else ForwarderStatus(),
        dict(connection.execute("SELECT reason, sum(count) FROM filtered GROUP BY reason ORDER BY 2 DESC").fetchall()),
        _one(connection, "SELECT received_at FROM batch ORDER BY batch_no DESC LIMIT 1"),
        _one(connection, "SELECT received_at FROM batch WHERE waiting > 0 ORDER BY batch_no LIMIT 1"),
        [by_minute.get(number, 0) for number in range(minute - MINUTES + 1, minute + 1)],
        used(connection),
    )


def _rate(counts: tuple[int, int], share: float) -> int:
    current, before = counts
    return round(current + before * (1 - share))


def _one(connection: sqlite3.Connection, query: str) -> float | None:
    row = connection.execute(query).fetchone()
    return float(row[0]) if row else None


def newest(connection: sqlite3.Connection, most: int, *, after: int = 0, event_type: str = "") -> list[StoredEvent]:
    """The newest events after one, the oldest of them first; of one type, or of all."""
    rows = connection.execute(
        "SELECT event_no, key, name, outcome, place FROM event JOIN type USING (type_no)"
        " WHERE event_no > ? AND (? = '' OR name = ?) ORDER BY event_no DESC LIMIT ?",
        (after, event_type, event_type, most),
    ).fetchall()
    unpacked: dict[int, list[bytes]] = {}
    return [_stored(connection, row, unpacked) for row in reversed(rows)]


def find(connection: sqlite3.Connection, event_id: str) -> StoredEvent | None:
    """One event by its id."""
    row = connection.execute(
        "SELECT event_no, key, name, outcome, place FROM event JOIN type USING (type_no) WHERE key = ?",
        (key_of(event_id),),
    ).fetchone()
    return _stored(connection, row, {}) if row else None


def dead_letters(connection: sqlite3.Connection, most: int) -> list[DeadLetter]:
    """The newest dead letters, newest first."""
    rows = connection.execute(
        "SELECT event_no, key, name, received_at, died_at, reason, body FROM dead JOIN event USING (event_no)"
        " JOIN type ON type.type_no = dead.type_no ORDER BY died_at DESC, event_no DESC LIMIT ?",
        (most,),
    )
    return [
        DeadLetter(event_no, id_of(key), name, received_at, died_at, reason, bytes(body))
        for event_no, key, name, received_at, died_at, reason, body in rows
    ]


def _stored(
    connection: sqlite3.Connection, row: tuple[int, bytes | str, str, int, int], unpacked: dict[int, list[bytes]]
) -> StoredEvent:
    """An event with its text; `unpacked` keeps the batches that were opened, as neighbours come from the same one."""
    event_no, key, name, outcome, place = row
    batch_no, received_at = connection.execute(
        "SELECT batch_no, received_at FROM batch WHERE first_no <= ? ORDER BY first_no DESC LIMIT 1", (event_no,)
    ).fetchone() or (0, 0.0)
    if batch_no not in unpacked:
        packed = connection.execute("SELECT body FROM batch WHERE batch_no = ?", (batch_no,)).fetchone()
        unpacked[batch_no] = bodies_in(packed[0]) if packed and packed[0] else []
    body = unpacked[batch_no][place] if unpacked[batch_no] else b""
    reason = ""
    if outcome == Outcome.DEAD:
        kept = connection.execute("SELECT reason, body FROM dead WHERE event_no = ?", (event_no,)).fetchone()
        if kept:
            reason, body = kept[0], bytes(kept[1])
    return StoredEvent(event_no, id_of(key), name, received_at, OUTCOMES[Outcome(outcome)], body, reason)
