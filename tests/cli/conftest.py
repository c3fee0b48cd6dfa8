"""A sandbox in a process of its own, and commands that know where it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

HEAPTUI = [sys.executable, "-m", "heaptui"]


class Desk(Struct):
    """A sandbox process, and commands that know where it is."""

    sandbox: dict[str, str]
    environ: dict[str, str]
    folder: Path

    def run(self, *words: str, stdin: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*HEAPTUI, *words], env={**self.environ, **extra}, input=stdin, capture_output=True, text=True, timeout=60
        )

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)

    def ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(f"{self.sandbox['braze_url']}/_sandbox/{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def file(self, people: list[str], name: str = "ids.csv") -> str:
        path = self.folder / name
        path.write_text("user_id\n" + "".join(f"{person}\n" for person in people), encoding="utf-8")
        return str(path)

    def fault(self, **rule: Any) -> None:
        self.ask("PUT", "faults", json.dumps({"rules": [rule]}).encode())

    def held(self, cohort_id: str) -> set[str]:
        return set(self.ask("GET", f"cohorts/{cohort_id}")["members"]["external_id"])

    def carry(self, attribute: str) -> set[str]:
        return set(self.ask("GET", f"attributes/{attribute}")["true"])


def people(start: int, stop: int) -> list[str]:
    return [f"p{number:05d}" for number in range(start, stop)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    server = subprocess.Popen([*HEAPTUI, "sandbox", "--seed", "5"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    sandbox = json.loads(server.stdout.readline())
    environ = {
        **os.environ,
        "HEAPTUI_HOME": str(tmp_path / "home"),
        "HEAPTUI_BRAZE_ENDPOINT": sandbox["braze_url"],
        "HEAPTUI_PARTNER_API_KEY": sandbox["partner_api_key"],
        "HEAPTUI_DATA_IMPORT_KEY": sandbox["data_import_key"],
        "HEAPTUI_SETTLE_SECONDS": "0.5",
        "HEAPTUI_READ_TIMEOUT_SECONDS": "0.5",
        "HEAPTUI_BACKOFF_SECONDS": "0.01",
    }
    desk = Desk(sandbox, environ, tmp_path)
    desk.ask("POST", "people", "\n".join(people(0, 4000)).encode())
    yield desk
    server.terminate()
    assert server.wait(10) == 0
    server.stdout.close()
