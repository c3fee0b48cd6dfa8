"""What people feel: how soon help and dashboard are there, how soon a key is answered, what standing still costs."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.dashboard import (
    HEAPTUI,
    NAMES,
    Hands,
    environ_of,
    filled_home,
    open_counter,
    open_dashboard,
    running_sandbox,
    send_events,
)
from tests.bench.terminal import Terminal

ROUNDS = 15
KEY_ROUNDS = 10
LATENCY_MS = 150
PEOPLE = 1_000_000
"""In each of four cohorts: at 150 ms and four in flight they last longer than the keys."""

RUN_WITHIN = 300.0
SETTLED_AFTER, STILL_FOR = 5.0, 20.0
EVENTS = 2_000
BARE = """
from textual.app import App
from textual.widgets import DataTable

class Bare(App):
    def compose(self):
        yield DataTable()

    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns("Cohort", "People", "State")
        table.add_rows([("Announcement", "20,000", "new")] * 4)

Bare().run()
"""


def run() -> list[str]:
    """Starts first, then one life of a dashboard."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_starts(Path(folder)), *asyncio.run(_life(Path(folder)))]


def _starts(folder: Path) -> list[str]:
    """Processes on a pseudo-terminal, from their start to their end, or until a text of theirs is on the screen."""
    click, ours = [sys.executable, "-c", "import click"], [*HEAPTUI, "--help"]
    ratio, milliseconds = _compared(ours, click, Terminal.ends, Terminal.ends)
    lines = [f"heaptui --help: {ratio:.2f} × python -c 'import click' (target 2), {milliseconds:.0f} ms"]
    bare = [sys.executable, "-c", BARE]
    with running_sandbox() as sandbox:
        asyncio.run(filled_home(folder / "full", sandbox, 20_000))
        for what, home, text in (
            ("the frame, on a home with cohorts", "full", "[1 Cohorts]"),
            ("the cohorts, on the same home", "full", NAMES[0]),
            ("an empty home", "empty", "Look around"),
        ):
            dashboard = [*HEAPTUI, "--home", str(folder / home)]
            environ = environ_of(sandbox) if home == "full" else {}
            ratio, milliseconds = _compared(dashboard, bare, _shows(text), _shows(NAMES[0]), environ)
            lines.append(
                f"first paint, {what}: {ratio:.2f} × a bare Textual app with a table (target 1.5),"
                f" {milliseconds:.0f} ms"
            )
    return lines


def _shows(text: str) -> Callable[[Terminal], float]:
    return lambda terminal: terminal.shows(text)


def _compared(
    ours: Sequence[str],
    bare: Sequence[str],
    ours_done: Callable[[Terminal], float],
    bare_done: Callable[[Terminal], float],
    environ: Mapping[str, str] | None = None,
) -> tuple[float, float]:
    """(ratio of the medians, our median in ms) of two programs started in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS + 1):
        for words, done, taken in ((ours, ours_done, times[0]), (bare, bare_done, times[1])):
            with Terminal(words, environ) as terminal:
                taken.append(done(terminal) - terminal.started)
    # The first of each compiled its modules.
    medians = [median(taken[1:]) for taken in times]
    return medians[0] / medians[1], medians[0] * 1000


async def _life(folder: Path) -> list[str]:
    """Keys while nothing happens and while four cohorts are delivered; then the cost of standing still."""
    with running_sandbox("--everyone-known", "--latency-ms", str(LATENCY_MS)) as sandbox:
        profile = await filled_home(folder / "life", sandbox, PEOPLE)
        with open_dashboard(folder / "life", sandbox) as terminal:
            with open_counter() as counter:
                lines = _keys(terminal, counter)
            return [*lines, *_still(terminal, sandbox, profile)]


def _keys(terminal: Terminal, counter: Terminal) -> list[str]:
    Hands(terminal).plan_everything()
    first = Hands(terminal)
    for number, title in ((4, "Runs"), (5, "Currents"), (6, "Credentials"), (2, "Segments"), (3, "Sync")):
        first.tab(number, title)
    idle = Hands(terminal, counter)
    for _ in range(KEY_ROUNDS):
        _round(idle)
    terminal.press("\r", lambda lines: "▶" in lines[1])
    live = Hands(terminal, counter)
    for _ in range(KEY_ROUNDS):
        _round(live)
        assert "▶" in terminal.screen.lines[1], "the syncs were over before the keys were"
    terminal.shows("counts add up", RUN_WITHIN)
    return [
        idle.told("nothing happens"),
        live.told(f"four live syncs of {PEOPLE:,} at {LATENCY_MS} ms"),
        f"  the first visit of a tab, which loads it: at most {max(first.times) * 1000:.0f} ms",
    ]


def _round(hands: Hands) -> None:
    """Keys on the tabs that change during a sync, begun and ended on Sync."""
    hands.move("jjkk")
    hands.cohorts()
    hands.tab(4, "Runs")
    hands.tab(5, "Currents")
    hands.tab(3, "Sync")


def _still(terminal: Terminal, sandbox: Any, profile: Any) -> list[str]:
    lines = [_idle(terminal, "Sync after a run")]
    hands = Hands(terminal)
    hands.tab(5, "Currents")
    lines.append(_idle(terminal, "Currents without events"))
    hands.tab(1, "Cohorts")
    lines.append(_idle(terminal, f"Cohorts, four of {PEOPLE:,}"))
    hands.press("l", lambda lines: any("istening on" in line for line in lines))
    send_events(sandbox, profile, EVENTS)
    hands.tab(5, "Currents")
    terminal.shows("Together")
    lines.append(_idle(terminal, f"Currents with {EVENTS:,} events, its listener running"))
    return lines


def _idle(terminal: Terminal, what: str) -> str:
    """The dashboard's own processor time, without its listener."""
    terminal.rest(SETTLED_AFTER)
    before = terminal.cpu
    terminal.rest(STILL_FOR)
    return f"idle, {what}: {(terminal.cpu - before) / STILL_FOR:.1%} of a core in {STILL_FOR:.0f} s (target 2 %)"
