"""Heap's webhook over a real socket: what is stored, what is refused, and what the members are afterwards."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import random
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from heaptui.errors import LedgerError
from heaptui.model.reception import Drain
from heaptui.services.workspace import Workspace
from heaptui.store import pages, security, segments
from tests.receiver.heap import PATH, Door, open_door, page_body, signed


@pytest.fixture
async def door(tmp_path: Path):
    async with open_door(tmp_path / "home") as opened:
        yield opened


async def tasks(workspace: Workspace) -> list[Any]:
    return await workspace.ledger.read(lambda c: pages.read_tasks(c, "heaptui-seg-42", limit=50))


async def test_the_first_page_makes_the_cohort(door: Door) -> None:
    await door.takes(["a", "b"])
    cohort = await door.workspace.cohorts.show("heaptui-seg-42")
    assert (cohort.name, cohort.members, cohort.state) == ("Café users", 2, "new")
    assert await door.members() == {"a", "b"}


async def test_joins_and_leaves_of_later_syncs_apply_on_top(door: Door) -> None:
    await door.takes(["a", "b", "c"])
    await door.takes(["d"], ["a"], task="task-2")
    await door.takes(None, ["b"], task="task-3")
    await door.takes(task="task-4")
    assert await door.members() == {"c", "d"}


async def test_two_bodies_of_one_task_and_one_page_number_both_count(door: Door) -> None:
    await door.takes(["a", "b"], total=5)
    await door.takes(None, ["x", "b"], total=5)
    assert await door.members() == {"a", "b"}
    assert await door.count("page") == 2


async def test_the_same_body_again_has_no_effect(door: Door) -> None:
    body = page_body(["a"])
    assert (await door.post(body)).json() == {"status": "stored"}
    await door.takes(None, ["a"], task="task-2")
    again = await door.post(body, signed(body, at=time.time() - 5))
    assert (again.status_code, again.json()) == (200, {"status": "known"})
    await door.reception.apply_all()
    assert await door.members() == set()


async def test_without_a_task_only_the_very_same_request_is_a_repetition(door: Door) -> None:
    body = page_body(["a"], task=None)
    headers = signed(body)
    assert (await door.post(body, headers)).json() == {"status": "stored"}
    assert (await door.post(body, headers)).json() == {"status": "known"}
    await door.takes(None, ["a"], task=None)
    assert (await door.post(body, signed(body, at=time.time() - 5))).json() == {"status": "stored"}
    await door.reception.apply_all()
    assert await door.members() == {"a"}


async def test_a_late_page_of_an_older_task_leaves_newer_decisions_alone(door: Door) -> None:
    await door.takes(["a"], total=2)
    await door.takes(["b"], ["a", "c"], task="task-2")
    await door.takes(["c", "d"], ["b"], number=2, total=2)
    assert await door.members() == {"b", "d"}


async def test_the_time_window_is_300_seconds_back_and_60_ahead(door: Door) -> None:
    body = page_body(["a"])
    for off, status in ((-330, 400), (90, 400), (-270, 200)):
        answer = await door.post(body, signed(body, at=time.time() + off))
        assert answer.status_code == status, off
    assert await door.count("page") == 1


async def test_a_retry_signed_long_ago_is_still_a_repetition(tmp_path: Path) -> None:
    body = page_body(["a"])
    headers = signed(body, at=time.time() - 10)
    async with open_door(tmp_path / "home") as door:
        assert (await door.post(body, headers)).status_code == 200
    async with open_door(tmp_path / "home", heap_max_age_seconds=5.0) as door:
        assert (await door.post(body, headers)).json() == {"status": "known"}


async def test_seconds_are_taken_as_well_as_milliseconds(door: Door) -> None:
    body = page_body(["a"])
    import base64
    import hashlib
    import hmac

    stamp = str(int(time.time()))
    value = base64.b64encode(hmac.new(b"whsec_of_the_tests", stamp.encode() + body, hashlib.sha256).digest()).decode()
    answer = await door.post(body, {"Content-Type": "application/json", "Heap-Hash": f"hmac:{value},ts:{stamp}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Heap-Hash": None}, 400),
        ({"Heap-Hash": "ts:1,hmac:"}, 400),
        ({"Heap-Hash": f"ts:{int(time.time() * 1000)},hmac:AAAA"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": None}, 415),
        ({"Content-Encoding": "br"}, 415),
        ({"Content-Encoding": "gzip"}, 400),
    ],
)
async def test_wrong_headers_are_refused_and_nothing_is_stored(door: Door, change: Any, status: int) -> None:
    body = page_body(["a"])
    headers = {k: v for k, v in {**signed(body), **change}.items() if v is not None}
    answer = await door.post(body, headers)
    assert answer.status_code == status
    assert "error" in answer.json()
    assert await door.count("page") == await door.count("cohort") == 0


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b'{"action_type":1}', page_body(["a"])[:-5]])
async def test_signed_nonsense_is_400_and_nothing_is_stored(door: Door, body: bytes) -> None:
    answer = await door.post(body, signed(body))
    assert answer.status_code in (400, 405)
    assert await door.count("page") == 0


async def test_wrong_methods_and_paths_are_told_as_such(door: Door) -> None:
    assert (await door.client.get(PATH)).status_code == 405
    assert (await door.client.post("/heap/other")).status_code == 404
    assert (await door.client.post(f"{PATH}/")).status_code == 404


async def test_a_body_over_the_cap_is_413_also_when_it_is_packed(door: Door) -> None:
    large = b" " * (16 * 1024 * 1024 + 1)
    packed = gzip.compress(large)
    assert len(packed) < 100_000
    answer = await door.post(packed, {**signed(packed), "Content-Encoding": "gzip"})
    assert answer.status_code == 413
    assert await door.count("page") == 0


async def test_a_packed_page_is_verified_as_it_unpacks(door: Door) -> None:
    body = page_body(["a"])
    answer = await door.post(gzip.compress(body), {**signed(body), "Content-Encoding": "gzip"})
    assert answer.status_code == 200


async def test_a_forged_page_leaves_a_note_and_no_data(door: Door) -> None:
    body = page_body(["a"])
    for _ in range(3):
        answer = await door.post(body, signed(body, secret="guessed"))
        assert answer.status_code == 403
        assert "hmac" not in answer.text.lower()
    assert await door.count("security_note") == 0
    await door.notes.write()
    (note,) = await door.workspace.ledger.read(lambda c: security.notes(c, 0))
    assert (note.kind, note.count, note.peer) == ("forged", 3, "127.0.0.1")
    assert await door.count("page") == await door.count("identity") == 0


async def test_a_proxy_of_this_machine_is_believed_about_the_peer(door: Door) -> None:
    body = page_body(["a"])
    await door.post(body, {**signed(body, secret="guessed"), "X-Forwarded-For": "10.0.0.1, 203.0.113.9"})
    await door.notes.write()
    (note,) = await door.workspace.ledger.read(lambda c: security.notes(c, 0))
    assert note.peer == "203.0.113.9 via 127.0.0.1"


async def test_a_body_serialised_anew_needs_the_switch(tmp_path: Path) -> None:
    body = page_body(["a"])
    spaced = json.dumps(json.loads(body), indent=2, ensure_ascii=False).encode()
    async with open_door(tmp_path / "home") as door:
        assert (await door.post(spaced, signed(body))).status_code == 403
    async with open_door(tmp_path / "home", heap_signature_fallback=True) as door:
        assert (await door.post(spaced, signed(body))).status_code == 200
        (page,) = await door.workspace.ledger.read(lambda c: pages.read_pages(c, "heaptui-seg-42", limit=5))
        assert page.verified == "re-serialised"


async def test_a_busy_ledger_is_503_and_the_retry_is_taken(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    await door.takes(["z"], task="earlier")
    await door.workspace.ledger.write(lambda c: c.execute("PRAGMA busy_timeout = 50").fetchone())
    other = sqlite3.connect(door.workspace.ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = await door.post(page_body(["a"]))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    other.execute("ROLLBACK")
    other.close()
    await door.takes(["a"])
    assert await door.members() == {"a", "z"}


async def test_notes_that_a_busy_ledger_did_not_take_are_written_later(door: Door) -> None:
    await door.takes(["z"])
    await door.workspace.ledger.write(lambda c: c.execute("PRAGMA busy_timeout = 50").fetchone())
    body = page_body(["a"])
    await door.post(body, signed(body, secret="guessed"))
    other = sqlite3.connect(door.workspace.ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError):
        await door.notes.write()
    other.execute("ROLLBACK")
    other.close()
    await door.post(body, signed(body, secret="guessed"))
    await door.notes.write()
    (note,) = await door.workspace.ledger.read(lambda c: security.notes(c, 0))
    assert note.count == 2


async def test_a_task_is_complete_when_its_last_page_is_applied(door: Door) -> None:
    await door.takes(["a"], total=3)
    await door.takes(["c"], number=3, total=3)
    (task,) = await tasks(door.workspace)
    assert (task.state, task.missing_text) == ("arriving", "page 2 of 3 is missing")
    assert await door.workspace.ledger.read(segments.due) == []
    await door.takes(["b"], number=2, total=3)
    (task,) = await tasks(door.workspace)
    assert task.state == "complete"
    assert [row[0] for row in await door.workspace.ledger.read(segments.due)] == ["heaptui-seg-42"]


async def test_ten_silent_minutes_close_a_task_with_its_missing_pages(door: Door) -> None:
    await door.takes(["a"], total=9)
    now = time.time()
    close = door.workspace.ledger.write
    assert await close(lambda c: pages.close_silent(c, silent_since=now - 600, at=now)) == 0
    assert await close(lambda c: pages.close_silent(c, silent_since=now + 600 - 599, at=now)) == 1
    (task,) = await tasks(door.workspace)
    assert (task.state, task.missing) == ("incomplete", (2, 3, 4, 5, 6, 7, 8, 9))
    assert len(await door.workspace.ledger.read(segments.due)) == 1


async def test_without_sync_info_each_body_is_complete_at_once(door: Door) -> None:
    await door.takes(["a"], task=None)
    await door.takes(["b"], task=None)
    assert [task.state for task in await tasks(door.workspace)] == ["complete", "complete"]
    assert len(await door.workspace.ledger.read(segments.due)) == 1


async def test_a_rename_in_heap_is_noticed_once_and_a_name_given_here_stays(door: Door) -> None:
    await door.takes(["a"])
    await door.takes(["b"], task="task-2", name="Cart abandoners")
    cohort = await door.workspace.cohorts.show("heaptui-seg-42")
    assert (cohort.name, cohort.former_names) == ("Cart abandoners", ("Café users",))
    await door.workspace.cohorts.rename("heaptui-seg-42", "Ours")
    await door.takes(["c"], task="task-3", name="Cart abandoners")
    await door.takes(["d"], number=2, total=2, name="Café users")
    assert (await door.workspace.cohorts.show("heaptui-seg-42")).name == "Ours"


async def test_a_wish_to_empty_a_segment_waits_for_the_users_word(door: Door) -> None:
    await door.takes(["a", "b"])
    await door.takes(action="segment.users.drain", task=None)
    await door.takes(["c"], task="task-2")
    cohort = await door.workspace.cohorts.show("heaptui-seg-42")
    assert cohort.drain_asked_at is not None
    assert await door.members() == {"a", "b", "c"}
    answer = door.workspace.ledger.write
    assert await answer(lambda c: pages.answer_drain(c, "heaptui-seg-42", empty=True, at=time.time()))
    assert await door.members() == {"c"}
    await door.takes(["late"], number=2, total=2)
    assert await door.members() == {"c"}
    assert [task.drain for task in await tasks(door.workspace)] == [Drain.NONE, Drain.EMPTIED, Drain.NONE]
    assert not await answer(lambda c: pages.answer_drain(c, "heaptui-seg-42", empty=True, at=time.time()))


async def test_a_wish_to_empty_can_be_declined(door: Door) -> None:
    await door.takes(["a"])
    await door.takes(action="segment.users.drain", task=None)
    await door.workspace.ledger.write(lambda c: pages.answer_drain(c, "heaptui-seg-42", empty=False, at=time.time()))
    assert await door.members() == {"a"}
    assert (await door.workspace.cohorts.show("heaptui-seg-42")).drain_asked_at is None


async def test_two_thousand_random_pages_end_where_the_law_says(tmp_path: Path) -> None:
    rng = random.Random(5)
    everybody = [f"u{number:03d}" for number in range(400)]
    truth: list[list[tuple[list[str], list[str]]]] = []
    requests: list[tuple[bytes, dict[str, str], int]] = []
    backlog: list[bytes] = []
    for number in range(270):
        total = rng.randrange(1, 9)
        parts = [
            (rng.sample(everybody, rng.randrange(12)), rng.sample(everybody, rng.randrange(12))) for _ in range(total)
        ]
        truth.append(parts)
        made = [
            page_body(add, gone, task=f"task-{number}", number=page + 1, total=total)
            for page, (add, gone) in enumerate(parts)
        ]
        rng.shuffle(made)
        # The first page of each task comes in the order of the tasks; the rest whenever, some of it twice.
        requests.append((made[0], signed(made[0]), 200))
        backlog += made[1:] + rng.sample(made, rng.randrange(len(made)))
        rng.shuffle(backlog)
        for _ in range(rng.randrange(min(12, len(backlog) + 1))):
            body = backlog.pop()
            fate = rng.randrange(8)
            if fate == 0:
                requests.append((body, signed(body, secret="forged"), 403))
            elif fate == 1:
                requests.append((body[: rng.randrange(1, len(body))], signed(body), 403))
            if fate < 2:
                backlog.insert(0, body)
            else:
                requests.append((body, signed(body), 200))
    requests += [(body, signed(body), 200) for body in backlog]
    assert len(requests) >= 2000

    def send(url: str) -> list[int]:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
        statuses = []
        for body, headers, _ in requests:
            connection.request("POST", PATH, body, headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
        return statuses

    async with open_door(tmp_path / "home", applying=True) as door:
        assert await asyncio.to_thread(send, str(door.client.base_url)) == [status for *_, status in requests]
        await door.reception.apply_all()
        people: set[str] = set()
        for parts in truth:
            people.difference_update(*(gone for _, gone in parts))
            people.update(*(add for add, _ in parts))
        assert await door.members() == people
        assert await door.count("page") == sum(map(len, truth))


async def test_a_client_that_breaks_off_leaves_nothing(door: Door) -> None:
    body = page_body(["a"] * 1000)

    async def broken():
        yield body[:500]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await door.client.post(PATH, content=broken(), headers=signed(body))
    assert (await door.post(page_body(["b"]))).status_code == 200
    assert await door.count("page") == 1
