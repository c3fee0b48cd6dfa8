"""The ways into Braze from the command line: choosing, planning, moving, and files without a key."""

from __future__ import annotations

import json

from tests.cli.conftest import Desk, people


def rest_only(desk: Desk) -> None:
    del desk.environ["HEAPTUI_PARTNER_API_KEY"]
    del desk.environ["HEAPTUI_DATA_IMPORT_KEY"]
    desk.environ["HEAPTUI_REST_API_KEY"] = desk.sandbox["rest_api_key"]


def test_a_rest_key_alone_syncs_by_attribute_and_a_later_partner_key_moves_everybody(desk: Desk) -> None:
    keys = dict(desk.environ)
    rest_only(desk)
    desk.run("cohort", "import", desk.file(people(0, 160)), "--name", "Carts")
    assert desk.run("cohort", "attribute", "Carts", "carts_now").stdout == "carts_now\n"
    plan = desk.json("sync", "Carts", "--dry-run")["plans"][0]
    assert (plan["route"], plan["attribute"], plan["requests"], plan["data_points"]) == (
        "attribute",
        "carts_now",
        3,
        160,
    )
    desk.fault(effect="refuse", identifiers=["p00004"])
    done = desk.run("sync", "Carts", "--yes", "--json")
    assert done.returncode == 1
    delivery = json.loads(done.stdout)["deliveries"][0]
    assert (delivery["route"], delivery["submitted"], delivery["rejected"]) == ("attribute", 159, 1)
    assert desk.carry("carts_now") == set(people(0, 160)) - {"p00004"}
    desk.ask("DELETE", "faults")
    desk.environ |= {name: value for name, value in keys.items() if name.startswith("HEAPTUI_")}
    held = desk.run("sync", "Carts", "--yes")
    assert held.returncode == 5
    assert "set HEAPTUI_ROUTE=ROUTE in the environment" in held.stdout
    desk.environ["HEAPTUI_ROUTE"] = "cohort_import"
    plan = desk.json("sync", "Carts", "--dry-run")["plans"][0]
    assert [(b["route"], b["removes"], b["requests"]) for b in plan["before"]] == [("attribute", 159, 3)]
    assert "159 leave Custom attribute carts_now, 3 requests" in desk.run("sync", "Carts", "--dry-run").stdout
    moved = desk.run("sync", "Carts", "--yes", "--json")
    assert moved.returncode == 0, moved.stderr
    deliveries = json.loads(moved.stdout)["deliveries"]
    assert sorted((d["route"], d["old_way"], d["submitted"]) for d in deliveries) == [
        ("attribute", True, 159),
        ("cohort_import", False, 160),
    ]
    assert desk.carry("carts_now") == set()
    assert desk.held(plan["cohort_id"]) == set(people(0, 160))


def test_a_refused_rest_key_ends_with_3_and_names_the_permission(desk: Desk) -> None:
    rest_only(desk)
    desk.ask("PUT", "permissions", json.dumps(["segments.list"]).encode())
    desk.run("cohort", "import", desk.file(people(0, 10)), "--name", "Carts")
    refused = desk.run("sync", "Carts", "--yes")
    assert refused.returncode == 3
    assert "users.track" in refused.stdout
    assert desk.sandbox["rest_api_key"] not in refused.stdout + refused.stderr


def test_without_any_key_people_are_imported_and_written_for_braze(desk: Desk) -> None:
    for name in ("HEAPTUI_PARTNER_API_KEY", "HEAPTUI_DATA_IMPORT_KEY"):
        del desk.environ[name]
    assert desk.run("cohort", "import", desk.file(people(0, 30)), "--name", "Carts").returncode == 0
    refused = desk.run("sync", "Carts", "--yes")
    assert refused.returncode == 2
    assert "users.track" in refused.stderr
    listed = desk.run("cohort", "export", "Carts", "--for-braze")
    assert listed.returncode == 0
    assert listed.stdout == "external_id\n" + "".join(f"{person}\n" for person in people(0, 30))
    assert "Import Users" in listed.stderr
    assert "creates a person" in listed.stderr
    report = desk.json("cohort", "export", "Carts", "--for-braze", "--as", "attribute")
    assert (report["rows"], report["true"], report["attribute"]) == (30, 30, "heap_carts")
    with open(report["file"], encoding="utf-8") as file:
        assert file.readline() == "external_id,heap_carts\n"
    asked = desk.run("cohort", "export", "Carts", "--for-braze", "--only-known")
    assert asked.returncode == 2
    assert "REST key" in asked.stderr


def test_the_way_is_a_setting_of_the_profile(desk: Desk) -> None:
    rest_only(desk)
    desk.run("profile", "set", "acme", f"endpoint={desk.sandbox['braze_url']}")
    assert "Custom attribute (attribute)" in desk.run("profile", "show", "acme").stdout
    assert desk.run("profile", "set", "acme", "route=cohort_import").returncode == 0
    assert "partner_api_key, data_import_key is missing" in desk.run("profile", "show", "acme").stdout
    assert desk.run("profile", "set", "acme", "route=pigeon").returncode == 2
    desk.run("--profile", "acme", "cohort", "import", desk.file(people(0, 3)), "--name", "Carts")
    missing = desk.run("--profile", "acme", "sync", "Carts", "--yes")
    assert missing.returncode == 2
    assert "partner_api_key and data_import_key" in missing.stderr
    assert desk.run("--profile", "acme", "sync", "Carts", "--yes", HEAPTUI_ROUTE="attribute").returncode == 0


def test_addresses_are_imported_where_the_way_takes_them(desk: Desk) -> None:
    file = desk.file(["a@example.jp", "b@example.jp"])
    refused = desk.run("cohort", "import", file, "--name", "Mail", "--kind", "email")
    assert refused.returncode == 2
    assert "Heap Cohorts takes no e-mail addresses" in refused.stderr
    rest_only(desk)
    assert desk.run("cohort", "import", file, "--name", "Mail", "--kind", "email").returncode == 0
    desk.ask("POST", "people", b'{"external_id": "x1", "email": "a@example.jp"}')
    assert desk.run("sync", "Mail", "--yes").returncode == 0
    assert desk.carry("heap_mail") == {"x1"}
