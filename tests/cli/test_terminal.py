"""The dashboard in a real terminal: what it says to the terminal itself, and that it leaves it as it was."""

from __future__ import annotations

import signal

from tests.cli.conftest import Desk, people
from tests.cli.terminal import Terminal

ALTERNATE_SCREEN_OFF, CURSOR_BACK = b"\x1b[?1049l", b"\x1b[?25h"


def test_the_title_tells_how_far_a_sync_is_and_is_given_back(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 3000)), "--name", "Carts")
    desk.fault(effect="slow", seconds=0.3)
    terminal = Terminal(environ=desk.environ)
    terminal.until("Carts")
    terminal.press("s")
    terminal.until("nothing has been sent")
    terminal.press("\r")
    terminal.until("% heaptui\x07")
    terminal.until("Receipt saved")
    terminal.until("\x1b]2;heaptui\x07")
    terminal.press("q")
    assert terminal.end() == 0
    assert b"\x1b[23;2t" in terminal.seen
    assert ALTERNATE_SCREEN_OFF in terminal.seen
    assert CURSOR_BACK in terminal.seen


def test_a_signal_ends_it_in_order_and_restores_the_terminal(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 10)), "--name", "Carts")
    terminal = Terminal(environ=desk.environ)
    terminal.until("Carts")
    terminal.signal(signal.SIGTERM)
    assert terminal.end() == 0
    assert ALTERNATE_SCREEN_OFF in terminal.seen
    assert CURSOR_BACK in terminal.seen


def test_what_is_typed_while_it_starts_opens_no_screen(desk: Desk) -> None:
    terminal = Terminal(environ=desk.environ)
    terminal.until("\x1b[6n")
    terminal.press("6" * 100)
    terminal.until("[1 Cohorts")
    terminal.press("q")
    assert terminal.end() == 0
    assert b"[6 Credentials" not in terminal.seen


def test_a_window_closed_during_a_sync_ends_it_in_order(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 50_000)), "--name", "Carts")
    desk.fault(effect="slow", seconds=0.5)
    terminal = Terminal(environ=desk.environ)
    terminal.until("Carts")
    terminal.press("s")
    terminal.until("nothing has been sent")
    terminal.press("\r")
    terminal.until("% heaptui\x07")
    terminal.close()
    desk.ask("DELETE", "faults")
    run = desk.json("run", "list")["runs"][0]
    assert run["state"] != "running"
    assert "Its terminal was closed" in desk.run("run", "show", "1").stdout
    assert desk.run("run", "resume", "1", "--yes").returncode == 0
    assert desk.held(desk.json("cohort", "list")["cohorts"][0]["cohort_id"]) == set(people(0, 4000))


def test_a_terminal_that_cannot_move_its_cursor_is_told_of_the_commands(desk: Desk) -> None:
    terminal = Terminal(environ=desk.environ, term="dumb")
    terminal.until("This terminal cannot draw: TERM is dumb.")
    terminal.until("heaptui --help")
    assert terminal.end() == 2


def test_the_demo_says_that_its_receipts_go_with_it(desk: Desk) -> None:
    terminal = Terminal("demo", environ=desk.environ)
    terminal.until("Cart abandoners", seconds=60)
    terminal.press("q")
    terminal.until("thrown away")
    assert terminal.end() == 0


def test_a_run_is_shown_in_lines_that_break_between_words(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 10)), "--name", "Carts")
    desk.fault(effect="status", status=401, body={"message": "client_secret is invalid"})
    desk.run("sync", "Carts", "--yes")
    terminal = Terminal("run", "show", "1", environ={**desk.environ, "COLUMNS": "60"}, columns=60)
    assert terminal.end() == 0
    lines = terminal.seen.decode().splitlines()
    assert [line for line in lines if line.startswith("  Who mends  You, or whoever entered the key here:")]
    assert all(len(line) <= 60 for line in lines if line.startswith(" "))
    assert "Partner Integrations" in " ".join(line.strip() for line in lines)
