"""A Braze segment as its builder shows it: groups of filters, groups of exclusion, and what Braze warns of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from heaptui.model.expressions import And, Expression, InBraze, InCohort, Names, Not, Or, joined

LONGEST_FILTER = 10_000
"""Bytes of one filter (Braze docs: creating a segment)."""


class Filter(Struct, frozen=True):
    """One row: a cohort that people are in, or are not in; or a filter of Braze's own."""

    of: InCohort | InBraze
    includes: bool = True

    @property
    def expression(self) -> Expression:
        """The row alone."""
        return self.of if self.includes else Not(self.of)


class Group(Struct, frozen=True):
    """Rows, joined all by AND or, with `any_of`, all by OR."""

    filters: tuple[Filter, ...]
    any_of: bool = False

    @property
    def expression(self) -> Expression:
        """The group alone."""
        return joined(Or if self.any_of else And, (row.expression for row in self.filters))


class Segment(Struct, frozen=True):
    """Filter groups, joined by AND or, with `any_of`, by OR; and exclusion groups, always AND NOT."""

    groups: tuple[Group, ...]
    exclusions: tuple[Group, ...] = ()
    any_of: bool = False

    @property
    def included(self) -> Expression | None:
        """The filter groups together, before anybody is taken away; None when there is no group yet."""
        if not self.groups:
            return None
        return joined(Or if self.any_of else And, (group.expression for group in self.groups))

    @property
    def expression(self) -> Expression | None:
        """The whole segment; None when it is empty. Groups that need no bracket have none."""
        excluded: list[Expression] = [Not(group.expression) for group in self.exclusions]
        if self.included is None:
            return joined(And, excluded) if excluded else None
        wanted = list(self.included.parts) if isinstance(self.included, And) else [self.included]
        return joined(And, _flat(And, [*wanted, *excluded]))


def segment_of(expression: Expression) -> Segment | None:
    """The segment that means the same; None when Braze's builder cannot show it."""
    wanted: list[Expression] = []
    exclusions: list[Group] = []
    for part in _flat(And, [expression]):
        excluded = _exclusions(part)
        exclusions += excluded
        wanted += [] if excluded else _flat(And, [_pushed(part)])
    if not wanted:
        # A segment needs a filter group, so the first exclusion becomes one that says the opposite.
        first, *exclusions = exclusions
        opposite = tuple(Filter(row.of, not row.includes) for row in first.filters)
        return Segment((Group(opposite, not first.any_of and len(opposite) > 1),), tuple(exclusions))
    included = _groups_of(wanted)
    return None if included is None else Segment(included[0], tuple(exclusions), included[1])


def _exclusions(part: Expression) -> list[Group]:
    """The exclusion groups that say the same as this part; none when it does not take people away."""
    if not isinstance(part, Not):
        return []
    inner = _pushed(part.inner)
    if _is_row(inner):
        return [_group([inner])] if not isinstance(inner, Not) else []
    assert isinstance(inner, And | Or)
    if all(_is_row(row) for row in inner.parts):
        return [_group(inner.parts, any_of=isinstance(inner, Or))]
    if isinstance(inner, Or):
        found = [_exclusions(Not(alone)) for alone in inner.parts]
        return [group for groups in found for group in groups] if all(found) else []
    return []


def _groups_of(wanted: list[Expression]) -> tuple[tuple[Group, ...], bool] | None:
    """Groups joined by AND, or one OR of groups; None when neither will do."""
    if len(wanted) == 1 and isinstance(wanted[0], Or):
        parts = wanted[0].parts
        if all(_is_row(part) for part in parts):
            return (_group(parts, any_of=True),), False
        # Each part becomes a group, its rows joined by AND.
        groups = [_flat(And, [part]) for part in parts]
        if all(_is_row(row) for rows in groups for row in rows):
            return tuple(_group(rows) for rows in groups), True
        return None
    rows = [part for part in wanted if _is_row(part)]
    # Each OR becomes a group; the rows between them share one.
    ors = [part.parts for part in wanted if isinstance(part, Or)]
    if not all(_is_row(row) for parts in ors for row in parts):
        return None
    together = (_group(rows),) if rows else ()
    return (*together, *(_group(parts, any_of=True) for parts in ors)), False


def _group(parts: Sequence[Expression], *, any_of: bool = False) -> Group:
    rows = tuple(
        Filter(_leaf(part.inner), includes=False) if isinstance(part, Not) else Filter(_leaf(part)) for part in parts
    )
    return Group(rows, any_of)


def _leaf(expression: Expression) -> InCohort | InBraze:
    assert isinstance(expression, InCohort | InBraze)
    return expression


def _is_row(expression: Expression) -> bool:
    inner = expression.inner if isinstance(expression, Not) else expression
    return isinstance(inner, InCohort | InBraze)


def _flat(kind: type[And | Or], parts: Sequence[Expression]) -> list[Expression]:
    """The parts, with those of the same kind inside them."""
    found: list[Expression] = []
    for part in parts:
        found += _flat(kind, part.parts) if isinstance(part, kind) else [part]
    return found


def _pushed(expression: Expression, *, negated: bool = False) -> Expression:
    """The same with every `not` at a leaf, and without and in and, or in or."""
    match expression:
        case Not(inner):
            return _pushed(inner, negated=not negated)
        case And(parts) | Or(parts):
            kind = Or if isinstance(expression, And) == negated else And
            return joined(kind, _flat(kind, [_pushed(part, negated=negated) for part in parts]))
        case _:
            return Not(expression) if negated else expression


def as_json(segment: Segment) -> dict[str, Any]:
    """The segment as plain values, with ids: how a draft is kept and what other programs read."""

    def group(one: Group) -> dict[str, Any]:
        rows = [
            {
                **({"cohort_id": row.of.cohort_id} if isinstance(row.of, InCohort) else {"braze": row.of.text}),
                "includes": row.includes,
            }
            for row in one.filters
        ]
        return {"join": "or" if one.any_of else "and", "filters": rows}

    return {
        "join": "or" if segment.any_of else "and",
        "groups": [group(one) for one in segment.groups],
        "exclusions": [group(one) for one in segment.exclusions],
    }


def from_json(data: Mapping[str, Any]) -> Segment:
    """What `as_json` made."""

    def group(one: Mapping[str, Any]) -> Group:
        rows = tuple(
            Filter(InCohort(row["cohort_id"]) if "cohort_id" in row else InBraze(row["braze"]), row["includes"])
            for row in one["filters"]
        )
        return Group(rows, one["join"] == "or")

    return Segment(
        tuple(group(one) for one in data["groups"]),
        tuple(group(one) for one in data["exclusions"]),
        data["join"] == "or",
    )


def warnings(segment: Segment, names: Names) -> dict[tuple[int, int], list[str]]:
    """What Braze's documentation warns of, by place: (group, row), exclusion groups counted on after the others.

    The row is -1 where a sentence is about a whole group.
    """
    found: dict[tuple[int, int], list[str]] = {}
    everything = [*segment.groups, *segment.exclusions]
    for number, group in enumerate(everything):
        negatives = sum(not row.includes for row in group.filters)
        if group.any_of and negatives > 1:
            who = "everybody" if number < len(segment.groups) else "everybody, so nobody is left"
            said = f"Negative filters joined with OR match {who}. Use AND, or an exclusion group."
            found.setdefault((number, -1), []).append(said)
        for place, row in enumerate(group.filters):
            if said := _about(row, names):
                found.setdefault((number, place), []).append(said)
    only_negative = [all(not row.includes for row in group.filters) for group in segment.groups]
    if segment.any_of and sum(only_negative) > 1:
        said = "Groups of negative filters joined with OR match everybody. Join them with AND."
        found.setdefault((only_negative.index(True), -1), []).append(said)
    excluded = {row.of for group in segment.exclusions if len(group.filters) == 1 or group.any_of
                for row in group.filters if row.includes}  # fmt: skip
    for number, group in enumerate(segment.groups):
        for place, row in enumerate(group.filters):
            if row.includes and row.of in excluded and (not group.any_of or len(group.filters) == 1):
                said = "It is excluded, too: nobody comes through this group."
                found.setdefault((number, place), []).append(said)
    return found


def _about(row: Filter, names: Names) -> str:
    text = row.of.text if isinstance(row.of, InBraze) else names.of(row.of.cohort_id)
    if len(text.encode()) > LONGEST_FILTER:
        return f"More than {LONGEST_FILTER:,} bytes in one filter: Braze does not save it."
    if isinstance(row.of, InBraze) and "segment membership" in text.casefold():
        return "A segment with Segment Membership cannot be used inside another segment."
    return ""
