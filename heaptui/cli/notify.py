"""Tell the user's own command how a sync ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from heaptui.cli.output import say

SECONDS = 10.0
STDERR = 2


async def notify(command: Sequence[str], run: dict[str, Any]) -> None:
    """Run the command with the run as JSON on its stdin; its failure is told and changes nothing else."""
    try:
        # What it prints is no data of ours, so it goes where narration goes.
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=STDERR)
    except OSError as error:
        say(f"The notify command {command[0]} did not start: {error.strerror}.")
        return
    try:
        async with asyncio.timeout(SECONDS):
            await process.communicate(msgspec.json.encode(run))
    except TimeoutError:
        process.kill()
        await process.wait()
        say(f"The notify command {command[0]} was stopped after {SECONDS:.0f} s.")
        return
    if process.returncode:
        say(f"The notify command {command[0]} ended with {process.returncode}.")
