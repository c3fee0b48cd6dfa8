"""Deliveries that were never closed: whose they are, and what is known of them when their process is gone."""

from __future__ import annotations

import json
import os
import socket
import sqlite3

from msgspec import Struct

from heaptui.model.runs import DeliveryState, worst
from heaptui.store.heartbeats import lives
from heaptui.store.journal import wanted_key


def open_deliveries(connection: sqlite3.Connection, cohort_id: str) -> list[tuple[int, int, int, str]]:
    """Deliveries of a cohort that were never closed: (delivery, run, pid, host), oldest first."""
    return connection.execute(
        "SELECT delivery_id, run_id, pid, host FROM delivery JOIN run USING (run_id)"
        " WHERE delivery.ended_at IS NULL AND cohort_id = ? ORDER BY delivery_id",
        (cohort_id,),
    ).fetchall()


def cohorts_of(connection: sqlite3.Connection, run_id: int) -> list[str]:
    """The cohorts of a run, also those that its process did not live to open; none when there is no such run."""
    wanted = connection.execute("SELECT value FROM meta WHERE key = ?", (wanted_key(run_id),)).fetchone()
    rows = connection.execute("SELECT cohort_id FROM delivery WHERE run_id = ? ORDER BY delivery_id", (run_id,))
    return list(dict.fromkeys([*(json.loads(wanted[0]) if wanted else ()), *(cohort_id for (cohort_id,) in rows)]))


def counts_so_far(connection: sqlite3.Connection, delivery_id: int) -> dict[str, int]:
    """Requests and retries as far as the batches tell, for a delivery whose owner is gone."""
    attempts, sent, halves = connection.execute(
        "SELECT coalesce(sum(attempts), 0), count(*) FILTER (WHERE attempts > 0),"
        # The parts of a batch whose answer was divided were never requests of their own.
        " count(parent_id) FILTER (WHERE attempts > 0 OR sent_at IS NULL) FROM batch WHERE delivery_id = ?",
        (delivery_id,),
    ).fetchone()
    return {"requests": attempts, "retries": attempts - sent, "extra_requests": halves}


def close_orphaned_run(connection: sqlite3.Connection, run_id: int, *, at: float) -> None:
    """End a run whose process is gone, once none of its deliveries is open."""
    states = [
        DeliveryState(state)
        for (state,) in connection.execute("SELECT state FROM delivery WHERE run_id = ?", (run_id,))
    ]
    if all(state.closed for state in states):
        # Without a delivery it died before its first plan.
        state = worst(states) if states else DeliveryState.INCOMPLETE
        connection.execute(
            "UPDATE run SET ended_at = ?, state = ? WHERE run_id = ? AND ended_at IS NULL", (at, state, run_id)
        )


def close_dead_runs(connection: sqlite3.Connection, *, at: float) -> None:
    """End the runs of this host whose process is gone and which have no open delivery left."""
    rows = connection.execute(
        "SELECT run_id, pid, host, started_at FROM run WHERE ended_at IS NULL AND host = ? AND NOT EXISTS"
        " (SELECT 1 FROM delivery WHERE delivery.run_id = run.run_id AND delivery.ended_at IS NULL)",
        (socket.gethostname(),),
    ).fetchall()
    for run_id, pid, host, started_at in rows:
        if not lives(connection, pid, host, since=started_at, at=at):
            close_orphaned_run(connection, run_id, at=at)


def lost(pid: int, host: str) -> str:
    """Why a delivery ended that its process did not close."""
    return f"Process {pid} on {host} is gone."


def last_act(connection: sqlite3.Connection, run_id: int) -> float:
    """When a run last did anything that the ledger knows of."""
    row = connection.execute(
        "SELECT max(run.started_at, coalesce(max(delivery.started_at), 0), coalesce(max(sent_at), 0),"
        " coalesce(max(answered_at), 0)) FROM run LEFT JOIN delivery USING (run_id)"
        " LEFT JOIN batch USING (delivery_id) WHERE run_id = ?",
        (run_id,),
    ).fetchone()
    return float(row[0])


class Owner(Struct, frozen=True):
    """The process that opened a delivery."""

    run_id: int
    by: str
    origin: str
    pid: int
    host: str
    since: float


def owner_of(connection: sqlite3.Connection, cohort_id: str) -> Owner | None:
    """Who is delivering a cohort, as far as this ledger knows."""
    row = connection.execute(
        "SELECT run_id, by, origin, pid, host, delivery.started_at FROM delivery JOIN run USING (run_id)"
        " WHERE cohort_id = ? AND delivery.ended_at IS NULL ORDER BY delivery_id DESC LIMIT 1",
        (cohort_id,),
    ).fetchone()
    return Owner(*row) if row else None


def sending(connection: sqlite3.Connection, cohort_id: str, at: float) -> str:
    """Which run of another living process is delivering a cohort, in a sentence; empty for none."""
    owner = owner_of(connection, cohort_id)
    if (
        owner is None
        or owner.pid == os.getpid()
        or not lives(connection, owner.pid, owner.host, since=owner.since, at=at)
    ):
        return ""
    return (
        f"Run {owner.run_id} is sending it just now (process {owner.pid} on {owner.host}, {owner.by} {owner.origin})."
    )
