"""Browsing, renaming, exporting and retiring cohorts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heaptui.config import Home, Profile
from heaptui.errors import UsageError
from heaptui.model.belief import Belief, Direction
from heaptui.model.cohorts import CohortState
from heaptui.model.identifiers import EXTERNAL_ID
from heaptui.services.workspace import Workspace, open_workspace
from heaptui.store import beliefs, cohorts, identities
from tests.services.world import fill, ids


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with open_workspace(Home.find(str(tmp_path / "home"), {}), Profile(name="test"), {}) as opened:
        yield opened


async def accepted(workspace: Workspace, cohort_id: str, people: list[str]) -> None:
    def write(connection) -> None:
        uids = identities.number_values(connection, EXTERNAL_ID, people)
        beliefs.write_belief(connection, cohort_id, "cohort_import", Belief(uids))

    await workspace.ledger.write(write)


async def values(chunks) -> list[str]:
    return [person.value async for chunk in chunks for person in chunk]


async def test_an_export_is_everybody_once_and_as_it_was_when_it_began(workspace):
    cohort_id = await fill(workspace, ids(0, 45_000))
    export = workspace.cohorts.export(cohort_id)
    first = await anext(export)
    await fill(workspace, ids(0, 1), cohort_id=cohort_id)
    rest = [chunk async for chunk in export]
    assert [len(chunk) for chunk in (first, *rest)] == [20_000, 20_000, 5_000]
    assert sorted(person.value for chunk in (first, *rest) for person in chunk) == ids(0, 45_000)


async def test_pages_of_people_join_up(workspace):
    cohort_id = await fill(workspace, ids(0, 25))
    pages = [await workspace.cohorts.members(cohort_id, offset=offset, limit=10) for offset in (0, 10, 20, 30)]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert [person.value for page in pages for person in page] == ids(0, 25)
    assert await values(workspace.cohorts.export(cohort_id, offset=20, limit=3)) == ids(20, 23)


async def test_waiting_people_are_those_the_next_sync_changes(workspace):
    cohort_id = await fill(workspace, ids(0, 10))
    await accepted(workspace, cohort_id, ids(5, 15))
    joining = await workspace.cohorts.waiting(cohort_id, Direction.ADD)
    leaving = await workspace.cohorts.waiting(cohort_id, Direction.REMOVE, limit=2)
    assert [person.value for person in joining] == ids(0, 5)
    assert [person.value for person in leaving] == ids(10, 12)
    assert await values(workspace.cohorts.export(cohort_id, waiting=Direction.REMOVE)) == ids(10, 15)


async def test_a_renamed_cohort_keeps_its_id_and_answers_to_both_names(workspace):
    cohort_id = await fill(workspace, ids(0, 3), name="Carts 7d")
    renamed = await workspace.cohorts.rename(cohort_id, " Carts ")
    assert (renamed.cohort_id, renamed.name, renamed.former_names) == (cohort_id, "Carts", ("Carts 7d",))
    assert (await workspace.cohorts.resolve("Carts 7d")).cohort_id == cohort_id
    back = await workspace.cohorts.rename(cohort_id, "Carts 7d")
    assert back.name == "Carts 7d"


async def test_a_name_is_needed_and_given_once(workspace):
    cohort_id = await fill(workspace, ids(0, 3), name="Carts")
    await fill(workspace, ids(0, 3), name="Paying")
    with pytest.raises(UsageError, match="needs a name"):
        await workspace.cohorts.rename(cohort_id, " ")
    with pytest.raises(UsageError, match="Another cohort is called"):
        await workspace.cohorts.rename(cohort_id, "Paying")
    assert (await workspace.cohorts.rename(cohort_id, "Carts")).former_names == ()


async def test_a_cohort_on_hold_is_released(workspace):
    cohort_id = await fill(workspace, ids(0, 3))
    await workspace.ledger.write(lambda connection: cohorts.set_on_hold(connection, cohort_id, on_hold=True))
    assert (await workspace.cohorts.show(cohort_id)).state is CohortState.ON_HOLD
    assert (await workspace.cohorts.release(cohort_id)).state is CohortState.NEW


async def test_a_retired_cohort_still_knows_who_has_to_leave(workspace):
    cohort_id = await fill(workspace, ids(0, 30))
    await accepted(workspace, cohort_id, ids(0, 25))
    retired = await workspace.cohorts.retire(cohort_id)
    assert (retired.state, retired.members, retired.removes) == (CohortState.RETIRED, 0, 25)
    assert await workspace.cohorts.list() == []
    brought_back = await workspace.cohorts.undo_import(cohort_id)
    assert (brought_back.members, brought_back.removes) == (30, 0)


async def test_nobody_is_changed_by_an_id_that_does_not_exist(workspace):
    for change in (
        workspace.cohorts.retire("heaptui-file-nobody"),
        workspace.cohorts.release("heaptui-file-nobody"),
        workspace.cohorts.rename("heaptui-file-nobody", "a"),
        workspace.cohorts.undo_import("heaptui-file-nobody"),
        workspace.cohorts.members("heaptui-file-nobody"),
        workspace.cohorts.waiting("heaptui-file-nobody", Direction.ADD),
        anext(workspace.cohorts.export("heaptui-file-nobody")),
    ):
        with pytest.raises(UsageError, match="There is no cohort"):
            await change
