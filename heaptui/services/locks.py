"""One writer for each cohort, across the processes and profiles of this machine."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path

from filelock import FileLock, Timeout

from heaptui.services.pacing import Gate
from heaptui.store.target import Target

LOOK_AGAIN = 0.25


class CohortLock:
    """The lock of one cohort of one workspace. The kernel frees it when its owner dies."""

    def __init__(self, folder: Path, target: Target, cohort_id: str) -> None:
        fingerprint = target.key.fingerprint("lock") if target.key else ""
        name = hashlib.sha256(f"{target.endpoint}|{target.partner}|{fingerprint}|{cohort_id}".encode()).hexdigest()
        self._path = folder / f"{name[:16]}.lock"
        # Taken and released in whatever worker thread is free.
        self._lock = FileLock(self._path, thread_local=False, mode=0o600)

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
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    async def free(self) -> None:
        """Give it back, also when the wait for it is cancelled."""
        release = asyncio.ensure_future(asyncio.to_thread(self._lock.release))
        try:
            await asyncio.shield(release)
        except asyncio.CancelledError:
            await release
            raise
