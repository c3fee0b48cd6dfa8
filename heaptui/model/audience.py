"""Who an expression means, as far as it can be known from here.

Two things keep a count from being exact: people outside all cohorts (after a bare `not`), and filters that only Braze
can evaluate. So an answer is a pair of groups: those who are in it for certain, and those who may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

from msgspec import Struct, field
from pyroaring import BitMap

from heaptui.model.expressions import And, Expression, InBraze, InCohort, Not, Or


class People(Struct, frozen=True):
    """Some people, or with `others` everybody but them."""

    uids: BitMap = field(default_factory=BitMap)
    others: bool = False

    @property
    def count(self) -> int | None:
        """How many; None when they are everybody but some."""
        return None if self.others else len(self.uids)

    def __invert__(self) -> People:
        return People(self.uids, not self.others)

    def __and__(self, other: People) -> People:
        match self.others, other.others:
            case False, False:
                return People(self.uids & other.uids)
            case False, True:
                return People(self.uids - other.uids)
            case True, False:
                return People(other.uids - self.uids)
            case _:
                return People(self.uids | other.uids, others=True)

    def __or__(self, other: People) -> People:
        return ~(~self & ~other)


NOBODY = People()
EVERYBODY = People(others=True)


class Audience(Struct, frozen=True):
    """Those who are in it for certain, and those who may be; the same where it is known exactly."""

    certain: People
    possible: People

    @classmethod
    def of(cls, uids: BitMap) -> Audience:
        """Exactly these."""
        people = People(uids)
        return cls(people, people)

    @property
    def known(self) -> bool:
        """Whether nothing is left open."""
        return self.certain is self.possible or self.certain == self.possible

    @property
    def count(self) -> int | None:
        """How many, when that is known."""
        return self.certain.count if self.known else None

    @property
    def at_least(self) -> int:
        """How many for certain."""
        return self.certain.count or 0

    @property
    def at_most(self) -> int | None:
        """How many may be; None without a limit."""
        return self.possible.count

    def __invert__(self) -> Audience:
        return Audience(~self.possible, ~self.certain)

    def __and__(self, other: Audience) -> Audience:
        certain = self.certain & other.certain
        return Audience(certain, certain if self.known and other.known else self.possible & other.possible)

    def __or__(self, other: Audience) -> Audience:
        certain = self.certain | other.certain
        return Audience(certain, certain if self.known and other.known else self.possible | other.possible)


UNKNOWN = Audience(NOBODY, EVERYBODY)


def evaluate(expression: Expression, cohorts: Mapping[str, Audience]) -> Audience:
    """Who is meant, given who is in each cohort by id; a cohort that is not given is empty."""
    match expression:
        case InCohort(cohort_id):
            return cohorts.get(cohort_id) or Audience.of(BitMap())
        case InBraze():
            return UNKNOWN
        case Not(inner):
            return ~evaluate(inner, cohorts)
        case And(parts):
            return everyone_in_all(evaluate(part, cohorts) for part in parts)
        case Or(parts):
            return everyone_in_any(evaluate(part, cohorts) for part in parts)


def everyone_in_all(parts: Iterable[Audience]) -> Audience:
    """Who is in all of them."""
    return reduce(lambda one, other: one & other, parts)


def everyone_in_any(parts: Iterable[Audience]) -> Audience:
    """Who is in any of them."""
    return reduce(lambda one, other: one | other, parts)
