"""`heaptui verify`: are these keys right, and if not, which one, and who mends it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, emit, run
from heaptui.cli.output import plain, say
from heaptui.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from heaptui.model.checks import Check, Outcome
    from heaptui.model.secret import Secret
    from heaptui.services.key_checks import Given

_WORDS = {"ok": "ok", "failed": "FAIL", "warning": "warn", "skipped": "skip"}
_ROUTES = {
    "cohort_import": "Heap Cohorts",
    "attribute": "Custom attribute",
    "export": "CSV upload",
    "compare": "Compare",
}


@click.command()
@click.option("--paste", is_flag=True, help="Read a whole message from stdin; nothing is saved or recorded.")
@click.option("--find-cluster", is_flag=True, help="Also ask Braze's other clusters; the keys are sent to them.")
@click.option("--others", is_flag=True, help="With --paste, also try long words that do not look like Braze's keys.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def verify(settings: Settings, *, paste: bool, find_cluster: bool, others: bool, as_json: bool) -> None:
    """Check the keys of a profile, or those of a message. Changes nothing in Braze.

    \b
    Examples:
      heaptui verify
      heaptui verify --find-cluster
      pbpaste | heaptui verify --paste
    """
    as_json = as_json or settings.json
    work = _pasted(settings, find=find_cluster, others=others) if paste else _of_profile(settings)
    code = run(_verify(work, find=find_cluster, as_json=as_json))
    if code:
        raise SystemExit(code)


async def _verify(work: Any, *, find: bool, as_json: bool) -> int:
    from heaptui.model.checks import ordered, outcome
    from heaptui.model.instances import instance_name
    from heaptui.services.cluster_finder import KNOWN
    from heaptui.services.verification import Verification

    given, notes = await work
    found: dict[str, Check] = {}
    async for check in Verification(given, clusters=KNOWN if find else ()).checks():
        found[check.check_id] = check
    checks = ordered(list(found.values()))
    told = outcome(checks)
    if as_json:
        emit(
            {
                "verdict": told.state,
                "headline": told.headline,
                "instance": instance_name(given.endpoint) if given.endpoint else None,
                "routes": dict(told.routes),
                "checks": [_check_json(check) for check in checks],
                "notes": list(notes),
            }
        )
    else:
        for check in checks:
            click.echo(_line(check))
        for note in notes:
            click.echo(plain(note))
        _tell_verdict(told, given, checks)
    return _exit_code(told, checks)


def _check_json(check: Check) -> dict[str, Any]:
    return {
        "id": check.check_id,
        "state": check.state,
        "latency_ms": round(check.latency_ms, 1) if check.latency_ms is not None else None,
        "detail": check.detail,
        "given": check.given or None,
        "remedy": check.remedy.text if check.remedy else None,
    }


def _line(check: Check) -> str:
    took = f"   {check.latency_ms:.0f} ms" if check.latency_ms is not None else ""
    given = f"{check.given}: " if check.given else ""
    return plain(f"  {_WORDS[check.state]:<5} {check.title:<21} {given}{check.detail}{took}")


def _tell_verdict(told: Outcome, given: Given, checks: list[Check]) -> None:
    from heaptui.model.checks import VerdictState, handover_note
    from heaptui.model.instances import instance_name

    click.echo(plain(f"{told.word}. {told.headline[:1].upper()}{told.headline[1:]}"))
    if told.remedy:
        click.echo(f"  {told.remedy.text}")
    ways = "   ".join(f"{'yes' if open_ else 'no '} {_ROUTES[name]}" for name, open_ in told.routes.items())
    click.echo(f"So you can:  {ways}")
    if told.state is VerdictState.HANDED_OVER:
        say("\nA note for your Heap account manager:\n")
        say(handover_note(given.endpoint, instance_name(given.endpoint), checks, ()))


def _exit_code(told: Outcome, checks: list[Check]) -> int:
    """3 when a key was refused, 4 when nobody answered, 2 when the settings are wrong."""
    from heaptui.model.checks import VerdictState

    if any(check.refused for check in checks):
        return ExitCode.CREDENTIALS
    if any(check.unreachable for check in checks):
        return ExitCode.UNREACHABLE
    return ExitCode.USAGE if told.state is VerdictState.NOT_READY else ExitCode.DONE


async def _of_profile(settings: Settings) -> tuple[Given, tuple[str, ...]]:
    from heaptui.services.credentials import given_of_profile

    profile = settings.chosen_profile()
    return await given_of_profile(settings.home, profile, settings.environ), ()


async def _pasted(settings: Settings, *, find: bool, others: bool) -> tuple[Given, tuple[str, ...]]:
    from heaptui.services.cluster_finder import KNOWN
    from heaptui.services.credentials import kept_partner_keys
    from heaptui.services.pasted import find_address, read_message, sort_out

    if sys.stdin.isatty():
        say("Paste what you were given. It is not shown and not saved. Ctrl-D when done.")
        text = _read_hidden()
    else:
        text = sys.stdin.read()
    message = read_message(text)
    say(f"found: {message.summary}")
    partner_keys: Mapping[str, Secret] = kept_partner_keys(settings.environ)
    if not message.endpoint and find:
        message = await find_address(message, KNOWN, partner_keys=partner_keys)
    if not message.endpoint:
        raise UsageError(
            "The message names no address of Braze.",
            "A wrong cluster refuses right keys, so none was tried. Nothing was sent.",
            "Add the address of the dashboard, or let all clusters be asked: heaptui verify --paste --find-cluster",
        )
    if message.others and not others:
        say(f"{len(message.others)} more long words do not look like Braze's keys; --others tries them, too.")
    known = await sort_out(message, partner_keys=partner_keys, with_others=others)
    return known.given, known.notes


def _read_hidden() -> str:
    """All lines up to Ctrl-D, without showing them."""
    import termios

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    hidden = termios.tcgetattr(descriptor)
    hidden[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, hidden)
        return sys.stdin.read()
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
