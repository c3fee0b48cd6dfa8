"""The inverse of a run: who would leave and join again, without those whom later runs have touched."""

from __future__ import annotations

import sqlite3

from pyroaring import BitMap

from heaptui.model.belief import Belief, Changes, Direction
from heaptui.model.runs import BatchState
from heaptui.store import cohorts
from heaptui.store.beliefs import read_belief
from heaptui.store.cohorts import View
from heaptui.store.identities import space_map, unpack


def inverse(connection: sqlite3.Connection, cohort_id: str, run_id: int, view: View) -> tuple[BitMap, Belief, Changes]:
    """The people of a cohort, what is believed of it, and what takes back the accepted changes of one run."""
    people = cohorts.members(connection, cohort_id)
    belief = read_belief(connection, cohort_id, view.route, view.settle, space_map(connection))
    joined, left, touched = BitMap(), BitMap(), BitMap()
    before = BitMap()
    rows = connection.execute(
        "SELECT run_id, batch.direction, batch.state, uids FROM batch JOIN delivery USING (delivery_id)"
        " WHERE cohort_id = ? AND route = ? AND batch.state IN (?, ?, ?) ORDER BY batch_id",
        (cohort_id, view.route, BatchState.SUBMITTED, BatchState.IN_DOUBT, BatchState.IN_FLIGHT),
    )
    for run, direction, state, blob in rows:
        uids = unpack(blob)
        accepted = state == BatchState.SUBMITTED
        if run > run_id:
            touched |= uids
        elif run == run_id and accepted:
            if direction == Direction.ADD:
                joined |= uids
            else:
                left |= uids
        elif accepted:
            before = before | uids if direction == Direction.ADD else before - uids
    (everything,) = connection.execute("SELECT everything FROM run WHERE run_id = ?", (run_id,)).fetchone()
    if everything:
        # Such a run also sent people again who were in the cohort before it.
        joined -= before
    removes = (joined & belief.delivered) - touched - belief.refused_removes
    adds = left - belief.delivered - touched - belief.refused_adds
    return people, belief, Changes(adds, removes, len(people) - len(removes & people))


def is_over(connection: sqlite3.Connection, run_id: int) -> bool | None:
    """Whether a run has ended; None when there is no such run."""
    row = connection.execute("SELECT ended_at FROM run WHERE run_id = ?", (run_id,)).fetchone()
    return None if row is None else row[0] is not None
