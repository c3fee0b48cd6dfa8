"""What a read of a Braze segment tells the ledger: the last read-back of a cohort, and belief corrected by it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from pyroaring import BitMap

from heaptui.model.identifiers import Identifier, Space
from heaptui.model.runs import BatchState
from heaptui.store import beliefs, cohorts
from heaptui.store.cohorts import View
from heaptui.store.exchanges import has_table
from heaptui.store.identities import CHUNK, number_values, pack, read_space, space_map, unpack


def base_of(connection: sqlite3.Connection, cohort_id: str, view: View, *, delivered: bool) -> BitMap:
    """The people to compare: those Braze accepted, or those of the cohort."""
    if not delivered:
        return cohorts.members(connection, cohort_id)
    return beliefs.read_belief(connection, cohort_id, view.route, view.settle, space_map(connection)).delivered


def spaces_of(connection: sqlite3.Connection, cohort_id: str, uids: BitMap) -> list[Space]:
    """The kinds of identifiers of a cohort, its own first, then those that some people of it still have."""
    (own,) = connection.execute("SELECT space FROM cohort WHERE cohort_id = ?", (cohort_id,)).fetchone()
    rows = connection.execute("SELECT space, uids FROM space ORDER BY space = ? DESC, space", (own,)).fetchall()
    return [read_space(connection, number) for number, blob in rows if number == own or unpack(blob).intersect(uids)]


def changed_since(connection: sqlite3.Connection, cohort_id: str, route: str, at: float) -> BitMap:
    """People whose change was on its way or answered after a time."""
    rows = connection.execute(
        "SELECT uids FROM batch JOIN delivery USING (delivery_id) WHERE cohort_id = ? AND route = ?"
        " AND attempts > 0 AND (answered_at IS NULL OR answered_at > ?) AND sent_at > ? - 86400"
        " AND batch.state IN (?, ?, ?)",
        (cohort_id, route, at, at, BatchState.SUBMITTED, BatchState.IN_DOUBT, BatchState.IN_FLIGHT),
    )
    return BitMap().union(*(unpack(blob) for (blob,) in rows))


def keep(
    connection: sqlite3.Connection,
    cohort_id: str,
    *,
    at: float,
    segment_id: str,
    segment_name: str,
    uids: BitMap,
    others: int,
) -> None:
    """Remember who was in the segment."""
    connection.execute(
        "INSERT OR REPLACE INTO readback (cohort_id, at, segment_id, segment_name, uids, others)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (cohort_id, at, segment_id, segment_name, pack(uids), others),
    )


def last_segment(connection: sqlite3.Connection, cohort_id: str) -> str:
    """The segment that a cohort was compared with last; empty when it never was."""
    if not has_table(connection, "readback"):
        return ""
    row = connection.execute("SELECT segment_id FROM readback WHERE cohort_id = ?", (cohort_id,)).fetchone()
    return str(row[0]) if row else ""


def number_people(connection: sqlite3.Connection, people: Sequence[Identifier]) -> BitMap:
    """Number up to a chunk of people whom only Braze knew so far."""
    by_space: dict[Space, list[str]] = {}
    for space, value in people[:CHUNK]:
        by_space.setdefault(space, []).append(value)
    return BitMap().union(*(number_values(connection, space, values) for space, values in by_space.items()))


def believe(
    connection: sqlite3.Connection,
    cohort_id: str,
    view: View,
    *,
    held: BitMap,
    unknown: BitMap,
    untouched: BitMap,
    read_at: float,
) -> None:
    """Set what is believed of a cohort to what Braze showed at `read_at`.

    Of `unknown` people, those accepted before stay so: sending them again would change nothing. For `untouched` ones
    the belief stays: their change is too young for the read to tell. Doubts that were settled before the read are
    answered by it; younger ones stay.
    """
    belief = beliefs.read_belief(connection, cohort_id, view.route, view.settle, space_map(connection))
    shown = held | (unknown & belief.delivered)
    belief.delivered = (shown - untouched) | (belief.delivered & untouched)
    belief.doubts = [doubt for doubt in belief.doubts if doubt.since + view.settle > read_at]
    beliefs.write_belief(connection, cohort_id, view.route, belief)
