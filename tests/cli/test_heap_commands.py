"""The commands about Heap's cohorts and about files that come again, as processes."""

from __future__ import annotations

import json
import os
import time

from heaptui.config import Home, load_config
from tests.cli.conftest import Desk, people
from tests.cli.test_listen import COHORT, listening, post, until
from tests.receiver.heap import page_body


def test_the_last_pages_can_be_listed_and_looked_into(desk: Desk) -> None:
    with listening(desk) as url:
        assert post(url, page_body(people(0, 5), total=2, task="abcdef123")) == 200
        assert post(url, page_body(None, ["gone-1"], number=2, total=2, task="abcdef123")) == 200
        until(lambda: desk.json("cohort", "show", COHORT, "--pages")["pages_waiting"] == 0)
    shown = desk.run("cohort", "show", COHORT, "--pages").stdout
    assert "2 of 2" in shown
    assert "abcdef12" in shown
    assert "signature raw" in shown
    page = desk.json("cohort", "show", "42", "--pages")["pages"][0]
    assert (page["joins"], page["leaves"], page["number"], page["total"]) == (0, 1, 2, 2)
    body = desk.run("cohort", "body", str(page["page_id"])).stdout
    assert "gone" not in body
    assert "xxxx-9" in body
    assert "gone-1" in desk.run("cohort", "body", str(page["page_id"]), "--show-ids").stdout


def test_a_forged_page_is_told_by_the_listener_and_by_the_list(desk: Desk) -> None:
    with listening(desk) as url:
        assert post(url, page_body(["a"]), secret="guessed") == 403
    listed = desk.run("cohort", "list")
    assert "1 request with a wrong signature" in listed.stderr
    assert "from 127.0.0.1" in listed.stderr
    assert json.loads(desk.run("cohort", "list", "--json").stdout) == {"cohorts": []}


def test_switch_kind_and_wish_are_answered_by_command(desk: Desk) -> None:
    with listening(desk) as url:
        post(url, page_body(people(0, 5)))
        post(url, page_body(action="segment.users.drain", task=None))
        until(lambda: desk.json("cohort", "show", COHORT)["drain_asked_at"])
    assert "Heap asks" in desk.run("cohort", "show", COHORT).stdout
    assert desk.json("cohort", "automatic", COHORT, "on")["automatic"] is True
    kept = desk.json("cohort", "drain", COHORT, "--keep")
    assert kept["members"] == 5
    assert desk.run("cohort", "drain", COHORT, "--empty").returncode == 2
    assert desk.run("cohort", "drain", COHORT).returncode == 2
    assert desk.json("cohort", "kind", COHORT, "alias", "--alias-label", "crm")["alias_label"] == "crm"
    assert desk.json("sync", COHORT, "--dry-run")["plans"][0]["adds"] == 5


def configured(desk: Desk, text: str) -> None:
    home = Home.find(desk.environ["HEAPTUI_HOME"], {})
    home.config_dir.mkdir(parents=True, exist_ok=True)
    home.config_file.write_text(f"[profiles.acme]\n{text}")
    load_config(home)


def test_refresh_reads_the_newest_file_of_a_pattern_with_the_remembered_column(desk: Desk) -> None:
    (desk.folder / "carts_1.csv").write_text("name,user_id\nA,p00001\nB,p00002\n")
    imported = desk.json(
        "cohort", "import", str(desk.folder / "carts_1.csv"), "--name", "Carts", "--id-column", "user_id"
    )
    assert desk.json("cohort", "refresh", "Carts")["cohorts"][0]["unchanged"] is True
    configured(desk, '[profiles.acme.cohorts.Carts]\npattern = "carts_*.csv"\nevery = "1d"\n')
    (desk.folder / "carts_2.csv").write_text("name,user_id\nB,p00002\nC,p00003\nD,p00004\n")
    os.utime(desk.folder / "carts_1.csv", (time.time() - 50, time.time() - 50))
    named = desk.run("--profile", "acme", "cohort", "import", str(desk.folder / "carts_1.csv"), "--name", "Carts")
    assert named.returncode == 0, named.stderr
    done = desk.run("--profile", "acme", "cohort", "refresh", "--all")
    assert (done.returncode, "carts_2.csv, column user_id" in done.stderr) == (0, True), done.stderr
    assert "+2 join, -1 leave" in done.stderr
    assert imported["members"] == 2


def test_a_nightly_sync_reads_files_again_and_goes_on_when_one_is_missing(desk: Desk) -> None:
    carts, vip = desk.file(people(0, 10), "carts.csv"), desk.file(people(20, 25), "vip.csv")
    for path, name in ((carts, "Carts"), (vip, "VIP")):
        desk.run("cohort", "import", path, "--name", name)
        desk.run("sync", name, "--yes")
    desk.file(people(0, 12), "carts.csv")
    os.unlink(vip)
    night = desk.run("sync", "--all", "--refresh", "--yes", "--json")
    assert night.returncode == 2, night.stderr
    assert "VIP: not read again" in night.stderr
    cohort = next(one for one in desk.json("cohort", "list")["cohorts"] if one["name"] == "Carts")
    assert desk.held(cohort["cohort_id"]) == set(people(0, 12))


def test_a_file_that_lost_nearly_everybody_is_read_with_a_warning_and_held_by_the_sync(desk: Desk) -> None:
    path = desk.file(people(0, 60))
    desk.run("cohort", "import", path, "--name", "Carts")
    desk.run("sync", "Carts", "--yes")
    desk.file(people(0, 3))
    night = desk.run("sync", "--all", "--refresh", "--yes")
    assert night.returncode == 5
    assert "57 of 60 people would leave" in night.stderr
    assert len(desk.held(desk.json("cohort", "list")["cohorts"][0]["cohort_id"])) == 60


def test_a_file_is_old_when_its_owner_says_so(desk: Desk) -> None:
    path = desk.file(people(0, 3))
    os.utime(path, (time.time() - 3 * 86_400, time.time() - 3 * 86_400))
    configured(desk, '[profiles.acme.cohorts."Carts"]\nevery = "1d"\n')
    desk.run("--profile", "acme", "cohort", "import", path, "--name", "Carts")
    assert (
        "The file is 3 d old; a new one is due every 1d."
        in desk.run("--profile", "acme", "cohort", "show", "Carts").stdout
    )


def test_an_interval_that_is_none_is_refused(desk: Desk) -> None:
    home = Home.find(desk.environ["HEAPTUI_HOME"], {})
    home.config_dir.mkdir(parents=True)
    home.config_file.write_text('[profiles.acme.cohorts.Carts]\nevery = "often"\n')
    refused = desk.run("--profile", "acme", "cohort", "list")
    assert refused.returncode == 2
    assert "every" in refused.stderr
