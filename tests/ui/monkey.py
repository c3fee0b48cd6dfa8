"""Somebody who presses anything: random keys, clicks and sizes, and at the end the wish to leave."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from heaptui.ui.app import HeaptuiApp
from heaptui.ui.commands import COMMANDS

QUITS = {"q", "ctrl+q", "ctrl+c"}
MOVES = ["up", "down", "pageup", "pagedown", "home", "end", "tab", "shift+tab", "enter", "escape", "backspace", "space"]
TYPED = [*"abcdefghijklmnoprstuvwxyz0123456789 \"'()[]-=/.:é高｝\u3000", "left", "right", "delete"]
SIZES = [(60, 20), (80, 24), (120, 36), (200, 60), (40, 10), (20, 5), (1, 1)]


async def play(opening: Any, seed: int, steps: int) -> list[str]:
    """Do `steps` random things; returns them, so that a failure can be repeated.

    Whatever happened, the dashboard must be left by esc and q at the end.
    """
    rng = random.Random(seed)
    commands = [key for command in COMMANDS for key in command.key.split(",") if key not in QUITS]
    done: list[str] = []
    app = HeaptuiApp(opening)
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(steps):
            if app._exit and app.return_value == "demo":
                # Somebody who wants to look around leaves for the demo: begin again, as another one.
                return [*done, *await play(opening, seed + 1000, steps - len(done))]
            if app._exit:
                raise AssertionError(f"seed {seed}: the dashboard ended after {done[-8:]}")
            chance = rng.random()
            try:
                if chance < 0.85:
                    key = rng.choice(rng.choice([commands, commands, MOVES, TYPED]))
                    done.append(key)
                    await pilot.press(_named(key))
                elif chance < 0.97:
                    at = (rng.randrange(app.size.width), rng.randrange(app.size.height))
                    done.append(f"click {at}")
                    await pilot.click(offset=at, times=rng.choice([1, 1, 2]))
                else:
                    size = rng.choice(SIZES)
                    done.append(f"size {size}")
                    await pilot.resize_terminal(*size)
            except Exception as error:
                raise AssertionError(f"seed {seed}: {error!r} after {done[-8:]}") from error
        await _leave(app, pilot, seed, done)
    return done


def _named(key: str) -> str:
    names = {" ": "space", "　": "　", "/": "slash", ":": "colon", "-": "minus", "=": "equals_sign", ".": "full_stop"}
    return names.get(key, key)


async def _leave(app: HeaptuiApp, pilot: Any, seed: int, done: list[str]) -> None:
    await pilot.resize_terminal(80, 24)
    try:
        async with asyncio.timeout(30):
            while not app._exit:
                for key in ("escape", "escape", "escape", "q", "y"):
                    if app._exit:
                        break
                    await pilot.press(key)
                    await pilot.pause(0.05)
    except TimeoutError:
        shown = type(app.screen).__name__
        raise AssertionError(f"seed {seed}: could not leave {shown} after {done[-12:]}") from None
