"""A command that changes one cohort, and tells how it is now."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, emit, named_cohort, run
from heaptui.cli.output import plain
from heaptui.model.cohorts import Cohort

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace


def change_cohort(
    settings: Settings,
    reference: str,
    change: Callable[[Workspace, str], Coroutine[Any, Any, Cohort]],
    told: Callable[[Cohort], str],
    *,
    as_json: bool,
    shown: Callable[[Cohort], Mapping[str, Any]],
) -> None:
    """Change the cohort that is meant, and tell of it in words, or show it as JSON."""

    async def work() -> None:
        async with settings.workspace("command") as workspace:
            one = await change(workspace, await named_cohort(workspace, reference))
        emit(shown(one)) if as_json or settings.json else click.echo(plain(told(one)))

    run(work())
