"""SQLite's errors in words for people: what happened to the ledger, what it means, what to do."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from heaptui.errors import LedgerError
from heaptui.store.copies import newest_good_copy

_IN_WORDS = (
    (
        ("SQLITE_FULL",),
        "The disk is full.",
        "The ledger {path} could not be written, so nothing more was sent.",
        "Free some space, then continue: nothing that was accepted is lost.",
    ),
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        "Another process keeps the ledger locked.",
        "{path} could not be written for 5 s.",
        "See which heaptui is running: heaptui doctor",
    ),
    (
        ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR"),
        "The ledger cannot be opened or written.",
        "{path}: SQLite says {error}.",
        "Check the folder and its rights, or look without writing: heaptui --read-only",
    ),
)


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """What goes wrong with the ledger at `path` inside the block is raised as a LedgerError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise translated(error, path) from error


def translated(error: Exception, path: Path) -> Exception:
    """SQLite's errors in words; anything else as it is."""
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return LedgerError(
            "The ledger cannot be opened or written.", f"{path}: {reason}.", "Check the folder and its rights."
        )
    code = getattr(error, "sqlite_errorname", "") if isinstance(error, sqlite3.Error) else ""
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        good = newest_good_copy(path)
        hint = (
            f"The newest good daily copy is {good}: heaptui ledger import {good}"
            if good
            else "There is no good daily copy. heaptui ledger check tells more."
        )
        return LedgerError(f"The ledger {path} is damaged.", "Nothing is sent, so that nothing is lost.", hint)
    for codes, title, detail, hint in _IN_WORDS:
        if code.startswith(codes):
            return LedgerError(title, detail.format(path=path, error=error), hint)
    return error


def newer(path: Path, have: int, newest: int) -> LedgerError:
    """The ledger's schema is from a later heaptui."""
    return LedgerError(
        f"The ledger {path} was written by a newer heaptui.",
        f"Its schema is {have}, this heaptui knows {newest}. Nothing was sent or changed.",
        "Update heaptui: pip install --upgrade heaptui",
    )
