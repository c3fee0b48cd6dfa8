"""The reads with a REST key, against the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from heaptui.clients.braze_rest import BrazeRest, MissingPermission
from heaptui.clients.http import Http
from heaptui.errors import CredentialRefused, Unreachable
from heaptui.model.identifiers import EXTERNAL_ID, Kind, Space
from heaptui.model.secret import Secret
from heaptui.sandbox.world import Segment


@pytest.fixture
async def rest(sandbox: Any) -> AsyncIterator[BrazeRest]:
    async with Http(sandbox.braze_url) as http:
        yield BrazeRest(http, Secret(sandbox.keys.rest_api_key), wait=_no_wait)


async def _no_wait(seconds: float, reason: str) -> None:
    """Waits are somebody else's test."""


def _build(sandbox: Any, count: int) -> None:
    for number in range(count):
        segment = Segment(f"s{number}", f"Segment {number}", tags=["demo"], sizes=[number, number + 1])
        sandbox.world.segments[segment.segment_id] = segment


async def test_segments_come_in_pages_of_a_hundred(sandbox: Any, rest: BrazeRest) -> None:
    _build(sandbox, 130)
    first, second = await rest.segments(0), await rest.segments(1)
    assert (len(first), len(second)) == (100, 30)
    assert first[0].name == "Segment 0"
    assert second[-1].tags == ("demo",)


async def test_details_and_sizes_of_a_segment(sandbox: Any, rest: BrazeRest) -> None:
    sandbox.know(["a", "b"])
    sandbox.world.name_cohort("heaptui-file-x", "Carts", "2025-01-01T00:00:00Z")
    sandbox.world.cohorts["heaptui-file-x"].members = {"a"}
    sandbox.world.segments["s"] = Segment("s", "Cart people", include=["heaptui-file-x"], sizes=[3, 2])
    details = await rest.segment_details("s")
    assert "Carts" in details.words
    assert [size.size for size in await rest.segment_sizes("s", 14)] == [3, 2, 1]


async def test_only_existing_ids_are_known(sandbox: Any, rest: BrazeRest) -> None:
    sandbox.know_aliases({"a": {"email": "a@example.jp"}, "b": {}})
    assert await rest.known(EXTERNAL_ID, ["a", "b", "c"]) == {"a", "b"}
    assert await rest.known(Space(Kind.ALIAS, "email"), ["a@example.jp", "x@example.jp"]) == {"a@example.jp"}


async def test_an_email_finds_its_person(sandbox: Any, rest: BrazeRest) -> None:
    sandbox.world.know("a", email="A@example.jp")
    found = await rest.people(Space(Kind.EMAIL), ["a@example.jp"])
    assert [person["external_id"] for person in found] == ["a"]


async def test_a_wrong_key_and_a_missing_permission_are_told_apart(sandbox: Any) -> None:
    async with Http(sandbox.braze_url) as http:
        with pytest.raises(CredentialRefused, match="401"):
            await BrazeRest(http, Secret("wrong")).segments(0)
        sandbox.braze.rest.permissions.discard("segments.list")
        with pytest.raises(MissingPermission) as refused:
            await BrazeRest(http, Secret(sandbox.keys.rest_api_key)).segments(0)
    assert refused.value.permission == "segments.list"


async def test_a_server_error_is_tried_again_and_told_when_it_stays(sandbox: Any, rest: BrazeRest) -> None:
    _build(sandbox, 1)
    sandbox.fault(effect="status", status=500, at=[1, 2])
    assert len(await rest.segments(0)) == 1
    sandbox.fault(effect="status", status=503)
    with pytest.raises(Unreachable, match="503"):
        await rest.segments(0)


async def test_a_rate_limit_is_waited_for_and_a_long_one_is_told(sandbox: Any) -> None:
    waited: list[tuple[float, str]] = []

    async def wait(seconds: float, reason: str) -> None:
        waited.append((seconds, reason))

    async with Http(sandbox.braze_url) as http:
        rest = BrazeRest(http, Secret(sandbox.keys.rest_api_key), wait=wait)
        sandbox.fault(effect="status", status=429, reset="delta", seconds=7, at=[1])
        await rest.segments(0)
        assert waited[0][0] >= 7
        assert "429" in waited[0][1]
        sandbox.fault(effect="status", status=429, reset="delta", seconds=1000, at=[1])
        with pytest.raises(Unreachable, match="429"):
            await rest.segments(0)
