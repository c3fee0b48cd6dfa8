"""Copies of a ledger: whole or not there, found again newest first, and looked at before anybody is sent to them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path


def copy_ledger(connection: sqlite3.Connection, target: Path) -> None:
    """Copy a ledger through SQLite's backup API; the copy appears whole or not at all."""
    # Two processes may copy at the same moment.
    half = target.with_name(f"{target.name}.{os.getpid()}.part")
    half.unlink(missing_ok=True)
    try:
        copy = sqlite3.connect(half)
        try:
            connection.backup(copy)
        finally:
            copy.close()
        os.replace(half, target)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def copies_of(path: Path) -> list[Path]:
    """The daily copies of a ledger, newest first."""
    return sorted(path.parent.glob(f"{path.stem}.copy-*.db"), reverse=True)


def newest_good_copy(path: Path) -> Path | None:
    """The newest daily copy that SQLite finds sound."""
    return next((copy for copy in copies_of(path) if _sound(copy)), None)


def _sound(path: Path) -> bool:
    with contextlib.suppress(sqlite3.Error):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return [row[0] for row in connection.execute("PRAGMA quick_check(1)")] == ["ok"]
        finally:
            connection.close()
    return False
