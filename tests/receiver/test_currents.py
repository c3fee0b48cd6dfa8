"""What Braze's client sees: 2xx for what is durable, 401 for strangers, 413, 503, and never 400 for one strange event."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from heaptui.services.currents_upkeep import digest_all
from heaptui.store.currents import path_beside
from tests.services.currents_world import an_event, currents_workspace, door, forwarded, keys_in


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


async def test_strangers_are_noted_with_how_often_and_from_where_and_never_their_token(opened: Any) -> None:
    body = json.dumps({"events": [an_event(1)]}).encode()
    for _ in range(3):
        assert await opened.post(body, "a-guessed-token") == 401
    assert await opened.post(body, "another", **{"X-Forwarded-For": "203.0.113.9"}) == 401
    assert await opened.post(body, None) == 401
    heap = opened.workspace.heap
    assert await heap.security_notes() == []
    await opened.notes.write()
    notes = {note.kind: note for note in await heap.security_notes()}
    assert {kind: note.count for kind, note in notes.items()} == {"wrong token": 4, "no token": 1}
    assert notes["wrong token"].text.startswith("4 requests with a wrong Currents token, last ")
    assert notes["wrong token"].peer == "203.0.113.9 via 127.0.0.1"
    assert notes["no token"].text.startswith("1 request without a Currents token, last ")
    assert (await heap.listener()).intruded == notes["wrong token"]
    kept = b"".join(path.read_bytes() for path in opened.workspace.home.data_dir.rglob("*") if path.is_file())
    assert b"guessed" not in kept


async def test_an_empty_batch_is_only_authenticated(opened: Any) -> None:
    for body in (b"", b"  \n", b'{"events":[]}', b'{"events":null}', b"{}"):
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


def poison(old: str, new: bytes) -> bytes:
    """The second event, with something else in it."""
    return json.dumps(an_event(2)).encode().replace(json.dumps(old).encode(), new)


ID = an_event(2)["id"]
POISON = {
    "a null that is cut": (b'{"a":nul}', "invalid character"),
    "lists 3,000 deep": (b"[" * 3_000 + b"]" * 3_000, "nested too deeply|got `array`"),
    "lists 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "objects 3,000 deep": (b'{"a":' * 3_000 + b"1" + b"}" * 3_000, "nested too deeply|no id"),
    "a number": (b"5", "got `int`"),
    "a text": (b'"text"', "cannot be read"),
    "nothing": (b"null", "got `null`"),
    "an id that is an object": (poison(ID, b'{"a":1}'), "no id"),
    "a time in words": (poison("g", b'"g"').replace(b"1700000002", b'"soon"'), "time is missing"),
    "a trailing comma": (poison("g", b'"g",'), "trailing comma"),
    "single quotes": (b"{'a': 'b, c'}", "keys must be strings"),
    "a number that is too large": (poison("g", b"1e400"), "out of range"),
    "broken UTF-8": (poison("g", b'"\xff"'), "utf-8"),
    "a name without a value": (b'{"id":"x","event_type"}', "expected"),
    "HTML": (b"<html><p>502</p></html>", "invalid character"),
    "text with a bracket in a string": (b'{oops: "]}"}', "keys must be strings"),
}
UNUSUAL = {
    "NaN": poison("g", b"NaN"),
    "Infinity": poison("g", b"-Infinity"),
    "a lone surrogate": poison("g", rb'"\ud800"'),
    "a control character": poison("g", b'"\x01"'),
    "an id of 400 digits": poison(ID, b"1" * 400),
    "the same name twice": poison("g", b'"g","app_group_id":"h"'),
}


@pytest.mark.parametrize(("between", "reason"), POISON.values(), ids=POISON)
async def test_one_poison_event_costs_only_itself(sandbox: Any, opened: Any, between: bytes, reason: str) -> None:
    good = [json.dumps(an_event(number)).encode() for number in (1, 3)]
    for _ in range(2):
        assert await opened.post(b'{"events":[%s,%s,%s]}' % (good[0], between, good[1])) == 204
    for _ in range(2):
        await forwarded(opened.workspace)
        assert keys_in(sandbox) == [an_event(1)["id"], an_event(3)["id"]]
        (letter,) = await opened.workspace.currents.dead_letters()
        assert re.search(reason, letter.reason)
        assert (await opened.workspace.currents.find(letter.event_id)).body == letter.body
        together = (await opened.workspace.currents.stats()).together
        assert (together.received, together.duplicates, together.waiting) == (3, 3, 0)
        assert await opened.workspace.currents.revive() == 1


@pytest.mark.parametrize("between", UNUSUAL.values(), ids=UNUSUAL)
async def test_what_is_only_unusual_goes_to_heap(sandbox: Any, opened: Any, between: bytes) -> None:
    good = [json.dumps(an_event(number)).encode() for number in (1, 3)]
    assert await opened.post(b'{"events":[%s,%s,%s]}' % (good[0], between, good[1])) == 204
    await forwarded(opened.workspace)
    assert {an_event(1)["id"], an_event(3)["id"]} < set(keys_in(sandbox))
    together = (await opened.workspace.currents.stats()).together
    assert (together.forwarded, together.dead) == (3, 0)


async def test_braze_gets_everything_through_that_must_be_split_first(opened: Any) -> None:
    good = [json.dumps(an_event(number)).encode() for number in (1, 2)]
    unclosed = b'{"a":["b}'
    assert await opened.post(b'{"events":[%s,%s,%s]}' % (good[0], unclosed, good[1])) == 400
    for alone in (good[0], unclosed, good[1]):
        assert await opened.post(b'{"events":[%s]}' % alone) == 204
    together = (await opened.workspace.currents.stats()).together
    assert (together.received, together.dead) == (3, 1)


@pytest.mark.parametrize("deep", [100, 400, 900, 960, 990])
async def test_an_event_of_any_depth_stops_neither_the_forwarder_nor_the_notes(
    sandbox: Any, opened: Any, deep: int
) -> None:
    inner = b'{"a":' * deep + b"1" + b"}" * deep
    body = b'{"events":[%s,%s]}' % (poison("g", inner), json.dumps(an_event(1)).encode())
    assert await opened.post(body) == 204
    await digest_all(await opened.workspace.currents.events())
    await forwarded(opened.workspace)
    assert an_event(1)["id"] in keys_in(sandbox)
    assert (await opened.workspace.currents.stats()).together.waiting == 0
