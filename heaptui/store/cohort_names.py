"""Which cohort somebody means: by its id, a unique tail of it, its name, or a name it had."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from difflib import get_close_matches

from msgspec import Struct

from heaptui.errors import UsageError
from heaptui.model.cohorts import Origin


class Resolved(Struct, frozen=True):
    """The cohort that a reference names; `warning` when it was a former name."""

    cohort_id: str
    warning: str = ""


def resolve(connection: sqlite3.Connection, reference: str) -> Resolved:
    """Find a cohort by its id, a unique tail of it, its exact name, or a former name.

    Raises:
        UsageError: none is found (the nearest names are listed), or several are.
    """
    rows = connection.execute("SELECT cohort_id, name, retired_at FROM cohort").fetchall()
    by_id = [cohort_id for cohort_id, _, _ in rows if cohort_id == reference]
    by_name = [cohort_id for cohort_id, name, retired in rows if name == reference and retired is None]
    by_tail = [cohort_id for cohort_id, _, _ in rows if len(reference) >= 2 and cohort_id.endswith(reference)]
    former = connection.execute("SELECT cohort_id FROM former_name WHERE name = ?", (reference,)).fetchall()
    by_former = [cohort_id for (cohort_id,) in former]
    for found in (by_id, by_name, by_tail, by_former):
        if len(found) == 1:
            warning = ""
            if found is by_former:
                now = next(name for cohort_id, name, _ in rows if cohort_id == found[0])
                warning = f"“{reference}” is called “{now}” now ({found[0]})."
            return Resolved(found[0], warning)
        if found:
            raise UsageError(
                f"“{reference}” names {len(found)} cohorts.",
                "They are: " + ", ".join(sorted(found)) + ".",
                "Use the id of the one you mean.",
            )
    raise unknown(reference, [name for _, name, retired in rows if retired is None])


def unknown(reference: str, names: Sequence[str]) -> UsageError:
    """There is no such cohort; the nearest names are told."""
    near = get_close_matches(reference, names, n=3, cutoff=0.4)
    detail = f"Did you mean {' or '.join(f'“{name}”' for name in near)}?" if near else ""
    return UsageError(f"There is no cohort “{reference}”.", detail, "See them all: heaptui cohort list")


def names_in_use(connection: sqlite3.Connection, name: str) -> list[tuple[str, Origin]]:
    """The cohorts with exactly this name, not retired."""
    rows = connection.execute(
        "SELECT cohort_id, origin FROM cohort WHERE name = ? AND retired_at IS NULL", (name,)
    ).fetchall()
    return [(cohort_id, Origin(origin)) for cohort_id, origin in rows]


def file_cohort_once_named(connection: sqlite3.Connection, name: str) -> Resolved | None:
    """The one file cohort that had this name before it was renamed."""
    rows = connection.execute(
        "SELECT cohort_id, cohort.name FROM former_name JOIN cohort USING (cohort_id)"
        " WHERE former_name.name = ? AND origin = ? AND retired_at IS NULL",
        (name, Origin.FILE),
    ).fetchall()
    if len(rows) != 1:
        return None
    return Resolved(rows[0][0], f"“{name}” is called “{rows[0][1]}” now ({rows[0][0]}).")
