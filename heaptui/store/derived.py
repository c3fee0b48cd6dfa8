"""Cohorts computed from others: their expressions, their people as the inputs are now, and when they must wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from msgspec import Struct
from pyroaring import BitMap

from heaptui.errors import UsageError
from heaptui.model.audience import Audience, evaluate
from heaptui.model.expressions import IDS, Expression, cohorts_in, parse, write
from heaptui.store.identities import pack

MembersOf = Callable[[str], BitMap]


class Input(Struct, frozen=True):
    """One cohort that another is computed from."""

    cohort_id: str
    name: str
    space: int
    retired: bool


def expression_of(connection: sqlite3.Connection, cohort_id: str) -> Expression | None:
    """What a cohort is computed from; None for one with people of its own."""
    row = connection.execute("SELECT expression FROM derived WHERE cohort_id = ?", (cohort_id,)).fetchone()
    return parse(row[0], IDS) if row else None


def inputs_of(connection: sqlite3.Connection, cohort_id: str) -> list[Input]:
    """The cohorts that it is computed from."""
    rows = connection.execute(
        "SELECT cohort.cohort_id, name, space, retired_at IS NOT NULL FROM derived_input JOIN cohort"
        " ON cohort.cohort_id = input_id WHERE derived_input.cohort_id = ? ORDER BY name",
        (cohort_id,),
    )
    return [Input(input_id, name, space, bool(retired)) for input_id, name, space, retired in rows]


def dependents_of(connection: sqlite3.Connection, cohort_id: str) -> list[str]:
    """The cohorts, not retired, that are computed from this one."""
    rows = connection.execute(
        "SELECT cohort_id FROM derived_input JOIN cohort USING (cohort_id)"
        " WHERE input_id = ? AND retired_at IS NULL ORDER BY cohort_id",
        (cohort_id,),
    )
    return [dependent for (dependent,) in rows]


def people(connection: sqlite3.Connection, cohort_id: str, members_of: MembersOf) -> BitMap | None:
    """Who is in a computed cohort now; None for one with people of its own."""
    expression = expression_of(connection, cohort_id)
    if expression is None:
        return None
    inputs = {input_id: Audience.of(members_of(input_id)) for input_id in cohorts_in(expression)}
    return evaluate(expression, inputs).certain.uids


def define(connection: sqlite3.Connection, cohort_id: str, expression: Expression, *, at: float) -> None:
    """Compute a cohort from these others from now on.

    Raises:
        UsageError: it would be computed from itself.
    """
    inputs = list(cohorts_in(expression))
    if cohort_id in set(_all_inputs(connection, inputs)):
        raise UsageError("A cohort cannot be computed from itself.", "Nothing was changed.", "Give it another name.")
    connection.execute(
        "INSERT OR REPLACE INTO derived (cohort_id, expression, made_at) VALUES (?, ?, ?)",
        (cohort_id, write(expression), at),
    )
    connection.execute("DELETE FROM derived_input WHERE cohort_id = ?", (cohort_id,))
    connection.executemany(
        "INSERT INTO derived_input (cohort_id, input_id) VALUES (?, ?)", [(cohort_id, one) for one in inputs]
    )


def _all_inputs(connection: sqlite3.Connection, inputs: list[str]) -> Iterator[str]:
    """These cohorts and all that they are computed from."""
    seen: set[str] = set()
    waiting = list(inputs)
    while waiting:
        cohort_id = waiting.pop()
        if cohort_id not in seen:
            seen.add(cohort_id)
            yield cohort_id
            waiting += [one.cohort_id for one in inputs_of(connection, cohort_id)]


def settle(connection: sqlite3.Connection, cohort_id: str, members_of: MembersOf, *, at: float) -> None:
    """Keep who is in a computed cohort now, before it is delivered.

    It is put on hold where that cannot be told any more: an input is retired, or its ids became of another kind.
    """
    inputs = inputs_of(connection, cohort_id)
    going = connection.execute("SELECT retired_at IS NULL FROM cohort WHERE cohort_id = ?", (cohort_id,)).fetchone()
    if not inputs or not going or not going[0]:
        return
    if any(one.retired for one in inputs) or len({one.space for one in inputs}) > 1:
        hold(connection, cohort_id, members_of)
        return
    keep(connection, cohort_id, members_of(cohort_id), at=at)
    connection.execute("UPDATE cohort SET space = ? WHERE cohort_id = ?", (inputs[0].space, cohort_id))


def keep(connection: sqlite3.Connection, cohort_id: str, uids: BitMap, *, at: float) -> None:
    """Write down who is in it, if that changed."""
    connection.execute(
        "UPDATE cohort SET members = ?, changed_at = ? WHERE cohort_id = ? AND members <> ?",
        (pack(uids), at, cohort_id, pack(uids)),
    )


def hold(connection: sqlite3.Connection, cohort_id: str, members_of: MembersOf) -> None:
    """Take a computed cohort out of every sync with the people it has, until somebody releases it."""
    connection.execute(
        "UPDATE cohort SET members = ?, on_hold = 1 WHERE cohort_id = ? AND on_hold = 0",
        (pack(members_of(cohort_id)), cohort_id),
    )


def refuse_release(connection: sqlite3.Connection, cohort_id: str) -> None:
    """A computed cohort stays on hold as long as one of its inputs is retired.

    Raises:
        UsageError: names that input.
    """
    retired = [one for one in inputs_of(connection, cohort_id) if one.retired]
    if retired:
        raise UsageError(
            f"It is computed from “{retired[0].name}”, which is retired.",
            "Without that cohort nobody can tell who belongs to it.",
            f"Bring it back: heaptui cohort undo-import {retired[0].cohort_id}. Or retire this one, too.",
        )
