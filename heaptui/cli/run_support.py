"""`heaptui run` for the support desk: the exchanges of a run, its log, and a message for the customer."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from heaptui.cli.context import Settings, emit
from heaptui.cli.context import run as run_now
from heaptui.cli.output import plain, say, table
from heaptui.cli.sync import Duration, SyncJob
from heaptui.model.exchange_text import pretty
from heaptui.services.support import Content, ExchangeRow

AT_ONCE = 500


@click.command()
@click.argument("run_id", type=int)
@click.option("--find", metavar="TEXT", help="Only those with this text in address, status, headers or bodies.")
@click.option("--limit", default=200, show_default=True, help="How many, oldest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@click.pass_obj
def exchanges(settings: Settings, run_id: int, *, find: str | None, limit: int, as_json: bool) -> None:
    """List the requests of a run and how each was answered.

    \b
    Example:
      heaptui run exchanges 142 --find 503
    """

    async def listed() -> None:
        async with settings.workspace("command") as workspace:
            await workspace.history.show(run_id)
            desk = workspace.support
            rows = await (desk.found(run_id, find, limit) if find else desk.exchanges(run_id, limit=limit))
            total = await desk.count(run_id)
        if as_json or settings.json:
            for row in rows:
                click.echo(msgspec.json.encode(row))
            return
        lines = [
            (
                str(row.exchange_id),
                time.strftime("%H:%M:%S", time.localtime(row.at)),
                row.what,
                str(row.batch_id or ""),
                str(row.attempt),
                str(row.status or "none"),
                f"{row.latency_ms:.0f} ms" if row.latency_ms is not None else "",
                f"{row.method} {row.url}",
            )
            for row in rows
        ]
        table(("exchange", "time", "what", "batch", "try", "answer", "took", "address"), lines)
        if not find and total > len(rows):
            say(f"{len(rows):,} of {total:,}; more with --limit.")

    run_now(listed())


@click.command()
@click.argument("exchange_id", type=int)
@click.option("--ids", is_flag=True, help="Show the people that the request carried.")
@click.option("--curl", "as_curl", is_flag=True, help="Print it as a shell command, with variables for the keys.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def exchange(settings: Settings, exchange_id: int, *, ids: bool, as_curl: bool, as_json: bool) -> None:
    """Show one request and its answer, keys masked.

    \b
    Example:
      heaptui run exchange 9071 --curl
    """

    async def shown() -> None:
        async with settings.workspace("command") as workspace:
            if as_curl:
                click.echo(plain(await workspace.support.curl(exchange_id)))
                return
            row, content = await workspace.support.exchange(exchange_id)
            sent = await workspace.support.request_of(row, content, with_people=ids)
            meaning = await workspace.support.meaning(row, content)
        if as_json or settings.json:
            emit({**msgspec.to_builtins(row), "request": sent, "answer": content.answer, "headers": content.headers})
            return
        for line in exchange_lines(row, content, sent, meaning):
            click.echo(plain(line))

    run_now(shown())


def exchange_lines(
    row: ExchangeRow, content: Content, sent: str | None, meaning: Sequence[tuple[str, str]]
) -> list[str]:
    """An exchange as text."""
    made = [
        f"{row.method} {row.url}",
        f"{time.strftime('%Y-%m-%dT%H:%M:%S%z', time.localtime(row.at))}, try {row.attempt}",
    ]
    made += ["", "Sent", *(f"  {line}" for line in pretty(sent or ""))]
    took = f" in {row.latency_ms:.0f} ms" if row.latency_ms is not None else ""
    made += ["", f"Answer {row.status or content.error}{took}"]
    made += [f"  {name}: {value}" for name, value in content.headers.items()]
    made += [f"  {line}" for line in pretty(content.answer)] if content.answer else []
    return [*made, "", *(f"{name:<11}{text}" for name, text in meaning)] if meaning else made


@click.command()
@click.argument("run_id", type=int)
@click.pass_obj
def log(settings: Settings, run_id: int) -> None:
    """Print everything about a run as JSON lines: run, deliveries, moments, batches, refusals, exchanges.

    \b
    Example:
      heaptui run log 142 | jq 'select(.type == "exchange" and .status != 201)'
    """

    async def printed() -> None:
        async with settings.workspace("command") as workspace:
            async for line in workspace.support.log(run_id):
                click.echo(msgspec.json.encode(line))

    run_now(printed())


@click.command()
@click.argument("run_id", type=int)
@click.pass_obj
def letter(settings: Settings, run_id: int) -> None:
    """Print a message for the customer about a run that failed: no keys, no ids.

    \b
    Example:
      heaptui run letter 142
    """

    async def printed() -> None:
        async with settings.workspace("command") as workspace:
            click.echo(plain(await workspace.support.letter(run_id)), nl=False)

    run_now(printed())


@click.command()
@click.argument("run_id", type=int)
@click.option("--dry-run", is_flag=True, help="Show the plan and send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@click.option("--wait", type=Duration(), help="How long to wait for Braze or for another process.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def undo(settings: Settings, run_id: int, *, dry_run: bool, yes: bool, wait: float | None, as_json: bool) -> None:
    """Take back what Braze accepted in a run, without what later runs touched; its cohorts go on hold.

    \b
    Example:
      heaptui run undo 142 --dry-run
    """
    job = SyncJob(
        settings,
        (),
        dry_run=dry_run,
        full=False,
        yes=yes,
        let_through=False,
        wait=wait,
        origin="undo",
        undoes=run_id,
    )
    code = run_now(job.carry_out(as_json=as_json or settings.json))
    if not dry_run:
        say("Its cohorts are on hold, so that no sync brings anybody back: heaptui cohort release COHORT")
    if code:
        raise SystemExit(code)


@click.command()
@click.argument("run_id", type=int)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to write it.")
@click.option("--with-ids", is_flag=True, help="Keep the ids of people; otherwise they are hashed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def bundle(settings: Settings, run_id: int, *, output: Path | None, with_ids: bool, as_json: bool) -> None:
    """Pack a run into one file for somebody else: no keys, ids hashed; it opens in the same screens.

    \b
    Example:
      heaptui run bundle 142
      heaptui --read-only --home heaptui-acme-jp-run-142.zip
    """

    async def made() -> Path:
        async with settings.workspace("command") as workspace:
            return await workspace.bundles.make(run_id, output, with_ids=with_ids)

    path = run_now(made())
    if as_json or settings.json:
        emit({"path": str(path), "with_ids": with_ids})
        return
    click.echo(str(path))
    say("It holds ids of people." if with_ids else "No keys; ids are hashed with a salt that is nowhere.")
    say(f"open it: heaptui --read-only --home {shlex.quote(str(path))}")


def explanations_json(desk: Any) -> list[dict[str, Any]]:
    """Why a run ended as it did, as other programs read it."""
    return [msgspec.to_builtins(explanation) for explanation in desk.explanations]
