"""Which custom attribute stands for which cohort: chosen, or proposed while nobody has chosen."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from heaptui.errors import UsageError
from heaptui.model.attributes import name_problem, proposed_name
from heaptui.model.cohorts import Origin


def attribute_names(connection: sqlite3.Connection) -> Mapping[str, str]:
    """cohort_id → name of its attribute. The older of two cohorts that propose the same name gets it."""
    names = dict(connection.execute("SELECT cohort_id, name FROM attribute").fetchall())
    taken = {name.lower() for name in names.values()}
    rows = connection.execute("SELECT cohort_id, name, origin FROM cohort ORDER BY created_at, cohort_id").fetchall()
    for cohort_id, name, origin in rows:
        if cohort_id in names:
            continue
        wanted = proposed_name(name, cohort_id, Origin(origin))
        if wanted.lower() in taken:
            wanted = f"{wanted[:200]}_{cohort_id.rsplit('-', 1)[-1]}"
        names[cohort_id] = wanted
        taken.add(wanted.lower())
    return names


def sent_since(connection: sqlite3.Connection, cohort_id: str) -> float | None:
    """When the attribute of a cohort was first sent (seconds since the epoch); None when it can still be changed."""
    row = connection.execute("SELECT sent_at FROM attribute WHERE cohort_id = ?", (cohort_id,)).fetchone()
    return row[0] if row else None


def choose_name(connection: sqlite3.Connection, cohort_id: str, name: str) -> None:
    """Choose the attribute of a cohort.

    Raises:
        UsageError: Braze does not take the name, another cohort has it, or people carry the present one already.
    """
    problem = name_problem(name)
    if problem:
        raise UsageError(f"{name!r} cannot be the name of an attribute.", problem, "For example: heap_cart_abandoners")
    if sent_since(connection, cohort_id) is not None and attribute_names(connection)[cohort_id] != name:
        raise UsageError(
            "The attribute of this cohort cannot be changed any more.",
            "People in Braze carry it since the first sync; under another name they would keep the old one.",
            "Import the people into a new cohort to use another attribute.",
        )
    owner = next(
        (
            other
            for other, taken in attribute_names(connection).items()
            if other != cohort_id and taken.lower() == name.lower()
        ),
        None,
    )
    if owner:
        raise UsageError(f"{name} stands for another cohort.", f"It is {owner}. Nothing was changed.")
    connection.execute(
        "INSERT INTO attribute (cohort_id, name) VALUES (?, ?)"
        " ON CONFLICT (cohort_id) DO UPDATE SET name = excluded.name",
        (cohort_id, name),
    )


def keep_name(connection: sqlite3.Connection, cohort_id: str) -> None:
    """Choose what is proposed, if nobody has chosen yet."""
    name = attribute_names(connection)[cohort_id]
    connection.execute("INSERT OR IGNORE INTO attribute (cohort_id, name) VALUES (?, ?)", (cohort_id, name))


def fix_name(connection: sqlite3.Connection, cohort_id: str, *, at: float) -> str:
    """The attribute is about to be sent: from now on it stays. Returns its name."""
    name = attribute_names(connection)[cohort_id]
    connection.execute(
        "INSERT INTO attribute (cohort_id, name, sent_at) VALUES (?, ?, ?)"
        " ON CONFLICT (cohort_id) DO UPDATE SET sent_at = coalesce(sent_at, excluded.sent_at)",
        (cohort_id, name, at),
    )
    return name
