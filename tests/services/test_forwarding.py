"""Events reach Heap at least once and count once, whatever goes wrong; what Heap refuses is kept with its reason."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from heaptui.errors import Unreachable, UsageError
from heaptui.services.heap_pace import HeapPace
from heaptui.store.currents import path_beside
from tests.services.currents_world import (
    Door,
    an_event,
    currents_workspace,
    door,
    eventually,
    forwarded,
    keys_in,
)


def ids(count: int) -> list[str]:
    return [an_event(number)["id"] for number in range(count)]


async def received(opened: Door, count: int) -> None:
    events = [an_event(number) for number in range(count)]
    for start in range(0, count, 100):
        assert await opened.send(*events[start : start + 100]) == 204


@pytest.fixture
async def opened(sandbox: Any, tmp_path: Path):
    async with currents_workspace(sandbox, tmp_path / "desk") as workspace, door(workspace) as opened:
        yield opened


async def test_every_event_arrives_once_in_batches_of_a_thousand(sandbox: Any, opened: Door) -> None:
    await received(opened, 2300)
    await forwarded(opened.workspace)
    assert keys_in(sandbox) == ids(2300)
    stats = await opened.workspace.currents.stats()
    assert (stats.together.forwarded, stats.together.waiting) == (2300, 0)
    event = sandbox.heap.events[5]
    assert event["event"] == "braze-users.messages.email.Open"
    assert event["identity"] == "u000005"
    assert event["timestamp"] == "2023-11-14T22:13:25+00:00"


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "status", "status": 500},
        {"effect": "status", "status": 503, "applied": True},
        {"effect": "status", "status": 429, "reset": "retry_after", "seconds": 0.02},
        {"effect": "timeout_before"},
        {"effect": "timeout_after"},
        {"effect": "reset_before"},
        {"effect": "reset_after"},
    ],
)
async def test_trouble_is_waited_out_and_counts_nothing_twice(sandbox: Any, opened: Door, fault: dict) -> None:
    await received(opened, 300)
    sandbox.heap_faults({**fault, "at": [1, 2]})
    await forwarded(opened.workspace)
    assert keys_in(sandbox) == ids(300)


async def test_what_heap_refuses_is_found_by_halving_and_the_others_arrive(sandbox: Any, opened: Door) -> None:
    await received(opened, 700)
    poison = [an_event(number)["id"] for number in (3, 4, 699)]
    sandbox.heap_faults({"effect": "poison", "identifiers": poison})
    await forwarded(opened.workspace)
    assert keys_in(sandbox) == sorted(set(ids(700)) - set(poison))
    letters = await opened.workspace.currents.dead_letters()
    assert sorted(letter.event_id for letter in letters) == poison
    assert all("Heap refused it alone" in letter.reason for letter in letters)
    sandbox.heap.faults.clear()
    assert await opened.workspace.currents.revive() == 3
    await forwarded(opened.workspace)
    assert keys_in(sandbox) == ids(700)
    stats = await opened.workspace.currents.stats()
    assert (stats.together.dead, stats.together.forwarded, stats.together.waiting) == (0, 700, 0)


async def test_when_everything_is_refused_the_rest_waits_instead_of_dying(sandbox: Any, opened: Door) -> None:
    await received(opened, 200)
    sandbox.heap_faults({"effect": "status", "status": 400})
    told: list[str] = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            await forwarded(opened.workspace, told=told.append)
    stats = await opened.workspace.currents.stats()
    assert stats.together.dead <= 50
    assert stats.together.dead + stats.together.waiting == 200
    assert any("check heap_app_id" in line for line in told)


async def test_too_long_anonymous_and_unwanted_events_stay_here_with_their_reasons(
    sandbox: Any, tmp_path: Path
) -> None:
    async with (
        currents_workspace(sandbox, tmp_path, currents_types=("!app.Session*",)) as workspace,
        door(workspace) as opened,
    ):
        await opened.send(
            an_event(1),
            an_event(2, url="x" * 1312),
            {**an_event(3), "user": {"user_id": "b"}},
            an_event(4, "users.behaviors.app.SessionStart"),
            {**an_event(5), "user": {"external_user_id": "undefined"}},
        )
        await forwarded(workspace)
        stats = await workspace.currents.stats()
        assert keys_in(sandbox) == [an_event(1)["id"]]
        assert (stats.together.forwarded, stats.together.filtered, stats.together.dead) == (1, 3, 1)
        assert stats.reasons == {
            "it has no external_user_id": 1,
            "its type is not forwarded": 1,
            "its external_user_id is a value that many people share": 1,
        }
        (letter,) = await workspace.currents.dead_letters()
        assert letter.reason == "property url has 1,312 characters, Heap takes 1,023"


async def test_heaps_limits_are_kept_and_nobody_is_left_out(sandbox: Any, opened: Door) -> None:
    limits = {"per_minute": 60, "per_identity": 7}
    assert sandbox.heap.ingest.set_limits(json.dumps(limits).encode()).status == 200
    events = [{**an_event(n), "user": {"external_user_id": "busy" if n < 15 else f"u{n}"}} for n in range(100)]
    await opened.send(*events)
    clock = [0.0]
    limits = HeapPace(60, 7, seconds=60.0, clock=lambda: clock[0])
    async with opened.workspace.currents.forwarding(limits=limits) as forwarder:
        await forwarder.step()
        first = Counter(event["identity"] for event in sandbox.heap.events)
        assert (first.total(), first["busy"]) == (60, 7)
        await forwarder.step()
        assert len(sandbox.heap.events) == 60
        for _ in range(3):
            clock[0] += 60.001
            sandbox.heap.ingest._forget_windows()
            await forwarder.step()
    assert keys_in(sandbox) == sorted(event["id"] for event in events)
    busy = [event["timestamp"] for event in sandbox.heap.events if event["identity"] == "busy"]
    assert busy == sorted(busy)


async def test_what_is_said_about_a_person_stands_on_the_person(sandbox: Any, tmp_path: Path) -> None:
    async with (
        currents_workspace(sandbox, tmp_path, currents_user_properties=True) as workspace,
        door(workspace) as opened,
    ):
        name = "users.behaviors.subscription.GlobalStateChange"
        await opened.send(
            an_event(1, name, subscription_status="Subscribed"),
            {**an_event(2, name, subscription_status="Unsubscribed"), "user": {"external_user_id": "u000001"}},
        )
        await forwarded(workspace)
        assert sandbox.heap.ingest.users == {"u000001": {"braze-email_subscription": "Unsubscribed"}}


async def test_events_that_come_while_it_runs_are_forwarded_at_once(sandbox: Any, opened: Door) -> None:
    async with opened.workspace.currents.forwarding() as forwarder:
        task = asyncio.create_task(forwarder.carry_out())
        await opened.send(an_event(1))
        await eventually(lambda: len(sandbox.heap.events) == 1)
        await opened.send(an_event(2))
        await eventually(lambda: len(sandbox.heap.events) == 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_only_one_process_forwards(opened: Door) -> None:
    async with opened.workspace.currents.forwarding():
        with pytest.raises(Unreachable, match="Another process"):
            async with opened.workspace.currents.forwarding():
                raise AssertionError("the lock was taken twice")
    async with opened.workspace.currents.forwarding():
        assert path_beside(opened.workspace.ledger.path).exists()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"heap_app_id": ""}, "Heap app id"),
        ({"heap_app_id": "abc"}, "Heap app id"),
        ({"heap_endpoint": "https://heap.example"}, "not one of Heap's known hosts"),
        ({"heap_endpoint": "http://heapanalytics.com"}, "not HTTPS"),
    ],
)
async def test_events_go_to_heap_only(sandbox: Any, tmp_path: Path, settings: dict, text: str) -> None:
    async with currents_workspace(sandbox, tmp_path, **settings) as workspace:
        with pytest.raises(UsageError, match=text):
            await forwarded(workspace)


async def test_braze_reacts_as_documented_and_loses_nothing(sandbox: Any, opened: Door) -> None:
    sandbox.know([f"p{n}" for n in range(50)])
    flow = {"url": opened.url, "token": "Q3VycmVudHM-token_1.2~x", "events": 1500, "duplicates": 0.4, "gzip": True}
    assert (await sandbox.braze.currents.start(json.dumps(flow).encode())).status == 200
    await sandbox.braze.currents.done()
    counts = sandbox.braze.currents.counts
    assert counts["dropped"] == counts["resent"] == 0
    together = (await opened.workspace.currents.stats()).together
    assert (together.received, together.came) == (1500, counts["accepted"])
    assert together.duplicates > 0
    await forwarded(opened.workspace)
    stats = await opened.workspace.currents.stats()
    assert stats.together.came == stats.together.forwarded + stats.together.filtered + together.duplicates
    assert len(keys_in(sandbox)) == len(set(keys_in(sandbox))) == stats.together.forwarded


async def test_test_events_of_every_type_are_taken(sandbox: Any, opened: Door) -> None:
    flow = {"url": opened.url, "token": "Q3VycmVudHM-token_1.2~x", "test": True}
    await sandbox.braze.currents.start(json.dumps(flow).encode())
    await sandbox.braze.currents.done()
    stats = await opened.workspace.currents.stats()
    assert len(stats.types) == 96
    await forwarded(opened.workspace)
    assert (await opened.workspace.currents.stats()).together.dead == 0


async def test_a_wrong_token_disables_the_connector_and_nothing_is_stored(sandbox: Any, opened: Door) -> None:
    await sandbox.braze.currents.start(json.dumps({"url": opened.url, "token": "wrong", "events": 200}).encode())
    await sandbox.braze.currents.done()
    assert "401" in sandbox.braze.currents.disabled
    assert (await opened.workspace.currents.stats()).together.came == 0


async def test_a_full_disk_stops_nothing_for_good(sandbox: Any, opened: Door) -> None:
    await received(opened, 300)
    events = await opened.workspace.currents.events()

    def limit(connection: Any) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS filler (x)")
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    # Each event dies, and its text needs room that is not there.
    sandbox.heap_faults({"effect": "poison", "identifiers": ids(40)})
    await events.write(limit)
    told: list[str] = []
    async with opened.workspace.currents.forwarding(told=told.append, trouble_wait=0.01) as forwarder:
        task = asyncio.create_task(forwarder.carry_out())
        await eventually(lambda: any("disk is full" in line for line in told))
        await events.write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000"))
        await eventually(lambda: len(sandbox.heap.events) == 260)
        async with asyncio.timeout(20):
            while (await opened.workspace.currents.stats()).together.waiting:
                await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    stats = await opened.workspace.currents.stats()
    assert (stats.together.forwarded, stats.together.dead) == (260, 40)
    assert len(keys_in(sandbox)) == len(set(keys_in(sandbox)))
