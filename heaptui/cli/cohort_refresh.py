"""`heaptui cohort refresh`, and the same before a sync: read the newest files again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, emit, named_cohort, run
from heaptui.cli.output import plain, say
from heaptui.errors import ExitCode, UsageError
from heaptui.model.words import headcount, joining

if TYPE_CHECKING:
    from heaptui.services.refresh import Refreshed
    from heaptui.services.workspace import Workspace


@click.command()
@click.argument("references", nargs=-1, metavar="COHORT...")
@click.option("--all", "everything", is_flag=True, help="Every cohort with a file or a pattern of files.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def refresh(settings: Settings, references: tuple[str, ...], *, everything: bool, as_json: bool) -> None:
    """Read the newest file of a cohort again, with the remembered column. Sends nothing.

    The file is that of the last import, or the newest that fits the pattern of the configuration:
    [profiles.NAME.cohorts.COHORT] pattern = "~/exports/carts_*.csv".

    \b
    Examples:
      heaptui cohort refresh "Cart abandoners"
      heaptui cohort refresh --all
    """
    if bool(references) == everything:
        raise UsageError("Name the cohorts to read again, or say --all.", "", "heaptui cohort refresh --all")

    async def work() -> int:
        async with settings.workspace("command") as workspace:
            wanted = None if everything else [await named_cohort(workspace, one) for one in references]
            done = await refresh_all(workspace, wanted)
        if as_json or settings.json:
            emit({"cohorts": [_json(one) for one in done]})
        return ExitCode.USAGE if any(one.error for one in done) else ExitCode.DONE

    code = run(work())
    if code:
        raise SystemExit(code)


async def refresh_all(workspace: Workspace, wanted: Sequence[str] | None) -> list[Refreshed]:
    """Read again what can be, telling each on stderr; with names, also why one cannot be."""
    from heaptui.services.refresh import can_refresh, refresh

    found = await workspace.cohorts.list()
    chosen = [
        one for one in found if (can_refresh(workspace.profile, one) if wanted is None else one.cohort_id in wanted)
    ]
    if not chosen:
        say("No cohort has a file that can be read again.")
    done = []
    for cohort in chosen:
        done.append(await refresh(workspace, cohort))
        _tell(done[-1])
    return done


def _tell(one: Refreshed) -> None:
    if one.error is not None:
        say(plain(f"! {one.name}: not read again. {one.error}"))
    elif one.unchanged:
        say(plain(f"{one.name}: {one.path} is the same as at the last import."))
    elif one.preview is not None:
        preview = one.preview
        say(
            plain(f"{one.name}: {one.path}, column {preview.column}; {headcount(preview.members)},")
            + f" {joining(preview.adds, preview.removes)}."
        )
        for warning in preview.warnings:
            say(f"! {plain(warning)}")
        if preview.unusual:
            say(f"! {preview.unusual} Undo: heaptui cohort undo-import {one.cohort_id}")


def _json(one: Refreshed) -> dict[str, Any]:
    preview = one.preview
    return {
        "cohort_id": one.cohort_id,
        "name": one.name,
        "path": one.path or None,
        "unchanged": one.unchanged,
        "members": preview.members if preview else None,
        "adds": preview.adds if preview else None,
        "removes": preview.removes if preview else None,
        "warnings": [*preview.warnings, *([preview.unusual] if preview.unusual else [])] if preview else [],
        "error": str(one.error) if one.error else None,
    }
