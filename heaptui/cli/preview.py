"""`heaptui preview`: who would be in a Braze segment, before anybody builds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, called, emit, run
from heaptui.cli.output import plain, say, table
from heaptui.model.clicks import builder_clicks
from heaptui.model.cohorts import CohortState
from heaptui.model.identifiers import EXTERNAL_ID
from heaptui.model.words import counted, headcount

if TYPE_CHECKING:
    from heaptui.model.cohorts import Cohort
    from heaptui.services.previews import Count, Preview
    from heaptui.services.segments import Overlap
    from heaptui.services.workspace import Workspace


@click.command()
@click.argument("expression")
@click.option("--overlap", is_flag=True, help="Also count everyone in both of each pair of cohorts.")
@click.option("--match-rate", is_flag=True, help="Also look a random sample up in Braze; needs a REST key.")
@click.option("--older-menu", is_flag=True, help="Name the clicks of Braze's menu before 2025.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def preview(
    settings: Settings, expression: str, *, overlap: bool, match_rate: bool, older_menu: bool, as_json: bool
) -> None:
    """Count a Braze segment over cohorts, and say what it still needs. Sends nothing.

    EXPRESSION joins cohorts with and, or, not and brackets; names stand in quotes. `braze "…"` stands for another
    filter of Braze, which only Braze can evaluate: the count is then a range.

    \b
    Examples:
      heaptui preview '"Cart abandoners" and not "Paying"'
      heaptui preview '"VIP 2024" and braze "Email Available is true"' --json
    """

    async def work() -> None:
        async with settings.workspace("command") as workspace:
            service = workspace.segments
            parsed = await service.parse(expression)
            found = await service.preview(parsed)
            if match_rate:
                await _measured(workspace, found)
                found = await service.preview(parsed)
            shared = await service.overlap(list(found.cohorts)) if overlap else None
            text = await service.written(parsed)
            names = [await called(workspace, one) for one in found.cohorts.values() if one and _waits(one)]
        if as_json or settings.json:
            emit({**found.to_json(text), **({"overlap": _overlap_json(shared)} if shared else {})})
            return
        _print(found, names)
        if shared:
            _print_overlap(found, shared)
        _tell_clicks(found, workspace, older=older_menu)

    run(work())


async def _measured(workspace: Workspace, found: Preview) -> None:
    """Ask Braze about a sample, and say before how long that takes."""
    matching = workspace.segments.matching
    space = next((one.space for one in found.cohorts.values() if one), EXTERNAL_ID)
    requests, seconds = matching.plan(found.in_heap.at_least, space)
    limit = matching.allowance.limit
    say(f"asking Braze: up to {counted(requests, 'request')}, at most {limit:,} a minute, about {seconds:.0f} s")
    rate = await matching.measure(found.expression)
    say(f"{rate.asked:,} of {headcount(rate.population)} asked")


def number(count: Count) -> str:
    """`9,233`, `at least 9,233`, or `9,233 to 12,345`."""
    if count.exact is not None:
        return f"{count.exact:,}"
    if count.at_most is None:
        return f"at least {count.at_least:,}" if count.at_least else "any number of"
    return f"{count.at_least:,} to {count.at_most:,}"


def _print(found: Preview, names: list[str]) -> None:
    click.echo(f"{'1 person' if found.in_heap.exact == 1 else f'{number(found.in_heap)} people'} in Heap now")
    if found.match and found.exact:
        low, likely, high = found.match.of(found.in_heap.at_least)
        click.echo(f"{likely:,} exist in Braze ({low:,} to {high:,}; {found.match.asked:,} asked)")
        for cause, count in found.match.causes:
            say(plain(f"not found: {count:,} {cause}"))
    click.echo(f"{number(found.in_braze_now)} if built in Braze this minute")
    if found.why_inexact:
        say(plain(f"not exact: {found.why_inexact}"))
    for sentences in found.warnings.values():
        for sentence in sentences:
            say(plain(f"warning: {sentence}"))
    waits = [one for one in found.cohorts.values() if one and _waits(one)]
    for one in waits:
        click.echo(plain(f"before it works: {one.name} {_waits(one)}"))
    if names:
        say(f"next: heaptui sync {' '.join(names)} --dry-run")


def _waits(one: Cohort) -> str:
    if one.state is CohortState.NEW:
        return "was never synced; Braze's filter lists it after the first sync"
    if one.adds or one.leaves:
        held = " and is held" if one.state is CohortState.HELD else ""
        return f"has {one.adds:,} join and {one.leaves:,} leave waiting{held}"
    return ""


def _print_overlap(found: Preview, shared: Overlap) -> None:
    called = [found.names.of(one) for one in shared.cohort_ids]
    lines = [
        (found.names.of(one), *(f"{shared.pair(one, other):,}" for other in shared.cohort_ids))
        for one in shared.cohort_ids
    ]
    click.echo("\neveryone in both")
    table(("", *called), lines)


def _overlap_json(shared: Overlap) -> dict[str, Any]:
    return {
        "pairs": [{"cohort_ids": [one, other], "count": count} for (one, other), count in shared.both.items()],
        "regions": [{"cohort_ids": region.inside, "count": region.people} for region in shared.regions],
    }


def _tell_clicks(found: Preview, workspace: Workspace, *, older: bool) -> None:
    if found.segment is None:
        say("Braze's segment builder cannot show this. Make it a cohort: heaptui cohort derive NAME EXPRESSION")
        return
    say("click in Braze:")
    profile = workspace.profile
    for line in builder_clicks(found.segment, found.names, profile.endpoint, older=older):
        say(plain(f"  {line}"))
