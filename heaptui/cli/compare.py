"""`heaptui compare`: what Braze holds of a cohort, what is held here, why they differ, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from heaptui.cli.context import Settings, emit, named_cohort, run
from heaptui.cli.output import plain, say
from heaptui.cli.sync import SyncJob
from heaptui.model.comparison import Against, Counts, meaning_lines, sentence
from heaptui.model.words import headcount

if TYPE_CHECKING:
    from heaptui.services.compare import Comparison

PARTS = ("missing", "unknown", "known", "extra")


@click.command()
@click.argument("cohort")
@click.option("--segment", metavar="ID|NAME", default="", help="The Braze segment with the one filter of the cohort.")
@click.option(
    "--against",
    type=click.Choice([one.value for one in Against]),
    help="What was accepted from here, or who is in the cohort.  [default: delivered, if anything ever was]",
)
@click.option("--list", "part", type=click.Choice(PARTS), help="Print the people of one part, one id a line.")
@click.option("--report", "as_report", is_flag=True, help="Print a report without ids, for somebody else.")
@click.option("--repair", is_flag=True, help="Believe what was read, then plan a sync that mends the difference.")
@click.option("--yes", is_flag=True, help="With --repair: do not ask. Needed where there is no terminal.")
@click.option("--yes-really", is_flag=True, help="With --repair: let unusually large changes through, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def compare(
    settings: Settings,
    cohort: str,
    *,
    segment: str,
    against: str | None,
    part: str | None,
    as_report: bool,
    repair: bool,
    yes: bool,
    yes_really: bool,
    as_json: bool,
) -> None:
    """Read a Braze segment back and compare it with a cohort. Needs a REST key with users.export.segment.

    Works for cohorts that Heap's own sync sends, too: import the people from Heap, then compare with --against members.

    \b
    Examples:
      heaptui compare "Cart abandoners" --segment "check: Cart abandoners"
      heaptui compare 1338065 --list missing > missing.txt
      heaptui compare 1338065 --repair
    """
    as_json = as_json or settings.json
    chosen = run(
        _compared(settings, cohort, segment, against, part, as_json=as_json, as_report=as_report, repair=repair)
    )
    if not repair:
        return
    job = SyncJob(
        settings, (chosen,), dry_run=False, full=False, yes=yes or yes_really, let_through=yes_really, wait=None
    )
    code = run(job.carry_out(as_json=as_json))
    if code:
        raise SystemExit(code)


async def _compared(
    settings: Settings,
    reference: str,
    segment: str,
    against: str | None,
    part: str | None,
    *,
    as_json: bool,
    as_report: bool,
    repair: bool,
) -> str:
    async with settings.workspace("compare") as workspace:
        if repair:
            # Says what is missing before Braze is asked for anything.
            workspace.sync.aim()
        cohort_id = await named_cohort(workspace, reference)
        found = await workspace.compare.compare(
            cohort_id,
            segment=segment,
            against=Against(against) if against else None,
            told=lambda text: say(plain(text)),
        )
        if repair:
            # Told on stderr: stdout is the sync that follows.
            for line in counts_lines(found.counts):
                say(plain(line))
            await workspace.compare.believe(found)
        elif part:
            async for some in workspace.compare.people(found, part):
                click.echo("\n".join(value for _, value in some))
        elif as_json:
            emit(counts_json(found))
        elif as_report:
            click.echo(plain(workspace.compare.report(found)), nl=False)
        else:
            for line in counts_lines(found.counts):
                click.echo(plain(line))
            if found.counts.only_here or found.counts.only_in_braze:
                tail = cohort_id.rsplit("-", 1)[-1]
                say(f"who: heaptui compare {tail} --list missing    mend: heaptui compare {tail} --repair")
        return cohort_id


def counts_lines(counts: Counts) -> list[str]:
    """The comparison as text."""
    made = [
        f"here      {counts.source or counts.against}: {headcount(counts.here)}",
        f"in Braze  segment “{counts.segment_name}”: {headcount(counts.in_braze)}",
    ]
    for name, people, means in meaning_lines(counts):
        share = f"{100 * people / counts.here:.1f} %" if people is not None and counts.here else ""
        made.append(f"{name:<20}{'?' if people is None else f'{people:,}':>11}  {share:>7}  {means}")
    return [*made, sentence(counts)]


def counts_json(found: Comparison) -> dict[str, object]:
    """The comparison as other programs read it."""
    counts = msgspec.to_builtins(found.counts)
    return {**counts, "known": found.counts.known, "exact": found.counts.exact, "sentence": sentence(found.counts)}
