"""The commands about Heap's cohorts and about files that come again, as processes."""

from __future__ import annotations

import json
import os

from tests.cli.conftest import Desk, people
from tests.cli.test_listen import COHORT, listening, post, until
from tests.receiver.heap import page_body


def test_what_heap_sent_is_listed_looked_into_and_answered_by_command(desk: Desk) -> None:
    with listening(desk) as url:
        assert post(url, page_body(people(0, 5), total=2, task="abcdef123")) == 200
        assert post(url, page_body(None, ["gone-1"], number=2, total=2, task="abcdef123")) == 200
        assert post(url, page_body(action="segment.users.drain", task=None)) == 200
        assert post(url, page_body(["a"]), secret="guessed") == 403
        until(lambda: desk.json("cohort", "show", COHORT)["drain_asked_at"])
    listed = desk.run("cohort", "list")
    assert "1 request with a wrong signature" in listed.stderr
    assert "from 127.0.0.1" in listed.stderr
    told = desk.run("cohort", "show", COHORT, "--pages").stdout
    for text in ("2 of 2", "abcdef12", "signature raw", "Heap asks", "empty it"):
        assert text in told
    page = desk.json("cohort", "show", "42", "--pages")["pages"][1]
    assert (page["joins"], page["leaves"], page["number"], page["total"]) == (0, 1, 2, 2)
    body = desk.run("cohort", "body", str(page["page_id"])).stdout
    assert "gone" not in body
    assert "xxxx-9" in body
    assert desk.json("cohort", "automatic", COHORT, "on")["automatic"] is True
    assert desk.json("cohort", "drain", COHORT, "--keep")["members"] == 5
    assert desk.run("cohort", "drain", COHORT, "--empty").returncode == 2
    assert desk.json("cohort", "kind", COHORT, "alias", "--alias-label", "crm")["alias_label"] == "crm"
    assert desk.json("sync", COHORT, "--dry-run")["plans"][0]["adds"] == 5


def test_a_nightly_sync_reads_files_again_warns_holds_and_goes_on_when_one_is_missing(desk: Desk) -> None:
    carts, vip = desk.file(people(0, 60), "carts.csv"), desk.file(people(70, 75), "vip.csv")
    for path, name in ((carts, "Carts"), (vip, "VIP")):
        desk.run("cohort", "import", path, "--name", name)
    desk.run("sync", "Carts", "VIP", "--yes")
    desk.file(people(0, 62), "carts.csv")
    os.unlink(vip)
    night = desk.run("sync", "--all", "--refresh", "--yes", "--json")
    assert night.returncode == 2, night.stderr
    assert "VIP: not read again" in night.stderr
    delivered = {one["name"]: one["cohort_id"] for one in json.loads(night.stdout)["deliveries"]}
    assert desk.held(delivered["Carts"]) == set(people(0, 62))
    desk.file(people(0, 3), "carts.csv")
    desk.file(people(70, 75), "vip.csv")
    night = desk.run("sync", "--all", "--refresh", "--yes")
    assert night.returncode == 5
    assert "59 of 62 people would leave" in night.stderr
    assert len(desk.held(delivered["Carts"])) == 62
