"""`heaptui listen` as a process: what it received survives its death, and complete syncs go on to Braze."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli.conftest import HEAPTUI, Desk, people
from tests.receiver.heap import PATH, SECRET, page_body, signed

COHORT = "heaptui-seg-42"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(desk: Desk, port: int, *words: str, secret: str = SECRET) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*HEAPTUI, "listen", "--port", str(port), *words],
        env={**desk.environ, "HEAPTUI_WEBHOOK_SECRET": secret},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "listening on" in line, line + process.stderr.read()
    return process


@contextmanager
def listening(desk: Desk, *words: str, secret: str = SECRET) -> Iterator[str]:
    """The URL of a listener that is asked to end afterwards, and does."""
    port = free_port()
    process = start(desk, port, *words, secret=secret)
    try:
        yield f"http://127.0.0.1:{port}{PATH}"
    finally:
        process.send_signal(signal.SIGTERM)
        _, narration = ended(process)
        assert process.returncode == 0, narration


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it wrote; it ends whatever it does."""
    try:
        return process.communicate(timeout=20)
    finally:
        process.kill()


@contextmanager
def killed(process: subprocess.Popen[str]) -> Iterator[None]:
    """A listener that gets no time to end."""
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def post(url: str, body: bytes, *, secret: str = SECRET) -> int:
    request = urllib.request.Request(url, body, signed(body, secret=secret))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def until(holds: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)
    return found


def members(desk: Desk) -> set[str]:
    return set(desk.run("cohort", "members", COHORT).stdout.split())


def test_a_receiver_killed_again_and_again_loses_nothing_and_applies_nothing_twice(desk: Desk) -> None:
    receive_through_kills(desk, tasks=40, seed=17)


def receive_through_kills(desk: Desk, *, tasks: int, seed: int) -> None:
    """Kill the receiver while Heap sends: the members are what the law says. The seed tells the story again."""
    rng = random.Random(seed)
    port = free_port()
    url = f"http://127.0.0.1:{port}{PATH}"
    everybody = people(0, 3000)
    truth: set[str] = set()
    bodies = []
    for task in range(tasks):
        parts = [(rng.sample(everybody, 150), rng.sample(everybody, 150)) for _ in range(3)]
        bodies.append(
            [page_body(add, gone, task=f"t{task}", number=n + 1, total=3) for n, (add, gone) in enumerate(parts)]
        )
        truth.difference_update(*(gone for _, gone in parts))
        truth.update(*(add for add, _ in parts))
    sent = threading.Event()
    accepted = 0

    def send() -> None:
        nonlocal accepted
        for pages in bodies:
            # The first page of each task in the order of the tasks, the others shuffled; all until they are taken.
            for body in [pages[0], *rng.sample(pages, 3)]:
                while post(url, body) != 200:
                    time.sleep(0.02)
                accepted += 1
        sent.set()

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    kills = 0
    while not sent.is_set():
        with killed(start(desk, port)):
            before = accepted
            until(lambda before=before: sent.is_set() or accepted >= before + rng.randrange(10, 40))
        kills += 1
    sender.join()
    with killed(start(desk, port)):
        until(lambda: desk.json("cohort", "show", COHORT, "--pages")["pages_waiting"] == 0)
    assert kills >= 3
    assert members(desk) == truth, f"seed {seed}"
    shown = desk.json("cohort", "show", COHORT, "--pages")
    assert shown["pages_received"] == 3 * tasks


def test_a_listener_that_cannot_listen_says_why(tmp_path: Path) -> None:
    def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        given = {**os.environ, **environ}
        return subprocess.run([*HEAPTUI, *words], env=given, capture_output=True, text=True, timeout=60)

    without = run("listen", "--port", "0", HEAPTUI_DATA_IMPORT_KEY="x")
    assert (without.returncode, "HEAPTUI_WEBHOOK_SECRET" in without.stderr) == (2, True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        in_use = run("listen", "--port", str(taken.getsockname()[1]), HEAPTUI_WEBHOOK_SECRET=SECRET)
    assert (in_use.returncode, "--port" in in_use.stderr) == (2, True)
    looking = run("--read-only", "listen", "--port", "0", HEAPTUI_WEBHOOK_SECRET=SECRET)
    assert (looking.returncode, "read-only" in looking.stderr) == (5, True)


def braze(desk: Desk) -> set[str]:
    try:
        return desk.held(COHORT)
    except urllib.error.HTTPError:
        return set()


def heap(desk: Desk, path: str, data: Any) -> Any:
    request = urllib.request.Request(f"{desk.sandbox['heap_url']}/_sandbox/{path}", json.dumps(data).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_people_who_enter_a_segment_in_heap_are_in_the_braze_cohort_seconds_later(desk: Desk) -> None:
    with listening(desk, "--sync", secret=desk.sandbox["webhook_secret"]) as url:
        heap(desk, "segments/42", {"name": "Carts", "add": people(0, 60)})
        heap(desk, "segments/42/sync", {"url": url, "page_size": 25, "order": "shuffled", "duplicates": 2})
        until(lambda: braze(desk) == set(people(0, 60)))
        heap(desk, "segments/42", {"add": people(60, 61), "remove": people(0, 10)})
        heap(desk, "segments/42/sync", {"url": url})
        until(lambda: braze(desk) == set(people(10, 61)))
    runs = desk.json("run", "list")["runs"]
    assert {run["origin"] for run in runs} <= {"automatic", "settling"}


def test_pages_are_taken_while_a_sync_is_under_way(desk: Desk) -> None:
    desk.fault(effect="slow", seconds=0.3, match={"path": "users"})
    with listening(desk, "--sync") as url:
        assert post(url, page_body(people(0, 2000), task="t0")) == 200
        until(lambda: desk.ask("GET", "requests")["requests"])
        for number in range(1, 30):
            assert post(url, page_body(people(2000 + number, 2001 + number), task=f"t{number}")) == 200
        until(lambda: braze(desk) == set(people(0, 2000)) | set(people(2001, 2030)))
