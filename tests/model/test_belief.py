"""The law of delivery, against a pure model of a service that may apply a request late, or never."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, field
from pyroaring import BitMap

from heaptui.model.belief import Belief, Direction, SpaceMap

SETTLE = 10.0
PEOPLE = 2
# Two kinds of identifiers: person p is uid p in the first space, and uid 10 + p in the second.
SPACES = SpaceMap([BitMap(range(PEOPLE)), BitMap(range(10, 10 + PEOPLE))])


def person(uid: int) -> int:
    return uid % 10


class Braze(Struct):
    """Membership is kept per person; a late request is applied at its time, before anything sent after it."""

    members: set[int] = field(default_factory=set)
    late: list[tuple[float, Direction, list[int]]] = field(default_factory=list)

    def apply(self, direction: Direction, uids: BitMap) -> None:
        people = {person(uid) for uid in uids}
        self.members = self.members | people if direction is Direction.ADD else self.members - people

    def until(self, now: float) -> None:
        due = sorted((entry for entry in self.late if entry[0] <= now), key=lambda entry: entry[0])
        self.late = [entry for entry in self.late if entry[0] > now]
        for _, direction, uids in due:
            self.apply(direction, BitMap(uids))


FATES = ["accepted", "lost", "applied unanswered", "late", "late then accepted", "skipped"]


class History(Struct):
    """Runs syncs against the model and keeps a belief, as deliveries do."""

    braze: Braze = field(default_factory=Braze)
    belief: Belief = field(default_factory=Belief)
    now: float = 1000.0

    def sync(self, members: BitMap, fates: list[str], lateness: list[float]) -> bool:
        """One delivery, one identifier a batch, removes first; True when every batch was accepted."""
        changes = self.belief.changes(members, SPACES)
        assert not changes.adds & changes.removes
        removes_first = SPACES.count(changes.adds | changes.removes) > 1
        clean = True
        for direction, uids in ((Direction.REMOVE, changes.removes), (Direction.ADD, changes.adds)):
            if direction is Direction.ADD and removes_first and not clean:
                return False
            for uid in uids:
                fate = fates.pop() if fates else "accepted"
                delay = lateness.pop() if lateness else 1.0
                clean &= self.batch(direction, BitMap([uid]), fate, delay)
        self.belief.compact(self.now, SETTLE)
        return clean

    def batch(self, direction: Direction, uids: BitMap, fate: str, delay: float) -> bool:
        self.now += 0.1
        self.braze.until(self.now)
        if fate == "skipped":
            return False
        if fate != "accepted":
            if fate == "applied unanswered":
                self.braze.apply(direction, uids)
            elif fate.startswith("late"):
                self.braze.late.append((self.now + delay, direction, list(uids)))
            self.now += 0.1
            self.belief.unanswered(direction, uids, since=self.now, spaces=SPACES)
            if fate != "late then accepted":
                return False
            self.now += 0.1
            self.braze.until(self.now)
        sent_at = self.now
        self.braze.apply(direction, uids)
        self.now += 0.1
        self.belief.accepted(direction, uids, sent_at=sent_at, answered_at=self.now, settle=SETTLE, spaces=SPACES)
        return True


def bitmaps() -> st.SearchStrategy[list[int]]:
    """People in the cohort, all by one kind of identifier, as a cohort has one kind at a time."""
    people = st.lists(st.integers(0, PEOPLE - 1), unique=True)
    return st.tuples(people, st.booleans()).map(lambda drawn: [p + 10 * drawn[1] for p in drawn[0]])


@settings(max_examples=1500, deadline=None)
@given(
    st.lists(
        st.tuples(
            bitmaps(),
            st.lists(st.sampled_from(FATES), max_size=6),
            st.lists(st.floats(0.05, SETTLE - 1), max_size=6),
            st.sampled_from([0.0, 0.0, SETTLE * 2]),
        ),
        min_size=1,
        max_size=7,
    ),
    bitmaps(),
)
def test_after_a_clean_sync_and_one_more_when_settled_braze_holds_exactly_the_members(
    steps: list[tuple[list[int], list[str], list[float], float]], last: list[int]
) -> None:
    history = History()
    for members, fates, lateness, pause in steps:
        history.sync(BitMap(members), fates, lateness)
        history.now += pause
    members = BitMap(last)
    assert history.sync(members, [], [])
    unsettled = history.belief.unsettled_until(members, history.now, SETTLE)
    if unsettled is not None:
        history.now = max(history.now, unsettled) + 0.01
        assert history.sync(members, [], [])
    history.braze.until(history.now + 1000)
    assert history.braze.members == {person(uid) for uid in members}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(bitmaps(), st.lists(st.sampled_from(FATES), max_size=6)), max_size=5),
    bitmaps(),
)
def test_a_settled_clean_history_leaves_nothing_to_send(
    steps: list[tuple[list[int], list[str]]], last: list[int]
) -> None:
    history = History()
    for members, fates in steps:
        history.sync(BitMap(members), fates, [])
        history.now += SETTLE * 2
    history.sync(BitMap(last), [], [])
    history.now += SETTLE * 2
    history.sync(BitMap(last), [], [])
    changes = history.belief.changes(BitMap(last), SPACES)
    assert (len(changes.adds), len(changes.removes)) == (0, 0)


def test_an_add_that_timed_out_is_taken_out_when_the_person_leaves() -> None:
    belief = Belief()
    belief.unanswered(Direction.ADD, BitMap([7]), since=100)
    assert belief.changes(BitMap()).removes == BitMap([7])


def test_a_remove_that_timed_out_is_made_good_when_the_person_returns() -> None:
    belief = Belief(BitMap([7]))
    belief.unanswered(Direction.REMOVE, BitMap([7]), since=100)
    assert belief.changes(BitMap([7])).adds == BitMap([7])


def test_an_answer_within_the_settle_time_does_not_end_a_doubt() -> None:
    belief = Belief(BitMap([7]))
    belief.unanswered(Direction.REMOVE, BitMap([7]), since=100)
    belief.accepted(Direction.ADD, BitMap([7]), sent_at=105, answered_at=106, settle=SETTLE)
    assert belief.unsettled_until(BitMap([7]), 107, SETTLE) == 110
    belief.accepted(Direction.ADD, BitMap([7]), sent_at=111, answered_at=112, settle=SETTLE)
    assert belief.unsettled_until(BitMap([7]), 113, SETTLE) is None
    assert not belief.doubts


def test_a_refused_identifier_is_not_offered_again_and_a_refused_leave_stays_delivered() -> None:
    belief = Belief(BitMap([1]))
    belief.refused(Direction.ADD, BitMap([2]))
    belief.refused(Direction.REMOVE, BitMap([1]))
    changes = belief.changes(BitMap([2]))
    assert not changes.adds
    assert not changes.removes
    assert belief.delivered == BitMap([1])


def test_sending_everything_includes_what_was_accepted_but_not_what_was_refused() -> None:
    belief = Belief(BitMap([1, 2]), refused_adds=BitMap([3]))
    assert belief.changes(BitMap([1, 2, 3, 4]), everything=True).adds == BitMap([1, 2, 4])


def test_taking_out_an_old_identifier_makes_the_new_one_of_the_same_person_doubtful_until_it_is_sent_again() -> None:
    belief = Belief(BitMap([0, 10]))
    belief.accepted(Direction.REMOVE, BitMap([0]), sent_at=100, answered_at=101, settle=SETTLE, spaces=SPACES)
    assert belief.changes(BitMap([10]), SPACES).adds == BitMap([10])
    belief.accepted(Direction.ADD, BitMap([10]), sent_at=102, answered_at=103, settle=SETTLE, spaces=SPACES)
    assert not belief.changes(BitMap([10]), SPACES).adds


def test_an_unanswered_leave_by_another_identifier_is_made_good_even_when_braze_refuses_it_later() -> None:
    belief = Belief(BitMap([0, 10]))
    belief.unanswered(Direction.REMOVE, BitMap([0]), since=100, spaces=SPACES)
    belief.refused(Direction.REMOVE, BitMap([0]))
    assert belief.changes(BitMap([10]), SPACES).adds == BitMap([10])
