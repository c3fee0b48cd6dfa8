"""What is known about received Currents events: counts that add up, dead letters, single events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct, field

GONE_AFTER = 15.0
"""Seconds without a word after which a forwarder counts as gone."""


class ForwarderStatus(msgspec.Struct, frozen=True):
    """What the forwarding process said last. `state` is idle, sending or waiting."""

    pid: int = 0
    state: str = ""
    text: str = ""
    at: float = 0.0


class TypeCounts(Struct, frozen=True):
    """The events of one type. `received` counts distinct events, `per_minute` all that came in the last minute."""

    event_type: str
    received: int = 0
    duplicates: int = 0
    forwarded: int = 0
    filtered: int = 0
    dead: int = 0
    per_minute: int = 0

    @property
    def waiting(self) -> int:
        """Not settled yet."""
        return self.received - self.forwarded - self.filtered - self.dead

    @property
    def came(self) -> int:
        """Everything that came, repetitions too: forwarded + filtered + duplicates + dead + waiting."""
        return self.received + self.duplicates


class CurrentsStats(Struct, frozen=True):
    """All types together and each alone; the times are seconds since the epoch."""

    types: Sequence[TypeCounts]
    forwarder: ForwarderStatus = field(default_factory=ForwarderStatus)
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Why events were filtered."""
    last_received_at: float | None = None
    oldest_waiting_at: float | None = None
    rates: Sequence[int] = ()
    """Events received in each of the last minutes, the newest last."""
    size: int = 0

    @property
    def together(self) -> TypeCounts:
        """The sum."""
        names = ("received", "duplicates", "forwarded", "filtered", "dead", "per_minute")
        return TypeCounts("", **{name: sum(getattr(counts, name) for counts in self.types) for name in names})


class DeadLetter(Struct, frozen=True):
    """An event that could not go to Heap."""

    event_no: int
    event_id: str
    event_type: str
    received_at: float
    died_at: float
    reason: str
    body: bytes


class StoredEvent(Struct, frozen=True):
    """One event as it came, and what became of it; `body` is empty when it has been removed."""

    event_no: int
    event_id: str
    event_type: str
    received_at: float
    outcome: str
    body: bytes
    reason: str = ""
