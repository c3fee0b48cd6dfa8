"""`heaptui verify`: are endpoint and keys right, and if not, who mends which?"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, emit, run
from heaptui.cli.output import for_this_profile, plain, say

if TYPE_CHECKING:
    from heaptui.model.checks import Check, Report
    from heaptui.services.pasted import Pasted
    from heaptui.services.verification import Verification


@click.command()
@click.option("--paste", is_flag=True, help="Read somebody's keys from stdin, a whole message; saves nothing.")
@click.option("--find-cluster", is_flag=True, help="Ask every cluster of Braze; the keys go to each of them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def verify(settings: Settings, *, paste: bool, find_cluster: bool, as_json: bool) -> None:
    """Check endpoint and keys without changing anything in Braze. Takes some seconds.

    Exits with 2 when something is missing, such as keys that open a way into Braze, with 3 when a key is refused,
    with 4 when Braze cannot be reached or asks to wait.

    \b
    Examples:
      heaptui verify
      pbpaste | heaptui verify --paste
    """
    report = run(_pasted(settings, find_cluster=find_cluster) if paste else _profile(settings, find=find_cluster))
    if as_json or settings.json:
        emit(_as_json(report))
    else:
        _print(report)
    if report.exit_code:
        raise SystemExit(report.exit_code)


async def _profile(settings: Settings, *, find: bool) -> Report:
    import asyncio

    from heaptui.services.given import given_of_profile
    from heaptui.services.verification import Verification

    profile = await asyncio.to_thread(settings.chosen_profile)
    read_only = settings.read_only or profile.read_only
    given, notes = await given_of_profile(settings.home, profile, settings.environ, read_only=read_only)
    return await _checked(Verification(given, find=find, notes=notes))


async def _pasted(settings: Settings, *, find_cluster: bool) -> Report:
    from heaptui.services.given import known_partner_keys
    from heaptui.services.paste_check import Sorting, given_of_paste, with_others
    from heaptui.services.pasted import read_paste
    from heaptui.services.verification import Verification

    asks = sys.stdin.isatty()
    with _unseen() if asks else nullcontext():
        if asks:
            say("Paste what you were given. It is not shown and not saved. Ctrl-D on an empty line when done.")
        pasted = read_paste(sys.stdin.read())
    say(f"found: {pasted.summary()}")
    pasted = with_others(pasted, _others(pasted, asks=asks))
    if not pasted.endpoint and pasted.keys and not find_cluster and asks:
        find_cluster = click.confirm("No address. Ask every cluster of Braze? The keys go to each.", err=True)
    partner_keys, notes = await known_partner_keys(settings.home, settings.environ, read_only=settings.read_only)
    partner_name = settings.environ.get("HEAPTUI_PARTNER_NAME") or "heap"
    given, more = await given_of_paste(pasted, Sorting(partner_keys, partner_name, find=find_cluster))
    return await _checked(Verification(given, find=find_cluster, notes=[*notes, *more]))


@contextmanager
def _unseen() -> Iterator[None]:
    """What is pasted meanwhile does not appear on the terminal."""
    try:
        import termios
    except ImportError:
        # Windows has no termios; there the terminal shows what is pasted.
        yield
        return
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    quiet = [*before]
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(number, termios.TCSAFLUSH, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSAFLUSH, before)


def _others(pasted: Pasted, *, asks: bool) -> Sequence[Any]:
    """Words that are not shaped like Braze's keys are tried only when somebody says so."""
    chosen = []
    for other in pasted.others:
        if asks and click.confirm(f"Not shaped like a key: {other.key.describe()}. Try it, too?", err=True):
            chosen.append(other)
        elif not asks:
            say(f"not tried, not shaped like a key of Braze: {other.key.describe()}")
    return chosen


async def _checked(verification: Verification) -> Report:
    """All checks; at a terminal, their number grows while one waits."""
    count = 0
    live = sys.stderr.isatty()
    async for _ in verification.checks():
        count += 1
        if live:
            click.echo(f"\rchecking… {count}", nl=False, err=True)
    if live:
        click.echo("\r              \r", nl=False, err=True)
    return verification.report


def _print(report: Report) -> None:
    from heaptui.model.checks import FEATURES, CheckState, Overall
    from heaptui.model.verdict_text import handover_note

    words = {CheckState.OK: "ok", CheckState.FAILED: "FAIL", CheckState.WARNING: "look", CheckState.SKIPPED: "skip"}
    may = [check.check_id for check in report.checks if check.check_id in FEATURES and check.state is CheckState.OK]
    lines = []
    for check in report.checks:
        if check.check_id in FEATURES and check.state in (CheckState.OK, CheckState.SKIPPED):
            continue
        text = f"{_told(check)}" + (f"; may: {' '.join(may)}" if check.check_id == "rest_api_key" and may else "")
        ms = f"{check.latency_ms:.0f} ms" if check.latency_ms is not None else ""
        lines.append((words[check.state], check.title, text, ms))
    width = max((len(title) for _, title, _, _ in lines), default=0)
    for word, title, text, ms in lines:
        click.echo(plain(f"  {word:<5} {title:<{width}}  {text}{f'   {ms}' if ms else ''}"))
    for note in report.notes:
        click.echo(plain(f"  {note}"))
    click.echo(plain(report.headline))
    for line in report.remedy.lines() if report.remedy else ():
        click.echo(plain(f"  {for_this_profile(line)}"))
    if report.overall is Overall.CAN_BE_HANDED_OVER:
        click.echo(f"\n{plain(handover_note(report))}")


def _told(check: Check) -> str:
    from heaptui.model.checks import CheckId

    if check.check_id == CheckId.ENDPOINT or not check.given:
        return check.detail
    return f"{check.given}: {check.detail}"


def _as_json(report: Report) -> dict[str, Any]:
    from heaptui.model.checks import Overall
    from heaptui.model.verdict_text import handover_note

    handed_over = report.overall is Overall.CAN_BE_HANDED_OVER
    return {
        "verdict": report.overall,
        "cause": report.cause,
        "headline": report.headline,
        "instance": report.instance,
        "endpoint": report.endpoint,
        "routes": dict(report.routes),
        "checks": [
            {
                "id": check.check_id,
                "state": check.state,
                "latency_ms": None if check.latency_ms is None else round(check.latency_ms, 1),
                "detail": check.detail,
                "given": check.given,
                "remedy": check.remedy.text() if check.remedy else "",
            }
            for check in report.checks
        ],
        "notes": list(report.notes),
        "note": handover_note(report) if handed_over else "",
        "seconds": round(report.seconds, 3),
    }
