"""The segments that Heap sends: when they were heard of, what of them is due, and what their ids are."""

from __future__ import annotations

import sqlite3

from pyroaring import BitMap

from heaptui.model.identifiers import Space
from heaptui.store.identities import pack, space_number, unpack


def heard_from_heap(connection: sqlite3.Connection, cohort_id: str) -> tuple[float | None, float | None]:
    """When the last page came, and since when a request to empty the segment waits for an answer."""
    row = connection.execute(
        "SELECT last_page_at, (SELECT max(first_at) FROM sync_task WHERE cohort_id = segment.cohort_id"
        " AND drain = 'asked') FROM segment WHERE cohort_id = ?",
        (cohort_id,),
    ).fetchone()
    return row or (None, None)


def groups_of(connection: sqlite3.Connection, cohort_id: str) -> list[BitMap]:
    """The people of a cohort now, those before the last import, and those of each Heap sync (joins, leaves)."""
    found = connection.execute(
        "SELECT members, members_before FROM cohort WHERE cohort_id = ?", (cohort_id,)
    ).fetchone()
    tasks = connection.execute(
        "SELECT adds, removes FROM sync_task WHERE cohort_id = ? ORDER BY task_no", (cohort_id,)
    ).fetchall()
    return [unpack(blob) for pair in (found, *tasks) for blob in pair]


def move(
    connection: sqlite3.Connection, cohort_id: str, *, before: list[BitMap], after: list[BitMap], space: Space
) -> bool:
    """Let a cohort be of another kind of ids; False when it is not what it was `before`, group by group."""
    if groups_of(connection, cohort_id) != before:
        return False
    people, undo, *tasks = (pack(uids) for uids in after)
    connection.execute(
        "UPDATE cohort SET space = ?, members = ?, members_before = iif(members_before IS NULL, NULL, ?)"
        " WHERE cohort_id = ?",
        (space_number(connection, space), people, undo, cohort_id),
    )
    numbers = connection.execute("SELECT task_no FROM sync_task WHERE cohort_id = ? ORDER BY task_no", (cohort_id,))
    connection.executemany(
        "UPDATE sync_task SET adds = ?, removes = ? WHERE task_no = ?",
        [(tasks[2 * at], tasks[2 * at + 1], task_no) for at, (task_no,) in enumerate(numbers.fetchall())],
    )
    return True


def set_automatic(connection: sqlite3.Connection, cohort_id: str, *, automatic: bool) -> None:
    """Let every complete Heap sync of a cohort go to Braze by itself, or not."""
    connection.execute("UPDATE cohort SET automatic = ? WHERE cohort_id = ?", (automatic, cohort_id))


def due(connection: sqlite3.Connection) -> list[tuple[str, float, bool]]:
    """The cohorts with a complete task that was not delivered: id, since when, whether automatic is on."""
    return connection.execute(
        "SELECT cohort_id, due_since, automatic FROM segment JOIN cohort USING (cohort_id)"
        " WHERE due_since IS NOT NULL AND retired_at IS NULL ORDER BY due_since"
    ).fetchall()


def done(connection: sqlite3.Connection, cohort_id: str, due_since: float) -> None:
    """A delivery that took in what was due then has ended; what came due meanwhile stays so."""
    connection.execute(
        "UPDATE segment SET due_since = NULL WHERE cohort_id = ? AND due_since <= ?", (cohort_id, due_since)
    )


def last_page_at(connection: sqlite3.Connection) -> float | None:
    """When anything last came from Heap."""
    row = connection.execute("SELECT max(last_page_at) FROM segment").fetchone()
    return row[0] if row else None


def shape_of(connection: sqlite3.Connection, cohort_id: str) -> str:
    """How the ids of a cohort looked when they first came; empty when nobody has looked."""
    row = connection.execute("SELECT shape FROM segment WHERE cohort_id = ?", (cohort_id,)).fetchone()
    return str(row[0]) if row else ""


def remember_ids(
    connection: sqlite3.Connection, cohort_id: str, *, shape: str, warnings: dict[str, str], at: float
) -> None:
    """Keep how the ids look, unless that is known, and what is odd about them."""
    connection.execute("UPDATE segment SET shape = ? WHERE cohort_id = ? AND shape = ''", (shape, cohort_id))
    connection.executemany(
        "INSERT OR REPLACE INTO page_warning (cohort_id, kind, text, at) VALUES (?, ?, ?, ?)",
        [(cohort_id, kind, text, at) for kind, text in warnings.items()],
    )


def forget_warnings(connection: sqlite3.Connection, cohort_id: str) -> None:
    """Somebody has said what the ids are: look at them anew."""
    connection.execute("DELETE FROM page_warning WHERE cohort_id = ?", (cohort_id,))
    connection.execute("UPDATE segment SET shape = '' WHERE cohort_id = ?", (cohort_id,))


def warnings_of(connection: sqlite3.Connection, cohort_id: str) -> list[tuple[str, float]]:
    """What is odd about the ids of a cohort: sentence and time, the newest first."""
    return connection.execute(
        "SELECT text, at FROM page_warning WHERE cohort_id = ? ORDER BY at DESC", (cohort_id,)
    ).fetchall()
