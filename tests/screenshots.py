"""`make screenshots`: write the pictures of the README from the demo world."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from heaptui.cli.context import Settings
from heaptui.cli.demo_world import Demo, running_demo
from heaptui.config import Home
from heaptui.sandbox import sample
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.widgets.record_table import RecordTable
from tests.pictures import picture_of
from tests.ui.conftest import settled, shows

FOLDER = Path(__file__).parent.parent / "screenshots"
WIDE, NARROW = (120, 36), (80, 24)
LATENCY_MS = 60


class Album:
    """Keeps the pictures of one walk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, app: HeaptuiApp, name: str) -> None:
        """Keep one picture."""
        (self._folder / f"{name}.svg").write_text(picture_of(app), encoding="utf-8")


def highlight(app: HeaptuiApp, name: str) -> None:
    """Put the cursor on the cohort of that name."""
    table = next(table for table in app.screen.query(RecordTable) if table.display)
    table.cursor = next(index for index, row in enumerate(table.rows) if row.cells[0] == name)


def make_braze_wait(demo: Demo) -> None:
    """Let Braze's rate limit be reached in the middle of the next sync."""
    limit = {"effect": "status", "status": 429, "reset": "epoch", "seconds": 4, "at": [190], "match": {"path": "users"}}
    faults = {"rules": [limit], "latency_ms": {"mean": LATENCY_MS, "jitter": LATENCY_MS / 2}}
    httpx.put(f"{demo.sandbox['braze_url']}/_sandbox/faults", json=faults).raise_for_status()


async def segments(app: HeaptuiApp, pilot: Any, album: Album) -> None:
    """The preview of a segment with its match rate, what is in Braze, and the overlaps."""
    await pilot.press("2", "plus", *"cart", "enter")
    await shows(pilot, "Filter group 1")
    await pilot.press("minus", *"paying", "enter")
    await shows(pilot, "Exclusion group 1")
    await pilot.press("m")
    await shows(pilot, "≈")
    await pilot.press("tab")
    await shows(pilot, "43 of 43 read", 30)
    album.save(app, "segments-in-braze")
    await pilot.press("tab")
    await shows(pilot, "Some of them")
    await settled(pilot)
    album.save(app, "segments-overlap")
    await pilot.press("tab")
    await settled(pilot)
    album.save(app, "segments")


async def support(app: HeaptuiApp, pilot: Any, demo: Demo, album: Album) -> None:
    """One run with its exchanges, and why a person is in a segment."""
    await pilot.press("enter")
    await shows(pilot, "[Story")
    await pilot.press("tab", "tab", "tab")
    await shows(pilot, "[Exchanges")
    await settled(pilot)
    album.save(app, "exchanges")
    await pilot.press("escape", "t")
    person = next(cohort for cohort in demo.world.cohorts if cohort.name == sample.PAYING).now[0]
    await pilot.press(*person, "enter")
    await shows(pilot, sample.PAYING, 20)
    await settled(pilot)
    album.save(app, "trace")
    await pilot.press("escape", "escape")


async def pictures(demo: Demo, album: Album) -> None:
    """One walk through the dashboard, with a picture at every stop."""
    app = HeaptuiApp(demo.settings)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, sample.CARTS)
        for name in (sample.REPORTS, sample.CARTS, sample.DEAR_CARTS, sample.VIP):
            highlight(app, name)
            await pilot.press("space")
        highlight(app, sample.CARTS)
        await settled(pilot)
        album.save(app, "cohorts-dark")
        app.theme = "heaptui-light"
        await pilot.pause(0.2)
        album.save(app, "cohorts-light")
        app.theme = "heaptui-dark"
        await pilot.press("s")
        await shows(pilot, "nothing has been sent")
        await pilot.pause(0.2)
        album.save(app, "plan")
        make_braze_wait(demo)
        await pilot.press("enter")
        await shows(pilot, "Next request in", 60)
        await pilot.pause(0.5)
        album.save(app, "running")
        await shows(pilot, "Receipt saved", 60)
        album.save(app, "result")
        await segments(app, pilot, album)
        await pilot.press("4")
        await shows(pilot, "[4 Runs")
        await settled(pilot)
        album.save(app, "runs")
        await support(app, pilot, demo, album)
        await pilot.press("5")
        await shows(pilot, "could not go to Heap", 60)
        await pilot.pause(1.5)
        album.save(app, "currents")
        await pilot.press("j", "enter")
        await shows(pilot, "Braze sent")
        album.save(app, "event")
        await pilot.press("escape")
        await pilot.press("6")
        await shows(pilot, "verdict after")
        await settled(pilot)
        album.save(app, "credentials")
        await pilot.press("W")
        await shows(pilot, "How should people get into Braze?")
        await settled(pilot)
        album.save(app, "way")
        await pilot.press("escape")
    app = HeaptuiApp(demo.settings)
    async with app.run_test(size=NARROW) as pilot:
        # It opens where it was left.
        await shows(pilot, "[6 Credentials]")
        await pilot.press("1")
        await shows(pilot, sample.CARTS)
        highlight(app, sample.VIP)
        await settled(pilot)
        album.save(app, "cohorts-80x24")
        highlight(app, sample.CARTS)
        await pilot.pause(0.2)
        await pilot.press("i")
        field: Any = app.screen.query_one("#path")
        field.value = str(demo.settings.home.config_dir.parent / "exports" / "setup.csv")
        await pilot.press("enter")
        await shows(pilot, "1,518 people")
        await settled(pilot)
        album.save(app, "import")


async def walk(folder: Path) -> None:
    """Start the demo world, walk, keep the pictures in a folder, and stop."""
    with tempfile.TemporaryDirectory(prefix="heaptui-pictures-") as home:
        bare = Settings(Home.find(home, {}), None, read_only=False, json=False, environ={})
        async with running_demo(Path(home), bare, latency_ms=LATENCY_MS) as demo:
            await pictures(demo, Album(folder))


if __name__ == "__main__":
    # The same on every machine, and as in the tests.
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    asyncio.run(walk(FOLDER))
