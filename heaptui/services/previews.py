"""What a segment would hold: counts of every row, group and the whole, and what it still needs."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from heaptui.model.audience import Audience, evaluate
from heaptui.model.cohorts import Cohort, CohortState
from heaptui.model.expressions import Expression, InBraze, Names, cohorts_in, leaves
from heaptui.model.matching import MatchRate
from heaptui.model.segments import Segment, as_json, warnings


class Count(Struct, frozen=True):
    """How many people: exactly, or between two numbers; `at_most` is None without a limit."""

    at_least: int
    at_most: int | None

    @property
    def exact(self) -> int | None:
        """The number, where it is one."""
        return self.at_least if self.at_least == self.at_most else None

    @classmethod
    def of(cls, audience: Audience) -> Count:
        """The size of an audience."""
        return cls(audience.at_least, audience.at_most)


class GroupCount(Struct, frozen=True):
    """One group: its rows, the people it means, and of an exclusion group how many it takes away."""

    rows: tuple[Count, ...]
    people: Count
    takes_away: Count | None = None


class Preview(Struct, frozen=True):
    """An expression, counted.

    Attributes:
        segment: the same as Braze's builder shows it; None where it cannot.
        in_heap: people in it now.
        in_braze_now: people if the segment were built this minute, from what Braze accepted.
        groups: filter groups, then exclusion groups.
        exact: whether `in_heap` is a count of people: known here, and all of one kind of identifier.
        why_inexact: one sentence, empty when it is exact.
        cohorts: those it is made of, by id; None for one that is retired or gone.
        match: the newest look-up of a sample of exactly this expression.
    """

    expression: Expression
    segment: Segment | None
    names: Names
    in_heap: Count
    in_braze_now: Count
    groups: tuple[GroupCount, ...]
    exact: bool
    why_inexact: str
    cohorts: Mapping[str, Cohort | None]
    match: MatchRate | None
    warnings: Mapping[tuple[int, int], list[str]]

    @property
    def missing(self) -> list[Cohort]:
        """The cohorts with something to send before the segment means in Braze what it means here."""
        unsaid = (CohortState.NEW, CohortState.PENDING)
        return [one for one in self.cohorts.values() if one and (one.adds or one.removes or one.state in unsaid)]

    @property
    def waiting(self) -> int:
        """Changes that are not synced yet."""
        return sum(one.adds + one.removes for one in self.cohorts.values() if one)

    @property
    def why_not_derived(self) -> str:
        """Why this cannot be a cohort of its own; empty when it can."""
        if any(isinstance(leaf, InBraze) for leaf in leaves(self.expression)):
            return "It has a filter that only Braze can evaluate."
        if self.in_heap.at_most is None:
            return "“not” alone means everybody else in Braze, and nobody here knows who that is."
        if not self.exact:
            return self.why_inexact
        if any(one is None for one in self.cohorts.values()):
            return "One of its cohorts is retired or gone."
        return ""

    def to_json(self, text: str) -> dict[str, object]:
        """For other programs; `text` is the expression with names."""

        def number(count: Count) -> int | None:
            return count.exact

        shape = as_json(self.segment) if self.segment else None
        groups = []
        if shape is not None:
            kinds = [("filter", one) for one in shape["groups"]] + [("exclusion", one) for one in shape["exclusions"]]
            for (kind, one), counted in zip(kinds, self.groups, strict=True):
                rows = [
                    {**row, "count": number(count)} for row, count in zip(one["filters"], counted.rows, strict=True)
                ]
                away = {"takes_away": number(counted.takes_away)} if counted.takes_away else {}
                groups.append(
                    {"kind": kind, "join": one["join"], "count": number(counted.people), **away, "filters": rows}
                )
        exist = self.match.of(self.in_heap.at_least) if self.match else None
        return {
            "expression": text,
            "count": self.in_heap.exact,
            "at_least": self.in_heap.at_least,
            "at_most": self.in_heap.at_most,
            "exact": self.exact,
            "in_braze_now": self.in_braze_now.exact,
            "in_braze_at_least": self.in_braze_now.at_least,
            "in_braze_at_most": self.in_braze_now.at_most,
            "exist_in_braze": {"low": exist[0], "likely": exist[1], "high": exist[2]} if exist and self.exact else None,
            "asked": self.match.asked if self.match else None,
            "join": shape["join"] if shape else None,
            "groups": groups if shape else None,
            "derivable": not self.why_not_derived,
            "waiting": [
                {"cohort_id": one.cohort_id, "name": one.name, "adds": one.adds, "removes": one.removes}
                for one in self.missing
            ],
            "warnings": [sentence for sentences in self.warnings.values() for sentence in sentences],
        }


def count(
    expression: Expression,
    segment: Segment | None,
    here: Mapping[str, Audience],
    there: Mapping[str, Audience],
    *,
    names: Names,
    cohorts: Mapping[str, Cohort],
    match: MatchRate | None,
) -> Preview:
    """Count an expression; `here` is who is in each cohort, `there` whom Braze accepted for it."""
    whole = evaluate(expression, here)
    used = {cohort_id: cohorts.get(cohort_id) for cohort_id in cohorts_in(expression)}
    kinds = {str(one.space) for one in used.values() if one}
    why = ""
    if any(isinstance(leaf, InBraze) for leaf in leaves(expression)):
        why = "A filter that only Braze can evaluate leaves a range."
    elif whole.count is None:
        why = "“not” alone means everybody else in Braze, which nobody can count here."
    elif len(kinds) > 1:
        why = f"Its cohorts know people by different ids ({', '.join(sorted(kinds))}): one person may count twice."
    return Preview(
        expression=expression,
        segment=segment,
        names=names,
        in_heap=Count.of(whole),
        in_braze_now=Count.of(evaluate(expression, there)),
        groups=_groups(segment, here) if segment else (),
        exact=not why,
        why_inexact=why,
        cohorts=used,
        match=match,
        warnings=warnings(segment, names) if segment else {},
    )


def _groups(segment: Segment, here: Mapping[str, Audience]) -> tuple[GroupCount, ...]:
    included = evaluate(segment.included, here) if segment.included else None
    counted = []
    for number, group in enumerate([*segment.groups, *segment.exclusions]):
        people = evaluate(group.expression, here)
        excludes = number >= len(segment.groups)
        away = Count.of(people & included) if excludes and included is not None else None
        rows = tuple(Count.of(evaluate(row.expression, here)) for row in group.filters)
        counted.append(GroupCount(rows, Count.of(people), away))
    return tuple(counted)
