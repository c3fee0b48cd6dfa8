"""Numbering: every identifier has one number for ever, whatever the order and company it comes in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from heaptui.model.identifiers import EXTERNAL_ID, Identifier, Kind, Space, invalid_reason
from heaptui.store.database import Database
from heaptui.store.identities import CHUNK, find_values, number_values, space_map, uids_of_value, values_of

EMAIL_ALIAS = Space(Kind.ALIAS, "email")
SPACES = (EXTERNAL_ID, EMAIL_ALIAS, Space(Kind.ALIAS, "phone"), Space(Kind.DEVICE_ID))

values = st.text(min_size=1, max_size=12).filter(lambda value: invalid_reason(value) is None)
few = st.lists(
    st.sampled_from(["a", "A", "ａ", "1", "01", "1.0", "１", '"', "\\", "\u2028", "é", "é", " x"]), max_size=8
)
batches = st.lists(st.tuples(st.sampled_from(SPACES), st.one_of(few, st.lists(values, max_size=8))), max_size=12)


@contextmanager
def ledger(folder: Path) -> Iterator[sqlite3.Connection]:
    database = Database.open(folder / "test.db")
    database.close()
    connection = sqlite3.connect(folder / "test.db", isolation_level=None)
    try:
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()


def numbered(connection: sqlite3.Connection, values: list[str], space: Space = EXTERNAL_ID) -> dict[str, int]:
    uids = number_values(connection, space, values)
    by_uid = zip(uids, values_of(connection, uids), strict=True)
    return {identifier.value: uid for uid, identifier in by_uid}


@settings(max_examples=60, deadline=None)
@given(batches)
def test_every_identifier_keeps_the_number_it_was_given_first(tmp_path_factory, batches):
    given_numbers: dict[Identifier, int] = {}
    with ledger(tmp_path_factory.mktemp("ledger")) as connection:
        for space, given_values in batches:
            uids = number_values(connection, space, given_values)
            assert len(uids) == len(set(given_values))
            found = values_of(connection, uids)
            assert {identifier.value for identifier in found} == set(given_values)
            for uid, identifier in zip(uids, found, strict=True):
                assert given_numbers.setdefault(identifier, uid) == uid
        assert len(set(given_numbers.values())) == len(given_numbers)


@settings(max_examples=60, deadline=None)
@given(batches, st.lists(st.one_of(values, st.sampled_from(["a", "1", "é"])), max_size=12))
def test_a_look_up_tells_the_known_from_the_unknown_and_numbers_nobody(tmp_path_factory, batches, asked):
    with ledger(tmp_path_factory.mktemp("ledger")) as connection:
        for space, given_values in batches:
            number_values(connection, space, given_values)
        total = connection.execute("SELECT count(*) FROM identity").fetchone()
        wanted = sorted(set(asked))
        known, missing = find_values(connection, EXTERNAL_ID, wanted)
        there = {value for space, given_values in batches if space == EXTERNAL_ID for value in given_values}
        assert {identifier.value for identifier in values_of(connection, known)} == there & set(asked)
        assert missing == [value for value in wanted if value not in there]
        assert connection.execute("SELECT count(*) FROM identity").fetchone() == total


def test_the_same_value_in_two_spaces_is_two_identifiers(tmp_path):
    with ledger(tmp_path) as connection:
        as_id = number_values(connection, EXTERNAL_ID, ["k.mori@example.jp"])
        as_alias = number_values(connection, EMAIL_ALIAS, ["k.mori@example.jp"])
        assert not as_id & as_alias
        assert [space for _, (space, _) in _found(connection, "k.mori@example.jp")] == [EXTERNAL_ID, EMAIL_ALIAS]


def _found(connection: sqlite3.Connection, value: str) -> list[tuple[int, tuple[Space, str]]]:
    return [(uid, (found.space, found.value)) for uid, found in sorted(uids_of_value(connection, value))]


def test_the_map_of_spaces_covers_every_number_once(tmp_path):
    with ledger(tmp_path) as connection:
        as_id = number_values(connection, EXTERNAL_ID, ["1", "2", "3"])
        as_alias = number_values(connection, EMAIL_ALIAS, ["1", "2"])
        more = number_values(connection, EXTERNAL_ID, ["4", "1"])
        spaces = space_map(connection)
        assert spaces.parts(as_id | as_alias | more) == [as_id | more, as_alias]


def test_no_values_are_no_numbers(tmp_path):
    with ledger(tmp_path) as connection:
        assert number_values(connection, EXTERNAL_ID, []) == BitMap()
        assert find_values(connection, EXTERNAL_ID, []) == (BitMap(), [])


def test_numbering_what_is_half_known_takes_as_little_reading_as_what_is_new(tmp_path):
    """SQLite once read the whole table for each value here: count its steps, not the seconds."""
    people = [f"{number:06d}" for number in range(CHUNK)]
    with ledger(tmp_path) as connection:
        numbered(connection, people[::2])
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        connection.set_progress_handler(count, 1000)
        uids = number_values(connection, EXTERNAL_ID, people)
        find_values(connection, EXTERNAL_ID, people)
        assert len(uids) == CHUNK
        assert steps * 1000 < 100 * CHUNK
