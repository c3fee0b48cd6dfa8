"""What is believed of each cohort on each route: the belief of closed deliveries plus the batches of open ones.

`read_belief` is the one reader of what Braze holds.
"""

from __future__ import annotations

import sqlite3

from pyroaring import BitMap

from heaptui.model.belief import Belief, Direction, Doubt, SpaceMap
from heaptui.model.runs import BatchState
from heaptui.store.identities import pack, space_map, unpack


def cohort_named(connection: sqlite3.Connection, cohort_id: str, route: str, name: str) -> None:
    """Braze accepted this name."""
    _ensure_belief(connection, cohort_id, route)
    connection.execute("UPDATE belief SET braze_name = ? WHERE cohort_id = ? AND route = ?", (name, cohort_id, route))


def cohort_locked(connection: sqlite3.Connection, cohort_id: str, route: str) -> None:
    """Braze answered 423: this cohort takes one request at a time from now on."""
    _ensure_belief(connection, cohort_id, route)
    connection.execute("UPDATE belief SET one_at_a_time = 1 WHERE cohort_id = ? AND route = ?", (cohort_id, route))


def _ensure_belief(connection: sqlite3.Connection, cohort_id: str, route: str) -> None:
    empty = pack(BitMap())
    connection.execute(
        "INSERT OR IGNORE INTO belief (cohort_id, route, delivered, refused_adds, refused_removes)"
        " VALUES (?, ?, ?, ?, ?)",
        (cohort_id, route, empty, empty, empty),
    )


def read_belief(
    connection: sqlite3.Connection, cohort_id: str, route: str, settle: float, spaces: SpaceMap | None = None
) -> Belief:
    """What is believed of a cohort now, with the batches of open deliveries added."""
    row = connection.execute(
        "SELECT delivered, refused_adds, refused_removes FROM belief WHERE cohort_id = ? AND route = ?",
        (cohort_id, route),
    ).fetchone()
    belief = Belief() if row is None else Belief(unpack(row[0]), [], unpack(row[1]), unpack(row[2]))
    belief.doubts = [
        Doubt(Direction(direction), since, unpack(uids))
        for direction, since, uids in connection.execute(
            "SELECT direction, since, uids FROM doubt WHERE cohort_id = ? AND route = ? ORDER BY since",
            (cohort_id, route),
        )
    ]
    unfolded = connection.execute(
        "SELECT batch.direction, uids, batch.state, sent_at, answered_at, doubtful_at FROM delivery JOIN batch"
        " USING (delivery_id) WHERE cohort_id = ? AND route = ? AND ended_at IS NULL AND folded = 0"
        " AND (batch.state IN (?, ?) OR doubtful_at IS NOT NULL)",
        (cohort_id, route, BatchState.SUBMITTED, BatchState.REJECTED),
    ).fetchall()
    if unfolded:
        _fold(belief, unfolded, settle, spaces or space_map(connection))
    return belief


def _fold(
    belief: Belief, rows: list[tuple[str, bytes, str, float, float, float | None]], settle: float, spaces: SpaceMap
) -> None:
    events: list[tuple[float, Direction, BitMap, str, float]] = []
    for direction, blob, state, sent_at, answered_at, doubtful_at in rows:
        uids = unpack(blob)
        if doubtful_at is not None:
            events.append((doubtful_at, Direction(direction), uids, BatchState.IN_DOUBT, sent_at))
        if state in (BatchState.SUBMITTED, BatchState.REJECTED):
            events.append((answered_at, Direction(direction), uids, state, sent_at))
    for at, direction, uids, state, sent_at in sorted(events, key=lambda event: event[0]):
        if state == BatchState.SUBMITTED:
            belief.accepted(direction, uids, sent_at=sent_at, answered_at=at, settle=settle, spaces=spaces)
        elif state == BatchState.REJECTED:
            belief.refused(direction, uids)
        else:
            belief.unanswered(direction, uids, since=at, spaces=spaces)


def write_belief(connection: sqlite3.Connection, cohort_id: str, route: str, belief: Belief) -> None:
    """Keep a belief as the new state of the closed deliveries."""
    _ensure_belief(connection, cohort_id, route)
    connection.execute(
        "UPDATE belief SET delivered = ?, refused_adds = ?, refused_removes = ? WHERE cohort_id = ? AND route = ?",
        (pack(belief.delivered), pack(belief.refused_adds), pack(belief.refused_removes), cohort_id, route),
    )
    connection.execute("DELETE FROM doubt WHERE cohort_id = ? AND route = ?", (cohort_id, route))
    connection.executemany(
        "INSERT INTO doubt (cohort_id, route, direction, since, uids) VALUES (?, ?, ?, ?, ?)",
        [(cohort_id, route, doubt.direction, doubt.since, pack(doubt.uids)) for doubt in belief.doubts],
    )


def takes_one_at_a_time(connection: sqlite3.Connection, cohort_id: str, route: str) -> bool:
    """Whether Braze has ever answered 423 for this cohort."""
    row = connection.execute(
        "SELECT one_at_a_time FROM belief WHERE cohort_id = ? AND route = ?", (cohort_id, route)
    ).fetchone()
    return bool(row and row[0])


def forget_refusals(connection: sqlite3.Connection, *, cohort_id: str) -> None:
    """Offer everything that Braze refused for this cohort once more."""
    empty = pack(BitMap())
    connection.execute(
        "UPDATE belief SET refused_adds = ?, refused_removes = ? WHERE cohort_id = ?", (empty, empty, cohort_id)
    )
