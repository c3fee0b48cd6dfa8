"""`heaptui cohort`, what Heap sends: pages, what the ids are, automatic delivery, and the wish to empty a segment."""

from __future__ import annotations

import time
from typing import Any

import click
from msgspec.structs import asdict

from heaptui.cli.cohort_change import change_cohort
from heaptui.cli.context import Settings, run
from heaptui.cli.output import moment, say, table
from heaptui.model.cohorts import Cohort
from heaptui.model.identifiers import Kind
from heaptui.model.reception import CADENCE, Received
from heaptui.model.segment_sync import Action
from heaptui.model.words import counted, headcount

PAGES_SHOWN = 20


def received_json(received: Received) -> dict[str, Any]:
    """What Heap sent, as other programs read it."""
    return {
        "pages": [asdict(page) for page in received.pages],
        "tasks": [{**asdict(task), "state": task.state} for task in received.tasks],
        "warnings": received.warnings,
        "pages_received": received.page_count,
        "pages_waiting": received.waiting,
    }


def received_facts(one: Cohort, received: Received) -> list[tuple[str, str]]:
    """The lines about Heap in what is known of a cohort."""
    lines = []
    if received.pages:
        page = received.pages[0]
        place = f", page {page.place}" if page.place else ""
        expected = time.strftime("%H:%M", time.localtime(page.received_at + CADENCE))
        quiet = "quiet: no change in Heap, or not sent" if one.quiet else f"next expected {expected}"
        lines.append(("received", f"{moment(page.received_at)}{place}, signature {page.verified}, {quiet}"))
    if task := received.unfinished:
        remedy = "; what came is in. “Sync now” in Heap sends everybody" if task.closed else " yet"
        lines.append((task.state, task.missing_text + remedy))
    if received.waiting:
        lines.append(("not applied", f"{counted(received.waiting, 'page')}; heaptui listen applies them"))
    if one.drain_asked_at is not None:
        lines.append(("Heap asks", f"to empty this segment, since {moment(one.drain_asked_at)}; nothing is done yet"))
    lines.append(("automatic", "on: complete Heap syncs go to Braze by themselves" if one.automatic else "off"))
    lines += [("look at", warning) for warning in received.warnings]
    return lines


def print_pages(received: Received) -> None:
    """The last pages as a table."""
    rows = [
        (
            str(page.page_id),
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(page.received_at)),
            page.task_id[:8] or "none",
            page.place or "–",
            f"{page.joins:,}" if page.action == Action.SYNC else "empty it",
            f"{page.leaves:,}",
            f"{page.invalid:,}",
            page.verified,
            "applied" if page.applied else "stored",
        )
        for page in received.pages[:PAGES_SHOWN]
    ]
    if not rows:
        say("No page from Heap is kept for this cohort.")
        return
    click.echo()
    table(("page", "received", "task", "page", "join", "leave", "no id", "signature", "state"), rows)
    for task in received.tasks:
        if not task.complete:
            click.echo(f"task {task.task_id[:8]}: {task.state}, {task.missing_text}")


@click.command()
@click.argument("page", type=int)
@click.option("--show-ids", is_flag=True, help="Print the ids as they came. They are personal data.")
@click.pass_obj
def body(settings: Settings, page: int, *, show_ids: bool) -> None:
    """Print the body of a page as Heap sent it; ids only by the shape of their characters.

    \b
    Example:
      heaptui cohort body 17
    """

    async def work() -> None:
        async with settings.workspace("command") as workspace:
            click.echo(await workspace.heap.body(page, show_ids=show_ids))

    run(work())


@click.command()
@click.argument("reference", metavar="COHORT")
@click.argument("switch", type=click.Choice(["on", "off"]))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def automatic(settings: Settings, reference: str, switch: str, *, as_json: bool) -> None:
    """Let complete Heap syncs of a cohort go to Braze by themselves while heaptui listen runs, or not.

    \b
    Example:
      heaptui cohort automatic 1338065 on
    """
    on = switch == "on"
    change_cohort(
        settings,
        reference,
        lambda workspace, cohort_id: workspace.heap.set_automatic(cohort_id, automatic=on),
        lambda one: (
            f"“{one.name}” goes to Braze by itself when a Heap sync is complete and heaptui listen runs."
            if on
            else f"“{one.name}” waits for heaptui sync."
        ),
        as_json=as_json,
        shown=_json,
    )


@click.command()
@click.argument("reference", metavar="COHORT")
@click.option("--empty/--keep", "empty", default=None, required=True, help="Take everybody out, or nobody.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def drain(settings: Settings, reference: str, *, empty: bool, as_json: bool) -> None:
    """Answer Heap's wish to empty a segment. Nothing is sent to Braze.

    \b
    Example:
      heaptui cohort drain 1338065 --keep
    """
    change_cohort(
        settings,
        reference,
        lambda workspace, cohort_id: workspace.heap.answer_drain(cohort_id, empty=empty),
        lambda one: (
            f"{headcount(one.members)} in “{one.name}”; {one.adds:,} join, {one.removes:,} leave. Nothing sent."
        ),
        as_json=as_json,
        shown=_json,
    )


@click.command()
@click.argument("reference", metavar="COHORT")
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@click.option("--alias-label", default="", metavar="LABEL", help="The label of the alias in Braze.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def kind(settings: Settings, reference: str, kind: str, *, alias_label: str, as_json: bool) -> None:
    """Say what the ids that Heap sends for a cohort are in Braze. Without it, they are what the profile says.

    \b
    Example:
      heaptui cohort kind 1338090 alias --alias-label email
    """
    change_cohort(
        settings,
        reference,
        lambda workspace, cohort_id: workspace.heap.set_kind(cohort_id, Kind(kind), alias_label),
        lambda one: f"The ids of “{one.name}” are {one.space}; {one.adds:,} join, {one.removes:,} leave. Nothing sent.",
        as_json=as_json,
        shown=_json,
    )


def _json(one: Cohort) -> dict[str, Any]:
    return {
        "cohort_id": one.cohort_id,
        "name": one.name,
        "state": one.state,
        "members": one.members,
        "adds": one.adds,
        "removes": one.removes,
        "kind": one.space.kind,
        "alias_label": one.space.label or None,
        "automatic": one.automatic,
    }
