"""The runs of all processes, as the ledger tells them."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from heaptui.model.belief import Direction
from heaptui.model.exchange_meaning import Outcome
from heaptui.model.runs import (
    BatchState,
    DeliveryProgress,
    DeliveryState,
    Moment,
    Reason,
    Rejection,
    RunSummary,
)
from heaptui.store.heartbeats import lives
from heaptui.store.journal import wanted_key
from heaptui.store.orphans import last_act, lost


class RunDetail(Struct, frozen=True):
    """One run with everything the ledger knows of it."""

    summary: RunSummary
    deliveries: list[DeliveryProgress]
    story: list[Moment]
    endpoint: str
    everything: bool
    digests: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """cohort_id → sha256 of its people, of the plan, of the file they came from."""


class BatchRow(Struct, frozen=True):
    """One request of a delivery, for people who look at it."""

    batch_id: int
    cohort_id: str
    direction: Direction
    size: int
    state: BatchState
    attempts: int
    sent_at: float | None
    answered_at: float | None
    status: int | None
    answer: str


_SUMMARY = """
SELECT run_id, started_at, ended_at, state, by, origin, pid, host, version, continues,
       (SELECT json_group_array(json_array(name, state, reason, detail, submitted, rejected, in_doubt, skipped))
        FROM (SELECT * FROM delivery WHERE delivery.run_id = run.run_id ORDER BY delivery_id))
FROM run
"""


def read_runs(connection: sqlite3.Connection, limit: int) -> list[RunSummary]:
    """The newest runs, newest first."""
    rows = connection.execute(f"{_SUMMARY} ORDER BY run_id DESC LIMIT ?", (limit,)).fetchall()
    return [_summary(connection, row) for row in rows]


def read_run(connection: sqlite3.Connection, run_id: int) -> RunDetail | None:
    """One run, or None when there is no such run."""
    row = connection.execute(f"{_SUMMARY} WHERE run_id = ?", (run_id,)).fetchone()
    if row is None:
        return None
    summary = _summary(connection, row)
    endpoint, everything, story = connection.execute(
        "SELECT endpoint, everything, story FROM run WHERE run_id = ?", (run_id,)
    ).fetchone()
    digests = {
        cohort_id: (members, plan, source)
        for cohort_id, members, plan, source in connection.execute(
            "SELECT cohort_id, members_digest, plan_digest, source_digest FROM delivery WHERE run_id = ?"
            " ORDER BY delivery_id",
            (run_id,),
        )
    }
    moments = [Moment(at, text, important) for at, text, important in json.loads(story)]
    return RunDetail(summary, _deliveries(connection, summary), moments, endpoint, bool(everything), digests)


_UNFINISHED = {
    DeliveryState.STOPPED,
    DeliveryState.HELD,
    DeliveryState.INCOMPLETE,
    DeliveryState.FINISHED_WITH_REJECTIONS,
}


def _summary(connection: sqlite3.Connection, row: tuple[Any, ...]) -> RunSummary:
    (run_id, started_at, ended_at, state, by, origin, pid, host, version, continues, deliveries) = row
    summary = _totalled(
        RunSummary(run_id, started_at, ended_at, DeliveryState(state), by, origin, pid, host, version, continues),
        json.loads(deliveries),
    )
    if ended_at is not None and summary.cohorts:
        return summary
    if ended_at is None and not lives(connection, pid, host, since=started_at, at=time.time()):
        summary = replace(summary, ended_at=last_act(connection, run_id), state=DeliveryState.INCOMPLETE)
    # Only its batches tell how far a run is that nobody has closed.
    parts = [
        (d.name, d.state, d.reason, d.detail, d.submitted, d.rejected, d.in_doubt, d.skipped)
        for d in _deliveries(connection, summary)
    ]
    return _totalled(summary, parts)


def _totalled(summary: RunSummary, parts: Sequence[Sequence[Any]]) -> RunSummary:
    """The run with the sums of its deliveries: (name, state, reason, detail, and the four counts)."""
    telling = [part for part in parts if part[2]]
    why = next((part for part in telling if part[1] == summary.state), telling[0] if telling else ["", "", "", ""])
    accepted, rejected, in_doubt, skipped = (
        sum(part[column] for part in parts if part[1] != DeliveryState.HELD) for column in range(4, 8)
    )
    return replace(
        summary,
        cohorts=tuple(part[0] for part in parts),
        unfinished=frozenset(part[0] for part in parts if part[1] in _UNFINISHED),
        accepted=accepted,
        rejected=rejected,
        in_doubt=in_doubt,
        skipped=skipped,
        reason=Reason(why[2]),
        detail=why[3],
    )


def _deliveries(connection: sqlite3.Connection, run: RunSummary) -> list[DeliveryProgress]:
    """The deliveries of a run, those that it has not opened included; lost ones as their recovery will write them."""
    over = run.ended_at is not None
    found = [_delivery(connection, row, over=over) for row in connection.execute(_DELIVERIES, (run.run_id,)).fetchall()]
    opened = {delivery.cohort_id for delivery in found}
    found += [
        DeliveryProgress(cohort_id, name)
        for cohort_id, name in connection.execute(_WANTED, (wanted_key(run.run_id),))
        if cohort_id not in opened
    ]
    for delivery in found if over else ():
        if not delivery.state.closed:
            delivery.state, delivery.reason = DeliveryState.INCOMPLETE, Reason.KILLED
            delivery.detail, delivery.ended_at = lost(run.pid, run.host), run.ended_at
            delivery.skipped += delivery.to_go
    return found


_WANTED = (
    "SELECT cohort_id, name FROM meta, json_each(meta.value) AS wanted JOIN cohort ON cohort_id = wanted.value"
    " WHERE meta.key = ?"
)

_DELIVERIES = (
    "SELECT delivery_id, cohort_id, name, adds, removes, state, submitted, rejected, in_doubt, skipped, requests,"
    " retries, reason, detail, unsettled_until, started_at, ended_at, rename, unchanged, submitted_adds,"
    " extra_requests, route, EXISTS (SELECT 1 FROM delivery AS later WHERE later.run_id = delivery.run_id"
    " AND later.cohort_id = delivery.cohort_id AND later.delivery_id > delivery.delivery_id),"
    " (SELECT attribute.name FROM attribute WHERE attribute.cohort_id = delivery.cohort_id AND route = 'attribute')"
    " FROM delivery WHERE run_id = ? ORDER BY delivery_id"
)


def _delivery(connection: sqlite3.Connection, row: tuple[Any, ...], *, over: bool) -> DeliveryProgress:
    delivery_id, *rest = row
    (
        cohort_id,
        name,
        adds,
        removes,
        state,
        submitted,
        rejected,
        in_doubt,
        skipped,
        requests,
        retries,
        reason,
        detail,
        unsettled_until,
        started_at,
        ended_at,
        rename,
        unchanged,
        submitted_adds,
        extra_requests,
        route,
        old_way,
        attribute,
    ) = rest
    progress = DeliveryProgress(
        cohort_id,
        name,
        adds,
        removes,
        DeliveryState(state),
        submitted,
        rejected,
        in_doubt,
        skipped,
        requests,
        retries,
        Reason(reason),
        detail,
        unsettled_until,
        started_at,
        ended_at,
        rename=rename,
        unchanged=unchanged,
        submitted_adds=submitted_adds,
        submitted_removes=submitted - submitted_adds,
        extra_requests=extra_requests,
        route=route,
        # What comes before the delivery of the route in use takes people out of another one.
        old_way=bool(old_way),
        attribute=attribute or "",
    )
    if ended_at is None:
        _count_open(connection, delivery_id, progress, over=over)
    return progress


def _count_open(connection: sqlite3.Connection, delivery_id: int, progress: DeliveryProgress, *, over: bool) -> None:
    """The counts of a delivery that nobody has closed, from its batches; when it is over, no answer will come."""
    rows = connection.execute(
        "SELECT state, direction, sum(size), sum(attempts), count(*) FILTER (WHERE attempts > 0) FROM batch"
        " WHERE delivery_id = ? GROUP BY state, direction",
        (delivery_id,),
    )
    for state, direction, people, attempts, sent in rows:
        progress.requests += attempts
        progress.retries += attempts - sent
        match BatchState(state):
            case BatchState.SUBMITTED:
                progress.count(Direction(direction), people)
            case BatchState.REJECTED:
                progress.rejected += people
            case BatchState.IN_DOUBT:
                progress.in_doubt += people
            case BatchState.IN_FLIGHT if over:
                progress.in_doubt += people
            case BatchState.SKIPPED:
                progress.skipped += people
            case BatchState.PLANNED | BatchState.IN_FLIGHT | BatchState.SPLIT:
                """Still to go, or counted by the halves."""


def last_refusing(connection: sqlite3.Connection, cohort_id: str) -> int | None:
    """The last run in which Braze refused anybody of a cohort."""
    row = connection.execute("SELECT max(run_id) FROM delivery WHERE cohort_id = ? AND rejected > 0", (cohort_id,))
    found: int | None = row.fetchone()[0]
    return found


def read_rejections(
    connection: sqlite3.Connection, run_id: int, cohort_id: str | None, limit: int, offset: int = 0
) -> list[Rejection]:
    """Identifiers that Braze refused in a run, in the order of the refusals."""
    rows = connection.execute(
        "SELECT value, kind, rejected.direction, text, at FROM rejected JOIN delivery USING (delivery_id)"
        " JOIN identity USING (uid) JOIN space USING (space)"
        " WHERE run_id = ?1 AND (?2 IS NULL OR cohort_id = ?2) ORDER BY at, uid LIMIT ?3 OFFSET ?4",
        (run_id, cohort_id, limit, offset),
    )
    return [Rejection(value, kind, Direction(direction), text, at) for value, kind, direction, text, at in rows]


def count_parts(connection: sqlite3.Connection, run_id: int) -> tuple[int, int]:
    """How many batches and refused identifiers a run has."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM batch JOIN delivery USING (delivery_id) WHERE run_id = ?1),"
        " (SELECT count(*) FROM rejected JOIN delivery USING (delivery_id) WHERE run_id = ?1)",
        (run_id,),
    ).fetchone()
    return int(row[0]), int(row[1])


def batch_of(connection: sqlite3.Connection, batch_id: int) -> tuple[Direction, int, str, bytes] | None:
    """Direction, people, route and the packed uids of one batch."""
    row = connection.execute(
        "SELECT direction, size, route, uids FROM batch JOIN delivery USING (delivery_id) WHERE batch_id = ?",
        (batch_id,),
    ).fetchone()
    return (Direction(row[0]), row[1], row[2], row[3]) if row else None


def outcome_of(connection: sqlite3.Connection, batch_id: int) -> Outcome | None:
    """What became of one batch, and how many ids of its delivery and direction stand refused."""
    row = connection.execute(
        "SELECT state, direction, size, (SELECT count(*) FROM rejected WHERE rejected.delivery_id = batch.delivery_id"
        " AND rejected.direction = batch.direction) FROM batch WHERE batch_id = ?",
        (batch_id,),
    ).fetchone()
    return Outcome(BatchState(row[0]), Direction(row[1]), row[2], row[3]) if row else None


def read_batches(connection: sqlite3.Connection, run_id: int, limit: int, offset: int = 0) -> list[BatchRow]:
    """The requests of a run, in the order of the plan."""
    rows = connection.execute(
        "SELECT batch_id, cohort_id, direction, size, batch.state, attempts, sent_at, answered_at, status, answer"
        " FROM batch JOIN delivery USING (delivery_id) WHERE run_id = ? ORDER BY batch_id LIMIT ? OFFSET ?",
        (run_id, limit, offset),
    )
    return [
        BatchRow(batch_id, cohort_id, Direction(direction), size, BatchState(state), *rest)
        for batch_id, cohort_id, direction, size, state, *rest in rows
    ]
