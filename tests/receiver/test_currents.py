"""What Braze's client sees: 2xx for what is durable, 401 for strangers, 413, 503, and never 400 for one strange event."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from heaptui.store.currents import path_beside
from tests.services.currents_world import an_event, currents_workspace, door


@pytest.fixture
async def opened(sandbox: Any, tmp_path: Path):
    async with currents_workspace(sandbox, tmp_path / "desk") as workspace, door(workspace) as opened:
        yield opened


async def test_a_batch_is_on_disk_when_it_is_answered(opened: Any) -> None:
    assert await opened.send(an_event(1), an_event(2)) == 204
    other = sqlite3.connect(path_beside(opened.workspace.ledger.path))
    assert other.execute("SELECT count(*) FROM event").fetchone() == (2,)


@pytest.mark.parametrize("token", [None, "", "wrong", "Q3VycmVudHM-token_1.2~"])
async def test_strangers_get_401_and_store_nothing(opened: Any, token: str | None) -> None:
    body = json.dumps({"events": [an_event(1)]}).encode()
    assert await opened.post(body, token) == 401
    assert await opened.post(b"", token) == 401
    assert await opened.post(b"x" * 100_000, token) == 401
    assert (await opened.workspace.currents.stats()).together.came == 0


async def test_an_empty_batch_is_only_authenticated(opened: Any) -> None:
    for body in (b"", b"  \n", b'{"events":[]}', b"{}"):
        assert await opened.post(body) == 204
    assert (await opened.workspace.currents.stats()).together.came == 0


async def test_gzip_is_unpacked_and_broken_gzip_refused(opened: Any) -> None:
    body = json.dumps({"events": [an_event(1)]}).encode()
    assert await opened.post(gzip.compress(body), **{"Content-Encoding": "gzip"}) == 204
    assert await opened.post(b"not gzip", **{"Content-Encoding": "gzip"}) == 400
    assert (await opened.workspace.currents.stats()).together.received == 1


async def test_large_bodies_get_413_so_that_braze_splits_them(sandbox: Any, tmp_path: Path) -> None:
    async with currents_workspace(sandbox, tmp_path) as workspace, door(workspace, body_cap=20_000) as small:
        big = json.dumps({"events": [an_event(1, text="x" * 30_000)]}).encode()
        assert await small.post(big) == 413
        assert await small.post(gzip.compress(big), **{"Content-Encoding": "gzip"}) == 413
        assert await small.send(an_event(2)) == 204


async def test_a_full_database_answers_503_and_takes_again_when_there_is_room(sandbox: Any, tmp_path: Path) -> None:
    async with currents_workspace(sandbox, tmp_path) as workspace:
        async with door(workspace, cap=1) as full:
            assert await full.send(an_event(1)) == 503
        async with door(workspace) as roomy:
            assert await roomy.send(an_event(1)) == 204


async def test_what_came_before_is_counted_and_not_stored_again(opened: Any) -> None:
    assert await opened.send(an_event(1), an_event(2), an_event(2)) == 204
    assert await opened.send(an_event(2), an_event(3)) == 204
    together = (await opened.workspace.currents.stats()).together
    assert (together.received, together.duplicates, together.came) == (3, 2, 5)


STRANGE = [
    {},
    17,
    None,
    "text",
    [],
    {"event_type": "users.messages.email.Open", "time": 1},
    {"id": "no-type", "time": 1, "user": {}, "properties": {}},
    {"event_type": 5, "id": {"a": 1}},
]


@pytest.mark.parametrize("strange", STRANGE)
async def test_one_strange_event_loses_only_itself(opened: Any, strange: Any) -> None:
    assert await opened.send(an_event(1), strange, an_event(2)) == 204
    stats = await opened.workspace.currents.stats()
    assert (stats.together.received, stats.together.dead, stats.together.waiting) == (3, 1, 2)
    (letter,) = await opened.workspace.currents.dead_letters()
    assert letter.reason
    assert json.loads(letter.body) == strange
    assert await opened.send(an_event(1), strange, an_event(2)) == 204
    assert (await opened.workspace.currents.stats()).together.duplicates == 3


@pytest.mark.parametrize(
    "event",
    [
        an_event(1, "users.messages.telepathy.Send"),
        {**an_event(1, "agentconsole.ToolInvocation"), "user": {}},
        {**an_event(1), "user": None},
        {key: value for key, value in an_event(1).items() if key != "user"},
        {**an_event(1), "properties": None, "new_field": {"a": [1]}},
        {**an_event(1), "id": "not a uuid"},
        {**an_event(1), "id": 12},
    ],
)
async def test_new_types_and_missing_parts_are_accepted_and_counted(opened: Any, event: dict[str, Any]) -> None:
    assert await opened.send(event) == 204
    counts = (await opened.workspace.currents.stats()).types
    assert [(c.event_type, c.received, c.dead) for c in counts] == [(event["event_type"], 1, 0)]


async def test_broken_text_in_one_event_does_not_cost_the_others(opened: Any) -> None:
    broken = b'{"events":[%s,{"event_type":"users.x","id":"b","time":1,"user":{"external_user_id":"\xff"}}]}'
    assert await opened.post(broken % json.dumps(an_event(1)).encode()) == 204
    assert (await opened.workspace.currents.stats()).together.received == 2


@pytest.mark.parametrize("body", [b"<html>", b"7", b'{"events":7}', b'{"events":[{"id":', b'{"other":1}'])
async def test_what_is_no_currents_json_at_all_is_400(opened: Any, body: bytes) -> None:
    assert await opened.post(body) == 400
    assert (await opened.workspace.currents.stats()).together.came == 0
