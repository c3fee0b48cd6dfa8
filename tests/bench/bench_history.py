"""A history of a million exchanges: how long its list takes to open, against one of a thousand, and what it holds."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from heaptui.config import Config, Home, Profile, save_config
from heaptui.sandbox.server import running_sandbox
from heaptui.store import exchanges
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.screens.run_detail import RunScreen
from heaptui.ui.widgets.windowed import WindowedTable
from tests.services.world import fill, ids, synced, workspace_on

FEW, MANY = 1_000, 1_000_000


def run() -> list[str]:
    return asyncio.run(_measured())


async def _measured() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with running_sandbox(seed=1) as sandbox:
            async with workspace_on(sandbox, home) as workspace:
                few = (await synced(workspace, await fill(workspace, ids(0, 10)))).run_id
                many = (await synced(workspace, await fill(workspace, ids(0, 10), name="Many"))).run_id
                for run_id, count in ((few, FEW), (many, MANY)):
                    await _filled(workspace, run_id, count)
            found = Home.find(folder, {})
            save_config(found, Config({"test": Profile(name="test", endpoint=sandbox.braze_url)}))
            opening = SimpleNamespace(home=found, environ={}, profile=None, read_only=True)
            times: dict[int, list[float]] = {few: [], many: []}
            app = HeaptuiApp(opening)
            async with app.run_test(size=(120, 36)) as pilot:
                await pilot.pause(0.5)
                before = _resident()
                for _ in range(5):
                    for run_id in (few, many):
                        times[run_id].append(await _opened(app, pilot, run_id))
                held = _resident() - before
                jumped = await _jumped(app, pilot, many)
    small, large = (statistics.median(times[run_id]) for run_id in (few, many))
    return [
        f"open a run with {MANY:,} exchanges: {1000 * large:.0f} ms, with {FEW:,}: {1000 * small:.0f} ms,"
        f" ratio {large / small:.2f} (target ≤ 1.5)",
        f"jump to the last of {MANY:,}: {1000 * jumped:.0f} ms",
        f"memory for it: {held:.0f} MB more (target ≤ 30)",
    ]


async def _filled(workspace, run_id: int, count: int) -> None:
    blob = exchanges.packed(exchanges.Content({"date": "Mon, 01 Jan 2026 00:00:00 GMT"}, '{"message":"success"}'))
    url = "http://127.0.0.1/partners/heap/cohorts/users"
    for start in range(0, count, 20_000):
        rows = [
            (run_id, n, "c", "members", 1, time.time(), "POST", url, 201, 150.0, blob)
            for n in range(start, min(start + 20_000, count))
        ]
        await workspace.ledger.write(lambda connection, rows=rows: exchanges.record(connection, rows))


async def _opened(app, pilot, run_id: int) -> float:
    """Seconds from the key to the first row of the list of exchanges."""
    started = time.perf_counter()
    await app.push_screen(RunScreen(run_id))
    table = app.screen.query_one("#pane-3", WindowedTable)
    while not (len(table.rows) and table.rows[0].key):
        await pilot.pause(0)
    taken = time.perf_counter() - started
    await app.pop_screen()
    return taken


async def _jumped(app, pilot, run_id: int) -> float:
    await app.push_screen(RunScreen(run_id))
    table = app.screen.query_one("#pane-3", WindowedTable)
    while not len(table.rows):
        await pilot.pause(0)
    started = time.perf_counter()
    last = len(table.rows) - 1
    while not table.rows[last].key:
        await pilot.pause(0)
    return time.perf_counter() - started


def _resident() -> float:
    """Megabytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2
