"""What came from Heap, as screens and commands show it. Times are seconds since the epoch."""

from __future__ import annotations

import time
from enum import StrEnum

from msgspec import Struct

CADENCE = 4 * 3600.0
"""Seconds between two calls of Heap for one segment that is synced regularly."""

MISSING_SHOWN = 20


class Drain(StrEnum):
    """What became of Heap's wish to empty a segment; `NONE` when a task holds no such wish."""

    NONE = ""
    ASKED = "asked"
    EMPTIED = "emptied"
    KEPT = "kept"


class ReceivedPage(Struct, frozen=True):
    """One page that was stored.

    Attributes:
        page_id: our number of it.
        task_id: of the Heap sync; empty when Heap sent none.
        number, total: "page 1 of 2"; None when Heap sent none.
        joins, leaves: people as Heap sent them; `invalid` entries had no usable id.
        verified: how the signature was found right.
        applied: whether it is in the members already.
    """

    page_id: int
    cohort_id: str
    received_at: float
    action: str
    task_id: str
    number: int | None
    total: int | None
    joins: int
    leaves: int
    invalid: int
    verified: str
    peer: str
    size: int
    applied: bool

    @property
    def place(self) -> str:
        """`1 of 2`, or nothing."""
        return f"{self.number} of {self.total}" if self.number else ""


class HeapTask(Struct, frozen=True):
    """One sync of a segment as Heap ran it."""

    task_no: int
    task_id: str
    first_at: float
    last_at: float
    total: int | None
    missing_count: int
    missing: tuple[int, ...]
    closed: bool
    drain: Drain = Drain.NONE

    @property
    def complete(self) -> bool:
        """Whether every page has come."""
        return not self.missing_count

    @property
    def state(self) -> str:
        """In words: `complete`, `arriving` or `incomplete`."""
        return "complete" if self.complete else "incomplete" if self.closed else "arriving"

    @property
    def missing_text(self) -> str:
        """`pages 3, 7 of 9 are missing`."""
        more = ", …" if self.missing_count > len(self.missing) else ""
        word, verb = ("page", "is") if self.missing_count == 1 else ("pages", "are")
        return f"{word} {', '.join(map(str, self.missing))}{more} of {self.total} {verb} missing"


class SecurityNote(Struct, frozen=True):
    """Requests that were not let in, of one kind on one day (UTC)."""

    kind: str
    day: str
    count: int
    first_at: float
    last_at: float
    peer: str

    @property
    def intruding(self) -> bool:
        """Whether they carried a key, and a wrong one."""
        return self.kind in ("forged", "wrong token")

    @property
    def text(self) -> str:
        """`3 requests with a wrong signature, last 2025-12-03 14:20 from 203.0.113.9`."""
        what = {
            "forged": "with a wrong signature",
            "unsigned": "without a signature",
            "late": "signed too long ago, or by a clock that is ahead",
            "wrong token": "with a wrong Currents token",
            "no token": "without a Currents token",
        }.get(self.kind, self.kind)
        word = "request" if self.count == 1 else "requests"
        last = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.last_at))
        return f"{self.count:,} {word} {what}, last {last} from {self.peer}; refused, nothing stored"


class ListenerFacts(Struct, frozen=True):
    """Whether somebody listens, where, and how fresh Heap's data is.

    Attributes:
        intruded: of the requests with a wrong key, the kind that came last, over all days.
    """

    hosts: tuple[str, ...]
    last_page_at: float | None
    intruded: SecurityNote | None

    @property
    def listening(self) -> bool:
        """Whether a process, here or elsewhere, takes what Heap sends."""
        return bool(self.hosts)


class Received(Struct, frozen=True):
    """What came from Heap for one cohort: the newest first.

    Attributes:
        waiting: pages that are stored and not applied yet.
        warnings: sentences about the ids.
    """

    pages: tuple[ReceivedPage, ...]
    tasks: tuple[HeapTask, ...]
    warnings: tuple[str, ...]
    page_count: int
    waiting: int

    @property
    def unfinished(self) -> HeapTask | None:
        """The newest Heap sync with people, while pages of it are missing, or when they never came."""
        newest = next((task for task in self.tasks if task.drain is Drain.NONE), None)
        return None if newest is None or newest.complete else newest
