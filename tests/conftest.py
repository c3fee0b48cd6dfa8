"""Every test has a home of its own, no keys in its environment, no keyring, and a sandbox when it asks for one."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from heaptui.sandbox.server import Sandbox, running_sandbox

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in a job that a script started with `&`: the processes under test would never hear of ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.startswith("HEAPTUI_"):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("HEAPTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.delenv("NO_COLOR", raising=False)
    # As over SSH: the clipboard of whoever runs the tests stays as it is.
    monkeypatch.setenv("SSH_TTY", "/dev/null")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()


class SteeredSandbox(Sandbox):
    """A sandbox with the words tests use."""

    def know(self, external_ids: list[str]) -> None:
        for external_id in external_ids:
            self.world.know(external_id)

    def know_aliases(self, aliases: dict[str, dict[str, str]]) -> None:
        for external_id, labels in aliases.items():
            self.world.know(external_id, labels)

    def members(self, cohort_id: str) -> set[str]:
        cohort = self.world.cohorts.get(cohort_id)
        return set(cohort.members) if cohort else set()

    def name(self, cohort_id: str) -> str:
        return self.world.cohorts[cohort_id].name

    def clear_faults(self) -> None:
        self.braze.faults.clear()

    def apply_late(self) -> int:
        return self.braze.apply_late()


@pytest.fixture
async def sandbox() -> Any:
    async with running_sandbox(seed=1) as running:
        yield SteeredSandbox(running.braze_url, running.heap_url, running.keys, running.braze, running.heap)
