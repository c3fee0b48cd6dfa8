"""`heaptui verify` as scripts and people meet it."""

from __future__ import annotations

from pathlib import Path

from heaptui.model.lexicon import entry_of
from tests.cli.conftest import Desk
from tests.cli.terminal import Terminal

NOBODY = "00000000-0000-4000-8000-000000000001"


def test_good_keys_are_ready_and_their_shape_is_what_other_programs_rely_on(desk: Desk) -> None:
    desk.environ["HEAPTUI_REST_API_KEY"] = desk.sandbox["rest_api_key"]
    found = desk.json("verify")
    assert (found["verdict"], found["instance"], found["routes"]["cohort_import"]) == ("ready", "loopback", True)
    by_id = {check["id"]: check for check in found["checks"]}
    assert {"id", "state", "latency_ms", "detail", "remedy"} <= by_id["partner_key"].keys()
    assert by_id["data_import_key"]["state"] == by_id["users.track"]["state"] == "ok"


def test_a_refused_key_exits_with_3_and_says_who_mends_it(desk: Desk) -> None:
    done = desk.run("verify", HEAPTUI_DATA_IMPORT_KEY=NOBODY)
    assert done.returncode == 3
    assert "NOT READY. Data Import Key: Braze refuses it." in done.stdout
    assert "Partner Integrations › Technology Partners › Heap" in done.stdout
    causes = "; ".join(f"{n}. {cause}" for n, cause in enumerate(entry_of("braze.401.data_import_key").causes, 1))
    assert f"Causes: {causes}" in done.stdout
    assert NOBODY not in done.stdout + done.stderr


def test_a_host_that_is_not_there_exits_with_4(desk: Desk) -> None:
    done = desk.run("verify", HEAPTUI_BRAZE_ENDPOINT="https://rest.nowhere.invalid")
    assert done.returncode == 4
    assert "does not resolve" in done.stdout


def test_a_pasted_message_is_checked_and_nothing_is_kept(desk: Desk, tmp_path: Path) -> None:
    keys = desk.sandbox
    text = f"We use {keys['braze_url']}\nData Import Key: {keys['rest_api_key']}\nREST: {keys['data_import_key']}\n"
    done = desk.run("verify", "--paste", stdin=text)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "What you gave as Data Import Key is a REST key." in done.stdout
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_what_is_pasted_at_a_terminal_is_not_shown_and_other_words_are_asked_about(desk: Desk) -> None:
    keys = desk.sandbox
    terminal = Terminal("verify", "--paste", environ=desk.environ)
    terminal.until("Ctrl-D")
    terminal.press(
        f"{keys['braze_url']}\n{keys['rest_api_key']} token AbCdEfGh1234567890IjKlMn\n{keys['data_import_key']}\n\x04"
    )
    terminal.until("Try it, too?")
    terminal.press("n\n")
    assert terminal.end() == 0
    assert b"READY" in terminal.seen
    assert not any(keys[name].encode() in terminal.seen for name in ("rest_api_key", "data_import_key"))
    assert b"AbCdEfGh" not in terminal.seen


def test_without_a_partner_key_the_note_for_heap_is_printed(desk: Desk) -> None:
    done = desk.run("verify", HEAPTUI_PARTNER_API_KEY="")
    assert done.returncode == 0
    assert "CAN BE HANDED OVER" in done.stdout
    assert "whether the Heap partner is enabled for our Braze workspace" in done.stdout
