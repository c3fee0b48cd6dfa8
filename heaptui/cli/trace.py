"""`heaptui trace`: everything known about one person, the answer first."""

from __future__ import annotations

import sys
import time

import click
import msgspec

from heaptui.cli.context import Settings, emit, run
from heaptui.cli.output import plain, say
from heaptui.errors import UsageError
from heaptui.services.trace import Traced, steps


@click.command()
@click.argument("identifier")
@click.option("--offline", is_flag=True, help="Ask the ledger only, not Braze.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def trace(settings: Settings, identifier: str, *, offline: bool, as_json: bool) -> None:
    """Tell why a person is, or is not, in a Braze segment, and what to do.

    IDENTIFIER is an external id, alias, device id, or with a REST key an e-mail or phone (+81…), which is looked up
    once and not kept. With -, it is read from stdin, so that no id lands in the history of the shell.

    \b
    Examples:
      heaptui trace 0051120
      pbpaste | heaptui trace -
    """
    if identifier == "-":
        if sys.stdin.isatty():
            say("Type the id; it is not kept.")
        identifier = sys.stdin.readline()
        if not identifier.strip():
            raise UsageError("There was no id on stdin.", "", "echo 0051120 | heaptui trace -")

    async def traced() -> Traced:
        async with settings.workspace("command") as workspace:
            return await workspace.people.trace(identifier, ask_braze=not offline)

    found = run(traced())
    if as_json or settings.json:
        emit(trace_json(found))
        return
    for line in trace_lines(found):
        click.echo(plain(line))
    for note in found.notes:
        say(plain(note))


def trace_lines(found: Traced) -> list[str]:
    """The answer, what to do, and what happened in each cohort."""
    made = [found.first.sentence, found.first.do]
    for verdict in found.verdicts:
        facts = verdict.facts
        if facts is None:
            continue
        made += ["", f"{facts.name} ({facts.identifier.space} {facts.identifier.value})"]
        if verdict is not found.first:
            made.append(f"  {verdict.sentence}")
        made += [f"  {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))}  {text}" for at, text in steps(facts)]
    return made


def trace_json(found: Traced) -> dict[str, object]:
    """The same as other programs read it."""
    return {
        "looked_for": found.looked_for,
        "answer": found.first.answer,
        "sentence": found.first.sentence,
        "do": found.first.do,
        "cohorts": [
            {
                "cohort_id": verdict.facts.cohort_id,
                "name": verdict.facts.name,
                "kind": verdict.facts.identifier.space.kind,
                "answer": verdict.answer,
                "sentence": verdict.sentence,
                "do": verdict.do,
                "member": verdict.facts.member,
                "delivered": verdict.facts.delivered,
                "steps": [{"at": at, "text": text} for at, text in steps(verdict.facts)],
                "batches": [msgspec.to_builtins(one) for one in verdict.facts.carried],
            }
            for verdict in found.verdicts
            if verdict.facts is not None
        ],
        "notes": found.notes,
    }
