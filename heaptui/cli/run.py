"""`heaptui run`: the history of syncs, one run in detail, its receipt, and how to go on after it."""

from __future__ import annotations

import time
from typing import Any

import click

from heaptui.cli.context import Settings, emit
from heaptui.cli.context import run as run_now
from heaptui.cli.output import flow, say, table
from heaptui.cli.run_support import bundle, exchange, exchanges, explanations_json, letter, log, undo
from heaptui.cli.sync import Duration, SyncJob, print_run, run_json
from heaptui.errors import UsageError
from heaptui.model.belief import Direction
from heaptui.model.commands import addressed
from heaptui.model.lexicon import why_in_short
from heaptui.model.runs import RunSummary


@click.group()
def run() -> None:
    """Past and present syncs of all processes."""


for command in (exchanges, exchange, log, letter, undo, bundle):
    run.add_command(command)


@run.command("list")
@click.option("--limit", default=50, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def list_runs(settings: Settings, *, limit: int, as_json: bool) -> None:
    """List the newest runs.

    \b
    Example:
      heaptui run list --limit 10
    """
    run_now(_list(settings, limit, as_json=as_json or settings.json))


async def _list(settings: Settings, limit: int, *, as_json: bool) -> None:
    async with settings.workspace("command") as workspace:
        runs = await workspace.history.list(limit)
    if as_json:
        emit({"runs": [_summary_json(summary) for summary in runs]})
        return
    if not runs:
        say("No run yet. The first one: heaptui sync COHORT")
        return
    rows = [
        (
            str(summary.run_id),
            time.strftime("%d %b %H:%M", time.localtime(summary.started_at)),
            summary.starter,
            _cohorts(summary),
            summary.state.word,
            f"{summary.accepted:,}",
            why_in_short(summary.reason),
        )
        for summary in runs
    ]
    table(("run", "started", "by", "cohorts", "result", "accepted", "why"), rows)


def _cohorts(summary: RunSummary) -> str:
    if len(summary.cohorts) <= 1:
        return "".join(summary.cohorts)
    return f"{summary.cohorts[0]} + {len(summary.cohorts) - 1}"


def _summary_json(summary: RunSummary) -> dict[str, Any]:
    return {
        "run_id": summary.run_id,
        "started_at": summary.started_at,
        "ended_at": summary.ended_at,
        "state": summary.state,
        "by": summary.by,
        "origin": summary.origin,
        "cohorts": summary.cohorts,
        "submitted": summary.accepted,
        "rejected": summary.rejected,
        "in_doubt": summary.in_doubt,
        "skipped": summary.skipped,
        "reason": summary.reason or None,
        "continues": summary.continues,
    }


@run.command()
@click.argument("run_id", type=int, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def show(settings: Settings, run_id: int | None, *, as_json: bool) -> None:
    """Show one run, the last where none is named: counts, story, refused ids, and what to do.

    \b
    Examples:
      heaptui run show
      heaptui run show 142
    """
    run_now(_show(settings, run_id, as_json=as_json or settings.json))


async def _show(settings: Settings, run_id: int | None, *, as_json: bool) -> None:
    async with settings.workspace("command") as workspace:
        if run_id is None:
            newest = await workspace.history.list(1)
            if not newest:
                raise UsageError("There is no run yet.", "", "The first one: heaptui sync COHORT")
            run_id = newest[0].run_id
            say(f"the last run: {run_id}")
        progress = await workspace.history.progress(run_id)
        rejections = await workspace.history.rejections(run_id)
        profile = workspace.profile
        desk = await workspace.support.desk(run_id)
    if as_json:
        story = [{"at": moment.at, "text": moment.text} for moment in progress.story]
        refused = [{"kind": r.kind, "value": r.value, "direction": r.direction, "text": r.text} for r in rejections]
        why = {"explanations": explanations_json(desk), "compared_with": desk.good.run_id if desk.good else None}
        emit({**run_json(progress), **why, "story": story, "rejections": refused})
        return
    print_run(progress, profile, desk, here=addressed(f"heaptui run show {run_id}", profile))
    for moment in progress.story:
        if moment.important:
            flow(f"{time.strftime('%H:%M:%S', time.localtime(moment.at))}  {moment.text}", 10)
    for rejection in rejections:
        change = "join" if rejection.direction is Direction.ADD else "leave"
        flow(f"refused  {change}  {rejection.kind}  {rejection.value}  {rejection.text}", 9)


@run.command()
@click.argument("run_id", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def receipt(settings: Settings, run_id: int, *, as_json: bool) -> None:
    """Print the receipt of a run: counts and digests, no ids.

    \b
    Example:
      heaptui run receipt 143 > run-143.md
    """

    async def printed() -> None:
        async with settings.workspace("command") as workspace:
            if as_json or settings.json:
                emit(await workspace.history.receipt_data(run_id))
                return
            click.echo(await workspace.history.receipt(run_id), nl=False)

    run_now(printed())


@run.command()
@click.argument("run_id", type=int)
@click.option("--dry-run", is_flag=True, help="Show the plan; send and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@click.option("--yes-really", is_flag=True, help="Let unusually large changes through, too.")
@click.option("--wait", type=Duration(), help="How long to wait for Braze or for another process.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def resume(
    settings: Settings,
    run_id: int,
    *,
    dry_run: bool,
    yes: bool,
    yes_really: bool,
    wait: float | None,
    as_json: bool,
) -> None:
    """Continue a run: close what it left open, plan its cohorts anew, and sync them.

    \b
    Examples:
      heaptui run resume 142 --dry-run
      heaptui run resume 142 --yes
    """
    job = SyncJob(
        settings,
        (),
        dry_run=dry_run,
        full=False,
        yes=yes or yes_really,
        let_through=yes_really,
        wait=wait,
        continues=run_id,
    )
    code = run_now(job.carry_out(as_json=as_json or settings.json))
    if code:
        raise SystemExit(code)


@run.command()
@click.argument("run_id", type=int)
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@click.option("--wait", type=Duration(), help="How long to wait for Braze or for another process.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def retry(settings: Settings, run_id: int, *, yes: bool, wait: float | None, as_json: bool) -> None:
    """Continue a run and offer the ids that Braze refused once more.

    \b
    Example:
      heaptui run retry 138 --yes
    """
    job = SyncJob(
        settings,
        (),
        dry_run=False,
        full=False,
        yes=yes,
        let_through=False,
        wait=wait,
        continues=run_id,
        forget_refusals=True,
    )
    code = run_now(job.carry_out(as_json=as_json or settings.json))
    if code:
        raise SystemExit(code)
