"""What exists in Braze: read page by page, kept, searched for our cohorts, and whatever goes wrong is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heaptui.sandbox.world import Segment
from heaptui.services.braze_segments import DETAILS, LIST, SIZES, BrazeSegments, SeenSegment
from tests.services.test_matching import with_rest
from tests.services.world import fill, ids, synced, workspace_on


def build(sandbox: Any, count: int, text: str = "Everybody") -> None:
    for number in range(count):
        segment = Segment(f"s{number}", f"Segment {number}", description=text, sizes=[number, number + 1])
        sandbox.world.segments[segment.segment_id] = segment


async def everything(service: BrazeSegments) -> list[list[SeenSegment]]:
    return [found async for found in service.refresh()]


async def test_the_first_page_is_there_before_the_rest_and_all_is_kept(sandbox: Any, tmp_path: Path) -> None:
    build(sandbox, 130)
    sandbox.world.segments["s7"].tracked = False
    async with workspace_on(sandbox, tmp_path, environ=with_rest(sandbox)) as workspace:
        service = workspace.segments.in_braze
        steps = await everything(service)
        assert len(steps[0]) == 100
        assert all(one.details is None for one in steps[0])
        last = {one.segment_id: one for one in steps[-1]}
        assert len(last) == 130
        assert all(one.details and one.details.description == "Everybody" for one in last.values())
        assert (last["s9"].size, last["s7"].size) == (10, None)
        assert not service.problems
    async with workspace_on(sandbox, tmp_path) as workspace:
        kept = await workspace.segments.in_braze.seen()
        assert {one.segment_id: one for one in kept} == last
    del sandbox.world.segments["s3"]
    async with workspace_on(sandbox, tmp_path, environ=with_rest(sandbox)) as workspace:
        service = workspace.segments.in_braze
        await everything(service)
        assert len(await service.seen()) == 129


async def test_segments_tell_which_cohorts_they_mention_and_which_are_unused(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 50))
    async with workspace_on(sandbox, tmp_path, environ=with_rest(sandbox)) as workspace:
        vip = await fill(workspace, ids(0, 10), name="VIP")
        newer = await fill(workspace, ids(0, 20), name="VIP 2024")
        carts = await fill(workspace, ids(0, 30), name="Carts")
        await synced(workspace, vip, newer, carts)
        await workspace.cohorts.rename(carts, "Abandoned carts")
        sandbox.world.segments["a"] = Segment("a", "Ours", include=[newer], exclude=[carts])
        sandbox.world.segments["b"] = Segment("b", "Other", description="Purchased in 30 days")
        service = workspace.segments.in_braze
        await everything(service)
        uses = service.uses(await workspace.cohorts.list())
        assert set(uses.cohorts_of["a"]) == {newer, carts}
        assert uses.cohorts_of["b"] == ()
        assert uses.segments_of[newer] == ("a",)
        assert (uses.unused, uses.complete) == ((vip,), True)


@pytest.mark.parametrize("path", ["/segments/list", "/segments/details", "/segments/data_series"])
async def test_whatever_braze_answers_the_rest_goes_on_and_the_problem_is_named(
    sandbox: Any, tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heaptui.clients.braze_rest.BACKOFF_SECONDS", 0.01)
    build(sandbox, 6, text="kept text")
    permission = path.strip("/").replace("/", ".")
    async with workspace_on(sandbox, tmp_path, environ=with_rest(sandbox)) as workspace:
        service = workspace.segments.in_braze
        await everything(service)
        for status in (401, 403, 429, 500):
            new = f"new{status}"
            sandbox.fault(effect="status", status=status, match={"path": path}, reset="delta", seconds=500)
            sandbox.world.segments[new] = Segment(new, "New one", description="new text", sizes=[5])
            await everything(service)
            found = {one.segment_id: one for one in await service.seen()}
            assert set(service.problems) == {permission}
            assert str(status) in str(service.problems[permission])
            # What was seen before stays, and the other endpoints are still read.
            assert found["s1"].details is not None
            assert found["s1"].size == 2
            if permission != LIST:
                assert (found[new].details is None) == (permission == DETAILS)
                assert (found[new].size is None) == (permission == SIZES)
            sandbox.clear_faults()
        await everything(service)
        assert not service.problems
        assert all(one.details for one in await service.seen())
