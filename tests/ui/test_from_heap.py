"""What comes from Heap, in the dashboard: fresh or not, who listens, the last pages, and the keys about it."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from heaptui.config import Config, Home, Profile, save_config
from heaptui.model.reception import ListenerFacts
from heaptui.services.door_notes import DoorNotes
from heaptui.services.workspace import open_workspace
from heaptui.store import heartbeats, segments
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.from_heap import freshness
from tests.receiver.heap import PATH, open_door, page_body, signed
from tests.services.world import QUICK, ids
from tests.ui.conftest import Opening, highlight, lines_of, shows, status, text_of, until

COHORT = "heaptui-seg-42"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def opening(sandbox: Any, tmp_path: Path) -> Opening:
    """A home to which Heap has sent two syncs, the second without its last page."""
    sandbox.know(ids(0, 500))
    home = tmp_path / "home"
    async with open_door(home) as door:
        await door.takes(ids(0, 30), name="Cart abandoners", task="7f3a0001")
        await door.takes(ids(30, 40), ids(0, 4), name="Cart abandoners", task="90be0002", number=1, total=2)
        await door.post(page_body(["x"]), signed(page_body(["x"]), secret="guessed"))
        await door.notes.write()
    profile = Profile(
        name="test",
        endpoint=sandbox.braze_url,
        partner_name=sandbox.keys.partner_name,
        listen_port=free_port(),
        **{**QUICK, "read_timeout_seconds": 5.0},
    )
    save_config(Home.find(str(home), {}), Config({"test": profile}))
    keys = {
        "HEAPTUI_PARTNER_API_KEY": sandbox.keys.partner_api_key,
        "HEAPTUI_DATA_IMPORT_KEY": sandbox.keys.data_import_key,
        "HEAPTUI_WEBHOOK_SECRET": sandbox.keys.webhook_secret,
    }
    return Opening(Home.find(str(home), {}), keys)


async def test_the_last_pages_stand_beside_the_cohort_where_there_is_room(opening: Opening) -> None:
    app = HeaptuiApp(opening)
    async with app.run_test(size=(120, 36)) as pilot:
        await shows(pilot, "Last pages from Heap")
        shown = text_of(app)
        assert "90be  1 of 2" in shown
        assert "7f3a  1 of 1" in shown
        assert "Heap 42" in shown
        assert "next expected" in shown
        assert "no listener" in lines_of(app)[0]
        assert "1 forged page, last today" in lines_of(app)[2]
        assert "from 127.0.0.1" in lines_of(app)[2]


async def test_wrong_currents_tokens_stand_where_forged_pages_do(sandbox: Any, opening: Opening) -> None:
    async with open_workspace(opening.home, Profile(name="test", endpoint=sandbox.braze_url), {}) as workspace:
        notes = DoorNotes(workspace.ledger)
        notes.note("wrong token", "203.0.113.9")
        notes.note("wrong token", "203.0.113.9")
        await notes.write()
    app = HeaptuiApp(opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "! 2 wrong Currents tokens, last today")


async def test_in_80_columns_one_line_says_what_was_received(opening: Opening) -> None:
    app = HeaptuiApp(opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Received    today")
        (line,) = [line for line in lines_of(app) if "Received" in line]
        assert "page 1 of 2, signature ✓, next expected" in line
        assert "…" not in line
        assert "Heap ! now · no listener" in lines_of(app)[0]


async def test_a_listener_of_another_machine_is_seen_by_its_heartbeat(opening: Opening) -> None:
    async with open_workspace(opening.home, Profile(name="test"), {}) as workspace:
        now = time.time()
        await workspace.ledger.write(lambda c: heartbeats.beat(c, 4711, "batch01", "listener", since=now, at=now))
    app = HeaptuiApp(opening)
    async with app.run_test(size=(120, 36)) as pilot:
        await shows(pilot, "listener batch01 ✓")
        assert "Heap ✓ page" in lines_of(app)[0]
        await pilot.press("l")
        await until(pilot, lambda: "A listener runs already, on batch01." in status(app))


async def test_a_quiet_cohort_is_marked_and_keeps_its_people(opening: Opening) -> None:
    async with open_workspace(opening.home, Profile(name="test"), {}) as workspace:
        at = time.time() - 12 * 3600
        await workspace.ledger.write(lambda c: c.execute("UPDATE segment SET last_page_at = ?", (at,)).rowcount)
    app = HeaptuiApp(opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "!12 h")
        await shows(pilot, "Nobody leaves Braze over it")


async def test_a_switches_automatic_delivery_after_a_question(opening: Opening) -> None:
    app = HeaptuiApp(opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "a switches on")
        await pilot.press("a")
        await shows(pilot, "Waiting now: 36 join, 0 leave.")
        await pilot.press("n")
        await shows(pilot, "off: somebody presses s")
        await pilot.press("a")
        await shows(pilot, "Switch on")
        await pilot.press("enter")
        await shows(pilot, "a switches off")
        await pilot.press("a")
        await shows(pilot, "a switches on")


async def test_d_answers_heaps_wish_to_empty_a_segment(opening: Opening) -> None:
    async with open_door(opening.home.root or Path()) as door:
        await door.takes(action="segment.users.drain", task=None, name="Cart abandoners")
    app = HeaptuiApp(opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Heap asks")
        await pilot.press("d")
        await shows(pilot, "In it now: 36 people.")
        await pilot.press("enter")
        await until(pilot, lambda: "has 0 people" in status(app) and "Heap asks" not in text_of(app))
        await pilot.press("d")
        await until(pilot, lambda: "did not ask" in status(app))


async def test_f_says_what_the_ids_are(opening: Opening) -> None:
    app = HeaptuiApp(opening)
    async with app.run_test(size=(120, 36)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("f")
        await shows(pilot, "What are these ids in Braze?")
        field: Any = app.screen.query_one("#answer")
        field.value = "alias crm"
        await pilot.press("enter")
        await shows(pilot, "alias crm")


async def test_r_reads_the_newest_file_of_a_cohort_again(opening: Opening, tmp_path: Path) -> None:
    from heaptui.services.imports import ImportRequest

    file = tmp_path / "vip.csv"
    file.write_text("user_id\nu1\nu2\n")
    async with open_workspace(opening.home, Profile(name="test"), {}) as workspace:
        preview = await workspace.cohorts.preview_import(ImportRequest(path=str(file), name="VIP"))
        vip = (await workspace.cohorts.apply_import(preview)).cohort_id
    app = HeaptuiApp(opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "VIP")
        highlight(app, COHORT)
        await pilot.press("r")
        await until(pilot, lambda: "no file that could be read again" in status(app))
        highlight(app, vip)
        await pilot.press("r")
        await until(pilot, lambda: "the same as at the last import" in status(app))
        file.write_text("user_id\nu1\nu3\nu4\n")
        await pilot.press("r")
        await until(pilot, lambda: "+2 join, −1 leave" in status(app))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_the_receiver_of_the_dashboard_takes_pages_shows_them_and_ends_with_it(
    opening: Opening, sandbox: Any
) -> None:
    from heaptui.config import load_config

    port = load_config(opening.home).profiles["test"].listen_port
    app = HeaptuiApp(opening)
    async with app.run_test(size=(120, 36)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("l")
        await until(pilot, lambda: "Listening on" in status(app), 30)
        assert app.listener._process is not None
        pid = app.listener._process.pid
        await shows(pilot, "listener ")
        body = page_body(ids(100, 150), segment=77, name="Just arrived")
        async with httpx.AsyncClient() as client:
            url = f"http://127.0.0.1:{port}{PATH}"
            answer = await client.post(url, content=body, headers=signed(body, secret=sandbox.keys.webhook_secret))
        assert answer.status_code == 200
        await shows(pilot, "Just arrived")
        await app.opened.heap.set_automatic("heaptui-seg-77", automatic=True)
        async with asyncio.timeout(20):
            while sandbox.members("heaptui-seg-77") != set(ids(100, 150)):
                await pilot.pause(0.05)
        await pilot.press("l")
        await until(pilot, lambda: "receiver is stopped" in status(app), 20)
        await until(pilot, lambda: not alive(pid))
        await pilot.press("l")
        await until(pilot, lambda: app.listener.running and app.listener.lines, 30)
        pid = app.listener._process.pid
    assert not alive(pid)
    assert await _nothing_due(opening)


async def _nothing_due(opening: Opening) -> bool:
    async with open_workspace(opening.home, Profile(name="test"), {}) as workspace:
        return "heaptui-seg-77" not in [row[0] for row in await workspace.ledger.read(segments.due)]


async def test_a_port_in_use_is_told_in_words(opening: Opening) -> None:
    from heaptui.config import load_config

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", load_config(opening.home).profiles["test"].listen_port))
        taken.listen()
        app = HeaptuiApp(opening)
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "Cart abandoners")
            await pilot.press("l")
            await shows(pilot, "The receiver did not start.", 30)
            await shows(pilot, "Nothing can listen on")


async def test_without_the_secret_l_says_what_is_missing(opening: Opening) -> None:
    del opening.environ["HEAPTUI_WEBHOOK_SECRET"]
    app = HeaptuiApp(opening)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("l")
        await until(pilot, lambda: "Without Heap's webhook secret" in status(app))


def test_a_listener_that_starts_with_the_dashboard_is_no_alarm() -> None:
    nobody = ListenerFacts((), time.time(), None)
    assert freshness(nobody, 80) == "Heap ! now · no listener"
    assert freshness(nobody, 80, starting=True) == "Heap ✓ now"
    assert freshness(nobody, 120, starting=True) == "Heap ✓ page just now · listener starts"
