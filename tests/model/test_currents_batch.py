"""A request of Braze Currents is taken apart whatever is in it; one bad event never takes another one with it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaptui.model.currents import Unforwardable, decode
from heaptui.model.currents_batch import events_of, id_of, read_batch
from heaptui.model.currents_cut import Unreadable
from tests.services.currents_world import an_event


def good(number: int) -> bytes:
    return json.dumps(an_event(number)).encode()


def batch(*pieces: bytes) -> bytes:
    return b'{"events":[' + b",".join(pieces) + b"]}"


words = st.binary(max_size=12).map(lambda some: some.translate(None, b'[]{}",'))
texts = st.text(max_size=12).map(lambda some: json.dumps(some).encode())
garbage = st.recursive(
    words | texts,
    lambda inner: st.tuples(st.sampled_from([b"[]", b"{}", b"[}", b"{]"]), st.lists(inner, max_size=4)).map(
        lambda drawn: drawn[0][:1] + b",".join(drawn[1]) + drawn[0][1:]
    ),
    max_leaves=20,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=5, unique=True), garbage, st.data())
def test_garbage_between_good_events_costs_only_itself(numbers: list[int], poison: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(numbers) - 1))
    pieces = [good(number) for number in numbers]
    pieces.insert(place, poison)
    found = read_batch(batch(*pieces))
    fine = [event for event in found.events if not event.strange]
    assert [id_of(event.key) for event in fine] == [an_event(number)["id"] for number in numbers]
    assert len(found.events) - len(fine) == (1 if poison.strip() else 0)
    kept = events_of(found.body)
    assert [event.place for event in found.events] == list(range(len(kept)))
    assert [json.loads(kept[event.place]) for event in fine] == [an_event(number) for number in numbers]


@pytest.mark.parametrize(
    "poison", [b'{"a":nul}', b"[" * 3000 + b"]" * 3000, b"{'a': 1}", b'{"a":1,}', b'"text"', b"\xff\x01", b"-"]
)
def test_the_reason_is_the_same_when_a_dead_letter_dies_again(poison: bytes) -> None:
    found = read_batch(batch(good(1), poison, good(2)))
    first = found.events[1].strange
    kept = events_of(found.body)[1]
    json.loads(kept)
    assert first.startswith("it cannot be read: ")
    with pytest.raises(Unforwardable) as died:
        decode(kept)
    assert str(died.value) == first
    again = read_batch(batch(kept))
    assert (again.events[0].key, again.events[0].strange) == (found.events[1].key, first)


@pytest.mark.parametrize("deep", range(900, 1100, 7))
def test_an_event_as_deep_as_the_decoder_can_go_comes_out_again(deep: int) -> None:
    poison = b'{"id":"x","event_type":"y","a":' + b"[" * deep + b"]" * deep + b"}"
    found = read_batch(b"[" + good(1) + b"," + poison + b"," + good(2) + b"]")

    def far_down(frames: int) -> list[bytes]:
        return far_down(frames - 1) if frames else events_of(found.body)

    assert len(far_down(300)) == 3


def test_white_space_and_commas_that_separate_nothing_are_no_events() -> None:
    body = b' {\n"events" : [ ,' + good(1) + b",\n, {nul} ,, " + good(2) + b", ] } "
    found = read_batch(body)
    assert [bool(event.strange) for event in found.events] == [False, True, False]


def test_an_infinite_number_beside_a_missing_one_becomes_text() -> None:
    found = read_batch(batch(good(1), good(2).replace(b'"g"', b"[NaN, 1e400, -Infinity]")))
    assert decode(events_of(found.body)[1])["properties"]["app_group_id"] == ["NaN", "1e400", "-Infinity"]


@pytest.mark.parametrize("poison", [b'{"a":[1}', b'{"a":1}}', b'{"a":1', b'{"a":"b}', b"]", b'{"a":"b\\"}'])
def test_where_an_event_ends_nobody_can_tell_braze_splits_and_one_alone_is_kept(poison: bytes) -> None:
    for pieces in ([good(1), poison], [poison, good(1)], [good(1), poison, good(2)]):
        with pytest.raises(Unreadable):
            read_batch(batch(*pieces))
    (alone,) = read_batch(batch(poison)).events
    assert alone.strange


@pytest.mark.parametrize("body", [batch(good(1), good(2))[:-cut] for cut in (2, 3, 40, 300)])
def test_a_body_that_is_cut_short_is_refused_so_that_it_comes_again(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_batch(body)


def test_a_last_brace_that_is_missing_costs_nothing() -> None:
    assert [event.strange for event in read_batch(batch(good(1), good(2))[:-1]).events] == ["", ""]


@pytest.mark.parametrize(
    "hostile",
    [b"[" * 400_000, b'"' * 400_000, b'"' + b'\\"' * 200_000, b"\\" * 400_000, b"[]" * 200_000, b"a" * 400_000],
)
def test_long_garbage_is_one_event(hostile: bytes) -> None:
    assert len(read_batch(batch(hostile)).events) == 1


def test_very_many_strange_events_at_once_are_refused_so_that_fewer_come() -> None:
    with pytest.raises(Unreadable, match="send fewer"):
        read_batch(batch(*[b"5"] * 100_001))
    with pytest.raises(Unreadable):
        read_batch(batch(b"nul", *[b"[]"] * 1_000_000))
