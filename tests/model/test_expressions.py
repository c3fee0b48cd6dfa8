"""Expressions and segments: written and read back, counted as sets are, and shown as Braze shows them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from heaptui.model.audience import Audience, evaluate
from heaptui.model.expressions import IDS as KEPT
from heaptui.model.expressions import And, Expression, ExpressionError, InBraze, InCohort, Names, Not, Or, parse, write
from heaptui.model.segments import Filter, Group, Segment, as_json, from_json, segment_of, warnings

EVERYBODY = set(range(40))
IDS = [f"heaptui-file-{tail}" for tail in ("aaaaaa", "bbbbbb", "cccccc", "dddddd", "eeeeee")]

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
awkward = st.sampled_from(["and", 'a "quoted" one', "back\\slash\\", "（高額）", "」", "not", "braze", *IDS, "aaaaaa"])
names = st.lists(texts | awkward, min_size=5, max_size=5).map(lambda found: Names(dict(zip(IDS, found, strict=True))))
groups = st.lists(st.sets(st.sampled_from(sorted(EVERYBODY))), min_size=5, max_size=5)


def trees(opaque: bool = True) -> st.SearchStrategy[Expression]:
    leaf: st.SearchStrategy[Expression] = st.sampled_from(IDS).map(InCohort)
    if opaque:
        leaf |= texts.map(InBraze)
    return st.recursive(
        leaf,
        lambda inner: (
            inner.map(Not)
            | st.lists(inner, min_size=2, max_size=4).map(lambda parts: And(tuple(parts)))
            | st.lists(inner, min_size=2, max_size=4).map(lambda parts: Or(tuple(parts)))
        ),
        max_leaves=12,
    )


def by_sets(expression: Expression, people: dict[str, set[int]], hidden: dict[str, set[int]]) -> set[int]:
    match expression:
        case InCohort(cohort_id):
            return people[cohort_id]
        case InBraze(text):
            return hidden.get(text, set())
        case Not(inner):
            return EVERYBODY - by_sets(inner, people, hidden)
        case And(parts):
            return set.intersection(*(by_sets(part, people, hidden) for part in parts))
        case Or(parts):
            return set.union(*(by_sets(part, people, hidden) for part in parts))


@given(trees(), names)
def test_what_is_written_is_read_back_to_the_same_tree(tree: Expression, called: Names) -> None:
    assert parse(write(tree, called), called) == tree
    assert parse(write(tree), KEPT) == tree


@given(trees(opaque=False), groups)
def test_bitmaps_count_what_sets_count(tree: Expression, people: list[set[int]]) -> None:
    cohorts = dict(zip(IDS, people, strict=True))
    found = evaluate(tree, {cohort_id: Audience.of(BitMap(uids)) for cohort_id, uids in cohorts.items()})
    wanted = by_sets(tree, cohorts, {})
    assert found.known
    inside = EVERYBODY - set(found.certain.uids) if found.certain.others else set(found.certain.uids)
    assert inside == wanted
    assert found.count == (None if found.certain.others else len(wanted))


@given(trees(), groups, st.sets(st.sampled_from(sorted(EVERYBODY))))
def test_whatever_braze_alone_knows_lies_within_the_bounds(
    tree: Expression, people: list[set[int]], secret: set[int]
) -> None:
    cohorts = dict(zip(IDS, people, strict=True))
    hidden = dict.fromkeys(_opaque(tree), secret)
    found = evaluate(tree, {cohort_id: Audience.of(BitMap(uids)) for cohort_id, uids in cohorts.items()})
    wanted = by_sets(tree, cohorts, hidden)
    assert found.at_least <= len(wanted) or found.certain.others
    if found.at_most is not None:
        assert set(found.certain.uids) <= wanted <= set(found.possible.uids)


def _opaque(tree: Expression) -> set[str]:
    match tree:
        case InBraze(text):
            return {text}
        case Not(inner):
            return _opaque(inner)
        case And(parts) | Or(parts):
            return set().union(*(_opaque(part) for part in parts))
    return set()


@given(trees(opaque=False), groups)
def test_a_segment_means_what_its_expression_means(tree: Expression, people: list[set[int]]) -> None:
    segment = segment_of(tree)
    if segment is None:
        return
    assert segment.groups
    assert all(group.filters for group in [*segment.groups, *segment.exclusions])
    again = segment.expression
    assert again is not None
    cohorts = dict(zip(IDS, people, strict=True))
    assert by_sets(again, cohorts, {}) == by_sets(tree, cohorts, {})
    assert segment_of(again) is not None, "what Braze can show stays so"
    assert from_json(as_json(segment)) == segment


CALLED = Names(
    {IDS[0]: "Cart abandoners", IDS[1]: "Paying", IDS[2]: "カート放棄（高額）", IDS[3]: "Twin", IDS[4]: "Twin"},
    {"Carts 7d": [IDS[0]]},
)
CARTS, PAYING, DEAR = InCohort(IDS[0]), InCohort(IDS[1]), InCohort(IDS[2])


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('"Cart abandoners" and not "Paying"', And((CARTS, Not(PAYING)))),
        ("“Cart abandoners”　AND　not（「カート放棄（高額）」 or ”Paying”）", And((CARTS, Not(Or((DEAR, PAYING)))))),
        ("aaaaaa or Paying and cccccc", Or((CARTS, And((PAYING, DEAR))))),
        ('"Carts 7d"', CARTS),
        ('Paying and braze "Email Available is true"', And((PAYING, InBraze("Email Available is true")))),
    ],
)
def test_people_may_type_it_in_several_ways(text: str, tree: Expression) -> None:
    assert parse(text, CALLED) == tree


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("", 0, "empty"),
        ('"Cart abandonners" and "Paying"', 0, "“Cart abandoners”"),
        ('"Cart abandoners" nott "Paying"', 18, "missing"),
        ('"Cart abandoners" and', 21, "missing"),
        ('("Paying" or "Paying"', 0, "not closed"),
        ('"Paying")', 8, "too many"),
        ('"Paying', 0, "not closed"),
        ('"Twin"', 0, "dddddd"),
        ('braze and "Paying"', 6, "in quotes"),
        ("(" * 60 + "Paying" + ")" * 60, 40, "40 brackets"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_nearest_name(text: str, at: int, said: str) -> None:
    with pytest.raises(ExpressionError) as told:
        parse(text, CALLED)
    assert told.value.at == at
    assert said in str(told.value)
    assert "»" in told.value.detail


@given(st.text(st.sampled_from('ab "“”「」()（）\\＂　notandorbraze'), max_size=30) | st.text(max_size=30))
def test_any_text_is_an_expression_or_a_sentence(text: str) -> None:
    # Any other error fails this test.
    with contextlib.suppress(ExpressionError):
        assert parse(text, CALLED)


def test_exclusions_become_exclusion_groups() -> None:
    assert segment_of(And((CARTS, Not(Or((DEAR, PAYING)))))) == Segment(
        (Group((Filter(CARTS),)),), (Group((Filter(DEAR), Filter(PAYING)), any_of=True),)
    )
    assert segment_of(And((CARTS, Not(And((DEAR, PAYING)))))) == Segment(
        (Group((Filter(CARTS),)),), (Group((Filter(DEAR), Filter(PAYING))),)
    )


def test_groups_are_joined_by_and_or_by_or_and_nothing_deeper() -> None:
    any_of = segment_of(Or((And((CARTS, PAYING)), DEAR)))
    assert any_of == Segment((Group((Filter(CARTS), Filter(PAYING))), Group((Filter(DEAR),))), any_of=True)
    every = segment_of(And((Or((CARTS, PAYING)), DEAR)))
    assert every == Segment((Group((Filter(DEAR),)), Group((Filter(CARTS), Filter(PAYING)), any_of=True)))
    assert segment_of(And((CARTS, Or((PAYING, And((DEAR, InCohort(IDS[3])))))))) is None


def test_what_braze_warns_of_stands_at_its_row() -> None:
    negatives = Group((Filter(CARTS, includes=False), Filter(PAYING, includes=False)), any_of=True)
    assert "everybody" in warnings(Segment((negatives,)), CALLED)[0, -1][0]
    long = Filter(InBraze("あ" * 3334))
    assert "10,000 bytes" in warnings(Segment((Group((Filter(CARTS), long)),)), CALLED)[0, 1][0]
    nested = Filter(InBraze("Segment Membership includes Lapsed"))
    assert "another segment" in warnings(Segment((Group((nested,)),)), CALLED)[0, 0][0]
    taken = Segment((Group((Filter(CARTS),)),), (Group((Filter(CARTS),)),))
    assert "nobody" in warnings(taken, CALLED)[0, 0][0]
    assert warnings(Segment((Group((Filter(CARTS),)),), (Group((Filter(PAYING),)),)), CALLED) == {}
