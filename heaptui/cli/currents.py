"""`heaptui currents`: what Braze Currents sent, what of it went to Heap, and files through the same way."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator
from typing import IO, TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, emit
from heaptui.cli.context import run as run_now
from heaptui.cli.output import facts, plain, say, table
from heaptui.model.words import counted

if TYPE_CHECKING:
    from heaptui.model.currents import Account, HeapEvent
    from heaptui.model.currents_facts import CurrentsStats, StoredEvent, TypeCounts
    from heaptui.services.currents import CurrentsService

LOOK_EVERY = 0.5
LINES_AT_ONCE = 500


@click.group()
def currents() -> None:
    """Engagement events from Braze Currents, and their way into Heap.

    \b
    Example:
      heaptui listen --forward        receives and forwards
      heaptui currents stats          what came, what went
    """


@currents.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def stats(settings: Settings, *, as_json: bool) -> None:
    """Count what came and what became of it, by type. The counts add up.

    \b
    Example:
      heaptui currents stats --json
    """
    run_now(_stats(settings, as_json=as_json or settings.json))


async def _stats(settings: Settings, *, as_json: bool) -> None:
    async with settings.workspace("command") as workspace:
        found = await workspace.currents.stats()
    if as_json:
        emit(_stats_json(found))
        return
    if not found.types:
        say("Nothing was received yet. heaptui listen receives; heaptui currents replay FILE reads a file.")
        return
    rows = [_row(counts.event_type, counts) for counts in found.types]
    table(
        ("Event", "/min", "Received", "To Heap", "Filtered", "Twice", "Dead", "Waiting"),
        [*rows, _row("Together", found.together)],
    )
    for reason, count in found.reasons.items():
        say(f"{count:,} filtered: {plain(reason)}")
    if found.together.waiting and found.oldest_waiting_at:
        behind = time.time() - found.oldest_waiting_at
        say(f"{found.together.waiting:,} wait, the oldest since {behind:,.0f} s. heaptui listen --forward sends them.")


def _row(name: str, counts: TypeCounts) -> tuple[str, ...]:
    numbers = (counts.per_minute, counts.came, counts.forwarded, counts.filtered, counts.duplicates, counts.dead)
    return (name, *(f"{number:,}" for number in numbers), f"{counts.waiting:,}")


def _counts_json(counts: TypeCounts) -> dict[str, int]:
    return {
        "received": counts.received,
        "duplicates": counts.duplicates,
        "forwarded": counts.forwarded,
        "filtered": counts.filtered,
        "dead_letters": counts.dead,
        "waiting": counts.waiting,
        "per_minute": counts.per_minute,
    }


def _stats_json(found: CurrentsStats) -> dict[str, Any]:
    behind = time.time() - found.oldest_waiting_at if found.oldest_waiting_at else 0.0
    return {
        **_counts_json(found.together),
        "by_type": {counts.event_type: _counts_json(counts) for counts in found.types},
        "filtered_because": dict(found.reasons),
        "behind_s": round(behind, 1),
        "last_received_at": found.last_received_at,
        "bytes": found.size,
    }


@currents.command()
@click.option("--limit", default=20, show_default=True, help="How many of the newest.")
@click.option("--type", "event_type", default="", help="Only events of this type.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--as-heap", is_flag=True, help="Show what Heap is told instead of what Braze sent.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@click.pass_obj
def tail(settings: Settings, *, limit: int, event_type: str, follow: bool, as_heap: bool, as_json: bool) -> None:
    """Print the newest events as JSON lines, in the shape of Braze or of Heap. They hold personal data.

    \b
    Examples:
      heaptui currents tail --follow
      heaptui currents tail --as-heap --type users.messages.email.Click
    """
    del as_json  # They are JSON lines either way.
    run_now(_tail(settings, limit, event_type, follow=follow, as_heap=as_heap))


async def _tail(settings: Settings, limit: int, event_type: str, *, follow: bool, as_heap: bool) -> None:
    import asyncio

    async with settings.workspace("command") as workspace:
        service, after, wanted = workspace.currents, 0, limit
        while True:
            events = await service.newest(wanted, after=after, event_type=event_type)
            for event in events:
                line = _tail_line(service, event, as_heap=as_heap)
                if line:
                    click.echo(line)
            after = events[-1].event_no if events else after
            if not follow:
                return
            wanted = 10_000
            await asyncio.sleep(LOOK_EVERY)


def _tail_line(service: CurrentsService, event: StoredEvent, *, as_heap: bool) -> str:
    if not event.body:
        say(f"{plain(event.event_id)}: its body was removed, as 7 days after it went to Heap")
        return ""
    if not as_heap:
        return event.body.decode("utf-8", "replace")
    heap, _, why = service.preview(event.body)
    if heap is None:
        say(f"{plain(event.event_id)} ({plain(event.event_type)}) does not go to Heap: {plain(why)}")
        return ""
    return json.dumps(_heap_json(heap), ensure_ascii=False)


def _heap_json(heap: HeapEvent) -> dict[str, Any]:
    return {
        "identity": heap.identity,
        "event": heap.event,
        "timestamp": heap.timestamp,
        "idempotency_key": heap.idempotency_key,
        "properties": dict(heap.properties),
    }


@currents.command()
@click.argument("event_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def show(settings: Settings, event_id: str, *, as_json: bool) -> None:
    """Show one event in both shapes, with an account of every field.

    \b
    Example:
      heaptui currents show 0f6b1c1e-7f63-4d8b-9a53-54f2a4f6f0aa
    """
    run_now(_show(settings, event_id, as_json=as_json or settings.json))


async def _show(settings: Settings, event_id: str, *, as_json: bool) -> None:
    import msgspec

    async with settings.workspace("command") as workspace:
        event = await workspace.currents.find(event_id)
        heap, accounts, why = workspace.currents.preview(event.body) if event.body else (None, (), "its body is gone")
    if as_json:
        # As it came: what is nested very deeply could not be taken apart.
        braze = msgspec.Raw(event.body.decode("utf-8", "replace")) if event.body else None
        fields = [{"field": a.field, "fate": str(a.fate), "to": a.to, "reason": a.reason} for a in accounts]
        heap_event = _heap_json(heap) if heap else None
        emit({"id": event.event_id, "state": event.outcome, "why_not": why or event.reason, "braze": braze,
              "heap": heap_event, "fields": fields})  # fmt: skip
        return
    facts(
        [
            ("Event", event.event_id),
            ("Type", event.event_type),
            ("Received", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.received_at))),
            ("State", event.outcome + (f": {event.reason}" if event.reason else "")),
            ("In Heap", f"{heap.event} of {heap.identity}, {heap.timestamp}" if heap else f"not sent: {why}"),
        ]
    )
    if accounts:
        click.echo()
        values = dict(heap.properties) if heap else {}
        table(("Field in Braze", "becomes", "in Heap", "Value"), [_account_row(a, values) for a in accounts])


def _account_row(account: Account, values: dict[str, Any]) -> tuple[str, ...]:
    told = f"{account.fate}, {account.reason}" if account.reason else str(account.fate)
    return account.field, told, account.to or "–", str(values.get(account.to, ""))[:60]


@currents.command("dead-letters")
@click.option("--limit", default=1000, show_default=True, help="How many, newest first.")
@click.option("--bodies", is_flag=True, help="With the events themselves, which hold personal data.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@click.pass_obj
def dead_letters(settings: Settings, *, limit: int, bodies: bool, as_json: bool) -> None:
    """List the events that could not go to Heap, with the reason. They are kept for 30 days.

    \b
    Examples:
      heaptui currents dead-letters
      heaptui currents replay --dead
    """
    run_now(_dead_letters(settings, limit, bodies=bodies, as_json=as_json or settings.json))


async def _dead_letters(settings: Settings, limit: int, *, bodies: bool, as_json: bool) -> None:
    async with settings.workspace("command") as workspace:
        letters = await workspace.currents.dead_letters(limit)
    if as_json:
        for letter in letters:
            line = {"id": letter.event_id, "event_type": letter.event_type, "reason": letter.reason,
                    "received_at": letter.received_at, "died_at": letter.died_at}  # fmt: skip
            if bodies:
                line["body"] = letter.body.decode("utf-8", "replace")
            click.echo(json.dumps(line, ensure_ascii=False))
        return
    if not letters:
        say("No dead letters.")
        return
    table(
        ("When", "Event", "Id", "Reason"),
        [(_moment(letter.died_at), letter.event_type, letter.event_id, letter.reason) for letter in letters],
    )
    if bodies:
        for letter in letters:
            click.echo(plain(letter.body.decode("utf-8", "replace")))
    say("To send them again: heaptui currents replay --dead")


def _moment(at: float) -> str:
    return time.strftime("%d %b %H:%M:%S", time.localtime(at))


@currents.command()
@click.argument("source", metavar="-", type=click.Choice(["-"]))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def forget(settings: Settings, source: str, *, as_json: bool) -> None:
    """Erase the events of the person whose id is read from stdin; counts and event ids stay.

    \b
    Example:
      heaptui currents forget - < id.txt
    """
    del source  # Ids on a command line would land in the shell's history.
    value = sys.stdin.readline().strip()
    if not value:
        raise click.UsageError("No id came from stdin.")
    run_now(_forget(settings, value, as_json=as_json or settings.json))


async def _forget(settings: Settings, person: str, *, as_json: bool) -> None:
    async with settings.workspace("command") as workspace:
        erased = await workspace.currents.forget(person)
    if as_json:
        emit({"erased": erased})
    else:
        say(f"{counted(erased, 'event')} erased. What went to Heap is erased in Heap.")


@currents.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, exists=True, allow_dash=True))
@click.option("--dead", is_flag=True, help="Let all dead letters wait for Heap again.")
@click.option("--forward", is_flag=True, help="Send what waits to Heap now; Heap bills events.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def replay(settings: Settings, file: str | None, *, dead: bool, forward: bool, as_json: bool) -> None:
    """Put Currents JSON lines from FILE (- for stdin) through the same way as received events.

    A line is one event, or `{"events": [...]}`. What came before counts once. Nothing is sent to Heap unless --forward
    is given here or a listener forwards.

    \b
    Examples:
      heaptui currents replay export.jsonl
      zcat part-*.gz | heaptui currents replay - --forward
      heaptui currents replay --dead --forward
    """
    if file is None and not dead and not forward:
        raise click.UsageError("Name a FILE, or say --dead or --forward.")
    run_now(_replay(settings, file, dead=dead, forward=forward, as_json=as_json or settings.json))


async def _replay(settings: Settings, file: str | None, *, dead: bool, forward: bool, as_json: bool) -> None:
    from heaptui.services.currents_files import replay_lines

    async with settings.workspace("command") as workspace:
        service = workspace.currents
        result = await replay_lines(service, _chunks(file)) if file is not None else None
        revived = await service.revive() if dead else 0
        if forward:
            async with service.forwarding(told=say) as forwarder:
                await forwarder.drain()
        found = await service.stats()
    together = found.together
    if as_json:
        counts = {"read": result.read, "new": result.new, "duplicates": result.duplicates} if result else {}
        unreadable = {"unreadable": result.unreadable} if result else {}
        emit({**counts, **unreadable, "revived": revived, "waiting": together.waiting, "dead_letters": together.dead})
        return
    if result:
        say(f"{counted(result.read, 'event')} read: {result.new:,} new, {result.duplicates:,} had come before.")
        for number in result.unreadable[:10]:
            say(f"line {number:,} is no event")
    if dead:
        say(f"{counted(revived, 'dead letter')} to be sent again.")
    say(f"{together.waiting:,} wait for Heap, {together.dead:,} dead letters.")


async def _chunks(file: str) -> AsyncIterator[list[bytes]]:
    """Lines of a file or of stdin, some hundred at a time, read in a thread."""
    import asyncio
    from itertools import islice

    stream: IO[Any] = click.open_file(file, "rb")

    def some() -> list[bytes]:
        return list(islice(stream, LINES_AT_ONCE))

    try:
        while chunk := await asyncio.to_thread(some):
            yield chunk
    finally:
        if file != "-":
            stream.close()
