"""`preview`, `cohort derive` and `segment` as scripts see them."""

from __future__ import annotations

import json

from tests.cli.conftest import Desk, people


def test_a_preview_counts_names_what_is_missing_and_lists_the_clicks(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 300)), "--name", "Carts")
    desk.run("cohort", "import", desk.file(people(200, 400)), "--name", "Paying")
    assert desk.run("sync", "Carts", "--yes").returncode == 0
    said = desk.run("preview", '"Carts" and not "Paying"', "--overlap")
    assert said.returncode == 0
    assert said.stdout.splitlines()[:3] == [
        "200 people in Heap now",
        "300 if built in Braze this minute",
        "before it works: Paying was never synced; Braze's filter lists it after the first sync",
    ]
    assert "everyone in both" in said.stdout
    assert "Add exclusion group" in said.stderr
    rest = {"HEAPTUI_REST_API_KEY": desk.sandbox["rest_api_key"]}
    data = json.loads(desk.run("preview", '"Carts" and not "Paying"', "--match-rate", "--json", **rest).stdout)
    assert (data["count"], data["exact"], data["in_braze_now"]) == (200, True, 300)
    assert data["exist_in_braze"] == {"low": 200, "likely": 200, "high": 200}
    assert [(group["kind"], group["count"]) for group in data["groups"]] == [("filter", 300), ("exclusion", 200)]
    wrong = desk.run("preview", '"Carts" and nott "Payng"')
    assert wrong.returncode == 2
    assert "»nott«" in wrong.stderr


def test_a_computed_cohort_is_made_shown_and_sent(desk: Desk) -> None:
    desk.run("cohort", "import", desk.file(people(0, 300)), "--name", "Carts")
    desk.run("cohort", "import", desk.file(people(200, 400)), "--name", "Paying")
    made = desk.json("cohort", "derive", "Own", '"Carts" and not "Paying"')
    assert (made["source"], made["members"]) == ("expression", 200)
    assert '"Carts" and not "Paying"' in desk.run("cohort", "show", "Own").stdout
    assert desk.run("sync", "Own", "--yes").returncode == 0
    assert desk.held(made["cohort_id"]) == set(people(0, 200))
    refused = desk.run("cohort", "derive", "Rest", 'not "Carts"')
    assert refused.returncode == 2
    assert "everybody else" in refused.stderr


def test_segments_are_listed_shown_and_what_may_not_be_read_is_named(desk: Desk) -> None:
    segment = {"segment_id": "s1", "name": "Cart - not paying", "description": "Heap Cohorts includes Carts",
               "tags": ["carts"], "sizes": [7, 8]}  # fmt: skip
    desk.ask("POST", "segments", json.dumps(segment).encode())
    made = desk.json("cohort", "import", desk.file(people(0, 300)), "--name", "Carts")
    rest = {"HEAPTUI_REST_API_KEY": desk.sandbox["rest_api_key"]}
    listed = json.loads(desk.run("segment", "list", "--json", **rest).stdout)
    assert listed["segments"][0]["mentions"] == [made["cohort_id"]]
    shown = desk.run("segment", "show", "Cart - not paying", **rest)
    assert "Heap Cohorts includes Carts" in shown.stdout
    desk.ask("PUT", "permissions", json.dumps(["segments.list", "segments.details"]).encode())
    partly = desk.run("segment", "list", **rest)
    assert partly.returncode == 3
    assert "Cart - not paying" in partly.stdout
    assert "segments.data_series" in partly.stderr
