"""`heaptui segment`: the segments that exist in Braze."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, emit, run
from heaptui.cli.output import facts, plain, say, table
from heaptui.errors import ExitCode, HeaptuiError, UsageError

if TYPE_CHECKING:
    from heaptui.services.braze_segments import BrazeSegments, SeenSegment, Uses
    from heaptui.services.workspace import Workspace

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def segment() -> None:
    """The segments that exist in Braze, read with a REST key. Nothing here changes any of them."""


@segment.command("list")
@click.option("--refresh/--seen", default=True, help="Ask Braze, or show what was seen the last time.")
@_as_json
@click.pass_obj
def list_command(settings: Settings, *, refresh: bool, as_json: bool) -> None:
    """List them: size, tags, and which of our cohorts their text mentions.

    \b
    Examples:
      heaptui segment list
      heaptui segment list --seen --json
    """

    async def work() -> int:
        async with settings.workspace("command") as workspace:
            service = workspace.segments.in_braze
            seen = await _read(service, refresh=refresh)
            uses = service.uses(await workspace.cohorts.list())
            names = await workspace.segments.names()
        _tell_problems(service)
        if as_json or settings.json:
            emit({"segments": [_json(one, uses) for one in seen], "unused_cohorts": uses.unused,
                  "complete": uses.complete})  # fmt: skip
        else:
            rows = [
                (
                    one.item.name,
                    one.segment_id,
                    "?" if one.size is None else f"{one.size:,}",
                    ", ".join(one.item.tags),
                    ", ".join(names.of(cohort_id) for cohort_id in uses.cohorts_of[one.segment_id]),
                )
                for one in seen
            ]
            table(("segment", "id", "size", "tags", "mentions"), rows)
            if uses.complete and uses.unused:
                say(plain(f"no segment mentions: {', '.join(names.of(one) for one in uses.unused)}"))
        return _code(service)

    if code := run(work()):
        raise SystemExit(code)


async def _read(service: BrazeSegments, *, refresh: bool) -> list[SeenSegment]:
    seen = await service.seen()
    if refresh:
        async for found in service.refresh():
            seen = found
    return seen


def _tell_problems(service: BrazeSegments) -> None:
    for error in service.problems.values():
        say(plain(f"{error.title} {error.hint}"))


def _code(service: BrazeSegments) -> int:
    errors: list[HeaptuiError] = list(service.problems.values())
    return max((error.exit_code for error in errors), default=ExitCode.DONE)


@segment.command()
@click.argument("reference", metavar="SEGMENT")
@_as_json
@click.pass_obj
def show(settings: Settings, reference: str, *, as_json: bool) -> None:
    """Show one by its id or name: both texts, tags, daily sizes, cohorts that it mentions.

    \b
    Example:
      heaptui segment show "Cart - not paying"
    """

    async def work() -> int:
        async with settings.workspace("command") as workspace:
            service = workspace.segments.in_braze
            one = await service.look(await _found(workspace, reference))
            uses = service.uses(await workspace.cohorts.list())
            names = await workspace.segments.names()
        _tell_problems(service)
        if as_json or settings.json:
            emit(_json(one, uses))
        else:
            mentioned = ", ".join(names.of(cohort_id) for cohort_id in uses.cohorts_of[one.segment_id])
            lines = [("segment", f"{one.item.name} ({one.segment_id})"), ("tags", ", ".join(one.item.tags) or "none")]
            if one.details:
                lines += [("filters", one.details.description), ("text", one.details.text_description)]
            sizes = "  ".join(f"{size.day} {size.size:,}" for size in (one.sizes or ())[-7:])
            lines += [("mentions", mentioned or "none of our cohorts"), ("sizes", sizes or "not tracked, or not read")]
            facts(lines)
        return _code(service)

    if code := run(work()):
        raise SystemExit(code)


async def _found(workspace: Workspace, reference: str) -> str:
    """The id of a segment that was listed, by id or name; Braze is asked for its list when it was not."""
    service = workspace.segments.in_braze
    for again in (False, True):
        seen = await _read(service, refresh=again)
        found = [one.segment_id for one in seen if reference in (one.segment_id, one.item.name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"{len(found)} segments are called “{reference}”.", f"They are: {', '.join(found)}.")
        if service.problems:
            raise next(iter(service.problems.values()))
    raise UsageError(f"Braze lists no segment “{reference}”.", "", "See them all: heaptui segment list")


def _json(one: SeenSegment, uses: Uses) -> dict[str, Any]:
    return {
        "segment_id": one.segment_id,
        "name": one.item.name,
        "tags": one.item.tags,
        "tracked": one.item.tracked,
        "size": one.size,
        "description": one.details.description if one.details else None,
        "text_description": one.details.text_description if one.details else None,
        "sizes": None if one.sizes is None else [{"day": size.day, "size": size.size} for size in one.sizes],
        "mentions": uses.cohorts_of.get(one.segment_id, ()),
    }
