"""Syncs from the command line, each a process of its own, against a sandbox in another process."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import HEAPTUI, Desk, people


def test_a_file_becomes_a_cohort_and_a_changed_file_sends_only_the_difference(desk: Desk) -> None:
    bad = [""] * 5 + ["a\x01b"] * 2
    first = desk.json("cohort", "import", desk.file(people(0, 3000) + people(0, 50) + bad), "--name", "Carts")
    assert (first["rows"], first["invalid"], first["duplicates"], first["members"]) == (3057, 7, 50, 3000)
    cohort = first["cohort_id"]
    plan = desk.json("sync", "Carts", "--dry-run")["plans"][0]
    assert (plan["adds"], plan["removes"], plan["requests"], plan["held"]) == (3000, 0, 3, None)
    run = desk.json("sync", "Carts", "--yes")
    assert run["state"] == "finished"
    assert desk.held(cohort) == set(people(0, 3000))
    desk.json("cohort", "import", desk.file(people(1000, 5000)), "--name", "Carts")
    delivery = desk.json("sync", cohort, "--yes")["deliveries"][0]
    assert (delivery["planned"], delivery["requests"]) == ({"adds": 2000, "removes": 1000}, 3)
    assert desk.held(cohort) == set(people(1000, 4000))
    counts = desk.ask("GET", "requests")["requests"]
    assert counts["/partners/heap/cohorts/users"] == {"201": 6}
    assert counts["/partners/heap/cohorts"] == {"201": 1}
    listed = desk.json("cohort", "list")["cohorts"][0]
    assert (listed["state"], listed["members"], listed["delivered"]) == ("synced", 4000, 4000)
    assert desk.json("run", "list")["runs"][0]["submitted"] == 3000
    assert "accepted" in desk.run("run", "receipt", "2").stdout


def test_the_first_sync_of_a_cohort_ends_with_its_way_in_braze_and_a_later_one_does_not(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 10)), "--name", "Carts")
    first = desk.run("sync", "Carts", "--yes").stdout
    assert "Now in Braze, in some minutes: " in first
    assert "Carts" in first.split("in some minutes: ")[1]
    desk.run("cohort", "import", desk.file(people(0, 12)), "--name", "Carts")
    assert "in some minutes" not in desk.run("sync", "Carts", "--yes").stdout


def test_without_a_terminal_nothing_is_sent_unless_yes_is_said(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 10)), "--name", "Carts")
    refused = desk.run("sync", "Carts")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert desk.ask("GET", "cohorts") == {"cohorts": []}


def test_a_held_cohort_exits_5_and_the_others_go_on(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 40), "vip.csv"), "--name", "VIP")
    desk.run("cohort", "import", desk.file(people(0, 99)), "--name", "Carts")
    assert desk.run("sync", "VIP", "Carts", "--yes").returncode == 0
    desk.run("cohort", "import", desk.file(people(0, 2), "vip.csv"), "--name", "VIP")
    desk.run("cohort", "import", desk.file(people(0, 120)), "--name", "Carts")
    done = desk.run("sync", "--all", "--yes")
    assert done.returncode == 5
    assert "VIP" in done.stdout
    assert desk.run("sync", "VIP", "--yes-really").returncode == 0
    states = {cohort["name"]: cohort["state"] for cohort in desk.json("cohort", "list")["cohorts"]}
    assert states == {"VIP": "synced", "Carts": "synced"}


def test_each_ending_has_its_exit_code_and_says_what_to_do(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 1200)), "--name", "Carts")
    wrong = desk.run("sync", "Carts", "--yes", HEAPTUI_PARTNER_API_KEY="wrong-key-wrong-key-wrong-key")
    assert wrong.returncode == 3
    assert "partner key" in wrong.stdout
    assert "heaptui run resume 1" in wrong.stdout
    assert "wrong-key" not in wrong.stdout + wrong.stderr
    desk.fault(effect="status", status=503, match={"path": "users"})
    assert desk.run("sync", "Carts", "--yes").returncode == 4
    desk.fault(effect="poison", identifiers=["p00007"])
    assert desk.run("run", "resume", "1", "--yes").returncode == 1
    desk.ask("DELETE", "faults")
    assert desk.run("sync", "Carts", "--yes").returncode == 0
    assert desk.run("run", "retry", "3", "--yes").returncode == 0
    cohort = desk.json("cohort", "list")["cohorts"][0]["cohort_id"]
    assert desk.held(cohort) == set(people(0, 1200))
    assert desk.run("sync", "Nobody", "--yes").returncode == 2
    assert desk.run("--read-only", "sync", "Carts", "--yes").returncode == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_what_is_in_flight_come_home_and_the_run_can_be_continued(desk: Desk, number: int) -> None:
    desk.run("cohort", "import", desk.file(people(0, 20_000)), "--name", "Carts")
    desk.fault(effect="slow", seconds=0.2)
    process = subprocess.Popen(
        [*HEAPTUI, "sync", "Carts", "--yes", "--json"], env=desk.environ, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 20
    while not desk.ask("GET", "requests")["requests"].get("/partners/heap/cohorts/users"):
        assert time.monotonic() < deadline
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    delivery = json.loads(out)["deliveries"][0]
    assert delivery["in_doubt"] == 0
    assert delivery["submitted"] + delivery["skipped"] == 20_000
    desk.ask("DELETE", "faults")
    assert desk.run("run", "resume", "1", "--yes").returncode == 0
    cohort = desk.json("cohort", "list")["cohorts"][0]["cohort_id"]
    assert desk.held(cohort) == set(people(0, 4000))


def test_a_ledger_moves_to_another_home_and_goes_on_from_there(desk: Desk, tmp_path: Path) -> None:
    desk.run("cohort", "import", desk.file(people(0, 100)), "--name", "Carts")
    desk.run("sync", "Carts", "--yes")
    moved = tmp_path / "moved.ledger"
    assert desk.run("ledger", "export", str(moved)).returncode == 0
    desk.environ["HEAPTUI_HOME"] = str(tmp_path / "another")
    assert desk.run("ledger", "import", str(moved)).returncode == 0
    listed = desk.json("cohort", "list")["cohorts"][0]
    assert (listed["state"], listed["delivered"]) == ("synced", 100)
    checked = desk.json("ledger", "check")
    assert checked["problems"] == []
    assert desk.sandbox["data_import_key"].encode() not in moved.read_bytes()


def test_profiles_keep_keys_out_of_arguments_and_out_of_what_is_printed(desk: Desk) -> None:
    for name in ("HEAPTUI_BRAZE_ENDPOINT", "HEAPTUI_PARTNER_API_KEY", "HEAPTUI_DATA_IMPORT_KEY"):
        desk.environ.pop(name)
    keys = f"{desk.sandbox['partner_api_key']}\n{desk.sandbox['data_import_key']}\n"
    made = desk.run(
        "profile",
        "set",
        "acme",
        f"endpoint={desk.sandbox['braze_url']}",
        "partner_api_key",
        "data_import_key",
        "--store",
        "file",
        stdin=keys,
    )
    assert made.returncode == 0, made.stderr
    shown = desk.run("profile", "show").stdout
    assert f"ends {desk.sandbox['data_import_key'][-4:]}" in shown
    assert desk.sandbox["data_import_key"] not in shown
    secret_file = Path(desk.environ["HEAPTUI_HOME"]) / "config" / "secrets.toml"
    assert secret_file.stat().st_mode & 0o777 == 0o600
    desk.run("cohort", "import", desk.file(people(0, 3)), "--name", "Carts")
    assert desk.run("sync", "Carts", "--yes").returncode == 0
    secret_file.chmod(0o644)
    refused = desk.run("sync", "Carts", "--yes")
    assert refused.returncode == 2
    assert "chmod 600" in refused.stderr
    in_arguments = desk.run("profile", "set", "acme", "data_import_key=oops")
    assert in_arguments.returncode == 2


def test_the_headless_demo_ends_with_counts_that_add_up() -> None:
    done = subprocess.run([*HEAPTUI, "demo", "--headless"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Planned 253,550 = accepted 253,550 + refused 0 + in doubt 0 + not sent 0." in done.stdout


def test_the_notify_command_hears_of_the_run_and_cannot_harm_it(desk: Desk, tmp_path: Path) -> None:
    heard, config = tmp_path / "heard.json", Path(desk.environ["HEAPTUI_HOME"]) / "config"
    config.mkdir(parents=True, mode=0o700)
    file = config / "config.toml"
    file.write_text(f'[notify]\ncommand = ["tee", "{heard}"]\n\n[profiles.acme]\nlabel = "STAGING"\n')
    file.chmod(0o600)
    desk.run("cohort", "import", desk.file(people(0, 10)), "--name", "Carts")
    assert desk.run("sync", "Carts", "--yes").returncode == 0
    assert json.loads(heard.read_text())["deliveries"][0]["submitted"] == 10
    file.write_text(file.read_text().replace('"tee"', '"/nowhere/program"'))
    told = desk.run("sync", "Carts", "--yes")
    assert told.returncode == 0
    assert "did not start" in told.stderr
    assert desk.run("profile", "set", "acme", "label=PRODUCTION").returncode == 0
    assert "[notify]" in file.read_text()
    file.chmod(0o666)
    assert desk.run("sync", "Carts", "--yes").returncode == 2
