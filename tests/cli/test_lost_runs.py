"""A run whose process was killed is told as what it is before any other sync comes by."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from pathlib import Path

from heaptui.config import Home
from heaptui.ui.app import HeaptuiApp
from tests.cli.conftest import HEAPTUI, Desk, people
from tests.ui.conftest import Opening, shows, status, text_of, until


def started(desk: Desk) -> subprocess.Popen[bytes]:
    """A sync of 4,000 people that has left its first answers behind and waits long for the others."""
    desk.environ["HEAPTUI_READ_TIMEOUT_SECONDS"] = "30"
    desk.run("cohort", "import", desk.file(people(0, 4000)), "--name", "Carts")
    desk.fault(effect="slow", seconds=30, match={"path": "users"}, **{"from": 3})
    process = subprocess.Popen(
        [*HEAPTUI, "sync", "Carts", "--yes"], env=desk.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while "50 %" not in desk.run("run", "letter", "1").stderr:
        assert time.monotonic() < deadline
    return process


def test_a_killed_run_is_told_as_lost_and_a_living_one_as_running(desk: Desk) -> None:
    process = started(desk)
    assert "Run 1 is still running, 50 %" in desk.run("run", "letter", "1").stderr
    assert desk.json("run", "list")["runs"][0]["state"] == "running"
    process.kill()
    process.wait()
    (run,) = desk.json("run", "list")["runs"]
    assert (run["state"], run["reason"]) == ("incomplete", "killed")
    assert (run["submitted"], run["submitted"] + run["in_doubt"] + run["skipped"]) == (2000, 4000)
    shown = desk.run("run", "show", "1").stdout
    assert "The process ended before the delivery did" in shown
    assert f"Process {process.pid} on " in shown
    assert "2,000 changes kept" in shown
    assert "heaptui run resume 1" in shown
    undo = desk.run("run", "undo", "1", "--dry-run")
    assert (undo.returncode, "Continue it first: heaptui run resume 1" in undo.stderr) == (2, True)
    assert "2,000 changes" in desk.run("run", "letter", "1").stdout
    desk.ask("DELETE", "faults")
    assert desk.run("run", "resume", "1", "--yes").returncode == 0
    assert desk.json("run", "show", "1")["deliveries"][0]["reason"] == "killed"
    shown = desk.run("run", "show", "1").stdout
    assert "taken over by run 2" in shown
    assert "heaptui run" not in shown
    assert "resume" not in desk.run("run", "letter", "1").stdout


def test_a_run_that_was_killed_before_it_opened_a_cohort_still_names_it(desk: Desk) -> None:
    process = started(desk)
    process.kill()
    process.wait()
    ledger = sqlite3.connect(next(Path(desk.environ["HEAPTUI_HOME"]).glob("data/*.db")))
    ledger.executescript("DELETE FROM batch; DELETE FROM delivery")
    ledger.close()
    shown = desk.json("run", "show", "1")["deliveries"]
    assert [(one["name"], one["state"], one["reason"]) for one in shown] == [("Carts", "incomplete", "killed")]


async def test_the_dashboard_counts_a_killed_run_among_those_that_need_somebody(desk: Desk) -> None:
    process = started(desk)
    process.kill()
    process.wait()
    app = HeaptuiApp(Opening(Home.find(desk.environ["HEAPTUI_HOME"], {}), desk.environ))
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Carts")
        await pilot.press("4")
        await shows(pilot, "1 needs attention")
        await shows(pilot, "✗ incomplete")
        await shows(pilot, "The process ended before the delivery did")


async def test_a_cohort_that_another_process_is_sending_is_told_and_not_sent_twice(desk: Desk) -> None:
    process = started(desk)
    app = HeaptuiApp(Opening(Home.find(desk.environ["HEAPTUI_HOME"], {}), desk.environ))
    async with app.run_test(size=(120, 36)) as pilot:
        await shows(pilot, "▶ sending")
        await pilot.press("s")
        await shows(pilot, "Run 1 is sending it just now")
        await pilot.press("enter")
        await until(pilot, lambda: "is sending it just now" in status(app))
        process.kill()
        process.wait()
        await pilot.press("1")
        await until(pilot, lambda: "▶ sending" not in text_of(app))
    assert len(desk.json("run", "list")["runs"]) == 1
