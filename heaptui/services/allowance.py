"""Never more than so many requests in so many seconds, however many ask at once."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Waiter = Callable[[float, str], Awaitable[None]]


class Allowance:
    """`limit` requests in any window of `seconds`, wherever the window begins.

    A place is free again so long after its *answer*: a request reaches the other side some time before that, so the
    distance between two uses of one place is never shorter there than here.
    """

    def __init__(self, limit: int, seconds: float = 60.0) -> None:
        self.limit, self.seconds = limit, seconds
        self._places = asyncio.Semaphore(limit)
        self._free_at = [0.0] * limit

    @asynccontextmanager
    async def one(self, wait: Waiter) -> AsyncIterator[None]:
        """Make one request inside; `wait` waits for a place and may tell somebody about it."""
        async with self._places:
            free_at = heapq.heappop(self._free_at)
            try:
                while (left := free_at - time.monotonic()) > 0:
                    await wait(left, f"at most {self.limit} look-ups in {self.seconds:.0f} s")
                try:
                    yield
                finally:
                    free_at = time.monotonic() + self.seconds
            finally:
                heapq.heappush(self._free_at, free_at)

    def seconds_for(self, requests: int, latency: float, at_once: int) -> float:
        """How long so many requests take from now, with answers after `latency` seconds."""
        now = time.monotonic()
        free = sorted(max(0.0, at - now) for at in self._free_at) or [self.seconds]
        rounds, last = divmod(max(requests - 1, 0), len(free))
        return max(rounds * self.seconds + free[last], requests * latency / at_once)
