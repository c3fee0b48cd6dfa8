"""Currents in real processes: kills lose nothing and double nothing, files go the same way, commands tell the truth."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest

from heaptui.model.currents_batch import id_of
from heaptui.serving import bound_socket
from tests.cli.conftest import HEAPTUI, Desk
from tests.services.currents_world import an_event, posted

FAULTS: list[dict[str, Any]] = [
    {"effect": "status", "status": 500},
    {"effect": "status", "status": 503, "applied": True},
    {"effect": "timeout_after"},
    {"effect": "timeout_before"},
    {"effect": "reset_after"},
    {"effect": "status", "status": 429},
    {"effect": "slow", "seconds": 0.05},
]


@pytest.fixture
def currents(desk: Desk) -> Desk:
    desk.environ |= {
        "HEAPTUI_HEAP_ENDPOINT": desk.sandbox["heap_url"],
        "HEAPTUI_HEAP_APP_ID": desk.sandbox["heap_app_id"],
        "HEAPTUI_CURRENTS_TOKEN": desk.sandbox["currents_token"],
    }
    return desk


def ask_heap(desk: Desk, method: str, path: str, data: Any = None) -> Any:
    body = json.dumps(data).encode() if data is not None else None
    request = urllib.request.Request(f"{desk.sandbox['heap_url']}/_sandbox/{path}", body, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def free_port() -> int:
    bound = bound_socket("127.0.0.1", 0, "")
    port: int = bound.getsockname()[1]
    bound.close()
    return port


def listener(desk: Desk, port: int, *words: str) -> subprocess.Popen[str]:
    """A process that listens."""
    process = subprocess.Popen(
        [*HEAPTUI, "listen", "--port", str(port), *words], env=desk.environ, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    while not (line := process.stderr.readline()).startswith("listening on"):
        assert line, "the listener ended"
    return process


@contextmanager
def listening(desk: Desk, port: int, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = listener(desk, port, *words)
    assert process.stderr is not None
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(20) in (0, -signal.SIGKILL)
        finally:
            process.kill()
            process.stderr.close()


def wait_for(holds: Any, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def flow(desk: Desk, port: int, **more: Any) -> None:
    url = f"http://127.0.0.1:{port}/braze/currents?workspace=Brand%20A"
    data = {"url": url, "token": desk.sandbox["currents_token"], "pause": 0.05, **more}
    desk.ask("POST", "currents", json.dumps(data).encode())


def test_killed_receivers_and_forwarders_lose_nothing_and_double_nothing(currents: Desk) -> None:
    seed = 3
    rng = random.Random(seed)
    port = free_port()
    rules = [{**fault, "probability": 0.2} for fault in FAULTS]
    ask_heap(currents, "PUT", "faults", {"rules": rules, "seed": seed})
    flow(currents, port, events=6000, per_second=2500, duplicates=0.2, seed=seed)
    for _ in range(4):
        with listening(currents, port, "--forward") as process:
            time.sleep(rng.uniform(0.1, 0.8))
            process.kill()
    with listening(currents, port, "--forward"):
        sent = wait_for(lambda: (told := currents.ask("GET", "currents")) and not told["running"] and told)
        ask_heap(currents, "DELETE", "faults")
        stats = wait_for(lambda: (s := currents.json("currents", "stats")) and s["waiting"] == 0 and s)
    assert (sent["made"], sent["dropped"], sent["waiting"]) == (6000, 0, 0)
    assert stats["received"] == 6000
    assert stats["forwarded"] + stats["filtered"] + stats["dead_letters"] == 6000
    assert stats["dead_letters"] == 0
    keys = [event["idempotency_key"] for event in ask_heap(currents, "GET", "events")["events"]]
    assert len(keys) == len(set(keys)) == stats["forwarded"], f"seed {seed}"


def test_a_receiver_and_a_forwarder_in_processes_of_their_own_lose_nothing_when_they_are_killed(currents: Desk) -> None:
    seed, events, amid = 11, 4000, 0
    rng = random.Random(seed)
    ports = {"receiver": free_port(), "forwarder": free_port()}
    words = {"receiver": (), "forwarder": ("--forward",)}
    rules = [{**fault, "probability": 0.15} for fault in FAULTS]
    ask_heap(currents, "PUT", "faults", {"rules": rules, "seed": seed})
    flow(currents, ports["receiver"], events=events, per_second=400, duplicates=0.2, seed=seed)

    def done(role: str) -> int:
        told = currents.ask("GET", "currents")
        return told["accepted"] if role == "receiver" else len(ask_heap(currents, "GET", "events")["events"])

    with ExitStack() as stack:
        running = {role: stack.enter_context(listening(currents, ports[role], *words[role])) for role in ports}
        for role in rng.sample(list(ports) * 3, 6):
            enough = done(role) + rng.randrange(1, 150)
            wait_for(
                lambda role=role, enough=enough: done(role) >= enough or not currents.ask("GET", "currents")["running"]
            )
            amid += currents.ask("GET", "currents")["running"]
            running[role].kill()
            assert running[role].wait() == -signal.SIGKILL, f"seed {seed}: the {role} had ended"
            running[role] = stack.enter_context(listening(currents, ports[role], *words[role]))
        sent = wait_for(lambda: (told := currents.ask("GET", "currents")) and not told["running"] and told)
        ask_heap(currents, "DELETE", "faults")
        stats = wait_for(lambda: (s := currents.json("currents", "stats")) and s["waiting"] == 0 and s)
    assert amid >= 2, "the kills came too late"
    assert (sent["made"], sent["dropped"], sent["waiting"]) == (events, 0, 0)
    assert (stats["received"], stats["dead_letters"]) == (events, 0)
    assert stats["forwarded"] + stats["filtered"] == events
    keys = [event["idempotency_key"] for event in ask_heap(currents, "GET", "events")["events"]]
    assert len(keys) == len(set(keys)) == stats["forwarded"], f"seed {seed}"
    (path,) = currents.folder.glob("home/**/*.currents.db")
    with closing(sqlite3.connect(path)) as connection:
        forwarded = connection.execute("SELECT key FROM event WHERE outcome = 1").fetchall()
    assert set(keys) == {id_of(key) for (key,) in forwarded}, f"seed {seed}"


def test_a_file_goes_the_same_way_and_a_second_time_changes_nothing(currents: Desk) -> None:
    path = currents.folder / "events.jsonl"
    lines = [json.dumps(an_event(number)) for number in range(30)]
    lines.append(json.dumps({"events": [an_event(number) for number in range(25, 40)]}))
    path.write_text("\n".join([*lines, "", "no json"]) + "\n", encoding="utf-8")
    first = currents.json("currents", "replay", str(path))
    assert (first["read"], first["new"], first["duplicates"], first["unreadable"]) == (45, 40, 5, [33])
    again = currents.run("currents", "replay", "-", "--forward", "--json", stdin=path.read_text("utf-8"))
    assert (json.loads(again.stdout)["new"], json.loads(again.stdout)["waiting"]) == (0, 0)
    assert len(ask_heap(currents, "GET", "events")["events"]) == 40
    stats = currents.json("currents", "stats")
    assert (stats["received"], stats["forwarded"], stats["duplicates"]) == (40, 40, 50)
    assert stats["by_type"]["users.messages.email.Open"]["received"] == 40


def test_dead_letters_are_listed_and_sent_again(currents: Desk) -> None:
    path = currents.folder / "events.jsonl"
    path.write_text(json.dumps(an_event(1, url="x" * 2000)) + "\n" + json.dumps(an_event(2)), encoding="utf-8")
    currents.run("currents", "replay", str(path), "--forward")
    told = currents.run("currents", "dead-letters")
    assert "property url has 2,000 characters" in told.stdout
    assert "x" * 100 not in told.stdout
    (letter,) = map(json.loads, currents.run("currents", "dead-letters", "--json", "--bodies").stdout.splitlines())
    assert json.loads(letter["body"])["id"] == an_event(1)["id"]
    again = currents.json("currents", "replay", "--dead", "--forward")
    assert (again["revived"], again["dead_letters"]) == (1, 1)


def test_one_event_is_shown_in_both_shapes(currents: Desk) -> None:
    event = an_event(7, media_urls=["a", "b"], flag=True, nothing=None)
    currents.run("currents", "replay", "-", stdin=json.dumps(event))
    shown = currents.json("currents", "show", event["id"])
    assert shown["braze"] == event
    assert shown["heap"]["properties"]["braze-media_urls"] == "a||b"
    fates = {field["field"]: field["fate"] for field in shown["fields"]}
    assert fates["properties.nothing"] == "dropped"
    assert "braze-media_urls" in currents.run("currents", "show", event["id"]).stdout
    line = json.loads(currents.run("currents", "tail", "--as-heap").stdout)
    assert line == shown["heap"]
    assert json.loads(currents.run("currents", "tail").stdout) == event
    missing = currents.run("currents", "show", "nowhere")
    assert (missing.returncode, "There is no event" in missing.stderr) == (2, True)


def test_an_event_that_cannot_be_read_is_shown_and_dies_again_with_the_same_reason(currents: Desk) -> None:
    deep = json.dumps({**an_event(1), "properties": "?"}).replace('"?"', '{"a":' * 800 + "7" + "}" * 800)
    lines = f'{{"events":[{deep},{{"a":nul}},{json.dumps(an_event(2))}]}}'
    first = currents.run("currents", "replay", "-", "--forward", "--json", stdin=lines)
    assert (json.loads(first.stdout)["new"], json.loads(first.stdout)["dead_letters"]) == (3, 1), first.stderr
    (letter,) = map(json.loads, currents.run("currents", "dead-letters", "--json", "--bodies").stdout.splitlines())
    assert json.loads(letter["body"]) == '{"a":nul}'
    shown = currents.json("currents", "show", letter["id"])
    assert (shown["braze"], shown["state"], shown["why_not"]) == ('{"a":nul}', "dead letter", letter["reason"])
    assert '"a":{"a":{"a":' in currents.run("currents", "show", an_event(1)["id"], "--json").stdout
    tail = currents.run("currents", "tail")
    assert (tail.returncode, len(tail.stdout.splitlines())) == (0, 3)
    assert currents.json("currents", "replay", "--dead", "--forward")["dead_letters"] == 1
    (again,) = map(json.loads, currents.run("currents", "dead-letters", "--json").stdout.splitlines())
    assert again["reason"] == letter["reason"]


def test_without_events_everything_is_told_calmly(currents: Desk) -> None:
    assert currents.json("currents", "stats")["received"] == 0
    assert "Nothing was received yet" in currents.run("currents", "stats").stderr
    assert "No dead letters" in currents.run("currents", "dead-letters").stderr
    assert currents.run("currents", "tail").stdout == ""
    assert currents.run("currents", "replay").returncode == 2
    assert currents.run("currents", "stats", "--json", "--read-only").returncode == 0


def test_forwarding_needs_a_token_and_an_app_id(currents: Desk) -> None:
    without_id = currents.run("listen", "--port", "0", "--forward", HEAPTUI_HEAP_APP_ID="")
    assert (without_id.returncode, "Heap app id" in without_id.stderr) == (2, True)
    without_token = currents.run("listen", "--port", "0", "--forward", HEAPTUI_CURRENTS_TOKEN="")
    assert (without_token.returncode, "Currents token" in without_token.stderr) == (2, True)


def events_of(desk: Desk) -> sqlite3.Connection:
    (path,) = desk.folder.glob("home/**/*.currents.db")
    return sqlite3.connect(path, timeout=20, isolation_level=None)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code and what was said until then."""
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize("words", [["--forward"], []])
def test_a_listener_whose_other_half_died_for_good_ends_and_says_so(currents: Desk, words: list[str]) -> None:
    process = listener(currents, free_port(), *words)
    with closing(events_of(currents)) as connection:
        # What no retry mends: another database than the one that was opened.
        connection.execute("ALTER TABLE batch RENAME TO gone")
    code, said = ended(process)
    assert code == 2
    assert "This is a bug in heaptui." in said
    assert "Traceback" not in said
    (report,) = currents.folder.glob("home/logs/crash-*.txt")
    assert "no such table: batch" in report.read_text("utf-8")


def test_a_busy_database_is_waited_for_and_receiving_and_forwarding_go_on(currents: Desk) -> None:
    port = free_port()
    with listening(currents, port, "--forward") as process:
        with closing(events_of(currents)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            assert process.stderr is not None
            while "trying again" not in (line := process.stderr.readline()):
                assert line, "the listener ended"
        body = json.dumps({"events": [an_event(1)]}).encode()
        url = f"http://127.0.0.1:{port}/braze/currents"
        assert wait_for(lambda: posted(url, body, currents.sandbox["currents_token"], {})) == 204
        wait_for(lambda: ask_heap(currents, "GET", "events")["events"])


def test_a_damaged_body_keeps_nobody_from_receiving(currents: Desk) -> None:
    currents.run("currents", "replay", "-", stdin=json.dumps(an_event(1)))
    with closing(events_of(currents)) as connection:
        connection.execute("UPDATE batch SET body = x'00'")
        # As if nobody had looked at it yet.
        connection.execute("DELETE FROM meta WHERE key = 'digested'")
    port = free_port()
    with listening(currents, port, "--forward"):
        body = json.dumps({"events": [an_event(2)]}).encode()
        for _ in range(2):
            assert (
                posted(f"http://127.0.0.1:{port}/braze/currents", body, currents.sandbox["currents_token"], {}) == 204
            )
        wait_for(lambda: currents.json("currents", "stats")["received"] == 2)
    shown = currents.run("currents", "show", an_event(1)["id"])
    assert (shown.returncode, "is damaged" in shown.stderr) == (4, True)


def test_wrong_tokens_are_told_where_forged_pages_are(currents: Desk) -> None:
    port = free_port()
    with listening(currents, port):
        assert posted(f"http://127.0.0.1:{port}/braze/currents", b"", "a-guessed-token", {}) == 401
    told = currents.run("cohort", "list").stderr
    assert "! 1 request with a wrong Currents token, last " in told
    assert "guessed" not in told


def test_a_second_forwarder_is_told_about_the_first(currents: Desk) -> None:
    with listening(currents, free_port(), "--forward"):
        second = currents.run("listen", "--port", "0", "--forward")
        assert (second.returncode, "Another process forwards" in second.stderr) == (4, True)
        assert "Traceback" not in second.stderr


def test_somebody_is_forgotten_by_an_id_from_stdin(currents: Desk) -> None:
    currents.run("currents", "replay", "-", stdin="\n".join(json.dumps(an_event(number)) for number in range(3)))
    told = currents.run("currents", "forget", "-", "--json", stdin="u000001\n")
    assert json.loads(told.stdout) == {"erased": 1}
    assert "u000001" not in currents.run("currents", "tail").stdout
    assert currents.run("currents", "forget", "-", stdin="").returncode == 2
    assert currents.run("currents", "forget", "u000002").returncode == 2
