"""Send Currents events on to Heap: at least once, with the event id as idempotency key, within Heap's limits.

An event is settled only after Heap answered 2xx. Whatever is cancelled, killed or timed out before that is sent again
with the same key, and counts once.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from filelock import FileLock, Timeout
from msgspec import Struct, field

from heaptui.clients.heap import PER_REQUEST, Heap
from heaptui.clients.http import Answer, NoAnswer, NotSent
from heaptui.errors import LedgerError, Unreachable
from heaptui.model.currents import Filtered, HeapEvent, Rules, Unforwardable, decode, translate, user_properties
from heaptui.model.currents_facts import ForwarderStatus
from heaptui.services.heap_pace import HeapPace
from heaptui.services.pacing import Pace
from heaptui.store import currents
from heaptui.store.currents import Outcome, Settled, WaitingEvent
from heaptui.store.database import Database

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

LOOK_EVERY = 1.0
QUEUE_MOST = 20_000
"""Events read ahead; beyond, one person with very many events makes the others wait, too."""

SUSPICIOUS = 50
"""Single events refused one after another, after which it is hardly the events' fault."""

TROUBLE_WAIT = 60.0
TELL_EVERY = 2.0
AGAIN = (408, 423, 425, 429)


class Ready(Struct, frozen=True):
    """A waiting event as Heap takes it."""

    event: WaitingEvent
    heap: HeapEvent
    user: Mapping[str, str | int | float] = field(default_factory=dict)


class Forwarder:
    """Forwards the events of one workspace. Only one may do so at a time: see `forwarding_lock`."""

    def __init__(
        self,
        events: Database,
        heap: Heap,
        rules: Rules,
        *,
        limits: HeapPace | None = None,
        pace: Pace | None = None,
        arrived: asyncio.Event | None = None,
        user_properties: bool = False,
        told: Callable[[str], None] = lambda _: None,
        trouble_wait: float = TROUBLE_WAIT,
    ) -> None:
        self._events = events
        self._heap = heap
        self._rules = rules
        self._limits = limits or HeapPace()
        self._pace = pace or Pace()
        self._arrived = arrived or asyncio.Event()
        self._user_properties = user_properties
        self._told = told
        self._trouble_wait = trouble_wait
        self._queue: deque[Ready] = deque()
        self._after = 0
        self._refused_in_a_row = 0
        self._status = ForwarderStatus(os.getpid(), "idle", "", time.time())
        self._status_at = 0.0

    async def carry_out(self) -> None:
        """Forward until cancelled."""
        ailing = ""
        while True:
            self._arrived.clear()
            try:
                worked = await self.step()
                if not worked:
                    await self._tell("idle")
                ailing = ""
            except LedgerError as error:
                # What was read ahead or sent and not settled is read again, and sent again with the same keys.
                self._queue.clear()
                self._after = 0
                if str(error) != ailing:
                    ailing = str(error)
                    self._told(f"! {error}; trying again")
                worked = False
            if not worked:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY):
                        await self._arrived.wait()

    async def drain(self) -> None:
        """Forward what waits now, then return."""
        while await self.step():
            pass

    async def leave(self) -> None:
        """Tell other processes that nobody forwards any more."""
        with contextlib.suppress(LedgerError):
            await self._events.write(partial(currents.set_meta, key="forwarder", value=""))

    async def step(self) -> bool:
        """One request, or one look for more; False when there is nothing to do."""
        read = await self._read_ahead()
        if not self._queue:
            return read
        chosen = self._choose()
        if chosen:
            await self._tell("sending")
            await self._send(chosen)
        else:
            await self._tell("waiting", "Heap takes 15,000 events a minute, 1,000 of one person")
            await asyncio.sleep(min(LOOK_EVERY, self._limits.app.wait() or LOOK_EVERY))
        return True

    async def _read_ahead(self) -> bool:
        """Translate what waits on disk, until there is enough for a request; whether there was anything."""
        read = False
        while len(self._queue) < PER_REQUEST or (read is False and len(self._queue) < QUEUE_MOST):
            found = await self._events.read(
                partial(currents.waiting_after, batch_no=self._after, most=PER_REQUEST), long=True
            )
            if not found:
                return read
            read = True
            self._after = found[-1].batch_no
            ready, settled = await asyncio.to_thread(self._translated, found)
            self._queue.extend(ready)
            await self._settle(settled)
        return read

    def _translated(self, found: Sequence[WaitingEvent]) -> tuple[list[Ready], list[Settled]]:
        ready: list[Ready] = []
        settled: list[Settled] = []
        for event in found:
            try:
                data = decode(event.body)
                heap, _ = translate(data, self._rules)
                user = user_properties(data, self._rules) if self._user_properties else {}
                ready.append(Ready(event, heap, user))
            except Filtered as why:
                settled.append(Settled(event, Outcome.FILTERED, str(why)))
            except Unforwardable as why:
                settled.append(Settled(event, Outcome.DEAD, str(why)))
        return ready, settled

    def _choose(self) -> list[Ready]:
        """The oldest events that may leave now; those of a person in the order in which they came."""
        most = min(PER_REQUEST, self._limits.app.room)
        chosen: list[Ready] = []
        kept: deque[Ready] = deque()
        people: Counter[str] = Counter()
        rooms: dict[str, int] = {}
        while self._queue and len(chosen) < most:
            ready = self._queue.popleft()
            who = ready.heap.identity
            if who not in rooms:
                rooms[who] = self._limits.room_for(who)
            if people[who] < rooms[who]:
                people[who] += 1
                chosen.append(ready)
            else:
                kept.append(ready)
        self._queue.extendleft(reversed(kept))
        return chosen

    async def _send(self, chosen: Sequence[Ready]) -> None:
        """Send until Heap has answered for each of them."""
        attempt = 0
        while True:
            answer = await self._attempt([ready.heap for ready in chosen], attempt)
            attempt += 1
            if answer is None:
                continue
            if answer.ok and not answer.is_html:
                self._refused_in_a_row = 0
                await self._set_user_properties(chosen)
                await self._settle([Settled(ready.event, Outcome.FORWARDED) for ready in chosen])
                return
            if answer.status in (400, 413):
                await self._take_apart(chosen, answer)
                return
            await self._wait_out(
                f"Heap answered {answer.status}: check heap_endpoint and the network in between", self._trouble_wait
            )

    async def _attempt(self, events: Sequence[HeapEvent], attempt: int) -> Answer | None:
        """One request; None when it is to be sent again, after the wait for that."""
        self._limits.leave(Counter(event.identity for event in events))
        try:
            answer = await self._heap.track(events)
        except (NotSent, NoAnswer) as error:
            await self._wait_out(error.title, self._pace.backoff(attempt))
            return None
        if answer.status >= 500 or answer.status in AGAIN:
            # Whether Heap says how long is not documented; where it does, it is heeded.
            asked = _seconds(answer.headers.get("retry-after", ""))
            await self._wait_out(f"Heap answered {answer.status}", asked or self._pace.backoff(attempt))
            return None
        return answer

    async def _take_apart(self, chosen: Sequence[Ready], answer: Answer) -> None:
        """Halve what Heap refuses until the culprit stands alone: which one it is, Heap does not say."""
        if len(chosen) > 1:
            middle = len(chosen) // 2
            await self._send(chosen[:middle])
            await self._send(chosen[middle:])
            return
        self._refused_in_a_row += 1
        if self._refused_in_a_row > SUSPICIOUS:
            await self._wait_out(
                f"Heap refused {self._refused_in_a_row} events one after another: check heap_app_id and heap_endpoint",
                self._trouble_wait,
            )
        reason = "Heap refused it alone with 400" if answer.status == 400 else "Heap says it is too large"
        text = answer.text.strip()
        told = f"{reason}: {text[:200]}" if text not in ("", "{}") else reason
        await self._settle([Settled(chosen[0].event, Outcome.DEAD, told)])

    async def _set_user_properties(self, chosen: Sequence[Ready]) -> None:
        """What events say about a person stands on the person, too. Setting it again changes nothing."""
        users: dict[str, dict[str, str | int | float]] = {}
        for ready in chosen:
            if ready.user:
                users.setdefault(ready.heap.identity, {}).update(ready.user)
        attempt = 0
        while users:
            try:
                answer = await self._heap.add_user_properties(users)
            except (NotSent, NoAnswer) as error:
                await self._wait_out(error.title, self._pace.backoff(attempt))
            else:
                if answer.status < 500 and answer.status not in AGAIN:
                    if not answer.ok:
                        self._told(f"! Heap refused user properties with {answer.status}; the events themselves went.")
                    return
                await self._wait_out(f"Heap answered {answer.status}", self._pace.backoff(attempt))
            attempt += 1

    async def _settle(self, settled: Sequence[Settled]) -> None:
        if settled:
            await self._events.write(partial(currents.settle, results=settled, now=time.time()))

    async def _wait_out(self, reason: str, seconds: float) -> None:
        await self._tell("waiting", reason)
        await asyncio.sleep(seconds)

    async def _tell(self, state: str, text: str = "") -> None:
        """Tell other processes what is going on, when it changes and now and then."""
        now = time.time()
        changed = (state, text) != (self._status.state, self._status.text)
        if text and changed:
            self._told(f"! {text}; trying again")
        if not changed and now - self._status_at < TELL_EVERY:
            return
        self._status, self._status_at = ForwarderStatus(os.getpid(), state, text, now), now
        value = msgspec.json.encode(self._status).decode()
        await self._events.write(partial(currents.set_meta, key="forwarder", value=value))


def _seconds(text: str) -> float:
    return min(float(text), 300.0) if text.replace(".", "", 1).isdecimal() else 0.0


@asynccontextmanager
async def forwarding_lock(workspace: Workspace) -> AsyncIterator[None]:
    """Be the only process that forwards this workspace's events. The kernel frees the lock of a dead one.

    Raises:
        Unreachable: another process forwards them.
    """
    name = hashlib.sha256(str(currents.path_beside(workspace.ledger.path).absolute()).encode()).hexdigest()[:16]
    path = workspace.home.locks_dir / f"currents-{name}.lock"
    lock = FileLock(path, thread_local=False, mode=0o600)

    def acquire() -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.acquire(timeout=0)

    try:
        await asyncio.to_thread(acquire)
    except Timeout as error:
        raise Unreachable(
            "Another process forwards this profile's events already.",
            "Two would only send everything twice.",
            "See which: heaptui doctor",
        ) from error
    try:
        yield
    finally:
        await asyncio.to_thread(lock.release)
