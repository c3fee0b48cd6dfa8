"""`heaptui ledger`: move, copy and check the record of what Braze holds."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from heaptui.cli.context import Settings, called, emit, named_cohort, run
from heaptui.cli.output import plain, say
from heaptui.errors import ExitCode
from heaptui.model.words import counted, headcount


@click.group()
def ledger() -> None:
    """The ledger is the only record of what Braze holds: keep it, move it, check it."""


@ledger.command("export")
@click.argument("target", type=click.Path(path_type=Path))
@click.pass_obj
def export_command(settings: Settings, target: Path) -> None:
    """Copy the ledger of a profile to a file. It holds no keys.

    \b
    Example:
      heaptui --profile acme-jp ledger export acme-jp.ledger
    """
    from heaptui.services.ledgers import export_ledger

    async def work() -> None:
        say(f"Written: {await export_ledger(await _path(settings), target)}")
        say("Whoever imports it goes on from here; two computers must not sync from the same ledger.")

    run(work())


@ledger.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@click.pass_obj
def import_command(settings: Settings, source: Path) -> None:
    """Go on from a ledger of another computer, or from a daily copy.

    \b
    Example:
      heaptui --profile acme-jp ledger import acme-jp.ledger
    """
    from heaptui.services.ledgers import import_ledger

    async def work() -> None:
        kept = await import_ledger(source, await _path(settings))
        say("Imported." + (f" The ledger that was here is kept as {kept}." if kept else ""))
        say("Stop the other computer's cron job and listener: two ledgers undo each other.")

    run(work())


@ledger.command()
@click.argument("cohort")
@click.option("--segment", metavar="ID|NAME", default="", help="The Braze segment with the one filter of the cohort.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def rebuild(settings: Settings, cohort: str, *, segment: str, as_json: bool) -> None:
    """Set what Braze holds of a cohort from a Braze segment, where the old ledger is lost. Sends nothing.

    Needs a REST key with users.export.segment. The cohort must have the same id as in the lost ledger, as cohorts of
    Heap segments always do.

    \b
    Example:
      heaptui ledger rebuild 1338065 --segment "check: Cart abandoners"
    """
    from heaptui.cli.compare import counts_json, counts_lines
    from heaptui.services.compare import Against

    async def work() -> None:
        async with settings.workspace("rebuild") as workspace:
            cohort_id = await named_cohort(workspace, cohort)
            found = await workspace.compare.compare(
                cohort_id, segment=segment, against=Against.MEMBERS, told=lambda text: say(plain(text))
            )
            await workspace.compare.believe(found)
            if as_json or settings.json:
                emit(counts_json(found))
                return
            for line in counts_lines(found.counts):
                say(plain(line))
            click.echo(f"{headcount(found.counts.in_braze)} of “{found.counts.name}” are taken as accepted by Braze.")
            say(f"next: heaptui sync {await called(workspace, await workspace.cohorts.show(cohort_id))} --dry-run")

    run(work())


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def check(settings: Settings, *, as_json: bool) -> None:
    """Look the ledger over: sound or damaged, what it holds, which copies there are.

    \b
    Example:
      heaptui ledger check
    """
    from heaptui.services.ledgers import inspect_ledger

    async def work() -> int:
        facts = await inspect_ledger(await _path(settings))
        if as_json or settings.json:
            emit(
                {
                    "path": str(facts.path),
                    "bytes": facts.size,
                    "cohorts": facts.cohorts,
                    "runs": facts.runs,
                    "endpoint": facts.endpoint,
                    "problems": facts.problems,
                    "copies": [str(copy) for copy in facts.copies],
                }
            )
        else:
            click.echo(
                f"{facts.path}: {facts.size:,} bytes, {counted(facts.cohorts, 'cohort')}, {counted(facts.runs, 'run')}"
            )
            click.echo(f"target: {facts.endpoint or 'none yet, the first sync sets it'}")
            for problem in facts.problems:
                click.echo(f"damaged: {problem}")
            click.echo(f"copies: {', '.join(copy.name for copy in facts.copies) or 'none yet'}")
            click.echo("sound" if not facts.problems else "NOT SOUND. Take the newest good copy: heaptui ledger import")
        return ExitCode.UNREACHABLE if facts.problems else ExitCode.DONE

    code = run(work())
    if code:
        raise SystemExit(code)


@ledger.command()
@click.argument("identifier")
@click.pass_obj
def forget(settings: Settings, identifier: str) -> None:
    """Erase a person who is in no cohort any more from the ledger, its copies and the Currents events.

    IDENTIFIER is the id, or - to read it from stdin, so that it lands in no shell history.

    \b
    Example:
      heaptui ledger forget - < id.txt
    """
    from heaptui.services.ledgers import forget_person

    async def work() -> None:
        value = (await asyncio.to_thread(sys.stdin.readline) if identifier == "-" else identifier).rstrip("\r\n")
        left = await forget_person(await _path(settings), value)
        async with settings.workspace("command") as workspace:
            currents = workspace.currents
            events = f", and in {await currents.forget(value):,} Currents events" if currents.has_events else ""
        say(f"Forgotten here, in the daily copies{events}. Not in files you exported, and not in Braze or Heap.")
        for path in left:
            say(f"An older ledger that an import put aside may still hold it: {path}")

    run(work())


async def _path(settings: Settings) -> Path:
    from heaptui.services.workspace import ledger_path
    from heaptui.store.secrets import lookup_secrets

    profile = await asyncio.to_thread(settings.chosen_profile)
    secrets = await lookup_secrets(settings.home, profile, settings.environ, read_only=True)
    return ledger_path(settings.home, profile, secrets)
