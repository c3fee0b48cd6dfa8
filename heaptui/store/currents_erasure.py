"""Erase one person from received events: bodies, dead letters, and the notes of who did what."""

from __future__ import annotations

import sqlite3
import zlib
from typing import Any

import msgspec

from heaptui.model.currents_batch import joined
from heaptui.store.currents import Outcome, Settled, WaitingEvent, bodies_in, settle

AT_ONCE = 20
ERASED = "‹erased›"
REASON = "erased"


class _User(msgspec.Struct):
    external_user_id: Any = None
    user_id: Any = None


class _Event(msgspec.Struct):
    user: _User | None = None


_EVENT = msgspec.json.Decoder(_Event)


def erase_notes(connection: sqlite3.Connection, person: str) -> int:
    """Put a mark in the place of the person's id, and erase the person's dead letters.

    Returns how many are left of those as dead letters only; `erase_bodies` counts the others.
    """
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("UPDATE person SET external_id = ? || person_no WHERE external_id = ?", (ERASED, person))
    letters = {
        event_no: alone
        for event_no, body, alone in connection.execute(
            "SELECT event_no, body, NOT EXISTS (SELECT 1 FROM batch WHERE batch.body IS NOT NULL"
            " AND event_no BETWEEN first_no AND last_no) FROM dead"
        ).fetchall()
        if _is_about(bytes(body), person)
    }
    connection.executemany(
        "UPDATE dead SET body = '{}', reason = ? WHERE event_no = ?", [(REASON, event_no) for event_no in letters]
    )
    return sum(letters.values())


def erase_bodies(connection: sqlite3.Connection, person: str, after: int, now: float) -> tuple[int, int | None]:
    """Erase the person's events in the next batches after one; returns how many, and the last batch (None: no more).

    Events that wait are settled as filtered: there is nothing left to forward.
    """
    rows = connection.execute(
        "SELECT batch_no, received_at, first_no, last_no, body FROM batch WHERE batch_no > ? AND body IS NOT NULL"
        " ORDER BY batch_no LIMIT ?",
        (after, AT_ONCE),
    ).fetchall()
    erased = 0
    for batch_no, received_at, first_no, last_no, packed in rows:
        bodies = bodies_in(packed)
        about = {place for place, body in enumerate(bodies) if _is_about(body, person)}
        if not about:
            continue
        kept = joined([b"{}" if place in about else body for place, body in enumerate(bodies)])
        events = [
            event
            for event in connection.execute(
                "SELECT event_no, place, type_no, outcome FROM event WHERE event_no BETWEEN ? AND ?",
                (first_no, last_no),
            ).fetchall()
            if event[1] in about
        ]
        erased += len(events)
        settle(
            connection,
            [
                Settled(WaitingEvent(event_no, batch_no, type_no, received_at, b""), Outcome.FILTERED, REASON)
                for event_no, _, type_no, outcome in events
                if outcome == Outcome.WAITING
            ],
            now,
        )
        connection.execute("UPDATE batch SET body = ? WHERE batch_no = ?", (zlib.compress(kept, 1), batch_no))
    return erased, rows[-1][0] if rows else None


def _is_about(body: bytes, person: str) -> bool:
    try:
        user = _EVENT.decode(body).user
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # What cannot be read is searched as text.
        return person.encode() in body
    return user is not None and person in (str(user.external_user_id), str(user.user_id))
