"""Braze's Currents sender: batches of up to 100 events, one queue for each type, and the documented reactions.

5xx and everything unlisted: sent again with growing pauses. 400: split into single events, and a single one that is
refused again is dropped for good. 413: split in halves. 401 and 403: not sent again, the connector is disabled. 404:
disabled as well.
"""

from __future__ import annotations

import asyncio
import gzip
import http.client
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import msgspec

from heaptui.sandbox.asgi import Reply
from heaptui.sandbox.currents_events import EventMaker
from heaptui.sandbox.world import World

BATCH = 100
FLUSH_AFTER = 0.5
"""Seconds after which a batch leaves that is not full; Braze takes up to 15 minutes."""

ANSWER_WITHIN = 30.0
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Flow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `POST /_sandbox/currents` takes.

    Attributes:
        url: of the receiver, on this machine.
        token: the bearer token; empty sends none.
        events: how many to send; with `test`, one of each type instead.
        per_second: how many a second; 0 as fast as they are taken.
        seed: of everything random.
        duplicates: share of the batches that are sent a second time, as "at least once" allows.
        gzip: compress the bodies.
        pause: seconds before the first repetition of what was not taken.
        spread_hours: how long ago the events may have happened.
        people: external ids to choose from; none means those that the sandbox knows.
    """

    url: str
    token: str = ""
    events: int = 1000
    per_second: float = 0.0
    seed: int = 0
    duplicates: float = 0.0
    gzip: bool = False
    test: bool = False
    pause: float = 0.2
    people: list[str] = []
    spread_hours: float = 0.0


class CurrentsSender:
    """One connector. `counts` says what happened to its events."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._task: asyncio.Task[None] | None = None
        self.counts: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.disabled = ""
        self.sent_ids: list[str] = []

    async def start(self, body: bytes) -> Reply:
        """Begin to send; what was going on ends."""
        try:
            flow = msgspec.json.decode(body, type=Flow)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Reply(400, {"message": str(error)})
        if urlsplit(flow.url).hostname not in LOOPBACK:
            return Reply(400, {"message": "the sandbox sends to this machine only"})
        await self.stop()
        self.counts.clear()
        self.statuses.clear()
        self.sent_ids.clear()
        self.disabled = ""
        self._task = asyncio.create_task(self._flow(flow), name="Currents")
        return Reply(200, {"message": "started"})

    async def stop(self) -> None:
        """No more events."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def done(self) -> None:
        """Wait until everything was sent, or given up."""
        if self._task is not None:
            await self._task

    def told(self) -> Reply:
        """What happened so far."""
        running = self._task is not None and not self._task.done()
        counts = {name: self.counts[name] for name in ("made", "accepted", "dropped", "resent", "waiting")}
        answers = {str(status or "no answer"): count for status, count in self.statuses.items()}
        return Reply(200, {"running": running, "disabled": self.disabled, **counts, "answers": answers})

    async def _flow(self, flow: Flow) -> None:
        people = flow.people or sorted(self._world.known)[:50_000]
        maker = EventMaker(people, flow.seed, spread=flow.spread_hours * 3600)
        events: Iterable[dict[str, Any]] = maker.all_types() if flow.test else islice(maker.stream(), flow.events)
        rng = random.Random(flow.seed)  # noqa: S311 - sample data
        connection = _Connection(flow)
        started, number = time.monotonic(), 0
        try:
            for number, batch in _batched(events, flow.per_second):
                self.counts["made"] += len(batch)
                self.sent_ids += [event["id"] for event in batch]
                for _ in range(2 if rng.random() < flow.duplicates else 1):
                    await self._deliver(connection, batch, flow)
                if flow.per_second:
                    await asyncio.sleep(max(0.0, started + number / flow.per_second - time.monotonic()))
        finally:
            await asyncio.to_thread(connection.close)

    async def _deliver(self, connection: _Connection, batch: Sequence[dict[str, Any]], flow: Flow) -> None:
        pause = flow.pause
        while not self.disabled:
            status = await asyncio.to_thread(connection.post, batch)
            self.statuses[status] += 1
            if 200 <= status < 300:
                self.counts["accepted"] += len(batch)
                return
            if status in (400, 413):
                await self._split(connection, batch, flow, status)
                return
            if status in (401, 403, 404):
                self.disabled = f"the endpoint answered {status}"
                break
            self.counts["resent"] += len(batch)
            await asyncio.sleep(random.uniform(0.5, 1) * pause)  # noqa: S311 - jitter
            pause = min(2 * pause, 60.0)
        self.counts["waiting"] += len(batch)

    async def _split(self, connection: _Connection, batch: Sequence[dict[str, Any]], flow: Flow, status: int) -> None:
        if len(batch) == 1:
            self.counts["dropped"] += 1
            return
        size = 1 if status == 400 else (len(batch) + 1) // 2
        for start in range(0, len(batch), size):
            await self._deliver(connection, batch[start : start + size], flow)


def _batched(events: Iterable[dict[str, Any]], per_second: float) -> Iterator[tuple[int, Sequence[dict[str, Any]]]]:
    """(events made so far, batch): full ones, and at the end or after a while also others."""
    queues: dict[str, list[dict[str, Any]]] = defaultdict(list)
    flush_every = max(1, int(per_second * FLUSH_AFTER)) if per_second else 0
    number = 0
    for number, event in enumerate(events, 1):
        queue = queues[event["event_type"]]
        queue.append(event)
        if len(queue) >= BATCH:
            yield number, queues.pop(event["event_type"])
        if flush_every and number % flush_every == 0:
            for name in list(queues):
                yield number, queues.pop(name)
    for batch in queues.values():
        yield number, batch


class _Connection:
    """Keeps one connection open, as long as the other side does. Used in threads, by one at a time."""

    def __init__(self, flow: Flow) -> None:
        self._parts = urlsplit(flow.url)
        self._headers = {"Content-Type": "application/json", "Braze-Currents-Version": "1"}
        if flow.token:
            self._headers["Authorization"] = f"Bearer {flow.token}"
        if flow.gzip:
            self._headers["Content-Encoding"] = "gzip"
        self._gzip = flow.gzip
        self._open: http.client.HTTPConnection | None = None

    def post(self, events: Sequence[dict[str, Any]]) -> int:
        """One attempt; 0 when there was no answer."""
        body = msgspec.json.encode({"events": events})
        body = gzip.compress(body, 1) if self._gzip else body
        target = self._parts.path + (f"?{self._parts.query}" if self._parts.query else "")
        try:
            if self._open is None:
                host, port = self._parts.hostname or "", self._parts.port
                self._open = http.client.HTTPConnection(host, port, timeout=ANSWER_WITHIN)
            self._open.request("POST", target, body, self._headers)
            answer = self._open.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return 0
        return answer.status

    def close(self) -> None:
        """Hang up."""
        if self._open is not None:
            self._open.close()
            self._open = None
