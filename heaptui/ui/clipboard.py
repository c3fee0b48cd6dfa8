"""Copying: through the terminal, and by a local tool where there is one, which alone can confirm it."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import Any

from msgspec import Struct
from textual.app import App

LONGEST_TOLD = 200
"""Letters of a text that are told at most: more fit into no line."""

TOOL_SECONDS = 2.0
"""A tool answers in some milliseconds; one that hangs is given up."""

COPIED, SENT = "Copied", "Sent to the terminal, not confirmed"
"""What is known stands before what was copied: a narrow line is cut at its end."""


class _Tool(Struct, frozen=True):
    words: tuple[str, ...]
    display: str = ""
    """The variable without which it has no display to speak to."""
    encoding: str = "utf-8"


_TOOLS = (
    _Tool(("pbcopy",)),
    _Tool(("wl-copy",), display="WAYLAND_DISPLAY"),
    _Tool(("xclip", "-selection", "clipboard"), display="DISPLAY"),
    _Tool(("clip.exe",), encoding="utf-16-le"),
)


async def copied(app: App[Any], text: str, what: str = "") -> str:
    """Copy a text; returns the sentence about it, with the name of what was copied, else the text itself."""
    app.copy_to_clipboard(text)
    tool = _local_tool()
    told = COPIED if tool is not None and await _took(tool, text) else SENT
    return f"{told}: {what or ' '.join(text[:LONGEST_TOLD].split())}"


def _local_tool() -> _Tool | None:
    """The first tool that can work here; none over SSH, where it would fill the clipboard of the wrong computer."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return None
    usable = (tool for tool in _TOOLS if not tool.display or os.environ.get(tool.display))
    return next((tool for tool in usable if shutil.which(tool.words[0])), None)


async def _took(tool: _Tool, text: str) -> bool:
    """Whether the tool took the text in time."""
    # wl-copy and xclip leave a child behind that serves the clipboard: it must not hold a pipe that is waited for.
    silent = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *tool.words, stdin=asyncio.subprocess.PIPE, stdout=silent, stderr=silent
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode(tool.encoding)), TOOL_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
    return process.returncode == 0
