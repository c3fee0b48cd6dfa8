"""One exception tree. Each error tells people what happened, what it means and what to do next.

HeaptuiError
├── UsageError            exit 2: a wrong argument, file, name or setting
│   └── KeyChanged        exit 2: a key is another one than before, and nobody said that the workspace is the same
├── CredentialRefused     exit 3: a given key was refused
├── Unreachable           exit 4: unreachable, interrupted by the other side, or locked; can be continued
│   └── CohortLocked      exit 4: another process is writing this cohort
├── Refused               exit 5: held by the guard, or refused by a read-only profile
└── LedgerError           exit 4: the ledger cannot be written or read
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a command's exit code promises to scripts."""

    DONE = 0
    REJECTED = 1
    USAGE = 2
    CREDENTIALS = 3
    UNREACHABLE = 4
    HELD = 5
    INTERRUPTED = 130


class HeaptuiError(Exception):
    """An expected failure, told in three lines: title (what), detail (what it means), hint (what to do)."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, title: str, detail: str = "", hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        return " ".join(part for part in (self.title, self.detail, self.hint) if part)


class UsageError(HeaptuiError):
    """A wrong argument, file, name or setting."""

    exit_code = ExitCode.USAGE


class KeyChanged(UsageError):
    """A key is another one than before: rotated, or of another workspace."""


class CredentialRefused(HeaptuiError):
    """A credential that was given was refused by the other side."""

    exit_code = ExitCode.CREDENTIALS


class Unreachable(HeaptuiError):
    """The other side cannot be reached, or interrupted the work; it can be continued."""

    exit_code = ExitCode.UNREACHABLE


class CohortLocked(Unreachable):
    """Another process of this machine is writing the cohort."""


class Refused(HeaptuiError):
    """Held by the guard, or refused because the profile is read-only."""

    exit_code = ExitCode.HELD


class LedgerError(HeaptuiError):
    """The ledger cannot be opened, read or written."""

    exit_code = ExitCode.UNREACHABLE
