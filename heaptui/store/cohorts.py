"""The cohorts in the ledger: their people, names, where they came from, and what a sync would change."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace
from pyroaring import BitMap

from heaptui.model.belief import Belief, Changes, SpaceMap
from heaptui.model.cohorts import Cohort, CohortState, Guard, Origin
from heaptui.model.expressions import write
from heaptui.model.identifiers import Space
from heaptui.model.routes import ATTRIBUTE
from heaptui.store import derived
from heaptui.store.attributes import attribute_names
from heaptui.store.beliefs import read_belief
from heaptui.store.cohort_names import unknown
from heaptui.store.identities import pack, read_space, space_map, space_number, unpack, values_of
from heaptui.store.orphans import sending
from heaptui.store.segments import heard_from_heap


class View(Struct, frozen=True):
    """How cohorts are looked at: on which route, with which settle time (seconds) and guard.

    With `resend_after` (seconds), everybody is sent again when it is that long since everybody was. A cohort from
    Heap is quiet when `quiet_after` (seconds) pass without a page.
    """

    route: str
    settle: float
    guard: Guard
    resend_after: float = 0.0
    quiet_after: float = 8 * 3600.0


_COLUMNS = (
    "cohort_id, name, origin, space, created_at, changed_at, synced_at, members, members_before IS NOT NULL,"
    " source_name, source_digest, id_column, on_hold, retired_at, automatic, source_path, source_at"
)


def create(
    connection: sqlite3.Connection, cohort_id: str, *, name: str, origin: Origin, space: Space, at: float
) -> None:
    """A new cohort without people."""
    connection.execute(
        "INSERT INTO cohort (cohort_id, name, origin, space, created_at, members) VALUES (?, ?, ?, ?, ?, ?)",
        (cohort_id, name, origin, space_number(connection, space), at, pack(BitMap())),
    )


def read_all(connection: sqlite3.Connection, view: View) -> list[Cohort]:
    """Every cohort that is not retired, by name."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM cohort WHERE retired_at IS NULL ORDER BY name, cohort_id"
    ).fetchall()
    spaces, attributes = space_map(connection), _attributes(connection, view)
    return [_cohort(connection, row, view, spaces, attributes) for row in rows]


def read_one(connection: sqlite3.Connection, cohort_id: str, view: View, *, examples: int = 6) -> Cohort:
    """One cohort, with a few of its identifiers as examples.

    Raises:
        UsageError: there is none with this id.
    """
    row = connection.execute(f"SELECT {_COLUMNS} FROM cohort WHERE cohort_id = ?", (cohort_id,)).fetchone()
    if row is None:
        raise unknown(cohort_id, ())
    return _cohort(connection, row, view, space_map(connection), _attributes(connection, view), examples=examples)


def _attributes(connection: sqlite3.Connection, view: View) -> Mapping[str, str]:
    return attribute_names(connection) if view.route == ATTRIBUTE else {}


def _cohort(
    connection: sqlite3.Connection,
    row: sqlite3.Row,
    view: View,
    spaces: SpaceMap,
    attributes: Mapping[str, str],
    *,
    examples: int = 0,
) -> Cohort:
    (
        cohort_id,
        name,
        origin,
        space,
        created_at,
        changed_at,
        synced_at,
        blob,
        can_undo,
        source_name,
        source_digest,
        id_column,
        on_hold,
        retired_at,
        automatic,
        source_path,
        source_at,
    ) = row
    people = _current(connection, cohort_id, blob, fixed=origin != Origin.EXPRESSION or bool(on_hold or retired_at))
    expression = derived.expression_of(connection, cohort_id) if origin == Origin.EXPRESSION else None
    belief = read_belief(connection, cohort_id, view.route, view.settle, spaces)
    changes = belief.changes(people, spaces)
    former = tuple(
        former_name
        for (former_name,) in connection.execute(
            "SELECT name FROM former_name WHERE cohort_id = ? ORDER BY until DESC", (cohort_id,)
        )
    )
    braze_name = connection.execute(
        "SELECT braze_name FROM belief WHERE cohort_id = ? AND route = ?", (cohort_id, view.route)
    ).fetchone()
    held = connection.execute(
        "SELECT run_id, state FROM delivery WHERE cohort_id = ? ORDER BY delivery_id DESC LIMIT 1", (cohort_id,)
    ).fetchone()
    last_page_at, drain_asked_at = heard_from_heap(connection, cohort_id) if origin == Origin.HEAP else (None, None)
    elsewhere = left_elsewhere(connection, cohort_id, view, spaces)
    losing, losing_of = loss(belief, changes, people, elsewhere)
    cohort = Cohort(
        cohort_id=cohort_id,
        name=name,
        origin=Origin(origin),
        state=CohortState.SYNCED,
        members=len(people),
        delivered=len(belief.delivered),
        adds=len(changes.adds),
        removes=len(changes.removes),
        space=read_space(connection, space),
        created_at=created_at,
        changed_at=changed_at,
        synced_at=synced_at,
        source_name=source_name,
        source_digest=source_digest,
        id_column=id_column,
        expression=write(expression) if expression else "",
        braze_name=braze_name[0] if braze_name else "",
        former_names=former,
        refused=len(belief.refused_adds & people) + len(belief.refused_removes - people),
        doubtful=len(belief.unknown),
        held_run=held[0] if held and held[1] == "held" else None,
        can_undo_import=bool(can_undo),
        source_path=source_path,
        source_at=source_at,
        automatic=bool(automatic),
        last_page_at=last_page_at,
        quiet=last_page_at is not None and time.time() - last_page_at > view.quiet_after,
        drain_asked_at=drain_asked_at,
        examples=tuple(i.value for i in values_of(connection, people[:examples])) if examples else (),
        attribute=attributes.get(cohort_id, ""),
        elsewhere=sum(len(left.removes) for _, left in elsewhere),
        losing=losing,
        losing_of=losing_of,
        sending=sending(connection, cohort_id, time.time()),
    )
    state = _state(cohort, view.guard, on_hold=bool(on_hold), retired=retired_at is not None)
    return replace(cohort, state=state)


def _state(cohort: Cohort, guard: Guard, *, on_hold: bool, retired: bool) -> CohortState:
    if retired:
        return CohortState.RETIRED
    if on_hold:
        return CohortState.ON_HOLD
    if guard.holds(cohort.losing, cohort.losing_of):
        return CohortState.HELD
    if cohort.synced_at is None and not (cohort.delivered or cohort.doubtful):
        return CohortState.NEW
    if cohort.adds or cohort.removes or cohort.elsewhere or cohort.braze_name != cohort.label:
        return CohortState.PENDING
    return CohortState.QUIET if cohort.quiet else CohortState.SYNCED


def members(connection: sqlite3.Connection, cohort_id: str) -> BitMap:
    """The uids of the people in the cohort now; a computed one is computed, unless it is on hold or retired.

    Raises:
        UsageError: there is no such cohort.
    """
    row = connection.execute(
        "SELECT members, origin <> ? OR on_hold OR retired_at IS NOT NULL FROM cohort WHERE cohort_id = ?",
        (Origin.EXPRESSION, cohort_id),
    ).fetchone()
    if row is None:
        raise unknown(cohort_id, ())
    return _current(connection, cohort_id, row[0], fixed=bool(row[1]))


def _current(connection: sqlite3.Connection, cohort_id: str, blob: bytes, *, fixed: bool) -> BitMap:
    computed = None if fixed else derived.people(connection, cohort_id, partial(members, connection))
    return unpack(blob) if computed is None else computed


def settle(connection: sqlite3.Connection, cohort_id: str, *, at: float) -> None:
    """Before a delivery is planned: keep who is in a computed cohort now, or put it on hold."""
    derived.settle(connection, cohort_id, partial(members, connection), at=at)


def members_before(connection: sqlite3.Connection, cohort_id: str) -> BitMap:
    """The uids of the people before the last import; nobody when there was none."""
    row = connection.execute("SELECT members_before FROM cohort WHERE cohort_id = ?", (cohort_id,)).fetchone()
    return unpack(row[0]) if row else BitMap()


def changes_of(
    connection: sqlite3.Connection, cohort_id: str, view: View, *, everything: bool = False
) -> tuple[BitMap, Belief, Changes]:
    """The people of a cohort, what is believed of it, and the difference."""
    spaces = space_map(connection)
    people = members(connection, cohort_id)
    belief = read_belief(connection, cohort_id, view.route, view.settle, spaces)
    everything = everything or _due_again(connection, cohort_id, view)
    return people, belief, belief.changes(people, spaces, everything=everything)


def left_elsewhere(
    connection: sqlite3.Connection, cohort_id: str, view: View, spaces: SpaceMap | None = None
) -> list[tuple[str, Changes]]:
    """The other routes by which Braze still holds people of the cohort: everybody leaves those."""
    routes = connection.execute(
        "SELECT route FROM belief WHERE cohort_id = ? AND route <> ?", (cohort_id, view.route)
    ).fetchall()
    found = []
    for (route,) in routes:
        changes = read_belief(connection, cohort_id, route, view.settle, spaces).changes(BitMap())
        if changes.removes:
            found.append((route, changes))
    return found


def loss(belief: Belief, changes: Changes, people: BitMap, elsewhere: Sequence[tuple[str, Changes]]) -> tuple[int, int]:
    """How many people a sync takes out of Braze for good, of how many that it holds: what the guard looks at.

    Who comes by another way as yet and joins by the one in use is not lost. Once somebody was delivered by the one
    in use, a sync with this guard has moved the cohort, and what is left of the other way is not counted again.
    """
    there = BitMap() if belief.delivered else BitMap().union(*(left.removes for _, left in elsewhere))
    return len(changes.removes | (there - people)), len(belief.delivered | there)


def _due_again(connection: sqlite3.Connection, cohort_id: str, view: View) -> bool:
    """Whether people whom Braze may have met only after they were accepted are due to be sent again."""
    if not view.resend_after:
        return False
    # A delivery that left nobody as they were has sent everybody.
    (last,) = connection.execute(
        "SELECT max(ended_at) FROM delivery WHERE cohort_id = ? AND route = ? AND unchanged = 0 AND adds > 0"
        " AND state LIKE 'finished%'",
        (cohort_id, view.route),
    ).fetchone()
    return last is not None and time.time() - last > view.resend_after


def replace_members(
    connection: sqlite3.Connection,
    cohort_id: str,
    uids: BitMap,
    *,
    space: Space,
    at: float,
    source_name: str,
    source_digest: str,
    id_column: str,
) -> None:
    """Set the people of a cohort; those before are kept for one undo, if it ever had any.

    The share of people that changed goes into what is usual for this cohort, where newer changes weigh more.
    """
    before = members(connection, cohort_id)
    share = len(before ^ uids) / len(before) if before else None
    connection.execute(
        "UPDATE cohort SET members_before = CASE WHEN changed_at IS NULL THEN NULL ELSE members END, members = ?,"
        " space = ?, changed_at = ?, source_name = ?, source_digest = ?, id_column = ?,"
        " usual_share = coalesce(usual_share * 0.7 + ? * 0.3, ?, usual_share) WHERE cohort_id = ?",
        (
            pack(uids),
            space_number(connection, space),
            at,
            source_name,
            source_digest,
            id_column,
            share,
            share,
            cohort_id,
        ),
    )


def set_source(connection: sqlite3.Connection, cohort_id: str, path: str, at: float | None) -> None:
    """Remember where the file of the last import is and when it was written, for reading it again."""
    connection.execute("UPDATE cohort SET source_path = ?, source_at = ? WHERE cohort_id = ?", (path, at, cohort_id))


def undo_import(connection: sqlite3.Connection, cohort_id: str, *, at: float) -> bool:
    """Bring the people before the last import or retirement back; False when there is nothing to bring back."""
    cursor = connection.execute(
        "UPDATE cohort SET members = members_before, members_before = NULL, changed_at = ?, source_name = '',"
        " source_digest = '', retired_at = NULL WHERE cohort_id = ? AND members_before IS NOT NULL",
        (at, cohort_id),
    )
    return cursor.rowcount == 1


def rename(connection: sqlite3.Connection, cohort_id: str, name: str, *, at: float) -> None:
    """Give a cohort another name; the former one keeps leading to it."""
    connection.execute(
        "INSERT OR REPLACE INTO former_name (cohort_id, name, until) SELECT cohort_id, name, ? FROM cohort"
        " WHERE cohort_id = ? AND name <> ?",
        (at, cohort_id, name),
    )
    connection.execute("UPDATE cohort SET name = ? WHERE cohort_id = ?", (name, cohort_id))


def usual_share(connection: sqlite3.Connection, cohort_id: str) -> float | None:
    """Which share of the people usually changes with an import; None before there were two."""
    row = connection.execute("SELECT usual_share FROM cohort WHERE cohort_id = ?", (cohort_id,)).fetchone()
    return None if row is None or row[0] is None else float(row[0])


def set_on_hold(connection: sqlite3.Connection, cohort_id: str, *, on_hold: bool) -> None:
    """Keep a cohort out of every sync, or let it in again.

    Raises:
        UsageError: it is computed from a cohort that is retired, so it has to stay on hold.
    """
    if on_hold:
        derived.hold(connection, cohort_id, partial(members, connection))
    else:
        derived.refuse_release(connection, cohort_id)
    connection.execute("UPDATE cohort SET on_hold = ? WHERE cohort_id = ?", (on_hold, cohort_id))


def retire(connection: sqlite3.Connection, cohort_id: str, *, at: float) -> None:
    """Let everybody leave with the next sync by id, and take the cohort out of all lists.

    What is computed from it keeps its people, on hold.
    """
    for dependent in derived.dependents_of(connection, cohort_id):
        derived.hold(connection, dependent, partial(members, connection))
    derived.keep(connection, cohort_id, members(connection, cohort_id), at=at)
    connection.execute(
        "UPDATE cohort SET members_before = members, members = ?, retired_at = ?, changed_at = ?"
        " WHERE cohort_id = ? AND retired_at IS NULL",
        (pack(BitMap()), at, at, cohort_id),
    )


def synced_by_name(connection: sqlite3.Connection) -> list[str]:
    """The cohorts that `--all` means: synced before, or automatic; not on hold, not retired."""
    rows = connection.execute(
        "SELECT cohort_id FROM cohort WHERE (synced_at IS NOT NULL OR automatic = 1 OR EXISTS (SELECT 1 FROM delivery"
        " WHERE delivery.cohort_id = cohort.cohort_id AND delivery.state <> 'held'))"
        " AND on_hold = 0 AND retired_at IS NULL ORDER BY name, cohort_id"
    ).fetchall()
    return [cohort_id for (cohort_id,) in rows]
