"""Reading Braze back: exactly the people who drifted are found, a repair converges, and no key leaves with a download."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from heaptui.clients.http import TooLarge, download
from heaptui.errors import CredentialRefused, UsageError
from heaptui.model.comparison import Against
from heaptui.model.identifiers import EXTERNAL_ID, Kind, Space
from heaptui.model.secret import Secret
from heaptui.sandbox.world import Segment
from heaptui.services.workspace import Workspace
from heaptui.store import cohorts, identities
from tests.services.world import fill, ids, synced, workspace_on


@asynccontextmanager
async def compared_on(sandbox: Any, tmp_path: Path, **settings: Any) -> AsyncIterator[Workspace]:
    """A workspace with a REST key."""
    async with workspace_on(sandbox, tmp_path / "home", **settings) as workspace:
        workspace.secrets.rest_api_key = Secret(sandbox.keys.rest_api_key, "keyring")
        yield workspace


def check_segment(sandbox: Any, cohort_id: str, name: str = "check: Carts") -> None:
    sandbox.world.segments["seg1"] = Segment(segment_id="seg1", name=name, include=[cohort_id], description="Carts")


async def settled(workspace: Workspace) -> None:
    """Nothing was sent lately."""
    await workspace.ledger.write(
        lambda connection: connection.execute("UPDATE batch SET sent_at = sent_at - 60, answered_at = answered_at - 60")
    )


async def people(workspace: Workspace, found: Any, which: str) -> set[str]:
    return {value async for some in workspace.compare.people(found, which) for _, value in some}


async def fill_many(workspace: Workspace, values: list[str]) -> str:
    cohort = await fill(workspace, values[:1])
    uids = BitMap()
    for start in range(0, len(values), 20_000):
        some = values[start : start + 20_000]
        uids |= await workspace.ledger.write(lambda c, some=some: identities.number_values(c, EXTERNAL_ID, some))
    await workspace.ledger.write(
        lambda c: cohorts.replace_members(
            c, cohort, uids, space=EXTERNAL_ID, at=1.0, source_name="f", source_digest="", id_column="id"
        )
    )
    return cohort


async def test_planted_drift_of_200_000_is_found_exactly_and_repaired(sandbox: Any, tmp_path: Path) -> None:
    everybody = ids(0, 200_000)
    unknown = set(random.Random(1).sample(everybody, 700))
    sandbox.know([one for one in everybody if one not in unknown])
    strangers = {f"stranger{number}" for number in range(200)}
    sandbox.know(sorted(strangers))
    async with compared_on(sandbox, tmp_path, read_timeout_seconds=30.0) as workspace:
        cohort = await fill_many(workspace, everybody)
        check_segment(sandbox, cohort)
        await synced(workspace, cohort)
        await settled(workspace)
        lost = set(random.Random(2).sample(sorted(set(everybody) - unknown), 1_100))
        sandbox.world.cohorts[cohort].members -= lost
        sandbox.world.cohorts[cohort].members |= strangers
        found = await workspace.compare.compare(cohort)
        counts = found.counts
        assert (counts.here, counts.in_braze, counts.both) == (200_000, 198_400, 198_200)
        assert (counts.only_here, counts.unknown, counts.known, counts.only_in_braze) == (1_800, 700, 1_100, 200)
        assert await people(workspace, found, "missing") == lost | unknown
        assert await people(workspace, found, "unknown") == unknown
        assert await people(workspace, found, "known") == lost
        assert await people(workspace, found, "extra") == strangers
        await workspace.compare.believe(found)
        (plan,) = await workspace.sync.plan([cohort])
        assert (plan.adds, plan.removes) == (1_100, 200)
        await synced(workspace, cohort)
        assert sandbox.members(cohort) == set(everybody) - unknown


async def test_heaps_own_sync_is_audited_without_anything_to_send_with(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 100))
    async with compared_on(sandbox, tmp_path) as workspace:
        workspace.secrets.partner_api_key = workspace.secrets.data_import_key = None
        cohort = await fill(workspace, ids(0, 103))
        sandbox.world.name_cohort("1338065", "Carts", "")
        sandbox.world.cohorts["1338065"].members.update(ids(10, 100), ["left"])
        check_segment(sandbox, "1338065", "check: Carts")
        sandbox.know(["left"])
        found = await workspace.compare.compare(cohort)
        counts = found.counts
        assert counts.against is Against.MEMBERS
        assert (counts.both, counts.unknown, counts.known, counts.only_in_braze) == (90, 3, 10, 1)
        report = workspace.compare.report(found)
        assert "13" in report
        assert "u0000" not in report
        await workspace.compare.believe(found)
        assert (await workspace.cohorts.show(cohort)).delivered == 91


async def test_an_export_that_takes_a_while_is_waited_for(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 10))
    sandbox.world.export_seconds = 0.4
    told: list[str] = []
    async with compared_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, ids(0, 10))
        check_segment(sandbox, cohort)
        await synced(workspace, cohort)
        found = await workspace.compare.compare(cohort, told=told.append)
    assert found.counts.both == 10
    assert any("Braze prepares the export" in text for text in told)


async def test_what_was_sent_moments_ago_is_left_alone(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 10))
    async with compared_on(sandbox, tmp_path, settle_seconds=60.0) as workspace:
        cohort = await fill(workspace, ids(0, 10))
        check_segment(sandbox, cohort)
        await synced(workspace, cohort)
        sandbox.world.cohorts[cohort].members.clear()
        found = await workspace.compare.compare(cohort)
        assert (found.counts.only_here, found.counts.recent) == (10, 10)
        await workspace.compare.believe(found)
        assert (await workspace.sync.plan([cohort]))[0].empty


async def test_people_with_aliases_are_counted_once(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know_aliases({f"p{n}": {"crm": f"a{n}"} for n in range(20)})
    async with compared_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, [f"a{n}" for n in range(20)], space=Space(Kind.ALIAS, "crm"))
        check_segment(sandbox, cohort)
        await synced(workspace, cohort)
        await settled(workspace)
        sandbox.world.cohorts[cohort].members.discard("p3")
        found = await workspace.compare.compare(cohort)
        assert (found.counts.both, found.counts.only_here, found.counts.only_in_braze) == (19, 1, 0)
        assert await people(workspace, found, "missing") == {"a3"}


async def test_a_key_without_the_permission_and_a_missing_segment_say_what_to_do(sandbox: Any, tmp_path: Path) -> None:
    async with compared_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, ids(0, 10))
        with pytest.raises(UsageError, match="Which Braze segment") as told:
            await workspace.compare.compare(cohort)
        assert "check: Carts" in told.value.detail
        check_segment(sandbox, cohort)
        sandbox.braze.rest.permissions.discard("users.export.segment")
        with pytest.raises(CredentialRefused, match=r"users\.export\.segment"):
            await workspace.compare.compare(cohort)


async def test_a_download_goes_only_over_https_carries_no_key_and_ends_at_its_limit(
    sandbox: Any, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="not https"):
        await download("http://storage.example.com/x.zip", tmp_path / "x", limit=10)
    with pytest.raises(TooLarge):
        await download(f"{sandbox.braze_url}/_sandbox/requests", tmp_path / "x", limit=3)
    assert await download(f"{sandbox.braze_url}/segment-export/none.zip", tmp_path / "y", limit=10) == 404
    assert not (tmp_path / "y").exists()


async def test_a_trace_knows_who_was_seen_in_the_segment(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 10))
    async with compared_on(sandbox, tmp_path) as workspace:
        cohort = await fill(workspace, ids(0, 10))
        check_segment(sandbox, cohort)
        await synced(workspace, cohort)
        await workspace.ledger.write(
            lambda connection: connection.execute("UPDATE batch SET answered_at = answered_at - 3600")
        )
        sandbox.world.cohorts[cohort].members.discard("u000004")
        await workspace.compare.compare(cohort)
        inside, outside = [await workspace.people.trace(one) for one in ("u000001", "u000004")]
    assert "were seen in the Braze segment “check: Carts”" in inside.first.sentence
    assert "were not in the Braze segment" in outside.first.sentence
