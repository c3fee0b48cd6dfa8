"""Faults fall on attributes as on cohort changes: by person, by direction, late, and by name."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from heaptui.clients.http import Answer, Http, NoAnswer, Request
from heaptui.model.secret import Secret

PATH = {"path": "/users/track"}


@pytest.fixture
async def track(sandbox: Any):
    sandbox.know(["a", "b"])
    async with Http(sandbox.braze_url, read_timeout=0.2) as http:

        async def send(*people: str, value: bool = True) -> Answer:
            objects = [{"external_id": person, "vip": value, "_update_existing_only": True} for person in people]
            return await http.send(
                Request("/users/track", {"attributes": objects}, bearer=Secret(sandbox.keys.rest_api_key))
            )

        yield send


def vips(sandbox: Any) -> set[str]:
    return {person for person, values in sandbox.world.attributes.items() if values.get("vip")}


async def test_a_late_request_is_applied_after_its_client_gave_up(sandbox: Any, track: Any) -> None:
    sandbox.fault(effect="late", delay_seconds=60, match=PATH)
    with pytest.raises(NoAnswer):
        await track("a")
    assert not vips(sandbox)
    assert sandbox.apply_late() == 1
    assert vips(sandbox) == {"a"}


@pytest.mark.parametrize(
    ("effect", "applied"), [("timeout_after", True), ("timeout_before", False), ("reset_after", True)]
)
async def test_no_answer_with_and_without_effect(sandbox: Any, track: Any, effect: str, applied: bool) -> None:
    sandbox.fault(effect=effect, match=PATH)
    with pytest.raises(NoAnswer):
        await track("a")
    assert vips(sandbox) == ({"a"} if applied else set())


async def test_a_rule_sees_who_and_in_which_direction(sandbox: Any, track: Any) -> None:
    sandbox.fault(
        effect="status", status=500, match={**PATH, "identifier": "b", "direction": "remove", "cohort_id": "vip"}
    )
    assert (await track("a", "b")).status == 201
    assert (await track("a", value=False)).status == 201
    assert (await track("a", "b", value=False)).status == 500


async def test_refused_people_are_indexed_and_the_others_applied(sandbox: Any, track: Any) -> None:
    sandbox.fault(effect="refuse", identifiers=["b"], body="no")
    answer = await track("a", "b")
    assert answer.status == 201
    assert answer.data == {
        "message": "success",
        "attributes_processed": 1,
        "errors": [{"type": "no", "input_array": "attributes", "index": 1}],
    }
    assert vips(sandbox) == {"a"}
    everybody = await track("b")
    assert everybody.status == 400
    assert everybody.data["errors"][0]["index"] == 0


async def test_a_busy_attribute_is_locked_on_request(sandbox: Any, track: Any) -> None:
    sandbox.fault(effect="locked_while_busy", seconds=0.1, match=PATH)
    statuses = {answer.status for answer in await asyncio.gather(track("a"), track("b"))}
    assert 423 in statuses


async def test_without_the_right_key_nothing_is_applied_late(sandbox: Any, track: Any) -> None:
    sandbox.braze.rest.permissions.discard("users.track")
    sandbox.fault(effect="late", delay_seconds=60, match=PATH)
    with pytest.raises(NoAnswer):
        await track("a")
    assert sandbox.apply_late() == 0
