"""One writer for each cohort, across the processes and profiles of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from heaptui.errors import LedgerError
from heaptui.services.pacing import Gate
from heaptui.store.target import Target

LOOK_AGAIN = 0.25


class Holder(msgspec.Struct, frozen=True):
    """The process that holds a lock; `since` in seconds since the epoch."""

    pid: int
    since: float

    def __str__(self) -> str:
        return f"process {self.pid}, since {time.strftime('%H:%M:%S', time.localtime(self.since))}"


class CohortLock:
    """The lock of one cohort of one workspace. The kernel frees it when its owner dies.

    It is one lock for each way that a run may use, and one for the ledger: processes with other keys for the same
    ledger, and other ledgers for the same workspace, are kept out alike.
    """

    def __init__(self, folder: Path, targets: Sequence[Target], cohort_id: str, ledger: Path) -> None:
        subjects = [str(ledger.absolute())]
        for target in targets:
            fingerprint = target.key.fingerprint("lock") if target.key else ""
            subjects.append(f"{target.endpoint}|{target.partner}|{fingerprint}")
        names = sorted(hashlib.sha256(f"{subject}|{cohort_id}".encode()).hexdigest()[:16] for subject in subjects)
        # Taken and released in whatever worker thread is free; always in one order.
        self._locks = [FileLock(folder / f"{name}.lock", thread_local=False, mode=0o600) for name in names]
        self._path = folder / f"{names[0]}.lock"
        self._busy = self._path

    async def holder(self) -> Holder | None:
        """Who holds it, as far as that process could note it down: also one of another profile."""
        return await asyncio.to_thread(self._read_note)

    def _read_note(self) -> Holder | None:
        try:
            return msgspec.json.decode(_note(self._busy).read_bytes(), type=Holder)
        except (OSError, msgspec.DecodeError):
            return None

    async def taken(self, wait: float, gate: Gate) -> bool:
        """Take it, waiting up to `wait` seconds; False when another process keeps it.

        Raises:
            Stopped: the gate closed meanwhile.
        """
        deadline = time.monotonic() + wait
        while True:
            if await self._tried():
                return True
            if time.monotonic() >= deadline:
                return False
            await gate.sleep(LOOK_AGAIN)

    async def _tried(self) -> bool:
        attempt = asyncio.ensure_future(asyncio.to_thread(self._try))
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            # The thread goes on: whatever it takes after we stopped waiting must be given back.
            if await attempt:
                await self.free()
            raise

    def _try(self) -> bool:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            for lock in self._locks:
                lock.acquire(timeout=0)
        except Timeout as busy:
            self._unlock()
            self._busy = Path(busy.lock_file)
            return False
        except OSError as error:
            self._unlock()
            raise LedgerError(
                "The lock of the cohort cannot be taken, so nothing is sent.",
                f"{self._path}: {error.strerror or error}.",
                "Check the folder and its rights.",
            ) from error
        with contextlib.suppress(OSError):
            # A courtesy to whoever waits; the lock holds without it.
            for lock in self._locks:
                _note(Path(lock.lock_file)).write_bytes(msgspec.json.encode(Holder(os.getpid(), time.time())))
        return True

    def _unlock(self) -> None:
        for lock in self._locks:
            if lock.is_locked:
                lock.release()

    async def free(self) -> None:
        """Give it back, also when the wait for it is cancelled."""
        release = asyncio.ensure_future(asyncio.to_thread(self._release))
        try:
            await asyncio.shield(release)
        except asyncio.CancelledError:
            await release
            raise

    def _release(self) -> None:
        with contextlib.suppress(OSError):
            for lock in self._locks:
                _note(Path(lock.lock_file)).unlink(missing_ok=True)
        self._unlock()


def _note(lock: Path) -> Path:
    """Beside the lock, since taking a lock empties its file."""
    return lock.with_suffix(".holder")
