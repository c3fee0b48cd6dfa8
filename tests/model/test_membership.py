"""The law of members that arrive in pages: order within a Heap sync does not matter, order of syncs does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from heaptui.model.membership import TaskChanges, apply_page, drained

PEOPLE = st.frozensets(st.integers(0, 12), max_size=6)
PAGE = st.tuples(PEOPLE, PEOPLE)
TASKS = st.lists(st.lists(PAGE, min_size=1, max_size=4), max_size=4)


class Ledger:
    """What is kept between pages, as the ledger keeps it."""

    def __init__(self, members: frozenset[int]) -> None:
        self.members = BitMap(members)
        self.tasks: dict[int, TaskChanges] = {}

    def take(self, task: int, page: tuple[frozenset[int], frozenset[int]]) -> None:
        changes = TaskChanges(BitMap(page[0]), BitMap(page[1]))
        own = self.tasks.setdefault(task, TaskChanges())
        own.take(changes)
        order = list(self.tasks)
        newer = BitMap().union(*(self.tasks[one].touched for one in order[order.index(task) + 1 :]))
        self.members = apply_page(self.members, own, changes, newer)


def by_the_law(members: frozenset[int], tasks: list[list[tuple[frozenset[int], frozenset[int]]]]) -> set[int]:
    """Task after task, all leaves of one before all joins of it."""
    people = set(members)
    for pages in tasks:
        people.difference_update(*(leaves for _, leaves in pages))
        people.update(*(joins for joins, _ in pages))
    return people


@given(PEOPLE, TASKS, st.data())
def test_pages_in_any_order_and_repeated_end_where_the_law_says(members, tasks, data) -> None:
    pages = [(task, page) for task, some in enumerate(tasks) for page in some]
    firsts = {task: next(at for at, (one, _) in enumerate(pages) if one == task) for task in range(len(tasks))}
    first_pages = [pages[firsts[task]] for task in range(len(tasks))]
    rest = [page for at, page in enumerate(pages) if at not in firsts.values()]
    again = data.draw(st.lists(st.sampled_from(pages), max_size=5)) if pages else []
    ledger = Ledger(members)
    # The first pages give the order of the tasks; everything else comes as it likes, between and after them.
    later = data.draw(st.permutations(rest + again))
    waiting = list(later)
    for page in first_pages:
        ledger.take(*page)
        ready = [one for one in waiting if one[0] in ledger.tasks]
        for one in ready[: data.draw(st.integers(0, len(ready)))]:
            ledger.take(*one)
            waiting.remove(one)
    for page in waiting:
        ledger.take(*page)
    assert set(ledger.members) == by_the_law(members, tasks)


@given(PEOPLE, st.lists(PAGE, min_size=1, max_size=5), st.data())
def test_the_pages_of_one_sync_commute_and_may_repeat(members, pages, data) -> None:
    one, other = Ledger(members), Ledger(members)
    for page in pages:
        one.take(0, page)
    for page in data.draw(st.permutations(pages + data.draw(st.lists(st.sampled_from(pages), max_size=4)))):
        other.take(0, page)
    assert one.members == other.members


def test_a_late_page_does_not_touch_people_whom_a_newer_sync_decided_about() -> None:
    ledger = Ledger(frozenset({1, 2}))
    ledger.take(0, (frozenset({3}), frozenset()))
    ledger.take(1, (frozenset({5}), frozenset({1, 3})))
    ledger.take(0, (frozenset({1, 4}), frozenset({2, 5})))
    assert set(ledger.members) == {4, 5}


def test_somebody_who_joins_and_leaves_in_one_page_stays() -> None:
    ledger = Ledger(frozenset())
    ledger.take(0, (frozenset({1}), frozenset({1})))
    assert set(ledger.members) == {1}


def test_emptying_a_segment_spares_those_whom_a_newer_sync_put_there() -> None:
    assert set(drained(BitMap([1, 2, 3]), BitMap([3, 4]))) == {3}
