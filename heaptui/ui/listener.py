"""The dashboard's receiver: a process `heaptui listen` of its own that ends with the dashboard, however that ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from heaptui.config import Home, Profile
from heaptui.errors import HeaptuiError

UP_WITHIN = 30.0
"""Seconds in which a receiver has to listen."""

END_WITHIN = 15.0
LINES_KEPT = 50


class Opening(Protocol):
    """What the dashboard needs to know to open a profile."""

    home: Home
    profile: str | None
    read_only: bool
    environ: Mapping[str, str]


class ListenerChild:
    """One receiver, started and stopped from the dashboard. It holds a pipe of ours, and ends when that breaks."""

    def __init__(self, opening: Opening, profile: Profile) -> None:
        self._opening = opening
        self._profile = profile
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.starting = False
        """Whether it is awaited: it was asked for, and does not listen yet."""
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        """What it said, newest last."""

    @property
    def running(self) -> bool:
        """Whether it is there."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> str:
        """Start it and wait until it listens; returns its sentence with the address.

        Raises:
            HeaptuiError: it did not come up; says why in its own words.
        """
        self.lines.clear()
        named = () if self._profile.from_environment else ("--profile", self._profile.name)
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "heaptui", *named, "listen", "--with-parent"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(),
            start_new_session=True,
        )
        assert self._process.stderr is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UP_WITHIN):
                while line := (await self._process.stderr.readline()).decode(errors="replace").strip():
                    self.lines.append(line)
                    if line.startswith("listening on"):
                        self._reading = asyncio.create_task(self._read(self._process.stderr), name="listener's words")
                        return line
        said = list(self.lines)
        await self.stop()
        raise HeaptuiError("The receiver did not start.", *(said[:2] or ["It said nothing."]))

    async def begin(self, tell: Callable[..., None]) -> None:
        """The same without anybody waiting: trouble is told."""
        try:
            await self.start()
        except HeaptuiError as error:
            tell(str(error), severity="warning", markup=False)
        finally:
            self.starting = False

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.lines.append(line.decode(errors="replace").strip())

    def _environment(self) -> dict[str, str]:
        """Ours, with the keys of this dashboard and no others."""
        rest = {name: value for name, value in os.environ.items() if not name.startswith("HEAPTUI_")}
        given = {name: value for name, value in self._opening.environ.items() if name.startswith("HEAPTUI_")}
        root = self._opening.home.root
        return {**rest, **given, **({"HEAPTUI_HOME": str(root)} if root else {})}

    async def stop(self) -> None:
        """Let it finish what it is doing, and end."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(END_WITHIN):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading
            self._reading = None
