"""Currents: how fast events come in durably, what they cost on disk, how a backlog drains, and what the screen feels."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from heaptui.sandbox.currents_events import EventMaker
from heaptui.services.heap_pace import HeapPace
from tests.bench.dashboard import (
    Hands,
    filled_home,
    open_counter,
    open_dashboard,
    running_sandbox,
    send_events,
    taken_events,
)

SENDERS = 8
BATCH = 100
SECONDS = 6
ANSWER_WITHIN = 30
TOKEN = "bench"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
PER_MINUTE, MINUTE, PAUSE = 15_000, 60.0, 10.0
"""What Heap takes in a minute; and seconds in which nothing was sent because it took no more."""

BACKLOG = 45_000
PEOPLE, FEW, MANY, FLOW = 20_000, 2_000, 10**7, 4_000.0
KEY_ROUNDS = 8
BARE = """
import asyncio, sys
from heaptui.serving import bound_socket, serving

async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})

async def main():
    bound = bound_socket("127.0.0.1", 0, "")
    async with serving(app, bound, drain=True):
        print("listening on", f"http://127.0.0.1:{bound.getsockname()[1]}", file=sys.stderr, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def run() -> list[str]:
    return asyncio.run(_measured())


async def _measured() -> list[str]:
    lines = []
    ratios, rates = [], []
    with tempfile.TemporaryDirectory() as folder:
        bodies = _bodies(400, 1)
        size = sum(map(len, bodies)) / len(bodies) / BATCH
        for number in range(3):
            bare, _, _ = await _rate([sys.executable, "-c", BARE], {}, bodies, "", fresh=False)
            home = Path(folder) / str(number)
            ours, statuses, _ = await _rate(*_listener(home), bodies, "/braze/currents", fresh=True)
            assert set(statuses) == {204}, statuses
            ratios.append(ours / bare)
            rates.append(ours)
        rate = statistics.median(rates)
        lines.append(
            f"Currents in, durable before 2xx: {rate:,.0f} events/s of {size:,.0f} bytes, batches of {BATCH},"
            f" {SENDERS} connections; the same bodies into a bare app that answers 204:"
            f" ratio {statistics.median(ratios):.2f}"
        )
        lines += await _soak(Path(folder) / "soak", rate / 2, int(os.environ.get("BENCH_SOAK_SECONDS", "60")))
        lines += await _at_heaps_limit(Path(folder) / "backlog")
        lines += await _screen(Path(folder) / "screen")
    return lines + await _without_limit()


def _bodies(count: int, seed: int) -> list[bytes]:
    maker = EventMaker([f"{number:07d}" for number in range(20_000)], seed, time.time())
    events = maker.stream()
    return [msgspec.json.encode({"events": list(islice(events, BATCH))}) for _ in range(count)]


def _renewed(body: bytes, number: int) -> bytes:
    """The same body with other event ids: the last digits of each carry a number."""
    mark = f"{number:012x}".encode()
    parts = body.split(b'"id":"')
    return b'"id":"'.join([parts[0], *(part[:24] + mark + part[36:] for part in parts[1:])])


def _listener(home: Path) -> tuple[list[str], dict[str, str]]:
    words = [sys.executable, "-m", "heaptui", "--home", str(home), "listen", "--port", "0"]
    return words, {"HEAPTUI_CURRENTS_TOKEN": TOKEN}


@contextlib.asynccontextmanager
async def _process(words: list[str], environ: dict[str, str]):
    process = await asyncio.create_subprocess_exec(
        *words, env={**os.environ, **environ}, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            while not (line := (await process.stderr.readline()).decode()).startswith("listening on"):
                assert line, "it did not start"
        yield process, line.split()[-1]
    finally:
        process.terminate()
        await process.wait()


async def _rate(words, environ, bodies, _, *, fresh) -> tuple[float, list[int], int]:
    """(events a second, statuses seen, peak memory in MB) of as many requests as fit into some seconds."""
    async with _process(words, environ) as (process, url):
        statuses: dict[int, int] = {}
        done = await _press(url, bodies, statuses, seconds=SECONDS, fresh=fresh)
        memory = _memory(process.pid)
    return done * BATCH / SECONDS, list(statuses), memory


async def _press(url, bodies, statuses, *, seconds, fresh, per_second=0.0) -> int:
    """Post from some connections at once; returns the number of requests that were answered in time."""
    end, started = time.perf_counter() + seconds, time.perf_counter()
    numbers = iter(range(10**9))
    done = 0

    async def sender() -> None:
        nonlocal done
        async with _Raw(url, HEADERS) as connection:
            while time.perf_counter() < end:
                number = next(numbers)
                if per_second:
                    await asyncio.sleep(max(0.0, started + number * BATCH / per_second - time.perf_counter()))
                body = bodies[number % len(bodies)]
                async with asyncio.timeout(ANSWER_WITHIN):
                    status = await connection.post(_renewed(body, number) if fresh else body)
                statuses[status] = statuses.get(status, 0) + 1
                done += time.perf_counter() < end

    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    return done


class _Raw:
    """The least that can post over one connection, so that the sender takes little of the two cores."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._url = httpx.URL(url)
        self._head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    async def __aenter__(self):
        self._reader, self._writer = await asyncio.open_connection(self._url.host, self._url.port, limit=1 << 20)
        return self

    async def __aexit__(self, *_):
        self._writer.close()

    async def post(self, body: bytes) -> int:
        head = (
            f"POST {self._url.raw_path.decode()} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{self._head}\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        status = int(answer.split(b" ", 2)[1])
        for line in answer.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await self._reader.readexactly(int(line.split(b":")[1]))
        return status


def _memory(pid: int) -> int:
    """Resident memory in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) >> 10
    return 0


async def _soak(home: Path, rate: float, seconds: int) -> list[str]:
    """Half of the highest rate for a minute: no 5xx, no growing memory."""
    bodies = _bodies(400, 2)
    statuses: dict[int, int] = {}
    memories = []
    async with _process(*_listener(home)) as (process, url):
        press = asyncio.create_task(_press(url, bodies, statuses, seconds=seconds, fresh=True, per_second=rate))
        while not press.done():
            await asyncio.sleep(seconds / 12)
            memories.append(_memory(process.pid))
        done = await press
    (path,) = (home / "data").glob("*.currents.db")
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM event").fetchone()
    connection.close()
    third = len(memories) // 3
    return [
        f"half of that for {seconds} s: {done * BATCH / seconds:,.0f} events/s, answers {statuses},"
        f" memory {statistics.median(memories[third : 2 * third])} MB in the second third,"
        f" {statistics.median(memories[2 * third :])} MB in the last",
        f"disk: {path.stat().st_size / count:,.0f} bytes an event, ids, bitmaps and bodies",
    ]


async def _without_limit() -> list[str]:
    """How fast a backlog would go to Heap if Heap took any number."""
    from heaptui.sandbox.server import running_sandbox as sandbox_here
    from tests.services.currents_world import NO_LIMIT, currents_workspace

    async with sandbox_here(seed=1) as sandbox:
        sandbox.heap.ingest.set_limits(msgspec.json.encode({"per_minute": NO_LIMIT, "per_identity": NO_LIMIT}))
        with tempfile.TemporaryDirectory() as folder:
            async with currents_workspace(sandbox, Path(folder), read_timeout_seconds=10) as workspace:
                intake = await workspace.currents.intake()
                for body in _bodies(300, 3):
                    await intake.take(body)
                started = time.perf_counter()
                async with workspace.currents.forwarding(limits=HeapPace(NO_LIMIT, NO_LIMIT)) as forwarder:
                    await forwarder.drain()
                took = time.perf_counter() - started
        return [f"backlog to Heap, were there no limit: {len(sandbox.heap.events) / took:,.0f} events/s"]


async def _at_heaps_limit(home: Path) -> list[str]:
    """A backlog goes to a Heap that enforces its limits, until the third minute begins."""
    from heaptui.sandbox.server import running_sandbox as sandbox_here

    async with sandbox_here(seed=1) as sandbox:
        requests = _watched(sandbox.heap.ingest)
        words, environ = _listener(home)
        environ |= {"HEAPTUI_HEAP_ENDPOINT": sandbox.heap_url, "HEAPTUI_HEAP_APP_ID": sandbox.keys.heap_app_id}
        async with _process(words, environ) as (_, url):
            await _posted(url, _bodies(BACKLOG // BATCH, 4))
        memories = []
        async with _process([*words, "--forward"], environ) as (process, _), asyncio.timeout(4 * MINUTE):
            while sum(request.events for request in requests) <= 2 * PER_MINUTE:
                await asyncio.sleep(1)
                memories.append(_memory(process.pid))
    took, sent, bursts = requests[0].at, 0, []
    for request in requests:
        if sent == 0 or request.at - took > PAUSE:
            bursts.append((request.at, sent))
        took, sent = request.at, sent + request.events
    (began, _), (again, before) = bursts[0], bursts[-1]
    rate = before / (again - began)
    refused = sum(request.status == 429 for request in requests)
    return [
        f"backlog of {BACKLOG:,} to a Heap that takes {PER_MINUTE:,} a minute: {rate:.0f} events/s over"
        f" {again - began:.0f} s, {rate / (PER_MINUTE / MINUTE):.2f} of the limit; {refused} of {len(requests)} requests"
        f" answered 429; memory at most {max(memories)} MB"
    ]


class _Request(Struct, frozen=True):
    at: float
    events: int
    status: int


def _watched(ingest: Any) -> list[_Request]:
    """What Heap's stand-in is told from now on, and what it answers."""
    requests: list[_Request] = []
    take = ingest.track

    def track(body: bytes) -> Any:
        before = len(ingest.events)
        reply = take(body)
        requests.append(_Request(time.perf_counter(), len(ingest.events) - before, reply.status))
        return reply

    ingest.track = track
    return requests


async def _posted(url: str, bodies: Sequence[bytes]) -> None:
    async with _Raw(url, HEADERS) as connection, asyncio.timeout(MINUTE):
        for body in bodies:
            assert await connection.post(body) == 204


async def _screen(folder: Path) -> list[str]:
    """Keys on Currents and Cohorts while the dashboard's listener receives and forwards, and while nothing comes."""
    with running_sandbox("--everyone-known") as sandbox:
        profile = await filled_home(folder, sandbox, PEOPLE)
        with open_dashboard(folder, sandbox) as terminal, open_counter() as counter:
            hands = Hands(terminal)
            hands.plan_everything()
            hands.press("\r", lambda lines: any("counts add up" in line for line in lines))
            hands.tab(1, "Cohorts")
            hands.press("l", lambda lines: any("istening on" in line for line in lines))
            send_events(sandbox, profile, FEW)
            hands.tab(5, "Currents")
            terminal.shows("Together")
            hands.tab(1, "Cohorts")
            still, busy = Hands(terminal, counter), Hands(terminal, counter)
            _keys(still)
            send_events(sandbox, profile, MANY, per_second=FLOW)
            terminal.rest(5)
            before, started = taken_events(sandbox), time.perf_counter()
            _keys(busy)
            rate = (taken_events(sandbox) - before) / (time.perf_counter() - started)
    return [
        still.told("Currents and Cohorts, nothing comes"),
        busy.told(f"the same while {rate:,.0f} events/s are received and forwarded at Heap's limit"),
    ]


def _keys(hands: Hands) -> None:
    for _ in range(KEY_ROUNDS):
        hands.tab(5, "Currents")
        hands.move("jjg")
        hands.opened("\r", "Braze sent")
        hands.cohorts()


if __name__ == "__main__":
    for line in run():
        print(line)
