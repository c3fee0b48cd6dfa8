"""Several heaptui processes at once, interrupted ones, and ledgers out of reach: told in words, with exit codes."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import HEAPTUI, Desk, people

MEMBER_CALL = "/partners/heap/cohorts/users"


BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
"""Starts a command as a script's `&` does: without ctrl-C."""


def started(desk: Desk, *words: str, by: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*by, *HEAPTUI, *words], env=desk.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def member_requests(desk: Desk) -> int:
    return sum(desk.ask("GET", "requests")["requests"].get(MEMBER_CALL, {}).values())


def until_it_sends(desk: Desk, requests: int = 1) -> None:
    deadline = time.monotonic() + 20
    while member_requests(desk) < requests:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextlib.contextmanager
def delivering(desk: Desk, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A sync that holds still in the middle of its delivery, and goes on to its end after the block."""
    desk.fault(effect="slow", seconds=0.2)
    process = started(desk, *words)
    until_it_sends(desk)
    process.send_signal(signal.SIGSTOP)
    while not _ledgers_are_free(desk):
        # It was stopped in the middle of a write.
        process.send_signal(signal.SIGCONT)
        time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
        desk.ask("DELETE", "faults")


def _ledgers_are_free(desk: Desk) -> bool:
    for path in (Path(desk.environ["HEAPTUI_HOME"]) / "data").glob("*.db"):
        connection = sqlite3.connect(path, isolation_level=None, timeout=0.05)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()
    return True


def profile(desk: Desk, name: str, endpoint: str) -> None:
    keys = f"{desk.sandbox['partner_api_key']}\n{desk.sandbox['data_import_key']}\n"
    words = ("profile", "set", name, f"endpoint={endpoint}", "partner_api_key", "data_import_key", "--store", "file")
    made = desk.run(*words, stdin=keys)
    assert made.returncode == 0, made.stderr


def without_environment(desk: Desk) -> None:
    for name in ("HEAPTUI_BRAZE_ENDPOINT", "HEAPTUI_PARTNER_API_KEY", "HEAPTUI_DATA_IMPORT_KEY"):
        desk.environ.pop(name)


def test_processes_started_at_one_moment_deliver_a_cohort_once_and_other_cohorts_side_by_side(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 24_000)), "--name", "Carts")
    desk.run("cohort", "import", desk.file(people(0, 3000), "b.csv"), "--name", "Trials")
    desk.fault(effect="slow", seconds=0.4)
    processes = [started(desk, "sync", name, "--yes", "--json") for name in ("Carts", "Carts", "Trials")]
    answers = [process.communicate(timeout=60) for process in processes]
    codes = [process.returncode for process in processes]
    assert codes[2] == 0, answers[2]
    assert sorted(codes[:2]) in ([0, 0], [0, 4]), answers
    sent = [json.loads(out)["deliveries"][0]["submitted"] for out, _ in answers]
    # The second either refused, or found nothing left to send: never both.
    assert sorted(sent[:2]) == [0, 24_000]
    assert sent[2] == 3000
    log = desk.ask("GET", "requests?log=1")["log"]
    carts = json.loads(answers[0][0])["deliveries"][0]["cohort_id"]
    assert sum(entry.get("adds", 0) for entry in log if entry["cohort_id"] == carts) == 24_000


def test_two_profiles_of_one_workspace_never_deliver_one_cohort_at_once(desk: Desk, tmp_path: Path) -> None:
    without_environment(desk)
    profile(desk, "day", desk.sandbox["braze_url"])
    # The same workspace, written in another way.
    profile(desk, "night", desk.sandbox["braze_url"].upper().replace("HTTP", "http") + "/")
    desk.run("--profile", "day", "cohort", "import", desk.file(people(0, 24_000)), "--name", "Carts")
    assert desk.run("--profile", "day", "ledger", "export", str(tmp_path / "moved")).returncode == 0
    assert desk.run("--profile", "night", "ledger", "import", str(tmp_path / "moved")).returncode == 0
    with delivering(desk, "--profile", "day", "sync", "Carts", "--yes") as first:
        second = desk.run("--profile", "night", "sync", "Carts", "--yes")
        assert second.returncode == 4, second.stdout + second.stderr
        assert f"process {first.pid}, since " in second.stdout
        waiting = started(desk, "--profile", "night", "sync", "Carts", "--yes", "--wait", "60s")
        assert waiting.stderr is not None
        assert f"Another process is delivering Carts: process {first.pid}, since " in waiting.stderr.readline()
    out, err = waiting.communicate(timeout=60)
    assert (first.wait(), waiting.returncode) == (0, 0), out + err
    assert desk.ask("GET", "requests")["both_directions"] == 0


def test_the_lock_of_a_killed_process_is_free_at_once(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 24_000)), "--name", "Carts")
    with delivering(desk, "sync", "Carts", "--yes") as process:
        busy = desk.run("run", "resume", "1", "--yes")
        assert busy.returncode == 4
        assert f"process {process.pid}, since " in busy.stderr
        process.kill()
    resumed = desk.run("run", "resume", "1", "--yes", "--json")
    assert resumed.returncode == 0, resumed.stderr
    runs = {run["run_id"]: run for run in desk.json("run", "list")["runs"]}
    assert (runs[1]["state"], runs[2]["continues"]) == ("incomplete", 1)
    assert desk.held(json.loads(resumed.stdout)["deliveries"][0]["cohort_id"]) == set(people(0, 4000))


def test_a_signal_while_another_process_is_waited_for_ends_130_and_can_be_continued(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 24_000)), "--name", "Carts")
    with delivering(desk, "sync", "Carts", "--yes") as first:
        refused = desk.run("sync", "Carts", "--yes")
        assert refused.returncode == 4
        assert f"Process {first.pid} on " in refused.stdout
        waiting = started(desk, "sync", "Carts", "--yes", "--wait", "60s")
        assert waiting.stderr is not None
        assert "Another process is delivering Carts" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGTERM)
        waiting.communicate(timeout=20)
        assert waiting.returncode == 130
    assert desk.run("run", "resume", "3", "--yes").returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(
    ("number", "by"),
    [(signal.SIGTERM, ()), (signal.SIGHUP, ()), (signal.SIGINT, ()), (signal.SIGTERM, BACKGROUND)],
)
def test_a_signal_before_anything_is_sent_ends_130(desk: Desk, number: int, by: tuple[str, ...]) -> None:
    desk.run("cohort", "import", desk.file(people(0, 10)), "--name", "Carts")
    # The ledger is held, so the command cannot get as far as a run.
    holding = sqlite3.connect(ledger_of(desk), isolation_level=None)
    holding.execute("BEGIN IMMEDIATE")
    process = started(desk, "sync", "Carts", "--yes", by=by)
    deadline = time.monotonic() + 20
    # SIGHUP is the last that gets its handler.
    while not int(_status(process.pid, "SigCgt"), 16) & 1 << (signal.SIGHUP - 1):
        assert time.monotonic() < deadline
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    holding.execute("ROLLBACK")
    holding.close()
    assert (process.returncode, err.splitlines()[-1]) == (130, "Interrupted.")
    assert member_requests(desk) == 0


def _status(pid: int, name: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


def test_a_wait_longer_than_allowed_exits_4_and_the_next_sync_goes_on(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 3000)), "--name", "Carts")
    desk.fault(effect="status", status=429, reset="delta", seconds=3600, match={"path": "users"}, **{"from": 2})
    ended = desk.run("sync", "Carts", "--yes", "--wait", "2s", "--json")
    assert ended.returncode == 4
    delivery = json.loads(ended.stdout)["deliveries"][0]
    assert (delivery["state"], delivery["reason"], delivery["submitted"]) == ("incomplete", "wait_too_long", 1000)
    assert "(429)" in desk.run("run", "show", "1").stdout
    desk.ask("DELETE", "faults")
    assert desk.run("sync", "Carts", "--yes").returncode == 0
    assert desk.held(delivery["cohort_id"]) == set(people(0, 3000))


def test_after_a_mended_key_the_run_is_continued_with_a_new_plan(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 3000)), "--name", "Carts")
    body = {"message": "client_secret is invalid"}
    desk.fault(effect="status", status=401, body=body, match={"path": "users"}, **{"from": 3})
    stopped = desk.run("sync", "Carts", "--yes")
    assert stopped.returncode == 3
    assert "Data Import Key" in stopped.stdout
    assert "401 from Braze: nothing more is sent" in stopped.stderr
    # Meanwhile the cohort changes: the old batches must not be sent as they were.
    desk.run("cohort", "import", desk.file(people(10, 2500)), "--name", "Carts")
    desk.ask("DELETE", "faults")
    resumed = desk.run("run", "resume", "1", "--yes", "--json")
    assert resumed.returncode == 0, resumed.stderr
    delivery = json.loads(resumed.stdout)["deliveries"][0]
    assert desk.held(delivery["cohort_id"]) == set(people(10, 2500))


def test_control_characters_of_an_answer_are_shown_and_not_obeyed(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 3)), "--name", "Carts")
    body = {"message": "bad \x1b]0;owned\x07 id"}
    desk.fault(effect="poison", identifiers=["p00001"], body=body["message"])
    told = desk.run("sync", "Carts", "--yes")
    shown = desk.run("run", "show", "1")
    text = told.stdout + told.stderr + shown.stdout + desk.run("run", "receipt", "1").stdout
    assert "bad ␛]0;owned␛ id" in text
    assert "\x1b" not in text


def test_what_the_notify_command_prints_is_no_data_of_ours(desk: Desk) -> None:
    config = Path(desk.environ["HEAPTUI_HOME"]) / "config" / "config.toml"
    config.parent.mkdir(parents=True, mode=0o700)
    config.write_text('[notify]\ncommand = ["cat"]\n')
    config.chmod(0o600)
    desk.run("cohort", "import", desk.file(people(0, 10)), "--name", "Carts")
    done = desk.run("sync", "Carts", "--yes", "--json")
    assert json.loads(done.stdout)["run_id"] == 1
    assert '"run_id":1' in done.stderr


def test_all_of_nothing_says_so(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 10)), "--name", "Carts")
    done = desk.run("sync", "--all", "--yes")
    assert done.returncode == 0
    assert "No cohort was synced before by name" in done.stderr


def ledger_of(desk: Desk) -> Path:
    return next((Path(desk.environ["HEAPTUI_HOME"]) / "data").glob("env-????????.db"))


def test_a_damaged_ledger_exits_4_names_its_newest_good_copy_and_sends_nothing(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 20)), "--name", "Carts")
    assert desk.run("sync", "Carts", "--yes").returncode == 0
    ledger, sent = ledger_of(desk), member_requests(desk)
    ledger.write_bytes(b"not a database " * 1000)
    for suffix in ("-wal", "-shm"):
        ledger.with_name(ledger.name + suffix).unlink(missing_ok=True)
    told = desk.run("sync", "Carts", "--yes")
    assert told.returncode == 4
    assert "is damaged" in told.stderr
    assert "Traceback" not in told.stderr
    assert member_requests(desk) == sent
    command = told.stderr.split("heaptui ledger import ")[1].split()[0]
    assert desk.run("ledger", "import", command).returncode == 0
    assert desk.json("cohort", "list")["cohorts"][0]["delivered"] == 20


def test_a_ledger_of_a_newer_heaptui_exits_4_and_is_left_alone(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 20)), "--name", "Carts")
    ledger = ledger_of(desk)
    connection = sqlite3.connect(ledger)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = ledger.read_bytes()
    for words in (("sync", "Carts", "--yes"), ("--read-only", "cohort", "list"), ("ledger", "check")):
        told = desk.run(*words)
        assert told.returncode == 4, told
        assert "newer heaptui" in told.stderr
    assert ledger.read_bytes() == before
    assert member_requests(desk) == 0


def without_rights(desk: Desk, *words: str) -> subprocess.CompletedProcess[str]:
    """Root may write everywhere, so it gives up that right first."""

    def give_up() -> None:
        libc = ctypes.CDLL(None)
        for capability in (1, 2):
            # PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
            libc.prctl(24, capability, 0, 0, 0)

    give_up_first = give_up if os.getuid() == 0 else None
    return subprocess.run(
        [*HEAPTUI, *words],
        env=desk.environ,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=give_up_first,
    )


@pytest.mark.skipif(os.getuid() == 0 and sys.platform != "linux", reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_exits_4_can_be_read_and_sends_nothing(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 20)), "--name", "Carts")
    home = Path(desk.environ["HEAPTUI_HOME"])
    for folder in (home, *home.rglob("*")):
        folder.chmod(0o555 if folder.is_dir() else 0o444)
    try:
        told = without_rights(desk, "sync", "Carts", "--yes")
        assert told.returncode == 4, told
        assert "cannot be opened or written" in told.stderr
        assert "Traceback" not in told.stderr
        assert member_requests(desk) == 0
        looked = without_rights(desk, "--read-only", "cohort", "list", "--json")
        assert json.loads(looked.stdout)["cohorts"][0]["members"] == 20, looked
    finally:
        for folder in (home, *home.rglob("*")):
            folder.chmod(0o755 if folder.is_dir() else 0o644)
