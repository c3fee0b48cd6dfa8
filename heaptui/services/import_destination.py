"""Where an import goes: a new cohort or an existing one, and which kind of identifier it takes."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from msgspec import Struct, field
from pyroaring import BitMap

from heaptui.config import Profile
from heaptui.errors import UsageError
from heaptui.model.cohorts import Cohort, CohortState, Origin
from heaptui.model.identifiers import Kind, Space
from heaptui.model.routes import way_facts
from heaptui.store import cohort_names, cohorts
from heaptui.store.cohort_names import Resolved
from heaptui.store.cohorts import View

if TYPE_CHECKING:
    from heaptui.services.imports import ImportRequest

_PLURALS = {
    Kind.EXTERNAL_ID: "external ids",
    Kind.ALIAS: "aliases",
    Kind.DEVICE_ID: "device ids",
    Kind.EMAIL: "e-mail addresses",
}


class Destination(Struct, frozen=True):
    """A cohort with its people now, or the name of a new one. `warning` when it was found by a former name."""

    name: str
    cohort: Cohort | None = None
    before: BitMap = field(default_factory=BitMap)
    usual_share: float | None = None
    warning: str = ""


def find_destination(connection: sqlite3.Connection, request: ImportRequest, view: View) -> Destination:
    """The cohort that the request means.

    Raises:
        UsageError: none or two are named, none is found, or a file cannot go into it.
    """
    name = (request.name or "").strip()
    if bool(name) == bool(request.into):
        raise UsageError(
            "Name a new cohort, or choose an existing one.",
            "One of the two is needed, not both.",
            "--name NAME, or --into COHORT",
        )
    found = cohort_names.resolve(connection, request.into) if request.into else _file_cohort_named(connection, name)
    if found is None:
        return Destination(name)
    cohort = cohorts.read_one(connection, found.cohort_id, view, examples=0)
    computed = cohort.origin is Origin.EXPRESSION
    if computed or cohort.state is CohortState.RETIRED:
        what = "is computed from other cohorts" if computed else "is retired"
        raise UsageError(f"“{cohort.name}” {what}.", "A file cannot go into it.", "Use another cohort, or --name.")
    return Destination(
        cohort.name,
        cohort,
        cohorts.members(connection, cohort.cohort_id),
        cohorts.usual_share(connection, cohort.cohort_id),
        found.warning,
    )


def _file_cohort_named(connection: sqlite3.Connection, name: str) -> Resolved | None:
    """The one file cohort that has this name, or had it; None when the name is free."""
    owners = cohort_names.names_in_use(connection, name)
    if not owners:
        return cohort_names.file_cohort_once_named(connection, name)
    if len(owners) > 1:
        ids = ", ".join(sorted(cohort_id for cohort_id, _ in owners))
        raise UsageError(f"{len(owners)} cohorts are called “{name}”.", f"They are: {ids}.", "Use --into and the id.")
    cohort_id, origin = owners[0]
    if origin is not Origin.FILE:
        from_heap = origin is Origin.HEAP
        raise UsageError(
            f"“{name}” is the name of a cohort that comes from {'Heap' if from_heap else 'an expression'}.",
            "A file does not replace it by name. Nothing was changed.",
            f"If that is what you want: --into {cohort_id}" if from_heap else "Choose another name.",
        )
    return Resolved(cohort_id)


def space_for(request: ImportRequest, cohort: Cohort | None, profile: Profile, route: str) -> Space:
    """The kind of identifier: as asked, else as the cohort has it, else the profile's.

    Raises:
        UsageError: a label is missing or superfluous, or the route does not take this kind.
    """
    kind, label = request.kind, request.alias_label.strip()
    if kind is None and not label and cohort is not None:
        return cohort.space
    if kind is None:
        kind = Kind.ALIAS if label else profile.kind
    if kind is Kind.ALIAS:
        label = label or (cohort.space.label if cohort else "") or profile.alias_label
        if not label:
            raise UsageError(
                "An alias needs its label.", "Braze knows an alias by label and name.", "--alias-label LABEL"
            )
    elif label:
        raise UsageError("A label goes with aliases only.", f"The kind is {kind}.", "--kind alias --alias-label LABEL")
    if route and kind not in way_facts(route).kinds:
        facts = way_facts(route)
        raise UsageError(
            f"{facts.title} takes no {_PLURALS[kind]}.",
            f"It knows {' and '.join(_PLURALS[known] for known in facts.kinds)}.",
            "Choose another column, or --kind alias if Braze has such an alias.",
        )
    return Space(kind, label)
