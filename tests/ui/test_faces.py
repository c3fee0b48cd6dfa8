"""How every screen looks: as text in four sizes, and as pictures in colours.

After a change that was meant: `pytest tests/ui/test_faces.py --snapshot-update`, and look at what changed.
"""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from heaptui.ui.app import HeaptuiApp
from tests.ui.conftest import SIZES, Desk, filled_desk, shows, text_of

NOON = 1_767_268_800.0
"""2026-01-01 12:00 UTC."""


@dataclass(frozen=True)
class Face:
    """One screen: the keys that lead there from the cohorts, what it shows when it is ready, and the keys back."""

    keys: tuple[str, ...]
    ready: str
    back: tuple[str, ...] = ()


FACES = {
    "cohorts": Face((), "Cart abandoners"),
    "segments": Face(("2", "plus", *"cart", "enter"), "Filter group 1"),
    "plan": Face(("1", "space", "s"), "nothing has been sent"),
    "runs": Face(("4",), "✓ done"),
    "story": Face(("4", "enter"), "[Story", ("escape",)),
    "currents": Face(("5",), "[5 Currents"),
    "credentials": Face(("6",), "verdict after"),
    "way": Face(("1", "W"), "How should people get into Braze?", ("escape",)),
    "help": Face(("1", "question_mark"), "Keys", ("escape",)),
    "import": Face(("1", "i"), "File", ("escape",)),
}


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
    await pilot.press(*face.keys)
    await shows(pilot, face.ready)
    await pilot.pause(0.5)


def steady(text: str) -> str:
    """The text without what differs from run to run, in the same widths."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:00000", text)
    text = re.sub(r"─+ \S+@\S+, (tui|cli), .*", "─ who, where ─", text)
    text = re.sub(r"\d+\.\d s\b", "0.0 s", text)
    # The milliseconds of each check, and the blanks before them.
    return re.sub(r"(?m)^(.* [✓✗!–] .*?) +\d+( [▁-▇])? *$", r"\1\2", text)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_screen_looks_as_before(still: Desk, size: tuple[int, int], snapshot: Any) -> None:
    seen: dict[str, list[str]] = {}
    async with HeaptuiApp(still.opening).run_test(size=size) as pilot:
        await shows(pilot, "Cart abandoners")
        for name, face in FACES.items():
            await reach(pilot, face)
            seen[name] = [line.rstrip() for line in steady(text_of(pilot.app)).splitlines()]
            await pilot.press(*face.back)
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
