"""What runs at night, without a terminal and without a desktop session."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from tests.cli.conftest import HEAPTUI, Desk, people
from tests.services.currents_world import an_event


def bare(desk: Desk, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """As cron starts it: hardly any environment, no terminal."""
    environ = {
        "HOME": desk.environ["HEAPTUI_HOME"],
        "HEAPTUI_HOME": desk.environ["HEAPTUI_HOME"],
        "PATH": "/usr/bin:/bin",
    }
    return subprocess.run(
        [*HEAPTUI, *words],
        env={**environ, **extra},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )


def with_keys_in_a_file(desk: Desk) -> None:
    keys = f"{desk.sandbox['partner_api_key']}\n{desk.sandbox['data_import_key']}\n"
    endpoint = f"endpoint={desk.sandbox['braze_url']}"
    made = desk.run(
        "profile", "set", "acme", endpoint, "partner_api_key", "data_import_key", "--store", "file", stdin=keys
    )
    assert made.returncode == 0, made.stderr


def test_a_night_in_a_bare_environment(desk: Desk) -> None:
    with_keys_in_a_file(desk)
    assert (
        desk.run("--profile", "acme", "cohort", "import", desk.file(people(0, 100)), "--name", "Carts").returncode == 0
    )
    assert bare(desk, "--profile", "acme", "sync", "Carts", "--yes").returncode == 0
    assert (
        desk.run("--profile", "acme", "cohort", "import", desk.file(people(0, 130)), "--name", "Carts").returncode == 0
    )
    doctor = bare(desk, "--profile", "acme", "doctor", "--json")
    facts = json.loads(doctor.stdout)
    assert (doctor.returncode, facts["healthy"]) == (0, True), facts
    assert facts["running"] == "no heaptui has it open"
    assert "partner_api_key (file" in facts["keys"]
    night = bare(desk, "--profile", "acme", "sync", "--all", "--yes", "--json")
    assert night.returncode == 0, night.stderr
    assert json.loads(night.stdout)["deliveries"][0]["planned"] == {"adds": 30, "removes": 0}
    assert "\x1b" not in night.stderr


def test_the_doctor_says_when_the_keyring_is_out_of_reach_and_what_to_do(desk: Desk) -> None:
    config = Path(desk.environ["HEAPTUI_HOME"]) / "config" / "config.toml"
    config.parent.mkdir(parents=True, mode=0o700)
    config.write_text('[profiles.acme]\nendpoint = "https://rest.iad-03.braze.com"\nsecret_store = "keyring"\n')
    config.chmod(0o600)
    # What a machine without a desktop session has.
    told = bare(desk, "doctor", PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring")
    assert told.returncode == 2
    assert "keyring" in told.stdout
    assert "--store file" in told.stdout
    assert "Not all of it works:" in told.stdout


def test_the_doctor_concludes_with_what_is_missing_or_looks_wrong(desk: Desk) -> None:
    endpoint = f"endpoint={desk.sandbox['braze_url']}"
    desk.run("profile", "set", "acme", endpoint)
    told = bare(desk, "--profile", "acme", "doctor")
    assert told.returncode == 2
    *_, problem = told.stdout.splitlines()
    assert problem.startswith("  No keys that open a way into Braze are given. Heap Cohorts: heaptui profile set acme ")
    assert "or Custom attribute: heaptui profile set acme rest_api_key" in problem
    desk.run("profile", "set", "acme", "rest_api_key", "--store", "file", stdin="abc")
    told = bare(desk, "--profile", "acme", "doctor")
    assert told.returncode == 2
    assert told.stdout.endswith("  rest_api_key has only 3 characters; was all of it copied?\n")
    desk.run("profile", "set", "acme", "rest_api_key", stdin=desk.sandbox["rest_api_key"])
    assert bare(desk, "--profile", "acme", "doctor").returncode == 0


def test_the_doctor_names_the_heaptui_that_runs(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 20_000)), "--name", "Carts")
    desk.fault(effect="slow", seconds=0.4)
    process = subprocess.Popen([*HEAPTUI, "sync", "Carts", "--yes"], env=desk.environ, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while "process" not in (running := desk.json("doctor")["running"]):
        assert time.monotonic() < deadline
    process.terminate()
    assert process.wait(20) == 130
    assert f"process {process.pid} on " in running
    assert "(sync), since " in running


def test_a_person_is_erased_from_braze_and_from_the_files_as_the_readme_says(desk: Desk, tmp_path: Path) -> None:
    erased = "p00007"
    event = {**an_event(1), "user": {"external_user_id": erased, "user_id": "b1"}}
    unreadable = f'{{"user":{{"external_user_id":"{erased}"}},nul}}'
    lines = f'{{"events":[{json.dumps(event)},{unreadable},{json.dumps(an_event(2))}]}}'
    assert desk.run("currents", "replay", "-", stdin=lines).returncode == 0
    desk.run("cohort", "import", desk.file(people(0, 100)), "--name", "Carts")
    desk.fault(effect="poison", identifiers=["p00008"], body=f"refused, as is {erased}")
    desk.run("sync", "Carts", "--yes")
    desk.ask("DELETE", "faults")
    early = desk.run("ledger", "forget", erased)
    assert (early.returncode, "Carts" in early.stderr) == (5, True)
    left = [person for person in people(0, 100) if person != erased]
    desk.run("cohort", "import", desk.file(left), "--name", "Carts")
    assert desk.run("sync", "Carts", "--yes").returncode == 0
    cohort = desk.json("cohort", "list")["cohorts"][0]["cohort_id"]
    assert erased not in desk.held(cohort)
    told = desk.run("ledger", "forget", "-", stdin=f"{erased}\n")
    assert told.returncode == 0, told.stderr
    assert "in the daily copies, and in 2 Currents events" in told.stderr
    once_more = desk.run("ledger", "forget", erased)
    assert (once_more.returncode, "currents forget" in once_more.stderr) == (2, True)
    assert erased not in desk.run("currents", "tail").stdout + desk.run("currents", "dead-letters", "--bodies").stdout
    assert desk.json("currents", "stats")["received"] == 3
    for path in Path(desk.environ["HEAPTUI_HOME"]).rglob("*"):
        if path.is_file():
            assert erased.encode() not in path.read_bytes(), path
    assert desk.json("cohort", "list")["cohorts"][0]["delivered"] == 98
    again = desk.run("sync", "Carts", "--yes", "--json")
    assert json.loads(again.stdout)["deliveries"][0]["planned"] == {"adds": 0, "removes": 0}
