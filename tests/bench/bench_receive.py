"""The receiver as a process: pages of 1,000 and of 50,000 ids, signed, stored and applied."""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.receiver.heap import PATH, SECRET, page_body, signed

AT_ONCE = 4
SERIES = ((1_000, 400), (50_000, 60))


def run() -> list[str]:
    lines = []
    for size, count in SERIES:
        with tempfile.TemporaryDirectory() as folder:
            lines += _measured(Path(folder), size, count)
    return lines


def _measured(folder: Path, size: int, count: int) -> list[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {**os.environ, "HEAPTUI_HOME": str(folder / "home"), "HEAPTUI_WEBHOOK_SECRET": SECRET}
    command = [sys.executable, "-m", "heaptui", "listen", "--port", str(port)]
    process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()
    try:
        rng = random.Random(size)
        bodies = []
        for number in range(count):
            people = [f"{rng.randrange(3 * size):010d}" for _ in range(size)]
            split = size * 3 // 4
            bodies.append(
                page_body(people[:split], people[split:], task=f"t{number // 4}", number=number % 4 + 1, total=4)
            )
        quarter = len(bodies) // 4
        first = _sent(port, bodies[:quarter])
        _applied(environ, quarter)
        after_first = _memory(process.pid)
        started = time.perf_counter()
        rest = _sent(port, bodies[quarter:])
        took = time.perf_counter() - started
        times = sorted(first + rest)
        _applied(environ, count)
        applied = time.perf_counter() - started
        at_the_end = _memory(process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    done = count - quarter
    return [
        f"receive, {count} pages of {size:,} ids, {AT_ONCE} at once: {done / took:,.0f} pages/s,"
        f" {done * size / took:,.0f} ids/s stored, {done * size / applied:,.0f} ids/s applied;"
        f" median {statistics.median(times) * 1000:.0f} ms, p99 {times[int(len(times) * 0.99)] * 1000:.0f} ms",
        f"  memory {after_first:.0f} MB after a quarter, {at_the_end:.0f} MB at the end"
        f" (ratio {at_the_end / after_first:.2f});"
        " what grows is the ledger's page cache, at most 64 MB for each of three connections",
    ]


def _sent(port: int, bodies: list[bytes]) -> list[float]:
    """Send pages over a few connections; returns the seconds until each was answered."""
    local = threading.local()

    def send(body: bytes) -> float:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        started = time.perf_counter()
        local.connection.request("POST", PATH, body, signed(body))
        answer = local.connection.getresponse()
        answer.read()
        assert answer.status == 200
        return time.perf_counter() - started

    with ThreadPoolExecutor(AT_ONCE) as senders:
        return list(senders.map(send, bodies))


def _applied(environ: dict[str, str], count: int) -> None:
    """Wait until so many pages are kept and all of them are applied."""
    command = [sys.executable, "-m", "heaptui", "--read-only", "cohort", "show", "42", "--pages", "--json"]
    while True:
        shown = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if shown.returncode == 0:
            found = json.loads(shown.stdout)
            if found["pages_received"] >= count and not found["pages_waiting"]:
                return
        time.sleep(0.1)


def _memory(pid: int) -> float:
    """Resident megabytes of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
