"""The clicks that make a Braze segment of cohorts (Braze docs: navigation, segmentation filters, user import)."""

from __future__ import annotations

from collections.abc import Sequence

from heaptui.model.expressions import InBraze, Names
from heaptui.model.instances import instance_of
from heaptui.model.segments import Filter, Group, Segment
from heaptui.model.words import counted


def filter_words(name: str, *, includes: bool = True, attribute: str = "") -> tuple[str, str, str]:
    """How Braze's builder reads for one cohort: filter, operator, value; `attribute` stands for it on that way.

    The labels of the negative operators are not published; Braze's documents say that filters can exclude.
    """
    if attribute:
        return attribute, "is" if includes else "is not", "true"
    return "Heap Cohorts", "includes" if includes else "does not include", name


def row_words(row: Filter, names: Names) -> tuple[str, str, str]:
    """The same for a row of a segment; another filter of Braze stands as it was typed."""
    if isinstance(row.of, InBraze):
        return row.of.text, "" if row.includes else "(the opposite)", ""
    cohort_id = row.of.cohort_id
    return filter_words(names.of(cohort_id), includes=row.includes, attribute=names.attribute_of(cohort_id))


def _path(words: Sequence[str], attribute: str) -> str:
    """The words as a way through menus."""
    start = ["Custom Attributes"] if attribute else []
    return " › ".join([*start, *(word for word in words if word)])


def segment_clicks(cohort_name: str, endpoint: str, *, older: bool = False, attribute: str = "") -> list[str]:
    """The way through Braze's dashboard to a segment of one cohort; `older` for the menu before 2025.

    The filter is Heap Cohorts, or the custom attribute that stands for the cohort.
    """
    return [
        f"1  {_start(endpoint, older=older)}",
        f"2  Add filter   {_path(filter_words(cohort_name, attribute=attribute), attribute)}",
        "3  Not listed? It takes some minutes. Reload the page, then look again.",
        "4  Save, then Calculate exact statistics",
    ]


def segment_path(cohort_name: str, endpoint: str, *, attribute: str = "") -> str:
    """The same way in one line, in the menu of today."""
    return f"{_start(endpoint, older=False)} › {_path(filter_words(cohort_name, attribute=attribute), attribute)}"


def builder_clicks(
    segment: Segment, names: Names, endpoint: str, *, name: str = "", older: bool = False, expect: str = ""
) -> list[str]:
    """The way to a whole segment, one line a click; `expect` is what Braze should count after the sync."""
    several = len(segment.groups) > 1
    steps = [_start(endpoint, older=older), f"Name it: {name or 'as you like'}"]
    if older:
        steps.append("Create Segment again; the filters are on the next page")
    for number, group in enumerate(segment.groups):
        if number:
            steps.append(f"Add filter group, joined by {'OR' if segment.any_of else 'AND'}, then")
        steps += _adding(group, names, f"In filter group {number + 1}: " if several else "")
    for number, group in enumerate(segment.exclusions, 1):
        steps.append(f"Add exclusion group {number}, then" if len(segment.exclusions) > 1 else "Add exclusion group")
        steps += _adding(group, names, "")
    steps.append("Not listed? It takes some minutes. Reload the page, then look again.")
    steps.append("Save, then Calculate exact statistics" + (f". Expect {expect}" if expect else ""))
    return [f"{number}  {step}" for number, step in enumerate(steps, 1)]


def _adding(group: Group, names: Names, where: str) -> Sequence[str]:
    steps = [f"{where}Add filter: {_path(row_words(row, names), _attribute(row, names))}" for row in group.filters]
    if len(steps) > 1:
        steps.append(f"Join these {len(steps)} filters by {'OR' if group.any_of else 'AND'}")
    return steps


def _attribute(row: Filter, names: Names) -> str:
    return "" if isinstance(row.of, InBraze) else names.attribute_of(row.of.cohort_id)


def _start(endpoint: str, *, older: bool) -> str:
    return f"{_dashboard(endpoint)} › {'Engagement' if older else 'Audience'} › Segments › Create Segment"


def upload_clicks(rows: int, endpoint: str, *, attribute: str = "", older: bool = False) -> list[str]:
    """The way to upload a file of people; with an attribute, the segment is built on that."""
    start = "Users › User Import" if older else "Audience › Import Users › Attributes"
    steps = [f"1  {_dashboard(endpoint)} › {start} › upload the file"]
    if attribute:
        steps += [
            f"2  Start import, wait for Complete. It should say {counted(rows, 'row')}.",
            f"3  In the segment   Custom Attributes › {attribute} › is › true",
        ]
        return steps
    return [
        *steps,
        "2  Targeting   Create targeting filter and add to new segment",
        f"3  Start import, wait for Complete. It should say {counted(rows, 'row')}.",
        "4  The next list is a new file and a new filter: put the new one into the segment, take the old one out.",
    ]


def _dashboard(endpoint: str) -> str:
    instance = instance_of(endpoint)
    return instance.dashboard if instance else "your Braze dashboard"
