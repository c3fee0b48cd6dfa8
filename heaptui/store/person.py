"""Everything the ledger knows of one identifier: where it is, what carried it, and what became of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from heaptui.model.belief import Direction
from heaptui.model.cohorts import Cohort
from heaptui.model.identifiers import Identifier
from heaptui.model.runs import BatchState
from heaptui.model.trace import Arrival, Carried, CohortFacts, ReadBack
from heaptui.store import cohorts
from heaptui.store.beliefs import read_belief
from heaptui.store.cohorts import View
from heaptui.store.exchanges import has_table
from heaptui.store.identities import uids_of_value, unpack


def facts_of(connection: sqlite3.Connection, value: str, view: View) -> list[CohortFacts]:
    """What is known of every identifier with exactly this value, by cohort; a long read."""
    identifiers = dict(uids_of_value(connection, value))
    if not identifiers:
        return []
    carried = _carried(connection, set(identifiers))
    found = []
    for cohort_id, members, before in connection.execute("SELECT cohort_id, members, members_before FROM cohort"):
        now, earlier = unpack(members), unpack(before)
        for uid, identifier in identifiers.items():
            mine = tuple(carried.get((cohort_id, uid), ()))
            arrivals = tuple(_arrivals(connection, cohort_id, uid))
            if uid in now or uid in earlier or mine or arrivals:
                found.append(
                    _facts(
                        connection,
                        cohorts.read_one(connection, cohort_id, view, examples=0),
                        uid,
                        identifier,
                        view,
                        member=uid in now,
                        was_member=uid in earlier or any(one.direction is Direction.ADD for one in mine),
                        carried=mine,
                        arrivals=arrivals,
                    )
                )
    return found


def _facts(
    connection: sqlite3.Connection,
    cohort: Cohort,
    uid: int,
    identifier: Identifier,
    view: View,
    *,
    member: bool,
    was_member: bool,
    carried: tuple[Carried, ...],
    arrivals: tuple[Arrival, ...],
) -> CohortFacts:
    belief = read_belief(connection, cohort.cohort_id, view.route, view.settle)
    direction = Direction.ADD if member else Direction.REMOVE
    refusals = belief.refused_adds if member else belief.refused_removes
    # A doubt in the direction that agrees with what is believed says nothing new.
    doubts = [
        doubt.since
        for doubt in belief.doubts
        if uid in doubt.uids
        and (doubt.direction is Direction.REMOVE if uid in belief.delivered else doubt.direction is Direction.ADD)
    ]
    if member and not arrivals and cohort.source_name and cohort.changed_at:
        arrivals = (Arrival(cohort.changed_at, f"in {cohort.source_name}, when it was read last", None),)
    return CohortFacts(
        cohort_id=cohort.cohort_id,
        name=cohort.name,
        identifier=identifier,
        state=cohort.state,
        member=member,
        was_member=was_member,
        delivered=uid in belief.delivered,
        refused=_refusal(connection, cohort.cohort_id, uid, direction) if uid in refusals else None,
        doubtful_since=max(doubts, default=None),
        carried=carried,
        arrivals=arrivals,
        read_back=_read_back(connection, cohort.cohort_id, uid),
        segments=_segments(connection, cohort),
    )


def _carried(connection: sqlite3.Connection, uids: set[int]) -> dict[tuple[str, int], list[Carried]]:
    """The batches that had one of some people in them, by cohort and person, in the order of the batches."""
    found: dict[tuple[str, int], list[Carried]] = {}
    rows = connection.execute(
        "SELECT uids, cohort_id, run_id, batch_id, batch.direction, batch.state, sent_at, answered_at, status, origin,"
        " answer FROM batch JOIN delivery USING (delivery_id) JOIN run USING (run_id) ORDER BY batch_id"
    )
    for blob, cohort_id, run_id, batch_id, direction, state, sent_at, answered_at, status, origin, words in rows:
        inside = unpack(blob)
        for uid in uids:
            if uid in inside:
                one = Carried(
                    run_id=run_id,
                    batch_id=batch_id,
                    direction=Direction(direction),
                    state=BatchState(state),
                    sent_at=sent_at,
                    answered_at=answered_at,
                    status=status,
                    origin=origin,
                    words=words,
                )
                found.setdefault((cohort_id, uid), []).append(one)
    return found


def _refusal(connection: sqlite3.Connection, cohort_id: str, uid: int, direction: Direction) -> str:
    row = connection.execute(
        "SELECT text FROM rejected JOIN delivery USING (delivery_id) WHERE cohort_id = ? AND uid = ?"
        " AND rejected.direction = ? ORDER BY at DESC LIMIT 1",
        (cohort_id, uid, direction),
    ).fetchone()
    return str(row[0]) if row else ""


def _arrivals(connection: sqlite3.Connection, cohort_id: str, uid: int) -> Iterator[Arrival]:
    """Heap's pages that let somebody enter or leave, where the ledger has pages."""
    if not has_table(connection, "page"):
        return
    columns = {row[1] for row in connection.execute("PRAGMA table_info(page)")}
    if not {"cohort_id", "received_at", "number", "total", "adds", "removes"} <= columns:
        return
    rows = connection.execute(
        "SELECT received_at, number, total, adds, removes FROM page WHERE cohort_id = ? ORDER BY page_id", (cohort_id,)
    )
    for at, number, total, adds, removes in rows:
        for blob, joined in ((adds, True), (removes, False)):
            if blob and uid in unpack(blob):
                yield Arrival(at, f"Heap page {number or 1} of {total or 1}", joined)


def _read_back(connection: sqlite3.Connection, cohort_id: str, uid: int) -> ReadBack | None:
    if not has_table(connection, "readback"):
        return None
    row = connection.execute("SELECT at, segment_name, uids FROM readback WHERE cohort_id = ?", (cohort_id,)).fetchone()
    return ReadBack(row[0], row[1], uid in unpack(row[2])) if row else None


def _segments(connection: sqlite3.Connection, cohort: Cohort) -> tuple[str, ...] | None:
    """The Braze segments whose texts name the cohort, as far as they were looked at; None when they were not."""
    if not has_table(connection, "braze_segment"):
        return None
    rows: list[tuple[str, str]] = connection.execute("SELECT listed, details FROM braze_segment").fetchall()
    if not rows or any(not details for _, details in rows):
        return None
    label = cohort.braze_name or cohort.name
    return tuple(_named(listed) for listed, details in rows if label in details)


def _named(listed: str) -> str:
    data: Any = json.loads(listed)
    return str(data.get("name", "")) if isinstance(data, dict) else ""
