"""`heaptui cohort`: import groups of people, look at them, export them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from heaptui.cli.braze_file import attribute
from heaptui.cli.cohort_change import change_cohort
from heaptui.cli.cohort_files import export, import_command, members
from heaptui.cli.cohort_heap import automatic, body, drain, kind, print_pages, received_facts, received_json
from heaptui.cli.cohort_refresh import refresh
from heaptui.cli.context import Settings, called, emit, named_cohort, run
from heaptui.cli.output import facts, moment, plain, say, table, waiting
from heaptui.model.cohorts import Cohort, CohortState, Origin
from heaptui.model.expressions import IDS, parse
from heaptui.model.words import headcount

if TYPE_CHECKING:
    pass

_STATES = {
    CohortState.NEW: "new",
    CohortState.PENDING: "to sync",
    CohortState.ON_HOLD: "on hold",
}

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def cohort() -> None:
    """Groups of people: import, look, export. Nothing here sends anything to Braze.

    A COHORT is its id, the unique end of it, its name, or a former name.
    """


for _command in (import_command, members, export, attribute, automatic, body, drain, kind, refresh):
    cohort.add_command(_command)


@cohort.command("list")
@_as_json
@click.pass_obj
def list_command(settings: Settings, *, as_json: bool) -> None:
    """List the cohorts: people, what waits, state.

    \b
    Example:
      heaptui cohort list
    """

    async def work() -> None:
        async with settings.workspace("command") as workspace:
            found = await workspace.cohorts.list()
            notes = await workspace.heap.security_notes()
        for note in notes:
            say(f"! {plain(note.text)}")
        if as_json or settings.json:
            emit({"cohorts": [_list_json(one) for one in found]})
        elif not found:
            say("No cohorts yet. The first one: heaptui cohort import FILE --name NAME")
        else:
            rows = [
                (one.name, one.tail, f"{one.members:,}", waiting(one.adds, one.removes), _from(one), _state(one))
                for one in found
            ]
            table(("cohort", "id", "people", "waiting", "from", "state"), rows)

    run(work())


def _list_json(one: Cohort) -> dict[str, Any]:
    return {
        "cohort_id": one.cohort_id,
        "name": one.name,
        "source": one.origin,
        "state": one.state,
        "members": one.members,
        "delivered": one.delivered,
        "adds": one.adds,
        "removes": one.removes,
    }


@cohort.command()
@click.argument("reference", metavar="COHORT")
@click.option("--pages", "with_pages", is_flag=True, help="Also list the last pages that Heap sent.")
@_as_json
@click.pass_obj
def show(settings: Settings, reference: str, *, with_pages: bool, as_json: bool) -> None:
    """Show one cohort: where it comes from, what Braze accepted, what waits.

    \b
    Examples:
      heaptui cohort show "Cart abandoners"
      heaptui cohort show 1338065 --pages
    """

    async def work() -> None:
        from heaptui.services.refresh import file_is_old

        async with settings.workspace("command") as workspace:
            one = await workspace.cohorts.show(await named_cohort(workspace, reference))
            received = await workspace.heap.received(one.cohort_id) if one.origin is Origin.HEAP or with_pages else None
            old, name = file_is_old(workspace.profile, one), await called(workspace, one)
            computed = await workspace.segments.written(parse(one.expression, IDS)) if one.expression else ""
        if as_json or settings.json:
            emit({**_show_json(one), **(received_json(received) if received and with_pages else {})})
            return
        told = [("computed", computed)] if computed else []
        told += [("old", old)] if old else []
        _print(one, name, [*told, *(received_facts(one, received) if received else [])])
        if received and with_pages:
            print_pages(received)

    run(work())


def _show_json(one: Cohort) -> dict[str, Any]:
    return {
        **_list_json(one),
        "kind": one.space.kind,
        "alias_label": one.space.label or None,
        "id_column": one.id_column or None,
        "expression": one.expression or None,
        "source_name": one.source_name or None,
        "created_at": one.created_at,
        "changed_at": one.changed_at,
        "synced_at": one.synced_at,
        "braze_name": one.braze_name or None,
        "attribute": one.attribute or None,
        "elsewhere": one.elsewhere,
        "former_names": one.former_names,
        "rejected": one.refused,
        "in_doubt": one.doubtful,
        "can_undo_import": one.can_undo_import,
        "automatic": one.automatic,
        "last_page_at": one.last_page_at,
        "quiet": one.quiet,
        "drain_asked_at": one.drain_asked_at,
        "examples": one.examples,
    }


def _print(one: Cohort, name: str, more: list[tuple[str, str]]) -> None:
    column = f", column {one.id_column}" if one.id_column else ""
    lines = [
        ("cohort", f"{one.name} ({one.cohort_id})"),
        ("state", _state(one)),
        ("people", f"{one.members:,} from {_from(one)}{column}, since {moment(one.changed_at)}"),
        ("accepted", f"{one.delivered:,} by Braze, last sync {moment(one.synced_at)}"),
        ("waiting", f"{one.adds:,} join, {one.leaves:,} leave"),
        ("ids", f"{one.space}, like {'  '.join(one.examples)}" if one.examples else str(one.space)),
    ]
    if one.refused:
        lines.append(("refused", f"{headcount(one.refused)}; offered again with: heaptui run retry"))
    if one.doubtful:
        lines.append(("in doubt", f"{headcount(one.doubtful)}; settled by the next sync"))
    if one.attribute:
        lines.append(("in Braze", f"custom attribute {one.attribute} is true"))
    if one.elsewhere:
        lines.append(("old way", f"{headcount(one.elsewhere)} still there; the next sync takes them out first"))
    if one.renamed:
        lines.append(("renamed", f"“{one.braze_name}” in Braze until the next sync"))
    if one.former_names:
        lines.append(("was called", ", ".join(one.former_names)))
    facts([*lines, *more])
    if hint := _next_step(one, name):
        say(f"next: {hint}")


def _next_step(one: Cohort, name: str) -> str:
    if one.drain_asked_at is not None:
        return f"heaptui cohort drain {name} --empty, or --keep"
    if one.state is CohortState.HELD:
        return f"heaptui sync {name} --dry-run, and to let it through: heaptui sync {name} --yes-really"
    if one.state is CohortState.ON_HOLD:
        return f"heaptui cohort release {name}"
    return f"heaptui sync {name} --dry-run" if one.adds or one.leaves or one.renamed else ""


def _state(one: Cohort) -> str:
    return _STATES.get(one.state, one.state.value)


def _from(one: Cohort) -> str:
    if one.origin is Origin.HEAP:
        return f"Heap {one.tail}"
    return one.source_name or str(one.origin)


@cohort.command()
@click.argument("name")
@click.argument("expression")
@_as_json
@click.pass_obj
def derive(settings: Settings, name: str, expression: str, *, as_json: bool) -> None:
    """Make a cohort that is computed from others, anew whenever it is looked at or synced. Sends nothing.

    The NAME of a computed cohort gives it another expression.

    \b
    Example:
      heaptui cohort derive "Cart - not paying" '"Cart abandoners" and not "Paying"'
    """

    async def work() -> None:
        async with settings.workspace("command") as workspace:
            service = workspace.segments
            one = await service.derive(name, await service.parse(expression))
            reference = await called(workspace, one)
        if as_json or settings.json:
            emit(_show_json(one))
        else:
            click.echo(plain(f"“{one.name}” ({one.cohort_id}) is computed: {headcount(one.members)}. Nothing sent."))
            say(f"next: heaptui sync {reference} --dry-run")

    run(work())


@cohort.command()
@click.argument("reference", metavar="COHORT")
@click.argument("name")
@_as_json
@click.pass_obj
def rename(settings: Settings, reference: str, name: str, *, as_json: bool) -> None:
    """Give a cohort another name. The next sync renames it in Braze; the former name keeps leading to it.

    \b
    Example:
      heaptui cohort rename 4c7e2a "Cart abandoners"
    """
    change_cohort(
        settings,
        reference,
        lambda workspace, cohort_id: workspace.cohorts.rename(cohort_id, name),
        lambda one: f"It is called “{one.name}” now. Braze hears of it with the next sync.",
        as_json=as_json,
        shown=_show_json,
    )


@cohort.command("undo-import")
@click.argument("reference", metavar="COHORT")
@_as_json
@click.pass_obj
def undo_import(settings: Settings, reference: str, *, as_json: bool) -> None:
    """Bring the people before the last import back. Sends nothing.

    \b
    Example:
      heaptui cohort undo-import "VIP 2024"
    """
    change_cohort(
        settings,
        reference,
        lambda workspace, cohort_id: workspace.cohorts.undo_import(cohort_id),
        lambda one: f"{headcount(one.members)} again; {one.adds:,} join, {one.removes:,} leave. Nothing sent.",
        as_json=as_json,
        shown=_show_json,
    )


@cohort.command()
@click.argument("reference", metavar="COHORT")
@_as_json
@click.pass_obj
def release(settings: Settings, reference: str, *, as_json: bool) -> None:
    """Let a cohort that is on hold take part in syncs again.

    \b
    Example:
      heaptui cohort release "VIP 2024"
    """
    change_cohort(
        settings,
        reference,
        lambda workspace, cohort_id: workspace.cohorts.release(cohort_id),
        lambda one: f"“{one.name}” takes part in syncs: {_state(one)}.",
        as_json=as_json,
        shown=_show_json,
    )


@cohort.command()
@click.argument("reference", metavar="COHORT")
@_as_json
@click.pass_obj
def retire(settings: Settings, reference: str, *, as_json: bool) -> None:
    """Take a cohort out of all lists. A sync by its id lets everybody leave in Braze.

    \b
    Example:
      heaptui cohort retire "VIP 2023"
    """
    change_cohort(
        settings,
        reference,
        lambda workspace, cohort_id: workspace.cohorts.retire(cohort_id),
        _retired,
        as_json=as_json,
        shown=_show_json,
    )


def _retired(one: Cohort) -> str:
    if not one.removes:
        return f"“{one.name}” is retired; Braze holds nobody of it. Undo: heaptui cohort undo-import {one.cohort_id}"
    return (
        f"“{one.name}” is retired; {headcount(one.removes)} of it are still in Braze. Nothing sent.\n"
        f"let them leave: heaptui sync {one.cohort_id} --yes-really\n"
        f"undo: heaptui cohort undo-import {one.cohort_id}"
    )
