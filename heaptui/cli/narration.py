"""A running sync told on stderr."""

from __future__ import annotations

import asyncio
import math
import shutil
import sys
import time

import click

from heaptui.cli.output import cut, plain, say
from heaptui.model.runs import RunProgress
from heaptui.model.words import counted

CLEAR_LINE = "\r\x1b[K"


class Narration:
    """A run told on stderr: a live line where stderr is a terminal, the important moments anywhere."""

    def __init__(self, progress: RunProgress) -> None:
        self._progress = progress
        self._live = sys.stderr.isatty()
        self._told = 0

    async def go_on(self) -> None:
        """Tell until cancelled."""
        while True:
            self._moments()
            if self._live:
                line = cut(live_line(self._progress, time.time()), shutil.get_terminal_size().columns - 1)
                click.echo(f"{CLEAR_LINE}{line}", err=True, nl=False)
            await asyncio.sleep(0.2)

    def end(self) -> None:
        """Tell what is left, and leave no live line behind."""
        self._moments()
        if self._live:
            click.echo(CLEAR_LINE, err=True, nl=False)

    def _moments(self) -> None:
        moments = list(self._progress.story)[self._told :]
        self._told += len(moments)
        for moment in moments:
            if moment.important:
                stamp = time.strftime("%H:%M:%S", time.localtime(moment.at))
                say(f"{CLEAR_LINE if self._live else ''}{stamp}  {plain(moment.text)}")


def live_line(progress: RunProgress, now: float) -> str:
    """Where a run stands, in one line."""
    live = [delivery for delivery in progress.deliveries.values() if not delivery.state.closed]
    parts = [f"accepted {progress.total('submitted'):,} of {progress.planned:,}"]
    if refused := progress.total("rejected"):
        parts.append(f"refused {refused:,}")
    if in_doubt := progress.total("in_doubt"):
        parts.append(f"in doubt {in_doubt:,}")
    waits = [delivery.wait for delivery in live if delivery.wait]
    if waits:
        wait = max(waits, key=lambda wait: wait.until)
        parts.append(f"{plain(wait.reason)}: {math.ceil(max(1, wait.until - now))} s, {wait.source}")
    else:
        limit = sum(delivery.at_once_limit for delivery in live)
        parts.append(f"{sum(delivery.at_once for delivery in live)} of up to {counted(limit, 'request')} at a time")
    if extra := sum(delivery.extra_requests for delivery in live):
        parts.append(f"{extra:,} extra to find refused ids")
    parts.append(f"{counted(progress.requests_this_hour, 'request')} of all runs this hour")
    return " · ".join(parts)
