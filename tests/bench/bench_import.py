"""Import of a million new ids from a shuffled CSV, against the least that SQLite needs to keep them."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import time
from pathlib import Path
from statistics import median

from heaptui.config import Home, Profile
from heaptui.services.imports import ImportRequest
from heaptui.services.workspace import open_workspace

PEOPLE = 1_000_000
TARGET = 2.5


def run() -> list[str]:
    """Three rounds of both, medians."""
    ids = [f"{number:08d}" for number in random.Random(7).sample(range(100_000_000), PEOPLE)]
    bare, first, again, second = [], [], [], []
    for _ in range(3):
        with tempfile.TemporaryDirectory(prefix="heaptui-bench-") as folder:
            bare.append(_bare(Path(folder), sorted(ids)))
            times = asyncio.run(_import(Path(folder), ids))
            first.append(times[0])
            again.append(times[1])
            second.append(times[2])
    base = median(bare)
    return [
        f"import of 1 M new ids from CSV: {median(first) / base:.2f} × sqlite3.executemany (target ≤ {TARGET}),"
        f" {median(first):.2f} s against {base:.2f} s",
        f"  the same people again: {median(again) / base:.2f} ×",
        f"  1 M other people, between the first: {median(second) / base:.2f} ×",
    ]


def _bare(folder: Path, rows: list[str]) -> float:
    connection = sqlite3.connect(folder / "bare.db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE identity (value TEXT PRIMARY KEY) WITHOUT ROWID")
    begin = time.perf_counter()
    with connection:
        connection.executemany("INSERT INTO identity VALUES (?)", ((row,) for row in rows))
    taken = time.perf_counter() - begin
    connection.close()
    return taken


async def _import(folder: Path, ids: list[str]) -> list[float]:
    """Seconds for new people, the same people, and as many new ones between them."""
    first, second = folder / "first.csv", folder / "second.csv"
    first.write_text("user_id\n" + "\n".join(ids) + "\n")
    second.write_text("user_id\n" + "\n".join(f"{value}5" for value in ids) + "\n")
    times = []
    async with open_workspace(Home.find(str(folder / "home"), {}), Profile(name="bench"), {}) as workspace:
        for path, name in ((first, "one"), (first, "one"), (second, "two")):
            begin = time.perf_counter()
            preview = await workspace.cohorts.preview_import(ImportRequest(str(path), name))
            cohort = await workspace.cohorts.apply_import(preview)
            times.append(time.perf_counter() - begin)
            assert cohort.members == PEOPLE
    return times
