"""Five million people planned and synced: the peak memory of the process that does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PEOPLE = 5_000_000
HEAPTUI = [sys.executable, "-m", "heaptui"]


def run() -> list[str]:
    server = subprocess.Popen([*HEAPTUI, "sandbox", "--everyone-known"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        sandbox = json.loads(server.stdout.readline())
        with tempfile.TemporaryDirectory() as folder:
            environ = {
                **os.environ,
                "HEAPTUI_HOME": folder,
                "HEAPTUI_BRAZE_ENDPOINT": sandbox["braze_url"],
                "HEAPTUI_PARTNER_API_KEY": sandbox["partner_api_key"],
                "HEAPTUI_DATA_IMPORT_KEY": sandbox["data_import_key"],
            }
            file = Path(folder) / "everybody.csv"
            with file.open("w", encoding="utf-8") as out:
                out.write("user_id\n")
                out.writelines(f"user-{number:09d}\n" for number in range(PEOPLE))
            return [
                _measured("import", [*HEAPTUI, "cohort", "import", str(file), "--name", "All"], environ),
                _measured("plan", [*HEAPTUI, "sync", "All", "--dry-run"], environ),
                _measured("sync", [*HEAPTUI, "sync", "All", "--yes"], environ),
            ]
    finally:
        server.terminate()
        server.wait()


def _measured(what: str, command: list[str], environ: dict[str, str]) -> str:
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, what
    took = time.perf_counter() - started
    return f"{what} of {PEOPLE:,}: peak {usage.ru_maxrss // 1024} MB (target 350 MB), {took:.0f} s"
