"""How every screen looks: as text in four sizes, and as pictures in colours.

After a change that was meant: `pytest tests/ui/test_faces.py --snapshot-update`, and look at what changed.
"""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from rich.cells import set_cell_size

from heaptui.config import Home
from heaptui.sandbox.world import Segment
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.from_heap import ROOMY
from tests.services.currents_world import TOKEN, an_event, events_came
from tests.services.world import fill, ids, synced, workspace_on
from tests.ui.conftest import SIZES, Desk, Opening, filled_desk, highlight, settled, shows, text_of, walk_to

NOON = 1_767_268_800.0
"""2026-01-01 12:00 UTC."""


class Face(Struct, frozen=True):
    """One screen: the keys that lead there from the cohorts, what it shows when it is ready, and the keys back."""

    keys: tuple[str, ...]
    ready: str
    back: tuple[str, ...] = ()
    wide: str = ""
    """What it shows besides, where there is a right half."""


FACES = {
    "cohorts": Face((), "Cart abandoners", wide="People waiting to join"),
    "segments": Face(("2", "plus", *"cart", "enter"), "Filter group 1"),
    "plan": Face(("1", "space", "s"), "nothing has been sent", wide="People waiting to join"),
    "runs": Face(("4",), "✓ done"),
    "story": Face(("4", "enter"), "[Story", ("escape",)),
    "currents": Face(("5",), "[5 Currents"),
    "credentials": Face(("6",), "verdict after"),
    "way": Face(("1", "W"), "How should people get into Braze?", ("escape",)),
    "settings": Face(("1", "comma"), "Settings of test", ("escape",)),
    "keys": Face(("comma", "tab"), "Keys are chosen in", ("escape",)),
    "help": Face(("1", "question_mark"), "Keys", ("escape",)),
    "import": Face(("1", "i"), "File", ("escape",)),
}


ANSWERS = {
    "people": Face(("enter",), "3,900 people", ("escape",)),
    "upload": Face(("b",), "Then in Braze", ("escape",)),
    "compare": Face(("v",), "known to Braze", ("escape",)),
    "trace": Face(("t", *"u000350", "enter"), "step by step", ("escape",)),
    "in-braze": Face(("2", "tab"), "2 of 2 read"),
    "overlap": Face(("tab",), "Some of them"),
    "batches": Face(("4", "enter", "tab"), "[Batches"),
    "refused": Face(("tab",), "u000007"),
    "exchanges": Face(("tab",), "POST http", ("escape",)),
    "undo": Face(("u",), "Undo run", ("escape",)),
    "event-flow": Face(("5",), "could not go to Heap"),
    "event": Face(("j", "enter"), "Braze sent", ("escape",)),
    "paste": Face(("6", "p"), "Are these keys right?", ("escape", "escape")),
    "palette": Face(("1", "colon"), "cohorts", ("escape",)),
}
HELD = {"held": Face(("s", "l"), "Let “VIP 2024” through?", (*"VIP 2024", "enter"))}
RUNNING = {
    "quit": Face(("enter", "q"), "A sync is running", ("escape",)),
    "result": Face((), "Receipt saved"),
}
DIALOGS = {"undo", "held", "quit"}


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still, in UTC, and new cohorts get the same ids every time."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(time, "time", lambda: NOON)
    numbers = itertools.count(1)
    monkeypatch.setattr(secrets, "token_bytes", lambda size: next(numbers).to_bytes(1, "big") * size)


@pytest.fixture
async def still(noon: None, sandbox: Any, tmp_path: Path) -> Desk:
    """The filled home, at noon; its cohorts were synced one after another, so that the order is the same every time."""
    return await filled_desk(sandbox, tmp_path, runs=2)


async def reach(pilot: Any, face: Face) -> None:
    await walk_to(pilot, face.keys)
    await shows(pilot, face.ready, 30)
    if pilot.app.size.width >= ROOMY:
        await shows(pilot, face.wide)
    await settled(pilot)


@pytest.fixture
async def busy(still: Desk, sandbox: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    """The same with a REST key, segments in Braze, a run with refused ids, and events that came and went to Heap."""
    monkeypatch.setenv("HOME", str(tmp_path))
    still.opening.environ |= {"HEAPTUI_REST_API_KEY": sandbox.keys.rest_api_key, "HEAPTUI_CURRENTS_TOKEN": TOKEN}
    sandbox.world.segments |= {
        "s1": Segment("s1", "check: Cart abandoners", include=[still.carts], sizes=list(range(3000, 3030))),
        "s2": Segment("s2", "Newcomers", tags=["weekly"], tracked=False),
    }
    async with workspace_on(sandbox, tmp_path / "home") as workspace:
        sandbox.fault(effect="poison", identifiers=["u000007"])
        await synced(workspace, await fill(workspace, ids(0, 20), name="Late carts"))
        sandbox.clear_faults()
    await events_came(sandbox, tmp_path / "home", some_events())
    return still


def some_events() -> list[dict[str, Any]]:
    """A mail to some of the cohort, and one event that is no event."""
    events = [an_event(number, "users.messages.email.Open", campaign_name="Spring sale") for number in range(40)]
    told = [
        {**event, "time": int(NOON) - 60, "user": {"external_user_id": f"u{number:06}", "user_id": "b"}}
        for number, event in enumerate(events)
    ]
    return [*told, an_event(90_000, "users.messages.email.Click", url="x" * 1312)]


def steady(text: str) -> str:
    """The text without what differs from run to run, in the same widths."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:00000", text)
    text = re.sub(r"─+ \S+@\S+, (tui|cli), .*", "─ who, where ─", text)
    text = re.sub(r"\d+\.\d s\b", "0.0 s", text)
    text = re.sub(r" +\d+ ms\b", " 0 ms", text)
    # Days of the sandbox and times of SQLite, whose clocks do not stand still.
    text = re.sub(r"\b20\d\d-\d\d-\d\d\b", "2026-01-01", text)
    text = re.sub(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} 20\d\d", "Thu, 01 Jan 2026", text)
    text = re.sub(r"\b(?!12:00:00)\d\d:\d\d:\d\d\b", "00:00:00", text)
    text = re.sub(r"(Receipt saved: )\S+/", r"\1~/", text)
    # The milliseconds of each check, and the blanks before them.
    return re.sub(r"(?m)^(.* [✓✗!–] .*?) +\d+( [▁-▇])? *$", r"\1\2", text)


def between(line: str, start: int, end: int) -> str:
    """The cells of a line from one column to another."""
    return set_cell_size(line, end)[len(set_cell_size(line, start)) :]


async def seen_on(pilot: Any, faces: dict[str, Face]) -> dict[str, list[str]]:
    """What a walk through these screens shows."""
    seen = {}
    for name, face in faces.items():
        await reach(pilot, face)
        shown = steady(text_of(pilot.app)).splitlines()
        dialog = next(iter(pilot.app.screen.query(".dialog")), None)
        if dialog is not None and name in DIALOGS:
            # What is behind it goes on.
            shown = shown[dialog.region.y : dialog.region.bottom]
            shown = [between(line, dialog.region.x, dialog.region.right) for line in shown]
        seen[name] = [line.rstrip() for line in shown]
        await pilot.press(*face.back)
    return seen


ALL_SIZES = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


@ALL_SIZES
async def test_every_screen_looks_as_before(still: Desk, size: tuple[int, int], snapshot: Any) -> None:
    async with HeaptuiApp(still.opening).run_test(size=size) as pilot:
        await shows(pilot, "Cart abandoners")
        assert await seen_on(pilot, FACES) == snapshot


@ALL_SIZES
async def test_every_answer_looks_as_before(busy: Desk, sandbox: Any, size: tuple[int, int], snapshot: Any) -> None:
    async with HeaptuiApp(busy.opening).run_test(size=size) as pilot:
        await shows(pilot, "Cart abandoners")
        highlight(pilot.app, busy.carts)
        seen = await seen_on(pilot, ANSWERS)
        highlight(pilot.app, busy.vip)
        seen |= await seen_on(pilot, HELD)
        sandbox.fault(effect="slow", seconds=0.7)
        seen |= await seen_on(pilot, RUNNING)
        assert seen == snapshot


@ALL_SIZES
async def test_the_first_screen_looks_as_before(tmp_path: Path, size: tuple[int, int], snapshot: Any) -> None:
    nothing = Opening(Home.find(str(tmp_path / "nothing"), {}))
    async with HeaptuiApp(nothing).run_test(size=size) as pilot:
        seen = await seen_on(pilot, {"start": Face((), "What would you like to do?")})
        assert seen == snapshot


PICTURES = [
    ("cohorts", "heaptui-dark", (60, 20)),
    ("cohorts", "heaptui-dark", (80, 24)),
    ("cohorts", "heaptui-dark", (120, 36)),
    ("cohorts", "heaptui-light", (120, 36)),
    ("cohorts", "ansi-dark", (80, 24)),
    ("segments", "heaptui-dark", (80, 24)),
    ("segments", "heaptui-light", (120, 36)),
    ("plan", "heaptui-dark", (80, 24)),
    ("plan", "heaptui-dark", (120, 36)),
    ("currents", "heaptui-dark", (80, 24)),
    ("way", "heaptui-dark", (120, 36)),
    ("help", "heaptui-dark", (80, 24)),
    ("import", "heaptui-dark", (80, 24)),
]


@pytest.mark.parametrize(
    ("name", "theme", "size"), PICTURES, ids=[f"{name}-{theme}-{size[0]}x{size[1]}" for name, theme, size in PICTURES]
)
def test_colours_are_as_before(
    still: Desk, name: str, theme: str, size: tuple[int, int], snap_compare: Callable[..., bool]
) -> None:
    app = HeaptuiApp(still.opening)

    async def walk(pilot: Any) -> None:
        await shows(pilot, "Cart abandoners")
        app.theme = theme
        await reach(pilot, FACES[name])

    assert snap_compare(app, terminal_size=size, run_before=walk)
