"""Move, copy and check a ledger, the only record of what Braze holds; erase a person from it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

from msgspec import Struct

from heaptui.errors import LedgerError, Refused, UsageError
from heaptui.store import erasure, heartbeats
from heaptui.store.copies import copies_of
from heaptui.store.database import Database, check, daily_copy, duplicate, rewrite


class LedgerFacts(Struct, frozen=True):
    """What a ledger file holds."""

    path: Path
    size: int
    cohorts: int
    runs: int
    endpoint: str
    problems: list[str]
    copies: list[Path]
    running: list[str]
    """The processes that have it open, in words."""


async def inspect_ledger(path: Path) -> LedgerFacts:
    """Look a ledger over without changing it.

    Raises:
        LedgerError: there is none, or it cannot be read at all.
    """
    return await asyncio.to_thread(_inspect, path)


def _inspect(path: Path) -> LedgerFacts:
    problems = check(path)
    ledger = Database.open(path, read_only=True)
    try:

        def look(connection: sqlite3.Connection) -> tuple[int, int, str, list[str]]:
            cohorts = connection.execute("SELECT count(*) FROM cohort").fetchone()[0]
            runs = connection.execute("SELECT count(*) FROM run").fetchone()[0]
            row = connection.execute("SELECT value FROM meta WHERE key = 'endpoint'").fetchone()
            running = [
                f"process {pid} on {host} ({what}), since {time.strftime('%H:%M:%S', time.localtime(since))}"
                for pid, host, what, since in heartbeats.alive(connection, time.time())
            ]
            return cohorts, runs, row[0] if row else "", running

        cohorts, runs, endpoint, running = ledger.read_now(look)
    finally:
        ledger.close()
    return LedgerFacts(path, path.stat().st_size, cohorts, runs, endpoint, problems, copies_of(path), running)


async def export_ledger(path: Path, target: Path) -> Path:
    """Copy a ledger, whole and without keys (it never holds any), to a file of the user's choice.

    Raises:
        UsageError: the target exists.
        LedgerError: the ledger cannot be read, or the target not written.
    """
    await asyncio.to_thread(_export, path, target)
    return target


def _export(path: Path, target: Path) -> None:
    if target.exists():
        raise UsageError(f"{target} exists.", "Nothing was written.", "Choose another name.")
    if not path.exists():
        raise LedgerError(f"There is no ledger at {path}.", "", "Check the profile: heaptui profile list")
    duplicate(path, target)


async def import_ledger(source: Path, path: Path) -> Path | None:
    """Take a ledger over into a profile; the one that was there is kept beside it. Returns where.

    Raises:
        UsageError: the source is no sound ledger.
        Refused: the ledger that would be replaced is in use.
    """
    return await asyncio.to_thread(_import, source, path)


def _import(source: Path, path: Path) -> Path | None:
    facts = _inspect(source)
    if facts.problems:
        raise UsageError(f"{source} is damaged.", f"{facts.problems[0]}.", "Nothing was changed.")
    _refuse_while_in_use(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Whole and in place before anything that is here is moved: a full disk must not leave the profile without a ledger.
    half = path.with_suffix(".part")
    duplicate(source, half)
    kept = None
    if path.exists():
        kept = path.with_name(f"{path.stem}.before-{time.strftime('%Y%m%d-%H%M%S')}.db")
        path.replace(kept)
        for suffix in ("-wal", "-shm"):
            beside = path.with_name(path.name + suffix)
            if beside.exists():
                beside.replace(kept.with_name(kept.name + suffix))
    half.replace(path)
    # Whatever wrote the imported file is not running on it here.
    ledger = Database.open(path)
    try:
        ledger.submit(lambda connection: connection.execute("DELETE FROM heartbeat")).result()
    finally:
        ledger.close()
    return kept


async def forget_person(path: Path, value: str) -> list[Path]:
    """Erase an identifier from a ledger and from its copies; returns files beside it that may still hold it.

    Raises:
        UsageError: the ledger does not know it.
        Refused: a cohort still has it, or Braze may still hold it; or the ledger is in use.
    """
    return await asyncio.to_thread(_forget, path, value)


def _forget(path: Path, value: str) -> list[Path]:
    if not path.exists():
        raise LedgerError(f"There is no ledger at {path}.", "", "Check the profile: heaptui profile list")
    _refuse_while_in_use(path)

    def work(connection: sqlite3.Connection) -> int:
        holding = erasure.cohorts_holding(connection, value)
        if holding:
            raise Refused(
                "This person cannot be forgotten yet.",
                f"In these cohorts, or perhaps still in Braze: {', '.join(holding)}. Nothing was changed.",
                "Take the person out of the source, import it, and sync; then forget.",
            )
        return erasure.erase(connection, value)

    if not rewrite(path, work):
        raise UsageError(
            "The ledger does not know this identifier.",
            "Nothing was changed.",
            "From Currents events alone a person is erased by: heaptui currents forget -",
        )
    for old in (*copies_of(path), *path.parent.glob(f"{path.stem}-schema*.db")):
        old.unlink(missing_ok=True)
    daily_copy(path, time.time())
    return sorted(path.parent.glob(f"{path.stem}.before-*.db"))


def _refuse_while_in_use(path: Path) -> None:
    if not path.exists():
        return
    try:
        ledger = Database.open(path, read_only=True)
    except LedgerError:
        # A damaged ledger is what an import mends.
        return
    try:
        owners = ledger.read_now(lambda connection: heartbeats.alive(connection, time.time()))
    except LedgerError:
        owners = []
    finally:
        ledger.close()
    if owners:
        pid, host, what, _ = owners[0]
        raise Refused(
            "The ledger is in use.",
            f"Process {pid} on {host} ({what}) has it open. Nothing was changed.",
            "Close it, then try again.",
        )
