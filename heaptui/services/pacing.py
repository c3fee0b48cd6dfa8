"""How fast a run may go: the gate all its requests pass, and how many of one cohort are in flight."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from msgspec import Struct

from heaptui.model.runs import Reason, Wait

CLEAN_ANSWERS_TO_GROW = 50

TELL_AGAIN = 5.0
"""Seconds by which a wait must be longer than the one told last, so that short ones do not fill the story."""


class Pace(Struct, frozen=True):
    """The times of a run, in seconds."""

    read_timeout: float = 30.0
    backoff_base: float = 0.5
    backoff_cap: float = 30.0
    longest_wait: float = 900.0
    attempts: int = 6

    def backoff(self, attempt: int) -> float:
        """Full jitter: anything up to the doubled base, capped."""
        return random.uniform(0, min(self.backoff_cap, self.backoff_base * 2**attempt))  # noqa: S311 - not a secret


class Stopped(Exception):
    """No further request may leave."""


class Gate:
    """What every request passes: closed by a breaker or a cancel, held by a pause or a rate limit.

    A run has one; each of its deliveries has a child, which closes with the run or alone.
    """

    def __init__(self, parent: Gate | None = None) -> None:
        self.reason = Reason.NONE
        self.detail = ""
        self.wait: Wait | None = None
        self._limited_since: float | None = None
        self._told_until = 0.0
        self._parent = parent
        self._children: list[Gate] = []
        self._going = asyncio.Event()
        self._going.set()
        self._stopped = asyncio.Event()
        if parent is not None:
            parent._children.append(self)

    @property
    def stopped(self) -> bool:
        """Whether it is closed for good."""
        return self._stopped.is_set()

    def stop(self, reason: Reason, detail: str = "") -> None:
        """Close it for good; the first reason counts. Requests in flight drain."""
        if not self.stopped:
            self.reason, self.detail = reason, detail
            self._stopped.set()
            self._going.set()
        for child in self._children:
            child.stop(reason, detail)

    def stop_all(self, reason: Reason, detail: str = "") -> None:
        """Close the whole run."""
        (self._parent or self).stop(reason, detail)

    def pause(self) -> None:
        """Let nothing through until `go_on`."""
        self._going.clear()

    def go_on(self) -> None:
        """End a pause."""
        if not self.stopped:
            self._going.set()

    def hold(self, wait: Wait) -> bool:
        """Let nothing of the run through until the end of a rate limit; whether that is much later than told before."""
        run = self._parent or self
        if run.wait is None or wait.until > run.wait.until:
            run.wait = wait
        run._limited_since = run._limited_since or time.time()
        news = wait.until >= run._told_until + TELL_AGAIN
        run._told_until = wait.until if news else run._told_until
        return news

    def limited_for(self) -> float:
        """Seconds since the first rate limit after which nothing was accepted."""
        since = (self._parent or self)._limited_since
        return time.time() - since if since is not None else 0.0

    def unlimited(self) -> None:
        """Something was accepted: no rate limit is on."""
        (self._parent or self)._limited_since = None

    def holding(self, now: float) -> Wait | None:
        """The wait for a rate limit that holds every request now; None where nothing does."""
        wait = (self._parent or self).wait
        return wait if wait is not None and wait.until > now else None

    async def sleep(self, seconds: float) -> None:
        """Wait, unless the gate closes meanwhile.

        Raises:
            Stopped: it closed.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return
        raise Stopped

    async def passed(self) -> None:
        """Wait until a request may leave.

        Raises:
            Stopped: none may leave any more.
        """
        run = self._parent or self
        while not self.stopped:
            if not run._going.is_set():
                await run._going.wait()
            elif run.wait is not None and (left := run.wait.until - time.time()) > 0:
                await self.sleep(left)
            else:
                run.wait = None
                return
        raise Stopped


class Quota:
    """At most so many requests in any so many seconds, whoever sends them."""

    def __init__(self, requests: int, seconds: float) -> None:
        self._seconds = seconds
        self._places: deque[float] = deque(maxlen=requests)

    def take(self, now: float) -> float:
        """Take the next place; how long to wait for it (seconds). `now` is a monotonic time."""
        full = len(self._places) == self._places.maxlen
        place = max(now, self._places[0] + self._seconds) if full else now
        self._places.append(place)
        return place - now


class Slots:
    """How many requests of one cohort are in flight: halves when the other side suffers, grows when it does not.

    `connections` is shared by the cohorts of a run, so that no request is journalled as sent before it can leave.
    """

    def __init__(self, highest: int, connections: asyncio.Semaphore, on_change: Callable[[int, int], None]) -> None:
        self.highest = highest
        self.limit = highest
        self.taken = 0
        self._in_flight = 0
        self._clean = 0
        self._free = asyncio.Condition()
        self._connections = connections
        self._on_change = on_change

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold one slot and one connection."""
        async with self._free:
            await self._free.wait_for(lambda: self.taken < self.limit)
            self.taken += 1
        try:
            async with self._connections:
                self._flying(1)
                try:
                    yield
                finally:
                    self._flying(-1)
        finally:
            self.taken -= 1
            async with self._free:
                self._free.notify_all()

    def _flying(self, change: int) -> None:
        self._in_flight += change
        self._on_change(self._in_flight, self.limit)

    def halve(self) -> bool:
        """Fewer at once from now on; whether that changed anything."""
        return self._set(max(1, self.limit // 2))

    def only_one(self) -> bool:
        """One at a time, and never more in this run."""
        self.highest = 1
        return self._set(1)

    def clean(self) -> None:
        """An answer without trouble."""
        self._clean += 1
        if self._clean >= CLEAN_ANSWERS_TO_GROW and self.limit < self.highest:
            self._set(self.limit + 1)

    def _set(self, limit: int) -> bool:
        changed = limit != self.limit
        self.limit = limit
        self._clean = 0
        self._on_change(self._in_flight, limit)
        return changed
