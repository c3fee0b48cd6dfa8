"""`heaptui verify` as it is called: what it prints, and its exit codes."""

from __future__ import annotations

import json

from tests.cli.conftest import Desk

OTHER = "11111111-2222-4333-8444-555555555555"


def test_right_keys_are_ready(desk: Desk) -> None:
    told = desk.run("verify", HEAPTUI_REST_API_KEY=desk.sandbox["rest_api_key"])
    assert told.returncode == 0
    assert told.stdout.count("  ok ") >= 10
    assert "READY." in told.stdout
    assert "yes Heap Cohorts" in told.stdout


def test_a_refused_key_ends_with_3_and_who_mends_it(desk: Desk) -> None:
    told = desk.run("verify", HEAPTUI_DATA_IMPORT_KEY=OTHER)
    assert told.returncode == 3
    assert "NOT READY. " in told.stdout
    assert "Technology Partners" in told.stdout
    assert OTHER not in told.stdout + told.stderr


def test_nobody_there_ends_with_4(desk: Desk) -> None:
    told = desk.run("verify", HEAPTUI_BRAZE_ENDPOINT="http://127.0.0.1:9")
    assert told.returncode == 4


def test_json_has_the_documented_shape(desk: Desk) -> None:
    found = desk.json("verify")
    assert found["verdict"] == "ready"
    assert set(found["routes"]) >= {"cohort_import", "attribute"}
    assert {"id", "state", "latency_ms", "detail", "remedy"} <= set(found["checks"][0])


def test_a_pasted_message_is_checked_and_leaves_nothing_behind(desk: Desk) -> None:
    before = {path: path.stat().st_mtime_ns for path in desk.folder.rglob("*")}
    text = f"{desk.sandbox['braze_url']} rest api key {desk.sandbox['rest_api_key']}"
    told = desk.run("verify", "--paste", stdin=text)
    assert told.returncode == 0
    assert "found: 1 address, 1 key" in told.stderr
    assert "yes Custom attribute" in told.stdout
    assert desk.sandbox["rest_api_key"] not in told.stdout + told.stderr
    assert {path: path.stat().st_mtime_ns for path in desk.folder.rglob("*")} == before


def test_an_import_key_without_a_partner_key_can_be_handed_over_with_a_note(desk: Desk) -> None:
    text = f"{desk.sandbox['braze_url']} Data Import Key: {desk.sandbox['data_import_key']}"
    told = desk.run("verify", "--paste", stdin=text, HEAPTUI_PARTNER_API_KEY="")
    assert "CAN BE HANDED OVER" in told.stdout
    assert "how to hand over the Data Import Key" in told.stderr
    assert told.returncode == 0


def test_a_message_without_an_address_asks_for_consent(desk: Desk) -> None:
    told = desk.run("verify", "--paste", stdin=json.dumps({"key": desk.sandbox["rest_api_key"]}))
    assert told.returncode == 2
    assert "--find-cluster" in told.stderr
