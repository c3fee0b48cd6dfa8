"""What every command gets: the global options, and the ways to a workspace and to the output."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click
from msgspec import Struct

from heaptui.config import Home, Profile, load_config, resolve_profile
from heaptui.errors import UsageError

if TYPE_CHECKING:
    from heaptui.model.cohorts import Cohort
    from heaptui.services.workspace import Workspace

T = TypeVar("T")


class Settings(Struct):
    """The global options of one invocation."""

    home: Home
    profile: str | None
    read_only: bool
    json: bool
    environ: Mapping[str, str]
    opened: Profile | None = None
    """The profile that was meant, once that is known."""

    def chosen_profile(self) -> Profile:
        """The profile that is meant.

        Raises:
            UsageError: none or several.
        """
        self.opened = resolve_profile(load_config(self.home), self.profile, self.environ)
        return self.opened

    @asynccontextmanager
    async def workspace(self, what: str) -> AsyncIterator[Workspace]:
        """Open the profile that is meant; `what` tells other processes what this one does."""
        from heaptui.services.workspace import open_workspace

        profile = await asyncio.to_thread(self.chosen_profile)
        async with open_workspace(
            self.home, profile, self.environ, read_only=self.read_only or profile.read_only, what=what
        ) as workspace:
            yield workspace


async def named_cohort(workspace: Workspace, reference: str) -> str:
    """The id of the cohort that was named, by whatever name; a former one is told on stderr.

    Raises:
        UsageError: none is found, or several are.
    """
    from heaptui.cli.output import plain, say

    found = await workspace.cohorts.resolve(reference)
    if found.warning:
        say(plain(found.warning))
    return found.cohort_id


async def called(workspace: Workspace, one: Cohort) -> str:
    """How a command calls a cohort: its name, quoted for the shell; its id where the name could mean something else."""
    import shlex

    if one.name.startswith("-") or not one.name.isprintable():
        return one.cohort_id
    try:
        found = await workspace.cohorts.resolve(one.name)
    except UsageError:
        return one.cohort_id
    return shlex.quote(one.name) if found.cohort_id == one.cohort_id else one.cohort_id


def need_terminal(otherwise: str) -> None:
    """Refuse where no dashboard can be drawn.

    Raises:
        UsageError: there is no terminal, or one that cannot draw; `otherwise` says what to do then.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(f"heaptui needs a terminal; without one {otherwise}")
    if os.environ.get("TERM") == "dumb":
        raise UsageError("This terminal cannot draw: TERM is dumb.", "", f"In another terminal, or {otherwise}")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's asynchronous part.

    Raises:
        KeyboardInterrupt: by ctrl-C, or by a signal that cancels it.
    """
    try:
        return asyncio.run(work)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def emit(value: Any) -> None:
    """Print one JSON document to stdout."""
    import msgspec

    click.echo(msgspec.json.encode(value))
