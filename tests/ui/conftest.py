"""A dashboard on a real sandbox and a real ledger, filled through the services."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, field
from textual.widgets import Input

from heaptui.config import Config, Home, Profile, save_config
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.widgets.frame import StatusLine
from heaptui.ui.widgets.record_table import RecordTable
from tests.services.world import QUICK, fill, ids, synced, workspace_on

SIZES = [(60, 20), (80, 24), (120, 36), (200, 60)]


class Opening(Struct):
    """What the command line would hand over."""

    home: Home
    environ: dict[str, str] = field(default_factory=dict)
    profile: str | None = None
    read_only: bool = False


class Desk(Struct):
    """A filled home and the dashboard's way to it."""

    opening: Opening
    carts: str
    vip: str
    trials: str


@pytest.fixture(autouse=True)
def steady_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor of a field does not blink: a picture would depend on the moment."""
    monkeypatch.setattr(Input, "_toggle_cursor", lambda _: None)


@pytest.fixture
async def desk(sandbox: Any, tmp_path: Path) -> Desk:
    """Three cohorts: one changed since its sync, one never synced, one that lost nearly everybody."""
    return await filled_desk(sandbox, tmp_path, runs=1)


async def filled_desk(sandbox: Any, tmp_path: Path, *, runs: int) -> Desk:
    """The same; with two runs, the first cohort is synced before the second."""
    sandbox.know(ids(0, 5000))
    home = tmp_path / "home"
    async with workspace_on(sandbox, home) as workspace:
        carts = await fill(workspace, ids(0, 3000), name="Cart abandoners")
        vip = await fill(workspace, ids(0, 40), name="VIP 2024")
        for together in [(carts, vip)] if runs == 1 else [(carts,), (vip,)]:
            await synced(workspace, *together)
        await fill(workspace, ids(300, 4200), cohort_id=carts)
        await fill(workspace, ids(0, 2), cohort_id=vip)
        trials = await fill(workspace, ids(100, 350), name="カート放棄（高額）")
    found = Home.find(str(home), {})
    profile = Profile(
        name="test",
        endpoint=sandbox.braze_url,
        label="SANDBOX",
        partner_name=sandbox.keys.partner_name,
        max_in_flight=1,
        **{**QUICK, "read_timeout_seconds": 5.0},
    )
    save_config(found, Config({"test": profile}))
    keys = {
        "HEAPTUI_PARTNER_API_KEY": sandbox.keys.partner_api_key,
        "HEAPTUI_DATA_IMPORT_KEY": sandbox.keys.data_import_key,
    }
    return Desk(Opening(found, keys), carts, vip, trials)


def lines_of(app: HeaptuiApp) -> list[str]:
    """The screen as plain text, line by line."""
    width, height = app.size
    rows = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip)[:width] for strip in rows[:height]]


def text_of(app: HeaptuiApp) -> str:
    """The whole screen as one text."""
    return "\n".join(lines_of(app))


def flowed(app: HeaptuiApp) -> str:
    """The text of each column as one line, as somebody reads sentences that go on below."""
    columns: tuple[list[str], list[str]] = ([], [])
    for line in lines_of(app):
        left, *right = re.split(r"[│├]", line, maxsplit=1)
        columns[0].append(left)
        columns[1].extend(right)
    return re.sub(r"\s+", " ", " ".join((*columns[0], *columns[1])))


async def until(pilot: Any, holds: Callable[[], Any], seconds: float = 10) -> None:
    """Wait for a condition while the dashboard goes on."""
    async with asyncio.timeout(seconds):
        while not holds():
            await pilot.pause(0.02)


ASKING = {"dialog", "quit"}
"""Work that goes on while a question stands."""


async def settled(pilot: Any) -> None:
    """Wait until everything that was asked for is read and shown; what waits for an answer of the user stays."""
    before = ""
    while (now := text_of(pilot.app)) != before or any(
        not worker.is_finished and worker.group not in ASKING for worker in pilot.app.workers
    ):
        before = now
        await pilot.pause()
        await pilot.pause(0.1)


async def walk_to(pilot: Any, keys: Sequence[str]) -> None:
    """Press keys; the first may open a screen that must be there for those that follow."""
    await pilot.press(*keys[:1])
    await settled(pilot)
    await pilot.press(*keys[1:])


async def shows(pilot: Any, text: str, seconds: float = 10) -> None:
    """Wait until a text is on the screen, be it on one line or on several."""
    try:
        await until(pilot, lambda: text in text_of(pilot.app) or text in flowed(pilot.app), seconds)
    except TimeoutError:
        raise AssertionError(f"{text!r} is not on the screen:\n{text_of(pilot.app)}") from None


def status(app: HeaptuiApp) -> str:
    """The sentence above the keys."""
    return f" {app.screen.query_one(StatusLine).text}"


def highlight(app: HeaptuiApp, key: str) -> None:
    """Put the cursor on a row."""
    table = next(table for table in app.screen.query(RecordTable) if table.display)
    table.cursor = [row.key for row in table.rows].index(key)


async def start_carts(pilot: Any, desk: Desk) -> None:
    """Plan a sync of “Cart abandoners”, and send it."""
    await shows(pilot, "Cart abandoners")
    highlight(pilot.app, desk.carts)
    await pilot.press("space", "s")
    await shows(pilot, "nothing has been sent")
    await pilot.press("enter")
