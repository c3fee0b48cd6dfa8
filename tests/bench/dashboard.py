"""The dashboard on a sandbox of its own process, and keys pressed in it by somebody who looks at the screen."""

from __future__ import annotations

import json
import random
import select
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from types import SimpleNamespace
from typing import Any

from heaptui.config import Config, Home, Profile, save_config
from heaptui.services.workspace import open_workspace
from tests.bench.terminal import WITHIN, Terminal
from tests.services.world import fill

HEAPTUI = [sys.executable, "-m", "heaptui"]
NAMES = ("Announcement", "Cart abandoners", "Trial friction", "VIP 2024")
PAUSE = (0.05, 0.25)
"""Seconds between an answer and the next key: they fall anywhere between two looks of a screen at its data."""

ESCAPE = "\x1b[27u"
"""As terminals send it that tell it from the beginning of another key; with others Textual waits 100 ms for more."""


COUNTER = """
from textual.app import App
from textual.widgets import Static

class Counter(App):
    keys = 0

    def compose(self):
        yield Static("0 keys", markup=False)

    def on_key(self):
        self.keys += 1
        self.query_one(Static).update(f"{self.keys} keys")

Counter().run()
"""
"""The least that Textual does for a key: what the machine itself takes at the moment."""


@contextmanager
def running_sandbox(*options: str) -> Iterator[Any]:
    """A sandbox in a process of its own: its addresses and keys."""
    process = subprocess.Popen([*HEAPTUI, "sandbox", *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], WITHIN)[0], "the sandbox did not start"
        yield SimpleNamespace(**json.loads(process.stdout.readline()))
    finally:
        process.terminate()
        try:
            process.wait(WITHIN)
        finally:
            process.kill()


async def filled_home(folder: Path, sandbox: Any, people: int) -> Profile:
    """A home with four cohorts of the same people, none of them synced yet."""
    home = Home.find(str(folder), {})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    profile = Profile(
        name="bench",
        endpoint=sandbox.braze_url,
        label="SANDBOX",
        partner_name=sandbox.partner_name,
        heap_endpoint=sandbox.heap_url,
        heap_app_id=sandbox.heap_app_id,
        listen_port=port,
        currents_forward=True,
    )
    save_config(home, Config({profile.name: profile}))
    async with open_workspace(home, profile, environ_of(sandbox)) as workspace:
        everybody = [f"user-{number:09d}" for number in range(people)]
        for name in NAMES:
            await fill(workspace, everybody, name=name)
    return profile


def environ_of(sandbox: Any) -> dict[str, str]:
    """The keys that lead to a sandbox."""
    names = ("partner_api_key", "data_import_key", "webhook_secret", "currents_token")
    return {f"HEAPTUI_{name.upper()}": getattr(sandbox, name) for name in names}


@contextmanager
def open_dashboard(folder: Path, sandbox: Any) -> Iterator[Terminal]:
    """The dashboard on its tab Cohorts."""
    with Terminal([*HEAPTUI, "--home", str(folder)], environ_of(sandbox)) as terminal:
        terminal.shows(NAMES[0])
        yield terminal


def send_events(sandbox: Any, profile: Profile, count: int, *, per_second: float = 0.0) -> None:
    """Let the sandbox's Currents send so many events to the listener of a dashboard."""
    flow = {
        "url": f"http://127.0.0.1:{profile.listen_port}/braze/currents",
        "token": sandbox.currents_token,
        "events": count,
        "per_second": per_second,
        "people": [f"user-{number:09d}" for number in range(20_000)],
    }
    request = urllib.request.Request(f"{sandbox.braze_url}/_sandbox/currents", json.dumps(flow).encode())
    urllib.request.urlopen(request, timeout=WITHIN).close()


def taken_events(sandbox: Any) -> int:
    """How many of them the listener has answered 2xx."""
    with urllib.request.urlopen(f"{sandbox.braze_url}/_sandbox/currents", timeout=WITHIN) as answer:
        return int(json.load(answer)["accepted"])


@contextmanager
def open_counter() -> Iterator[Terminal]:
    """A bare app that counts keys."""
    with Terminal([sys.executable, "-c", COUNTER]) as terminal:
        terminal.shows("0 keys")
        yield terminal


class Hands:
    """Presses keys and notes how long each took until its answer was painted; in turn with a counter, if given."""

    def __init__(self, terminal: Terminal, counter: Terminal | None = None) -> None:
        self._terminal, self._counter = terminal, counter
        self._rng = random.Random(1)
        self.times: list[float] = []
        self._bare: list[float] = []

    def press(self, key: str, holds: Callable[[list[str]], object]) -> None:
        """One key, after a moment."""
        self._terminal.rest(self._rng.uniform(*PAUSE))
        self._pressed(key, holds)

    def _pressed(self, key: str, holds: Callable[[list[str]], object]) -> None:
        self.times.append(self._terminal.press(key, holds))
        if self._counter is not None:
            before = self._counter.screen.lines[0]
            self._bare.append(self._counter.press("j", lambda lines: lines[0] != before))

    def tab(self, number: int, title: str) -> None:
        """Another tab."""
        self.press(str(number), lambda lines: f"[{number} {title}" in lines[1])

    def move(self, keys: str) -> None:
        """The cursor of the table goes down (j), up (k), or to the first row (g)."""
        for key in keys:
            self._terminal.rest(self._rng.uniform(*PAUSE))
            self._terminal.until(_cursor)
            before = _cursor(self._terminal.screen.lines)
            self._pressed(key, lambda lines, before=before: _cursor(lines) not in (0, before))

    def opened(self, key: str, shown: str) -> None:
        """Something opens over the tab, and esc closes it."""
        self.press(key, lambda lines: any(shown in line for line in lines))
        self.press(ESCAPE, lambda lines: not any(shown in line for line in lines))

    def plan_everything(self) -> None:
        """Mark all cohorts, from the first to the last, and plan them."""
        for marked in range(len(NAMES)):
            self.move("j" if marked else "")
            self.press(" ", lambda lines, marked=marked: sum("[x]" in line for line in lines) > marked)
        self.press("s", lambda lines: any("enter sends" in line for line in lines))

    def cohorts(self) -> None:
        """Up and down the cohorts from the last one, a look at its people, and the help."""
        self.tab(1, "Cohorts")
        self.move("kkjj")
        self.opened("\r", "t trace")
        self.opened("?", "Keys")

    def told(self, what: str) -> str:
        """The figures."""
        return (
            f"key to paint, {what}: {_spread(self.times)} of {len(self.times)} keys (target p95 50 ms);"
            f" a bare app that counts keys, in turn with it: {_spread(self._bare)}"
        )


def _spread(times: Sequence[float]) -> str:
    return f"p50 {median(times) * 1000:.0f} ms, p95 {quantiles(times, n=20)[-1] * 1000:.0f} ms"


def _cursor(lines: list[str]) -> int:
    """The line with the cursor of the upper table; 0 where there is none."""
    return next((number for number, line in enumerate(lines) if line.startswith("▸")), 0)
