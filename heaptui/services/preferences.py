"""What the dashboard remembers between two starts: the last tab, the theme, how tables are sorted."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import msgspec

from heaptui.config import Home, private_dir


class Preferences(msgspec.Struct):
    """Remembered choices; empty texts mean the default."""

    tab: str = ""
    theme: str = ""
    orders: dict[str, str] = {}
    """How a table is sorted, by screen."""
    hidden: list[str] = []
    """Tabs that nobody here needs."""
    followed: str = ""
    """The cohort whose people are looked at in 5 Currents."""


def load_preferences(home: Home) -> Preferences:
    """The choices of last time; the defaults when there are none, or when the file is damaged."""
    try:
        return msgspec.json.decode(_file(home).read_bytes(), type=Preferences)
    except (OSError, msgspec.DecodeError):
        # Nothing of worth is in it: a damaged file is written anew.
        return Preferences()


async def save_preferences(home: Home, preferences: Preferences) -> None:
    """Keep them for the next time; a full or read-only disk keeps nobody from leaving."""
    await asyncio.to_thread(_save, _file(home), msgspec.json.encode(preferences))


def _save(path: Path, content: bytes) -> None:
    with contextlib.suppress(OSError):
        private_dir(path.parent)
        half = path.with_suffix(".part")
        half.write_bytes(content)
        os.replace(half, path)


def _file(home: Home) -> Path:
    return home.state_dir / "dashboard.json"
