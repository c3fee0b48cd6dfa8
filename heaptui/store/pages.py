"""Every page that Heap sent, and how it changes the members of its cohort.

A page is stored, with its whole body, before Heap is told so; it is applied afterwards, exactly once.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from pyroaring import BitMap

from heaptui.model.cohorts import Origin, new_cohort_id
from heaptui.model.identifiers import Space
from heaptui.model.membership import TaskChanges, apply_page, drained
from heaptui.model.reception import MISSING_SHOWN, Drain, HeapTask, ReceivedPage
from heaptui.model.segment_sync import Action, SegmentPage
from heaptui.store import cohorts
from heaptui.store.identities import pack, read_space, unpack

_COLUMNS = (
    "page_id, page.cohort_id, received_at, action, task_id, number, page.total, joins, leaves, invalid, verified,"
    " peer, size, applied_at IS NOT NULL"
)


class Envelope(Struct, frozen=True):
    """A page with what is kept of its journey.

    Attributes:
        body: as it came, compressed with zlib; `size` is that of the plain one.
        digest: SHA-256 of the plain body.
        signature: of the header.
    """

    page: SegmentPage
    body: bytes
    size: int
    digest: str
    signature: str
    verified: str
    peer: str
    at: float


class Waiting(Struct, frozen=True):
    """A stored page that is not applied yet."""

    page_id: int
    cohort_id: str
    action: Action
    space: Space
    body: bytes


def is_known(connection: sqlite3.Connection, signature: str) -> bool:
    """Whether the very same request was stored before."""
    return connection.execute("SELECT 1 FROM page WHERE signature = ?", (signature,)).fetchone() is not None


def store(connection: sqlite3.Connection, envelope: Envelope, space: Space) -> int | None:
    """Keep a page, making its cohort (of this kind) and its task when they are new; None for a repetition.

    The same body again is a repetition within a task. Without a task it may be news: somebody joined a second time.
    """
    page = envelope.page
    again = connection.execute(
        "SELECT 1 FROM page WHERE signature = ? OR (in_task = 1 AND digest = ?)", (envelope.signature, envelope.digest)
    ).fetchone()
    if again:
        return None
    cohort_id = new_cohort_id(Origin.HEAP, page.segment_id)
    known = connection.execute("SELECT 1 FROM cohort WHERE cohort_id = ?", (cohort_id,)).fetchone()
    if known is None:
        cohorts.create(connection, cohort_id, name=page.name, origin=Origin.HEAP, space=space, at=envelope.at)
    task_no = _task(connection, cohort_id, page, envelope.at)
    _seen(connection, cohort_id, page, task_no, envelope.at)
    cursor = connection.execute(
        "INSERT INTO page (task_no, cohort_id, in_task, received_at, action, number, total, joins, leaves, invalid,"
        f" verified, peer, digest, signature, size, kept, body) VALUES ({', '.join('?' * 17)})",
        (
            task_no,
            cohort_id,
            bool(page.task_id),
            envelope.at,
            page.action,
            page.number,
            page.total,
            len(page.adds),
            len(page.removes),
            page.invalid,
            envelope.verified,
            envelope.peer,
            envelope.digest,
            envelope.signature,
            envelope.size,
            len(envelope.body),
            envelope.body,
        ),
    )
    return cursor.lastrowid


def _task(connection: sqlite3.Connection, cohort_id: str, page: SegmentPage, at: float) -> int:
    """The task of a page; the numbers of pages that have come are noted."""
    row = (
        page.task_id
        and connection.execute(
            "SELECT task_no, total, numbers FROM sync_task WHERE cohort_id = ? AND task_id = ?",
            (cohort_id, page.task_id),
        ).fetchone()
    )
    if not row:
        numbers = BitMap([page.number] if page.number else [])
        cursor = connection.execute(
            "INSERT INTO sync_task (cohort_id, task_id, first_at, last_at, total, numbers) VALUES (?, ?, ?, ?, ?, ?)",
            (cohort_id, page.task_id, at, at, page.total, pack(numbers)),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid
    task_no, total, numbers = int(row[0]), row[1], unpack(row[2])
    if page.number:
        numbers.add(page.number)
        total = max(total or 0, page.total or 0)
    connection.execute(
        "UPDATE sync_task SET last_at = ?, total = ?, numbers = ? WHERE task_no = ?",
        (at, total, pack(numbers), task_no),
    )
    return task_no


def _seen(connection: sqlite3.Connection, cohort_id: str, page: SegmentPage, task_no: int, at: float) -> None:
    """Heap was heard of, perhaps with a new name for the segment; the name of the newest task counts."""
    row = connection.execute("SELECT heap_name, named_by FROM segment WHERE cohort_id = ?", (cohort_id,)).fetchone()
    if row is None:
        connection.execute(
            "INSERT INTO segment (cohort_id, heap_name, named_by, last_page_at) VALUES (?, ?, ?, ?)",
            (cohort_id, page.name, task_no, at),
        )
        return
    heap_name, named_by = row
    if task_no >= named_by and page.name != heap_name:
        # Only a change in Heap renames: a name that somebody gave here stays until then.
        cohorts.rename(connection, cohort_id, page.name, at=at)
        heap_name = page.name
    connection.execute(
        "UPDATE segment SET last_page_at = ?, heap_name = ?, named_by = max(named_by, ?) WHERE cohort_id = ?",
        (at, heap_name, task_no, cohort_id),
    )


def next_waiting(connection: sqlite3.Connection) -> Waiting | None:
    """The oldest page that is not applied."""
    row = connection.execute(
        "SELECT page_id, cohort_id, action, space, body FROM page JOIN cohort USING (cohort_id)"
        " WHERE applied_at IS NULL ORDER BY page_id LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    page_id, cohort_id, action, space, body = row
    return Waiting(page_id, cohort_id, Action(action), read_space(connection, space), body)


def apply(connection: sqlite3.Connection, page_id: int, space: Space, changes: TaskChanges, at: float) -> bool:
    """Let a page change the members of its cohort, once; False when the cohort's kind of ids is another by now."""
    task_no, cohort_id, action, applied = connection.execute(
        "SELECT task_no, cohort_id, action, applied_at IS NOT NULL FROM page WHERE page_id = ?", (page_id,)
    ).fetchone()
    if applied:
        return True
    (number,) = connection.execute("SELECT space FROM cohort WHERE cohort_id = ?", (cohort_id,)).fetchone()
    if read_space(connection, number) != space:
        return False
    task = _changes_of(connection, task_no)
    task.take(changes)
    newer, overruled = _newer(connection, cohort_id, task_no)
    if changes.touched and not overruled:
        _change_members(connection, cohort_id, lambda people: apply_page(people, task, changes, newer), at)
    connection.execute(
        "UPDATE page SET applied_at = ?, adds = ?, removes = ? WHERE page_id = ?",
        (at, pack(changes.adds), pack(changes.removes), page_id),
    )
    connection.execute(
        "UPDATE sync_task SET adds = ?, removes = ?, drain = CASE WHEN ? AND drain = '' THEN 'asked' ELSE drain END"
        " WHERE task_no = ?",
        (pack(task.adds), pack(task.removes), action == Action.DRAIN, task_no),
    )
    _close_if_whole(connection, task_no, cohort_id, at)
    return True


def _changes_of(connection: sqlite3.Connection, task_no: int) -> TaskChanges:
    adds, removes = connection.execute("SELECT adds, removes FROM sync_task WHERE task_no = ?", (task_no,)).fetchone()
    return TaskChanges(unpack(adds), unpack(removes))


def _newer(connection: sqlite3.Connection, cohort_id: str, task_no: int) -> tuple[BitMap, bool]:
    """Everybody whom newer tasks have decided about; True when one of them emptied the segment."""
    touched, emptied = BitMap(), False
    for adds, removes, drain in connection.execute(
        "SELECT adds, removes, drain FROM sync_task WHERE cohort_id = ? AND task_no > ?", (cohort_id, task_no)
    ):
        touched |= unpack(adds) | unpack(removes)
        emptied = emptied or drain == Drain.EMPTIED
    return touched, emptied


def _change_members(
    connection: sqlite3.Connection, cohort_id: str, change: Callable[[BitMap], BitMap], at: float
) -> None:
    """Change the people of a cohort, and those an undo of the last import would bring back."""
    members, before, retired = connection.execute(
        "SELECT members, members_before, retired_at IS NOT NULL FROM cohort WHERE cohort_id = ?", (cohort_id,)
    ).fetchone()
    connection.execute(
        "UPDATE cohort SET members = ?, members_before = ?, changed_at = ? WHERE cohort_id = ?",
        (
            # Nobody comes back into a retired cohort by a page; undoing the retirement finds what Heap sent.
            members if retired else pack(change(unpack(members))),
            None if before is None else pack(change(unpack(before))),
            at,
            cohort_id,
        ),
    )


def _close_if_whole(connection: sqlite3.Connection, task_no: int, cohort_id: str, at: float) -> None:
    """Close a task of which every page is applied; a page that comes later makes its cohort due again."""
    total, numbers, closed_at = connection.execute(
        "SELECT total, numbers, closed_at FROM sync_task WHERE task_no = ?", (task_no,)
    ).fetchone()
    unapplied = connection.execute(
        "SELECT 1 FROM page WHERE task_no = ? AND applied_at IS NULL LIMIT 1", (task_no,)
    ).fetchone()
    if unapplied or (closed_at is None and total is not None and len(unpack(numbers)) < total):
        return
    connection.execute("UPDATE sync_task SET closed_at = coalesce(closed_at, ?) WHERE task_no = ?", (at, task_no))
    _make_due(connection, cohort_id, at)


def _make_due(connection: sqlite3.Connection, cohort_id: str, at: float) -> None:
    connection.execute("UPDATE segment SET due_since = ? WHERE cohort_id = ?", (at, cohort_id))


def silent(connection: sqlite3.Connection, silent_since: float) -> list[tuple[int, str]]:
    """The open tasks of which no page has come since then: number and cohort."""
    return connection.execute(
        "SELECT task_no, cohort_id FROM sync_task WHERE closed_at IS NULL AND last_at < ? AND NOT EXISTS"
        " (SELECT 1 FROM page WHERE page.task_no = sync_task.task_no AND applied_at IS NULL)",
        (silent_since,),
    ).fetchall()


def close_silent(connection: sqlite3.Connection, *, silent_since: float, at: float) -> int:
    """Close the tasks of which no page has come since then, although some are missing. Returns how many."""
    rows = silent(connection, silent_since)
    for task_no, cohort_id in rows:
        connection.execute("UPDATE sync_task SET closed_at = ? WHERE task_no = ?", (at, task_no))
        _make_due(connection, cohort_id, at)
    return len(rows)


def answer_drain(connection: sqlite3.Connection, cohort_id: str, *, empty: bool, at: float) -> bool:
    """The user's word on Heap's wish to empty a segment; False when there is no such wish."""
    (task_no,) = connection.execute(
        "SELECT max(task_no) FROM sync_task WHERE cohort_id = ? AND drain = 'asked'", (cohort_id,)
    ).fetchone()
    if task_no is None:
        return False
    if empty:
        newer, _ = _newer(connection, cohort_id, task_no)
        _change_members(connection, cohort_id, lambda people: drained(people, newer), at)
        _make_due(connection, cohort_id, at)
    connection.execute(
        "UPDATE sync_task SET drain = ? WHERE cohort_id = ? AND drain = 'asked'",
        (Drain.EMPTIED if empty else Drain.KEPT, cohort_id),
    )
    return True


def read_pages(connection: sqlite3.Connection, cohort_id: str, *, limit: int) -> list[ReceivedPage]:
    """The last pages of a cohort, newest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM page JOIN sync_task USING (task_no) WHERE page.cohort_id = ?"
        " ORDER BY page_id DESC LIMIT ?",
        (cohort_id, limit),
    ).fetchall()
    return [_page(row) for row in rows]


def _page(row: tuple[Any, ...]) -> ReceivedPage:
    facts: list[Any] = [*row[:-1], bool(row[-1])]
    return ReceivedPage(*facts)


def read_tasks(connection: sqlite3.Connection, cohort_id: str, *, limit: int) -> list[HeapTask]:
    """The last syncs of a segment, newest first."""
    rows = connection.execute(
        "SELECT task_no, task_id, first_at, last_at, total, numbers, closed_at IS NOT NULL, drain FROM sync_task"
        " WHERE cohort_id = ? ORDER BY task_no DESC LIMIT ?",
        (cohort_id, limit),
    ).fetchall()
    tasks = []
    for task_no, task_id, first_at, last_at, total, numbers, closed, drain in rows:
        missing = BitMap(range(1, total + 1)) - unpack(numbers) if total else BitMap()
        shown = tuple(missing[:MISSING_SHOWN])
        tasks.append(
            HeapTask(task_no, task_id, first_at, last_at, total, len(missing), shown, bool(closed), Drain(drain))
        )
    return tasks


def read_body(connection: sqlite3.Connection, page_id: int) -> bytes | None:
    """The body of a page as it came; None when there is no such page."""
    row = connection.execute("SELECT body FROM page WHERE page_id = ?", (page_id,)).fetchone()
    return zlib.decompress(row[0]) if row else None


def counts(connection: sqlite3.Connection, cohort_id: str) -> tuple[int, int]:
    """How many pages of a cohort are kept, and how many of them are not applied."""
    kept, applied = connection.execute(
        "SELECT count(*), count(applied_at) FROM page WHERE cohort_id = ?", (cohort_id,)
    ).fetchone()
    return kept, kept - applied
