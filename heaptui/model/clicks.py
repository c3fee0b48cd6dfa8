"""The clicks that make a Braze segment of cohorts (Braze docs: navigation, segmentation filters)."""

from __future__ import annotations

from collections.abc import Sequence

from heaptui.model.expressions import InBraze, Names
from heaptui.model.instances import instance_of
from heaptui.model.segments import Filter, Group, Segment


def filter_words(name: str, route: str = "cohort_import", *, includes: bool = True) -> tuple[str, str, str]:
    """How Braze's builder reads for one cohort on a route: filter, operator, value.

    The label of the negative operator is not published; Braze's documents say that the filter can exclude.
    """
    del route
    return "Heap Cohorts", "includes" if includes else "does not include", name


def row_words(row: Filter, names: Names, route: str) -> tuple[str, str, str]:
    """The same for a row of a segment; another filter of Braze stands as it was typed."""
    if isinstance(row.of, InBraze):
        return row.of.text, "" if row.includes else "(the opposite)", ""
    return filter_words(names.of(row.of.cohort_id), route, includes=row.includes)


def segment_clicks(cohort_name: str, endpoint: str, *, older: bool = False) -> list[str]:
    """The way through Braze's dashboard to a segment of one cohort; `older` for the menu before 2025."""
    return [
        f"1  {_start(endpoint, older=older)}",
        f"2  Add filter   {' › '.join(filter_words(cohort_name))}",
        "3  Not listed? It takes some minutes. Reload the page, then look again.",
        "4  Save, then Calculate exact statistics",
    ]


def builder_clicks(
    segment: Segment, names: Names, endpoint: str, route: str, *, name: str = "", older: bool = False, expect: str = ""
) -> list[str]:
    """The way to a whole segment, one line a click; `expect` is what Braze should count after the sync."""
    several = len(segment.groups) > 1
    steps = [_start(endpoint, older=older), f"Name it: {name or 'as you like'}"]
    if older:
        steps.append("Create Segment again; the filters are on the next page")
    for number, group in enumerate(segment.groups):
        if number:
            steps.append(f"Add filter group, joined by {'OR' if segment.any_of else 'AND'}, then")
        steps += _adding(group, names, route, f"In filter group {number + 1}: " if several else "")
    for number, group in enumerate(segment.exclusions, 1):
        steps.append(f"Add exclusion group {number}, then" if len(segment.exclusions) > 1 else "Add exclusion group")
        steps += _adding(group, names, route, "")
    steps.append("Not listed? It takes some minutes. Reload the page, then look again.")
    steps.append("Save, then Calculate exact statistics" + (f". Expect {expect}" if expect else ""))
    return [f"{number}  {step}" for number, step in enumerate(steps, 1)]


def _adding(group: Group, names: Names, route: str, where: str) -> Sequence[str]:
    steps = [
        f"{where}Add filter: {' › '.join(part for part in row_words(row, names, route) if part)}"
        for row in group.filters
    ]
    if len(steps) > 1:
        steps.append(f"Join these {len(steps)} filters by {'OR' if group.any_of else 'AND'}")
    return steps


def _start(endpoint: str, *, older: bool) -> str:
    instance = instance_of(endpoint)
    dashboard = instance.dashboard if instance else "your Braze dashboard"
    return f"{dashboard} › {'Engagement' if older else 'Audience'} › Segments › Create Segment"
