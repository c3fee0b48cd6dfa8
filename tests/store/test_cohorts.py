"""Cohorts in the ledger: names lead to them, imports can be taken back, states tell what they need."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from heaptui.errors import UsageError
from heaptui.model.belief import Belief
from heaptui.model.cohorts import CohortState, Guard, Origin
from heaptui.model.identifiers import EXTERNAL_ID
from heaptui.store import beliefs, cohort_names, cohorts, identities
from heaptui.store.cohorts import View
from heaptui.store.database import Database

VIEW = View("cohort_import", 120.0, Guard())
CARTS = "heaptui-file-abc234"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    Database.open(tmp_path / "test.db").close()
    opened = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    yield opened
    opened.close()


def made(
    connection: sqlite3.Connection,
    people: list[str],
    *,
    cohort_id: str = CARTS,
    name: str = "Carts",
    origin: Origin = Origin.FILE,
) -> str:
    known = connection.execute("SELECT 1 FROM cohort WHERE cohort_id = ?", (cohort_id,)).fetchone()
    if known is None:
        cohorts.create(connection, cohort_id, name=name, origin=origin, space=EXTERNAL_ID, at=1.0)
    uids = identities.number_values(connection, EXTERNAL_ID, people)
    cohorts.replace_members(
        connection, cohort_id, uids, space=EXTERNAL_ID, at=2.0, source_name="a.csv", source_digest="d", id_column="id"
    )
    return cohort_id


def accepted(connection: sqlite3.Connection, cohort_id: str, people: list[str], name: str = "Carts") -> None:
    uids = identities.number_values(connection, EXTERNAL_ID, people)
    beliefs.write_belief(connection, cohort_id, VIEW.route, Belief(uids))
    beliefs.cohort_named(connection, cohort_id, VIEW.route, name)


def people_of(connection: sqlite3.Connection, cohort_id: str) -> set[str]:
    return {i.value for i in identities.values_of(connection, cohorts.members(connection, cohort_id))}


def test_the_people_before_an_import_come_back(connection):
    made(connection, ["1", "2"])
    made(connection, ["2", "3", "4"])
    assert cohorts.undo_import(connection, CARTS, at=3.0)
    assert people_of(connection, CARTS) == {"1", "2"}
    assert not cohorts.undo_import(connection, CARTS, at=4.0)


def test_a_first_import_has_nothing_before_it(connection):
    made(connection, ["1", "2"])
    assert not cohorts.read_one(connection, CARTS, VIEW).can_undo_import
    assert not cohorts.undo_import(connection, CARTS, at=3.0)
    assert people_of(connection, CARTS) == {"1", "2"}


def test_a_retired_cohort_leaves_the_list_and_can_be_brought_back(connection):
    made(connection, ["1", "2"])
    cohorts.retire(connection, CARTS, at=3.0)
    cohorts.retire(connection, CARTS, at=4.0)
    assert cohorts.read_all(connection, VIEW) == []
    assert cohorts.read_one(connection, CARTS, VIEW).state is CohortState.RETIRED
    assert cohorts.undo_import(connection, CARTS, at=5.0)
    assert [cohort.members for cohort in cohorts.read_all(connection, VIEW)] == [2]


def test_a_cohort_is_found_by_id_end_name_and_former_name(connection):
    made(connection, ["1"])
    cohorts.rename(connection, CARTS, "Cart abandoners", at=3.0)
    for reference in (CARTS, "c234", "Cart abandoners"):
        assert cohort_names.resolve(connection, reference) == cohort_names.Resolved(CARTS)
    found = cohort_names.resolve(connection, "Carts")
    assert found.cohort_id == CARTS
    assert "Cart abandoners" in found.warning


def test_a_name_of_two_cohorts_names_none(connection):
    made(connection, ["1"])
    made(connection, ["1"], cohort_id="heaptui-seg-77", origin=Origin.HEAP)
    with pytest.raises(UsageError) as caught:
        cohort_names.resolve(connection, "Carts")
    assert CARTS in caught.value.detail
    assert "heaptui-seg-77" in caught.value.detail


def test_an_unknown_name_brings_the_nearest(connection):
    made(connection, ["1"])
    with pytest.raises(UsageError, match="Did you mean “Carts”"):
        cohort_names.resolve(connection, "Cart")
    for look in (cohorts.members, lambda c, i: cohorts.read_one(c, i, VIEW)):
        with pytest.raises(UsageError, match="There is no cohort"):
            look(connection, "heaptui-file-nobody")


def test_a_former_name_leads_to_one_file_cohort_or_none(connection):
    made(connection, ["1"])
    cohorts.rename(connection, CARTS, "New", at=3.0)
    assert cohort_names.file_cohort_once_named(connection, "Carts").cohort_id == CARTS
    other = made(connection, ["1"], cohort_id="heaptui-file-other2", name="Carts")
    cohorts.rename(connection, other, "Newer", at=4.0)
    assert cohort_names.file_cohort_once_named(connection, "Carts") is None


def test_what_is_usual_follows_the_imports(connection):
    made(connection, [str(number) for number in range(100)])
    assert cohorts.usual_share(connection, CARTS) is None
    made(connection, [str(number) for number in range(10, 110)])
    assert cohorts.usual_share(connection, CARTS) == pytest.approx(0.2)
    made(connection, [str(number) for number in range(10, 110)])
    assert cohorts.usual_share(connection, CARTS) == pytest.approx(0.14)


def test_states_tell_what_a_cohort_needs(connection):
    everybody = [str(number) for number in range(100)]
    made(connection, everybody)

    def state() -> CohortState:
        return cohorts.read_one(connection, CARTS, VIEW).state

    assert state() is CohortState.NEW
    accepted(connection, CARTS, everybody)
    assert state() is CohortState.SYNCED
    made(connection, everybody[:60])
    assert state() is CohortState.PENDING
    made(connection, everybody[:40])
    assert state() is CohortState.HELD
    cohorts.set_on_hold(connection, CARTS, on_hold=True)
    assert state() is CohortState.ON_HOLD
