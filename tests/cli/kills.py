"""A real sync process, killed again and again at random moments against a faulty sandbox."""

from __future__ import annotations

import json
import random
import subprocess
import time
from typing import Any

from heaptui.model.routes import COHORT_IMPORT
from tests.cli.conftest import HEAPTUI, Desk, people

FAULTS: list[dict[str, Any]] = [
    {"effect": "timeout_before"},
    {"effect": "timeout_after"},
    {"effect": "late", "delay_seconds": 0.3},
    {"effect": "reset_before"},
    {"effect": "reset_after"},
    {"effect": "status", "status": 503, "applied": True},
    {"effect": "status", "status": 500},
    {"effect": "status", "status": 429, "reset": "delta", "seconds": 0.05},
]


def survive(desk: Desk, kills: int, seed: int, route: str = COHORT_IMPORT) -> int:
    """Kill `kills` times, then sync cleanly: the sandbox holds exactly the cohort. The seed tells the story again.

    Returns how many processes were killed while they were delivering.
    """
    rng = random.Random(seed)
    amid = 0
    desk.environ |= {"HEAPTUI_ROUTE": route, "HEAPTUI_REST_API_KEY": desk.sandbox["rest_api_key"]}
    path = "users" if route == COHORT_IMPORT else "track"
    # Much longer than anything is applied late, also on a machine that stalls.
    desk.environ["HEAPTUI_SETTLE_SECONDS"] = "2"
    everybody = people(0, 6000)
    members: list[str] = []
    for number in range(kills):
        members = rng.sample(everybody, rng.randrange(500, 6000))
        imported = desk.run("cohort", "import", desk.file(members), "--name", "Carts")
        assert imported.returncode == 0, imported.stderr
        rules = [{**fault, "probability": 0.15, "match": {"path": path}} for fault in rng.sample(FAULTS, 3)] + [
            {"effect": "slow", "seconds": 0.05, "match": {"path": path}}
        ]
        desk.ask("PUT", "faults", json.dumps({"rules": rules, "seed": seed + number}).encode())
        before = _member_requests(desk)
        process = subprocess.Popen(
            [*HEAPTUI, "sync", "Carts", "--yes-really"],
            env=desk.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if number % 4:
            _wait_for_requests(desk, process, before + rng.randrange(1, 4))
        # Every fourth is killed whenever it is, also while it starts.
        moment = rng.uniform(0.0, 0.15) if number % 4 else rng.uniform(0.15, 1.0)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            amid += _member_requests(desk) > before
            process.kill()
            process.wait()
    desk.ask("DELETE", "faults")
    clean = desk.run("sync", "Carts", "--yes-really", "--json")
    assert clean.returncode == 0, f"seed {seed}: {clean.stdout} {clean.stderr}"
    delivery = json.loads(clean.stdout)["deliveries"][0]
    if delivery["unsettled_until"]:
        time.sleep(max(0.0, delivery["unsettled_until"] - time.time()) + 0.05)
        assert desk.run("sync", "Carts", "--yes-really").returncode == 0
    known = set(people(0, 4000))
    held = desk.held(delivery["cohort_id"]) if route == COHORT_IMPORT else desk.carry("heap_carts")
    assert held == set(members) & known, f"seed {seed}"
    assert desk.ask("GET", "requests")["both_directions"] == 0
    desk.run("sync", "Carts", "--yes-really")
    for run in desk.json("run", "list", "--limit", "500")["runs"]:
        assert run["state"] not in ("running", "planned", "waiting"), f"seed {seed}: {run}"
    return amid


def _member_requests(desk: Desk) -> int:
    found = desk.ask("GET", "requests")["requests"]
    return sum(sum(found.get(path, {}).values()) for path in ("/partners/heap/cohorts/users", "/users/track"))


def _wait_for_requests(desk: Desk, process: subprocess.Popen[bytes], count: int) -> None:
    deadline = time.monotonic() + 20
    while _member_requests(desk) < count and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
