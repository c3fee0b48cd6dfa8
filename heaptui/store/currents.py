"""Currents events on disk: taken in once each, handed out in order, and settled."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path

from msgspec import Struct

from heaptui.errors import LedgerError
from heaptui.model.currents_batch import Incoming, events_of, joined
from heaptui.store.database import Database

SCHEMA = "heaptui.store.currents_schema"
CAP = 2 * 1024**3
"""Bytes of the database beyond which nothing more is taken in."""

_SUM = {1: "forwarded", 2: "filtered", 3: "dead"}


class Outcome(IntEnum):
    """What became of an event."""

    WAITING = 0
    FORWARDED = 1
    FILTERED = 2
    DEAD = 3


class Full(LedgerError):
    """The database of events is as large as it may be."""


class Taken(Struct, frozen=True):
    """What was new in one request, and what had come before."""

    new: int
    duplicates: int


class WaitingEvent(Struct, frozen=True):
    """An event that has not been settled, with its JSON text."""

    event_no: int
    batch_no: int
    type_no: int
    received_at: float
    body: bytes


class Settled(Struct, frozen=True):
    """What became of a waiting event; a dead one keeps its text."""

    event: WaitingEvent
    outcome: Outcome
    reason: str = ""


def path_beside(ledger: Path) -> Path:
    """The file of events of a ledger."""
    return ledger.with_name(f"{ledger.stem}.currents.db")


def open_events(ledger: Path, *, read_only: bool) -> Database:
    """Open the events of a ledger. Events are never in its daily copies.

    Raises:
        LedgerError: it cannot be opened, or there is none and nothing may be written.
    """
    return Database.open(path_beside(ledger), read_only=read_only, schema=SCHEMA)


def take(connection: sqlite3.Connection, incoming: Incoming, packed: bytes, now: float, cap: int = CAP) -> Taken:
    """Store one request; `packed` is its compressed body. What has come before is only counted.

    Raises:
        Full: there is no room.
    """
    if used(connection) > cap:
        raise Full(
            "The database of Currents events is full.",
            f"It holds {cap >> 20:,} MB, and Braze is told to send again later.",
            "Forward the events (heaptui listen --forward) or remove the file when they are not wanted.",
        )
    types = {name: type_number(connection, name) for name in {event.event_type for event in incoming.events}}
    before = last_number(connection)
    came = Counter(event.event_type for event in incoming.events)
    new = {}
    for name, type_no in types.items():
        rows = [(e.key, e.place, type_no, e.at) for e in incoming.events if e.event_type == name]
        changes = connection.total_changes
        connection.executemany("INSERT OR IGNORE INTO event (key, place, type_no, at) VALUES (?, ?, ?, ?)", rows)
        new[name] = connection.total_changes - changes
    minute = int(now // 60)
    for name, type_no in types.items():
        connection.execute(
            "INSERT INTO tally (type_no, received, duplicates) VALUES (?, ?, ?) ON CONFLICT (type_no) DO UPDATE SET"
            " received = received + excluded.received, duplicates = duplicates + excluded.duplicates",
            (type_no, new[name], came[name] - new[name]),
        )
        connection.execute(
            "INSERT INTO minute (minute, type_no, received) VALUES (?, ?, ?) ON CONFLICT (minute, type_no)"
            " DO UPDATE SET received = received + excluded.received",
            (minute, type_no, came[name]),
        )
    fresh = sum(new.values())
    if fresh:
        _store_body(connection, packed, now, before + 1, before + fresh)
        _bury_strange(connection, incoming, now, before)
    return Taken(fresh, len(incoming.events) - fresh)


def _store_body(connection: sqlite3.Connection, packed: bytes, now: float, first: int, last: int) -> int:
    cursor = connection.execute(
        "INSERT INTO batch (received_at, first_no, last_no, waiting, body) VALUES (?, ?, ?, ?, ?)",
        (now, first, last, last - first + 1, packed),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _bury_strange(connection: sqlite3.Connection, incoming: Incoming, now: float, before: int) -> None:
    """Events that can never go to Heap are dead letters from the start."""
    strange = {event.place: event for event in incoming.events if event.strange}
    if not strange:
        return
    bodies = events_of(incoming.body)
    batch_no = int(connection.execute("SELECT max(batch_no) FROM batch").fetchone()[0])
    rows = connection.execute("SELECT event_no, place, type_no FROM event WHERE event_no > ?", (before,)).fetchall()
    settle(
        connection,
        [
            Settled(WaitingEvent(event_no, batch_no, type_no, now, bodies[place]), Outcome.DEAD, strange[place].strange)
            for event_no, place, type_no in rows
            if place in strange
        ],
        now,
    )


def type_number(connection: sqlite3.Connection, name: str) -> int:
    """The number of an event type, made when it is new."""
    row = connection.execute("SELECT type_no FROM type WHERE name = ?", (name,)).fetchone()
    if row:
        return int(row[0])
    cursor = connection.execute("INSERT INTO type (name) VALUES (?)", (name,))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def last_number(connection: sqlite3.Connection) -> int:
    """The number of the newest event."""
    return int(connection.execute("SELECT coalesce(max(event_no), 0) FROM event").fetchone()[0])


def used(connection: sqlite3.Connection) -> int:
    """Bytes in use, without pages that are free again."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def bodies_in(packed: bytes) -> list[bytes]:
    """The JSON text of each event of a stored request.

    Raises:
        LedgerError: it is damaged.
    """
    try:
        return events_of(zlib.decompress(packed))
    except zlib.error as error:
        raise LedgerError(
            "A stored request of Braze Currents is damaged.",
            "Its events cannot be read, and nothing behind it is forwarded. Receiving goes on.",
            "To begin anew, stop the listener and put the file beside the ledger aside: ….currents.db",
        ) from error


def waiting_after(connection: sqlite3.Connection, batch_no: int, most: int) -> list[WaitingEvent]:
    """Unsettled events of the batches after one, the oldest first: whole batches, until there are `most` events."""
    found: list[WaitingEvent] = []
    rows = connection.execute(
        "SELECT batch_no, received_at, first_no, last_no, body FROM batch"
        " WHERE waiting > 0 AND batch_no > ? ORDER BY batch_no",
        (batch_no,),
    )
    for number, received_at, first_no, last_no, packed in rows:
        bodies = bodies_in(packed)
        events = connection.execute(
            "SELECT event_no, place, type_no FROM event WHERE event_no BETWEEN ? AND ? AND outcome = 0",
            (first_no, last_no),
        )
        found += [WaitingEvent(no, number, type_no, received_at, bodies[place]) for no, place, type_no in events]
        if len(found) >= most:
            break
    return found


def settle(connection: sqlite3.Connection, results: Iterable[Settled], now: float) -> None:
    """Write down what became of events; those that are settled already stay as they are."""
    sums: Counter[tuple[int, Outcome]] = Counter()
    batches: Counter[int] = Counter()
    for result in results:
        event = result.event
        if not connection.execute(
            "UPDATE event SET outcome = ? WHERE event_no = ? AND outcome = 0", (result.outcome, event.event_no)
        ).rowcount:
            continue
        sums[event.type_no, result.outcome] += 1
        batches[event.batch_no] += 1
        if result.outcome is Outcome.DEAD:
            connection.execute(
                "INSERT OR REPLACE INTO dead (event_no, type_no, received_at, died_at, reason, body)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (event.event_no, event.type_no, event.received_at, now, result.reason, event.body),
            )
        if result.outcome is Outcome.FILTERED:
            connection.execute(
                "INSERT INTO filtered (type_no, reason, count) VALUES (?, ?, 1)"
                " ON CONFLICT (type_no, reason) DO UPDATE SET count = count + 1",
                (event.type_no, result.reason),
            )
    for (type_no, outcome), count in sums.items():
        column = _SUM[outcome]
        connection.execute(f"UPDATE tally SET {column} = {column} + ? WHERE type_no = ?", (count, type_no))
    for batch_no, count in batches.items():
        connection.execute(
            "UPDATE batch SET waiting = waiting - ?, settled_at = CASE waiting WHEN ? THEN ? ELSE settled_at END"
            " WHERE batch_no = ?",
            (count, count, now, batch_no),
        )


def dead_numbers(connection: sqlite3.Connection) -> list[int]:
    """The numbers of all dead letters, oldest first."""
    return [number for (number,) in connection.execute("SELECT event_no FROM dead ORDER BY event_no")]


def revive(connection: sqlite3.Connection, event_nos: Sequence[int], now: float) -> int:
    """Let some dead letters wait again, as a batch of their own; returns how many."""
    rows = connection.execute(
        "SELECT event_no, dead.type_no, dead.body, event.key, event.at FROM json_each(?) AS given"
        " CROSS JOIN dead ON dead.event_no = given.value JOIN event USING (event_no)",
        (json.dumps(list(event_nos)),),
    ).fetchall()
    if not rows:
        return 0
    for event_no, type_no, *_ in rows:
        connection.execute("DELETE FROM dead WHERE event_no = ?", (event_no,))
        connection.execute("DELETE FROM event WHERE event_no = ?", (event_no,))
        connection.execute("UPDATE tally SET dead = dead - 1 WHERE type_no = ?", (type_no,))
    before = last_number(connection)
    connection.executemany(
        "INSERT INTO event (key, place, type_no, at) VALUES (?, ?, ?, ?)",
        [(key, place, type_no, at) for place, (_, type_no, _, key, at) in enumerate(rows)],
    )
    packed = zlib.compress(joined([bytes(body) for _, _, body, _, _ in rows]), 1)
    _store_body(connection, packed, now, before + 1, last_number(connection))
    return len(rows)


def get_meta(connection: sqlite3.Connection, key: str) -> str:
    """A remembered text; empty when there is none."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else ""


def set_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Remember a text."""
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))
