"""What a key does to a segment: pure functions from one segment to the next."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from heaptui.model.segments import Filter, Group, Segment
from heaptui.ui.segment_text import Place


def with_filter(segment: Segment, row: Filter, place: Place | None) -> tuple[Segment, Place]:
    """The filter added to the group of a place, after all that are in it; to a first group where there is none."""
    if place is None or not _groups(segment):
        return with_group(segment, row)
    groups = _groups(segment)
    group = groups[place[0]]
    groups[place[0]] = replace(group, filters=(*group.filters, row))
    return _with(segment, groups), (place[0], len(group.filters))


def with_group(segment: Segment, row: Filter) -> tuple[Segment, Place]:
    """The filter in a filter group of its own."""
    return replace(segment, groups=(*segment.groups, Group((row,)))), (len(segment.groups), 0)


def with_exclusion(segment: Segment, row: Filter) -> tuple[Segment, Place]:
    """The filter in an exclusion group of its own."""
    place = len(segment.groups) + len(segment.exclusions), 0
    return replace(segment, exclusions=(*segment.exclusions, Group((row,)))), place


def without(segment: Segment, place: Place) -> Segment:
    """Without the filter; a group goes with its last one."""
    groups: list[Group | None] = list(_groups(segment))
    group = groups[place[0]]
    assert group is not None
    kept = tuple(row for index, row in enumerate(group.filters) if index != place[1])
    groups[place[0]] = Group(kept, group.any_of and len(kept) > 1) if kept else None
    count = len(segment.groups)
    included = tuple(one for one in groups[:count] if one)
    return Segment(included, tuple(one for one in groups[count:] if one), segment.any_of and len(included) > 1)


def turned(segment: Segment, place: Place) -> Segment:
    """With includes for does not include, or the other way round."""
    groups = _groups(segment)
    group = groups[place[0]]
    rows = list(group.filters)
    rows[place[1]] = replace(rows[place[1]], includes=not rows[place[1]].includes)
    groups[place[0]] = replace(group, filters=tuple(rows))
    return _with(segment, groups)


def joined_otherwise(segment: Segment, place: Place) -> Segment:
    """With OR for AND inside the group, or the other way round."""
    groups = _groups(segment)
    groups[place[0]] = replace(groups[place[0]], any_of=not groups[place[0]].any_of)
    return _with(segment, groups)


def groups_joined_otherwise(segment: Segment) -> Segment:
    """The same between the filter groups."""
    return replace(segment, any_of=not segment.any_of)


def _groups(segment: Segment) -> list[Group]:
    return [*segment.groups, *segment.exclusions]


def _with(segment: Segment, groups: Sequence[Group]) -> Segment:
    count = len(segment.groups)
    return replace(segment, groups=tuple(groups[:count]), exclusions=tuple(groups[count:]))
