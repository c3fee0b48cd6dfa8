"""The journal of deliveries: every batch is durable before it is sent, and every answer before it counts.

Acknowledging a batch changes that batch's row only; closing the delivery folds its batches into the belief.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence

from msgspec import Struct
from pyroaring import BitMap

from heaptui.errors import LedgerError
from heaptui.model.belief import Changes, Direction
from heaptui.model.runs import BatchState, DeliveryState, Reason
from heaptui.store.beliefs import read_belief, write_belief
from heaptui.store.identities import pack, space_map, unpack

LONGEST_ATTEMPT = 45.0
"""Seconds an attempt can last at most; later than this after a send, a killed process has no request on the way."""

HOUR = 3600


class Batch(Struct):
    """One request of a delivery, as it stands in the journal."""

    batch_id: int
    direction: Direction
    uids: BitMap
    parent_id: int | None = None

    @property
    def size(self) -> int:
        """People in it."""
        return len(self.uids)


class DeliveryRow(Struct, frozen=True):
    """An opened delivery with its planned batches, removes first."""

    delivery_id: int
    started_at: float
    batches: list[Batch]


def open_run(
    connection: sqlite3.Connection,
    *,
    at: float,
    by: str,
    origin: str,
    pid: int,
    host: str,
    version: str,
    endpoint: str,
    keys: str,
    continues: int | None,
    everything: bool,
    cohort_ids: Sequence[str],
) -> int:
    """A new run; returns its number. What it wants to deliver is known until it ends, whatever it lives to open."""
    cursor = connection.execute(
        "INSERT INTO run (started_at, state, by, origin, pid, host, version, endpoint, keys, continues, everything)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (at, DeliveryState.RUNNING, by, origin, pid, host, version, endpoint, keys, continues, everything),
    )
    run_id = cursor.lastrowid
    assert run_id is not None
    connection.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (wanted_key(run_id), json.dumps(list(cohort_ids)))
    )
    return run_id


def wanted_key(run_id: int) -> str:
    """Where the cohorts of an open run are noted."""
    return f"run-{run_id}-cohorts"


def close_run(connection: sqlite3.Connection, run_id: int, *, at: float, state: DeliveryState, story: str) -> None:
    """The run has ended; its story is kept with it."""
    connection.execute("UPDATE run SET ended_at = ?, state = ?, story = ? WHERE run_id = ?", (at, state, story, run_id))
    # From here on its deliveries tell, one for each cohort.
    connection.execute("DELETE FROM meta WHERE key = ?", (wanted_key(run_id),))


def open_delivery(
    connection: sqlite3.Connection,
    *,
    run_id: int,
    cohort_id: str,
    route: str,
    name: str,
    rename: str,
    changes: Changes,
    members: BitMap,
    limit: int,
    at: float,
    let_through_by: str = "",
) -> DeliveryRow:
    """Make the plan and all its batches durable."""
    digest = hashlib.sha256(pack(changes.adds) + b"|" + pack(changes.removes)).hexdigest()
    cursor = connection.execute(
        "INSERT INTO delivery (run_id, cohort_id, route, name, state, adds, removes, unchanged, rename,"
        " members_digest, plan_digest, source_digest, started_at, let_through_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT source_digest FROM cohort WHERE cohort_id = ?), ?, ?)",
        (
            run_id,
            cohort_id,
            route,
            name,
            DeliveryState.RUNNING,
            len(changes.adds),
            len(changes.removes),
            changes.unchanged,
            rename,
            hashlib.sha256(pack(members)).hexdigest(),
            digest,
            cohort_id,
            at,
            let_through_by,
        ),
    )
    delivery_id = cursor.lastrowid
    assert delivery_id is not None
    batches = [
        add_batch(connection, delivery_id, direction, uids)
        for direction, wanted in ((Direction.REMOVE, changes.removes), (Direction.ADD, changes.adds))
        for uids in chunks(wanted, limit)
    ]
    return DeliveryRow(delivery_id, at, batches)


def chunks(uids: BitMap, limit: int) -> Iterable[BitMap]:
    """The uids in groups of at most `limit`."""
    numbers = uids.to_array()
    for start in range(0, len(numbers), limit):
        yield BitMap(numbers[start : start + limit])


def add_batch(
    connection: sqlite3.Connection, delivery_id: int, direction: Direction, uids: BitMap, parent_id: int | None = None
) -> Batch:
    """One more planned batch; `parent_id` when it is a part of another."""
    cursor = connection.execute(
        "INSERT INTO batch (delivery_id, parent_id, direction, uids, size, state) VALUES (?, ?, ?, ?, ?, ?)",
        (delivery_id, parent_id, direction, pack(uids), len(uids), BatchState.PLANNED),
    )
    assert cursor.lastrowid is not None
    return Batch(cursor.lastrowid, direction, uids, parent_id)


def batch_sent(connection: sqlite3.Connection, batch_id: int, *, at: float) -> int:
    """An attempt is about to leave. Returns the requests of this clock hour, this one included."""
    connection.execute(
        "UPDATE batch SET state = ?, attempts = attempts + 1, sent_at = ? WHERE batch_id = ?",
        (BatchState.IN_FLIGHT, at, batch_id),
    )
    return count_request(connection, at=at)


def count_request(connection: sqlite3.Connection, *, at: float) -> int:
    """Count one request in its clock hour; returns the count so far."""
    row = connection.execute(
        "INSERT INTO hour (hour, requests) VALUES (?, 1)"
        " ON CONFLICT (hour) DO UPDATE SET requests = requests + 1 RETURNING requests",
        (int(at // HOUR),),
    ).fetchone()
    return int(row[0])


def requests_this_hour(connection: sqlite3.Connection, *, at: float) -> int:
    """Requests that left in the clock hour of `at`."""
    row = connection.execute("SELECT requests FROM hour WHERE hour = ?", (int(at // HOUR),)).fetchone()
    return int(row[0]) if row else 0


def batch_accepted(connection: sqlite3.Connection, batch_id: int, *, at: float, status: int, answer: str = "") -> None:
    """Braze answered 2xx to the last attempt."""
    connection.execute(
        "UPDATE batch SET state = ?, answered_at = ?, status = ?, answer = ? WHERE batch_id = ?",
        (BatchState.SUBMITTED, at, status, answer, batch_id),
    )


def batch_doubtful(connection: sqlite3.Connection, batch_id: int, *, at: float, status: int | None) -> None:
    """The last attempt ended without a definite answer. A later 4xx does not take this back."""
    connection.execute(
        "UPDATE batch SET state = ?, doubtful_at = ?, status = ? WHERE batch_id = ?",
        (BatchState.IN_DOUBT, at, status, batch_id),
    )


def batch_waits(connection: sqlite3.Connection, batch_id: int, *, status: int) -> None:
    """The last attempt was turned away without effect; an older doubt stays."""
    connection.execute(
        "UPDATE batch SET state = CASE WHEN doubtful_at IS NULL THEN ? ELSE ? END, status = ? WHERE batch_id = ?",
        (BatchState.PLANNED, BatchState.IN_DOUBT, status, batch_id),
    )


def batch_split(
    connection: sqlite3.Connection, delivery_id: int, batch: Batch, *, status: int, answer: str
) -> tuple[Batch, Batch]:
    """Braze refused the batch as a whole; its halves are tried on their own."""
    numbers = batch.uids.to_array()
    middle = len(numbers) // 2
    connection.execute(
        "UPDATE batch SET state = ?, status = ?, answer = ? WHERE batch_id = ?",
        (BatchState.SPLIT, status, answer, batch.batch_id),
    )
    first, second = (
        add_batch(connection, delivery_id, batch.direction, BitMap(half), batch.batch_id)
        for half in (numbers[:middle], numbers[middle:])
    )
    return first, second


def batch_rejected(
    connection: sqlite3.Connection, delivery_id: int, batch: Batch, *, at: float, status: int, text: str
) -> None:
    """Braze refused exactly these identifiers."""
    connection.execute(
        "UPDATE batch SET state = ?, answered_at = ?, status = ?, answer = ? WHERE batch_id = ?",
        (BatchState.REJECTED, at, status, text, batch.batch_id),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO rejected (delivery_id, uid, direction, text, at) VALUES (?, ?, ?, ?, ?)",
        [(delivery_id, uid, batch.direction, text, at) for uid in batch.uids],
    )


def batch_skipped(connection: sqlite3.Connection, batch_id: int) -> None:
    """The batch is not sent any more; an older doubt stays one."""
    connection.execute(
        "UPDATE batch SET state = CASE WHEN doubtful_at IS NULL THEN ? ELSE ? END WHERE batch_id = ?",
        (BatchState.SKIPPED, BatchState.IN_DOUBT, batch_id),
    )


class Outcome(Struct, frozen=True):
    """The counts of a closed delivery; they add up to the plan."""

    state: DeliveryState
    submitted: int
    submitted_adds: int
    rejected: int
    in_doubt: int
    skipped: int
    unsettled_until: float | None


def close_delivery(
    connection: sqlite3.Connection,
    delivery_id: int,
    *,
    at: float,
    settle: float,
    reason: Reason,
    detail: str,
    requests: int,
    retries: int,
    extra_requests: int,
    state: DeliveryState | None = None,
    old_way: bool = False,
) -> Outcome:
    """End a delivery: unanswered attempts become doubts, answers are folded, the rest is skipped.

    Without a `state`, it is finished, finished with rejections, or incomplete for the reason given, as the batches
    tell.

    Raises:
        LedgerError: when the counts do not add up to the plan.
    """
    cohort_id, route, adds, removes = connection.execute(
        "SELECT cohort_id, route, adds, removes FROM delivery WHERE delivery_id = ?", (delivery_id,)
    ).fetchone()
    connection.execute(
        "UPDATE batch SET state = ?, doubtful_at = min(?, sent_at + ?) WHERE delivery_id = ? AND state = ?",
        (BatchState.IN_DOUBT, at, LONGEST_ATTEMPT, delivery_id, BatchState.IN_FLIGHT),
    )
    connection.execute(
        "UPDATE batch SET state = ? WHERE delivery_id = ? AND state = ?",
        (BatchState.SKIPPED, delivery_id, BatchState.PLANNED),
    )
    spaces = space_map(connection)
    belief = read_belief(connection, cohort_id, route, settle, spaces)
    belief.compact(at, settle)
    write_belief(connection, cohort_id, route, belief)
    connection.execute("UPDATE batch SET folded = 1 WHERE delivery_id = ?", (delivery_id,))
    sums = dict(
        connection.execute(
            "SELECT state, sum(size) FROM batch WHERE delivery_id = ? GROUP BY state", (delivery_id,)
        ).fetchall()
    )
    submitted_adds = connection.execute(
        "SELECT coalesce(sum(size), 0) FROM batch WHERE delivery_id = ? AND state = ? AND direction = ?",
        (delivery_id, BatchState.SUBMITTED, Direction.ADD),
    ).fetchone()[0]
    submitted, rejected, in_doubt, skipped = (
        int(sums.get(s, 0))
        for s in (BatchState.SUBMITTED, BatchState.REJECTED, BatchState.IN_DOUBT, BatchState.SKIPPED)
    )
    if submitted + rejected + in_doubt + skipped != adds + removes:
        raise LedgerError(
            f"The counts of delivery {delivery_id} do not add up.",
            f"planned {adds + removes}, accepted {submitted}, refused {rejected}, in doubt {in_doubt},"
            f" skipped {skipped}.",
            "Please report this: heaptui doctor",
        )
    if state is None:
        state = DeliveryState.INCOMPLETE
        if not (in_doubt or skipped):
            state = DeliveryState.FINISHED_WITH_REJECTIONS if rejected else DeliveryState.FINISHED
            reason, detail = Reason.NONE, ""
    # Nobody is to stay on a route that is not in use any more.
    members = BitMap()
    if not old_way:
        blob = connection.execute("SELECT members FROM cohort WHERE cohort_id = ?", (cohort_id,)).fetchone()[0]
        members = unpack(blob)
    unsettled = belief.unsettled_until(members, at, settle)
    connection.execute(
        "UPDATE delivery SET ended_at = ?, state = ?, submitted = ?, submitted_adds = ?, rejected = ?, in_doubt = ?,"
        " skipped = ?, requests = ?, retries = ?, extra_requests = ?, reason = ?, detail = ?, unsettled_until = ?"
        " WHERE delivery_id = ?",
        (
            at,
            state,
            submitted,
            submitted_adds,
            rejected,
            in_doubt,
            skipped,
            requests,
            retries,
            extra_requests,
            reason,
            detail,
            unsettled,
            delivery_id,
        ),
    )
    if state in (DeliveryState.FINISHED, DeliveryState.FINISHED_WITH_REJECTIONS):
        connection.execute("UPDATE cohort SET synced_at = ? WHERE cohort_id = ?", (at, cohort_id))
    return Outcome(state, submitted, submitted_adds, rejected, in_doubt, skipped, unsettled)


def unsent_delivery(
    connection: sqlite3.Connection,
    *,
    run_id: int,
    cohort_id: str,
    route: str,
    name: str,
    changes: Changes,
    at: float,
    state: DeliveryState,
    reason: Reason,
    detail: str,
) -> None:
    """Record a delivery that sent nothing: kept back by the guard, on hold, or busy in another process."""
    connection.execute(
        "INSERT INTO delivery (run_id, cohort_id, route, name, state, adds, removes, unchanged, skipped, reason,"
        " detail, started_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            run_id,
            cohort_id,
            route,
            name,
            state,
            len(changes.adds),
            len(changes.removes),
            changes.unchanged,
            len(changes.adds) + len(changes.removes),
            reason,
            detail,
            at,
            at,
        ),
    )
