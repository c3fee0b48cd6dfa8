"""How fast Heap may be told events: so many in a minute of one app, and of one identity."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable

APP_PER_MINUTE = 15_000
IDENTITY_PER_MINUTE = 1_000
MINUTE = 61.0
"""Seconds. A little more than a minute, because Heap counts when requests arrive, and we when they leave."""


class Window:
    """What left within the last minute."""

    def __init__(self, limit: int, seconds: float = MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._seconds = seconds
        self._clock = clock
        self._left: deque[tuple[float, int]] = deque()
        self._sum = 0

    @property
    def room(self) -> int:
        """How many more may leave now."""
        horizon = self._clock() - self._seconds
        while self._left and self._left[0][0] <= horizon:
            self._sum -= self._left.popleft()[1]
        return self.limit - self._sum

    def leave(self, count: int) -> None:
        """So many leave now."""
        self._left.append((self._clock(), count))
        self._sum += count

    def wait(self) -> float:
        """Seconds until there is more room than now; 0 when nothing left lately."""
        return max(0.0, self._left[0][0] + self._seconds - self._clock()) if self._left else 0.0


class HeapPace:
    """Both limits together."""

    def __init__(
        self,
        app: int = APP_PER_MINUTE,
        identity: int = IDENTITY_PER_MINUTE,
        seconds: float = MINUTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app = Window(app, seconds, clock)
        self._people: dict[str, Window] = defaultdict(lambda: Window(identity, seconds, clock))
        self._identity = identity

    def room_for(self, identity: str) -> int:
        """How many more events of somebody may leave now."""
        window = self._people.get(identity)
        return window.room if window else self._identity

    def leave(self, people: dict[str, int]) -> None:
        """A request leaves with so many events of each identity."""
        self.app.leave(sum(people.values()))
        for identity, count in people.items():
            self._people[identity].leave(count)
        if len(self._people) > 4 * self.app.limit:
            # Whoever has been silent for a minute needs no window.
            silent = [identity for identity, window in self._people.items() if window.room == window.limit]
            for identity in silent:
                del self._people[identity]
