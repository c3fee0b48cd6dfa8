"""The support desk on the command line: why, who, what to do; JSON for programs; nothing private where it must not be."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.cli.conftest import Desk, people


def synced(desk: Desk, count: int = 1200, name: str = "Carts") -> None:
    desk.run("cohort", "import", desk.file(people(0, count)), "--name", name)
    assert desk.run("sync", name, "--yes").returncode == 0


def refused(desk: Desk) -> None:
    """A good run, then one that ends with a refused key."""
    synced(desk)
    desk.run("cohort", "import", desk.file(people(0, 1300)), "--name", "Carts")
    desk.fault(effect="status", status=401, body={"message": "client_secret is invalid"})
    assert desk.run("sync", "Carts", "--yes").returncode == 3
    desk.ask("DELETE", "faults")


def test_a_sync_explains_its_failure_as_the_verdict_does(desk: Desk) -> None:
    synced(desk)
    desk.run("cohort", "import", desk.file(people(0, 1300)), "--name", "Carts")
    desk.fault(effect="status", status=401, body={"message": "client_secret is invalid"})
    told = desk.run("sync", "Carts", "--yes").stdout
    assert told.index("set HEAPTUI_DATA_IMPORT_KEY") < told.index("heaptui run resume 2")
    shown = desk.run("run", "show", "2").stdout
    assert told.splitlines()[1:] == shown.splitlines()[1 : len(told.splitlines())]


def test_without_a_number_the_last_run_is_shown_and_named(desk: Desk) -> None:
    none = desk.run("run", "show")
    assert none.returncode == 2
    assert "There is no run yet." in none.stderr
    refused(desk)
    shown = desk.run("run", "show")
    assert "the last run: 2" in shown.stderr
    assert shown.stdout == desk.run("run", "show", "2").stdout
    assert desk.json("run", "show")["run_id"] == 2


def test_what_continuing_would_send_is_shown_and_nothing_is_changed(desk: Desk) -> None:
    refused(desk)
    before = desk.ask("GET", "requests")
    (plan,) = desk.json("run", "resume", "2", "--dry-run")["plans"]
    assert (plan["name"], plan["adds"], plan["removes"]) == ("Carts", 100, 0)
    assert "Carts" in desk.run("run", "resume", "2", "--dry-run").stdout
    assert desk.ask("GET", "requests") == before
    assert [run["run_id"] for run in desk.json("run", "list")["runs"]] == [2, 1]
    assert desk.run("run", "resume", "9", "--dry-run").returncode == 2


def test_a_refused_key_is_explained_shown_logged_and_bundled(desk: Desk) -> None:
    refused(desk)
    _shown(desk)
    _exchanges(desk)
    _log(desk)
    _bundle(desk)


def _shown(desk: Desk) -> None:
    shown = desk.run("run", "show", "2").stdout
    for words in (
        "The Data Import Key is invalid (401), on the first request",
        "100 changes kept",
        "Since      run 1: ",
        "regenerated or invalidated in Braze after",
        "A Braze admin of the workspace",
        "HEAPTUI_DATA_IMPORT_KEY",
        "heaptui run resume 2",
    ):
        assert words in shown
    (why,) = desk.json("run", "show", "2")["explanations"]
    assert why["code"] == "braze.401.data_import_key"
    letter = desk.run("run", "letter", "2").stdout
    assert "Please do not send the key by mail or chat" in letter
    assert "Cohort: Carts." in letter
    assert "Kind regards" in letter
    assert desk.sandbox["data_import_key"][-4:] not in letter


def _exchanges(desk: Desk) -> None:
    listed = desk.run("run", "exchanges", "2", "--json").stdout.splitlines()
    first = json.loads(listed[0])
    assert first["status"] == 401
    assert len(desk.run("run", "exchanges", "2", "--find", "client_secret is", "--json").stdout.splitlines()) == len(
        listed
    )
    shown = desk.run("run", "exchange", str(first["exchange_id"]))
    assert "‹data import key, from environment" in shown.stdout
    assert "p00001" not in shown.stdout
    assert "p0120" in desk.run("run", "exchange", str(first["exchange_id"]), "--ids").stdout
    curl = desk.run("run", "exchange", str(first["exchange_id"]), "--curl").stdout
    assert curl.startswith("curl -X POST")
    assert "$DATA_IMPORT_KEY" in curl
    assert desk.sandbox["partner_api_key"] not in shown.stdout + curl


def _log(desk: Desk) -> None:
    lines = [json.loads(line) for line in desk.run("run", "log", "2").stdout.splitlines()]
    assert {line["type"] for line in lines} == {"run", "delivery", "moment", "batch", "exchange"}
    assert lines[0]["type"] == "run"


def _bundle(desk: Desk) -> None:
    path = desk.run("run", "bundle", "2", "-o", str(desk.folder / "b.zip")).stdout.strip()
    elsewhere = {name: "" for name in desk.environ if name.startswith("HEAPTUI_")}
    shown = desk.run("--read-only", "--home", path, "run", "show", "2", **elsewhere)
    assert "The Data Import Key is invalid (401)" in shown.stdout, shown.stderr
    assert desk.run("--home", path, "--read-only", "run", "exchanges", "2", **elsewhere).returncode == 0
    assert desk.run("--home", path, "--read-only", "run", "undo", "2", "--yes", **elsewhere).returncode == 2


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"effect": "poison", "identifiers": ["p01201", "p01207"]}, "This message names no ids."),
        ({"effect": "status", "status": 500, "match": {"path": "users"}}, "status page"),
        ({"effect": "timeout_after", "match": {"path": "users"}}, "Nothing is needed from you"),
    ],
    ids=["refused ids", "5xx", "no answer"],
)
def test_a_letter_without_a_key_in_it_asks_for_no_command_and_says_nothing_twice(
    desk: Desk, fault: dict[str, Any], told: str
) -> None:
    synced(desk)
    desk.run("cohort", "import", desk.file(people(0, 1300)), "--name", "Carts")
    desk.fault(**fault)
    desk.run("sync", "Carts", "--yes")
    assert "heaptui run show 2" not in desk.run("run", "show", "2").stdout
    letter = desk.run("run", "letter", "2").stdout
    assert told in letter
    assert "Cohort: Carts." in letter
    assert "p0120" not in letter
    assert not re.search("heaptui (run|sync|profile)", letter)
    sentences = [sentence.strip() for sentence in re.split(r"[.:\n]", letter) if sentence.strip()]
    assert len(sentences) == len(set(sentences))


def test_a_trace_reads_the_id_from_stdin_and_answers_in_a_sentence(desk: Desk) -> None:
    synced(desk)
    told = desk.run("trace", "-", stdin="p00007\n")
    assert told.stdout.startswith("Braze accepted them for “Carts”")
    assert "join sent: run 1, batch 1" in told.stdout
    assert json.loads(desk.run("trace", "nobody", "--json").stdout)["answer"] == "never_arrived"
    assert desk.run("trace", "-", stdin="").returncode == 2


def test_explain_needs_neither_profile_nor_network(desk: Desk) -> None:
    bare = {"HEAPTUI_BRAZE_ENDPOINT": "", "HEAPTUI_PARTNER_API_KEY": "", "HEAPTUI_DATA_IMPORT_KEY": ""}
    told = desk.run("explain", "client_secret is invalid", **bare)
    assert told.returncode == 0
    assert "Data Import Key" in told.stdout
    assert desk.run("explain", "zebra crossing", **bare).returncode == 2
    assert json.loads(desk.run("explain", "423", "--json", **bare).stdout)["entries"][0]["code"] == "braze.423"


def test_compare_lists_exactly_the_missing_and_repair_sends_them_again(desk: Desk) -> None:
    synced(desk)
    cohort = desk.json("cohort", "list")["cohorts"][0]["cohort_id"]
    segment = {"segment_id": "s1", "name": "check: Carts", "include": [cohort]}
    desk.ask("POST", "segments", json.dumps(segment).encode())
    with_key = {"HEAPTUI_REST_API_KEY": desk.sandbox["rest_api_key"], "HEAPTUI_SETTLE_SECONDS": "0"}
    found = json.loads(desk.run("compare", "Carts", "--json", **with_key).stdout)
    assert (found["both"], found["only_here"], found["only_in_braze"]) == (1200, 0, 0)
    desk.ask("DELETE", "people")
    desk.ask("POST", "people", "\n".join(people(0, 4000)).encode())
    desk.run("cohort", "import", desk.file(people(0, 1210)), "--name", "Carts")
    against = desk.run("compare", "Carts", "--against", "members", "--list", "missing", **with_key)
    assert set(against.stdout.split()) == set(people(1200, 1210))
    assert desk.run("compare", "Carts", "--repair", "--yes", **with_key).returncode == 0
    assert desk.held(cohort) == set(people(0, 1210))
    assert desk.run("ledger", "rebuild", "Carts", **with_key).returncode == 0


def test_an_undo_is_planned_sent_and_held(desk: Desk) -> None:
    synced(desk)
    cohort = desk.json("cohort", "list")["cohorts"][0]["cohort_id"]
    desk.run("cohort", "import", desk.file(people(0, 1500)), "--name", "Carts")
    desk.run("sync", "Carts", "--yes")
    assert desk.json("run", "undo", "2", "--dry-run")["plans"][0]["removes"] == 300
    assert desk.run("run", "undo", "2").returncode == 2
    assert desk.run("run", "undo", "2", "--yes").returncode == 0
    assert desk.held(cohort) == set(people(0, 1200))
    assert desk.json("cohort", "list")["cohorts"][0]["state"] == "on_hold"
    receipt = desk.json("run", "receipt", "3")
    assert receipt["deliveries"][0]["submitted"] == 300
    assert len(receipt["deliveries"][0]["sha256"]["plan"]) == 64
