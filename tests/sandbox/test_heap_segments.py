"""The sandbox's Heap: segments change, and their pages travel as asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from heaptui.config import Home, Profile
from heaptui.model.secret import Secret
from heaptui.receiver.app import receiver_app
from heaptui.receiver.segment_sync import segment_sync_route
from heaptui.services.door_notes import DoorNotes
from heaptui.services.reception import Reception
from heaptui.services.workspace import open_workspace
from heaptui.serving import bound_socket, serving
from tests.receiver.heap import PATH, Door


class Heap:
    """The control routes."""

    def __init__(self, url: str, receiver: str) -> None:
        self._client = httpx.AsyncClient(base_url=f"{url}/_sandbox/", timeout=30)
        self.receiver = receiver

    async def ask(self, path: str, data: Any | None = None, status: int = 200) -> Any:
        answer = await (self._client.get(path) if data is None else self._client.post(path, content=json.dumps(data)))
        assert answer.status_code == status, answer.text
        return answer.json()

    async def sync(self, segment: str = "7", **how: Any) -> Any:
        return await self.ask(f"segments/{segment}/sync", {"url": self.receiver, **how})

    async def close(self) -> None:
        await self._client.aclose()


@pytest.fixture
async def both(sandbox: Any, tmp_path: Path):
    async with open_workspace(Home.find(str(tmp_path / "home"), {}), Profile(name="test"), {}) as workspace:
        notes = DoorNotes(workspace.ledger)
        reception = Reception(workspace, Secret(sandbox.keys.webhook_secret), notes)
        bound = bound_socket("127.0.0.1", 0, "")
        heap = Heap(sandbox.heap_url, f"http://127.0.0.1:{bound.getsockname()[1]}{PATH}")
        app = receiver_app([segment_sync_route(PATH, reception)])
        async with serving(app, bound, drain=True), httpx.AsyncClient() as client:
            yield heap, Door(client, reception, workspace, notes)
            await heap.close()


async def test_the_first_call_sends_everybody_and_the_next_what_changed(both: Any) -> None:
    heap, door = both
    await heap.ask("segments/7", {"name": "Carts", "add": ["a", "b", 3]})
    assert (await heap.sync())["complete"]
    await heap.ask("segments/7", {"add": ["c"], "remove": ["a"]})
    assert (await heap.ask("segments/7"))["waiting"] == 2
    await heap.sync()
    await door.reception.apply_all()
    assert await door.members(7) == {"b", "c", "3"}
    first, *_, last = (await door.workspace.heap.received("heaptui-seg-7")).pages[::-1]
    assert (first.joins, first.leaves, last.joins, last.leaves) == (3, 0, 1, 1)


async def test_pages_are_sized_shuffled_repeated_and_forged_on_demand(both: Any) -> None:
    heap, door = both
    everybody = [f"u{number}" for number in range(100)]
    await heap.ask("segments/7", {"name": "Carts", "add": everybody})
    sent = await heap.sync(page_size=30, order="shuffled", duplicates=3, forged=2)
    assert sent["answers"] == {"200": 7, "403": 2}
    await door.reception.apply_all()
    assert await door.members(7) == set(everybody)
    received = await door.workspace.heap.received("heaptui-seg-7")
    assert (len(received.pages), received.tasks[0].state) == (4, "complete")


async def test_what_is_not_answered_200_is_sent_again_and_otherwise_waits(both: Any) -> None:
    heap, _ = both
    await heap.ask("segments/7", {"add": ["a"]})
    lost = await heap.ask("segments/7/sync", {"url": "http://127.0.0.1:9/nobody", "retries": 2})
    assert (lost["complete"], lost["answers"]) == (False, {"0": 3})
    assert (await heap.sync())["answers"] == {"200": 1}


async def test_time_that_passes_lets_heap_call(both: Any) -> None:
    heap, door = both
    await heap.ask("segments/7", {"add": ["a"]})
    await heap.sync()
    await heap.ask("segments/7", {"add": ["b"]})
    assert (await heap.ask("clock", {"hours": 3}))["calls"] == 0
    assert len((await heap.ask("clock", {"hours": 1}))["syncs"]) == 1
    assert (await heap.ask("clock", {"hours": 4}))["syncs"] == []
    await door.reception.apply_all()
    assert await door.members(7) == {"a", "b"}


async def test_sync_now_sends_everybody_and_drain_nobody(both: Any) -> None:
    heap, door = both
    await heap.ask("segments/7", {"add": ["a", "b"]})
    await heap.sync()
    await heap.sync(full=True, sync_info=False)
    await heap.sync(drain=True)
    await door.reception.apply_all()
    cohort = await door.workspace.cohorts.show("heaptui-seg-7")
    assert (cohort.members, cohort.drain_asked_at is not None) == (2, True)


async def test_nothing_leaves_this_machine(both: Any) -> None:
    heap, _ = both
    await heap.ask("segments/7", {"add": ["a"]})
    await heap.ask("segments/7/sync", {"url": "https://example.com/hook"}, 400)
    await heap.ask("segments/8/sync", {"url": heap.receiver}, 404)
