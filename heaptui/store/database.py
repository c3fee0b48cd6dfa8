"""One SQLite file: its writer thread, its readers, its migrations and its daily copies.

Every write is a function of a connection that runs inside `BEGIN IMMEDIATE … COMMIT` in the one writer thread of
this process. Writes that wait together are committed together, so that a durable write costs a share of one disk
flush. Reads have connections of their own and never wait for the writer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from heaptui.errors import LedgerError, UsageError
from heaptui.store import heartbeats
from heaptui.store.copies import copies_of, copy_ledger
from heaptui.store.failures import newer, told, translated

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5000
COMMITTED_TOGETHER = 64
COPIES_KEPT = 7
DAY = 86_400
CHECKPOINT_EVERY = 1.0
"""Seconds between two moves of the write-ahead log into the ledger."""


class Database:
    """An open ledger file. Open it with `Database.open` off the event loop, close it with `close`."""

    def __init__(self, path: Path, *, read_only: bool, opened: Path) -> None:
        self.path = path
        self.read_only = read_only
        self._opened = opened
        self._jobs: queue.SimpleQueue[tuple[Callable[[sqlite3.Connection], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-reader")
        self._long_reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-long-reader")
        self._local = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []
        self._writer: threading.Thread | None = None
        if not read_only:
            self._writer = threading.Thread(target=self._write_loop, name="ledger-writer", daemon=True)
            self._writer.start()

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Database:
        """Open or create the ledger at `path`, bringing its schema up to date.

        Raises:
            LedgerError: damaged, not writable, locked, or written by a newer heaptui.
        """
        if read_only:
            return cls(path, read_only=True, opened=_readable(path))
        with told(path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = _connect(path)
            try:
                _migrate(connection, path)
            finally:
                connection.close()
        return cls(path, read_only=False, opened=path)

    @property
    def opened(self) -> Path:
        """The file that is really read: a copy where the ledger itself cannot be opened read-only."""
        return self._opened

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run one write in the writer thread; it is durable when this returns.

        A cancelled await counts as written: the write itself is never taken back.
        """
        return await asyncio.shield(asyncio.wrap_future(self.submit(job)))

    def submit(self, job: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue one write from any thread."""
        if self._writer is None:
            raise UsageError("This ledger is open read-only.", "Nothing was written.", "Open it without --read-only.")
        future: Future[T] = Future()
        self._jobs.put((job, future))
        return future

    async def read(self, job: Callable[[sqlite3.Connection], T], *, long: bool = False) -> T:
        """Run one read on one snapshot of the ledger; a `long` one does not keep the short ones waiting."""
        reader = self._long_reader if long else self._reader
        return await asyncio.get_running_loop().run_in_executor(reader, self.read_now, job)

    def read_now(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """The same for callers that are in a thread of their own."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        with told(self.path):
            if connection is None:
                connection = _connect(self._opened, read_only=True)
                self._local.connection = connection
                self._reader_connections.append(connection)
            connection.execute("BEGIN")
            try:
                return job(connection)
            finally:
                connection.execute("ROLLBACK")

    async def version(self) -> int:
        """A number that changes whenever another connection has committed something."""

        def data_version(connection: sqlite3.Connection) -> int:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

        return await self.read(data_version)

    def close(self) -> None:
        """Finish the queued writes and close every connection."""
        if self._writer is not None:
            self._jobs.put(None)
            self._writer.join()
        self._reader.shutdown(wait=True)
        self._long_reader.shutdown(wait=True)
        for connection in self._reader_connections:
            connection.close()
        if self._opened != self.path:
            shutil.rmtree(self._opened.parent, ignore_errors=True)

    def _write_loop(self) -> None:
        connection: sqlite3.Connection | None = None
        checkpoint_at = time.monotonic() + CHECKPOINT_EVERY
        while (first := self._jobs.get()) is not None:
            jobs = [first]
            last = False
            while len(jobs) < COMMITTED_TOGETHER and not last:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    last = True
                else:
                    jobs.append(following)
            try:
                if connection is None:
                    connection = _connect(self.path)
                    # SQLite would try it after every commit once the log is long, and readers keep it long.
                    connection.execute("PRAGMA wal_autocheckpoint = 0")
                _commit_together(connection, jobs, self.path)
                if time.monotonic() >= checkpoint_at:
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                    checkpoint_at = time.monotonic() + CHECKPOINT_EVERY
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait for the write must hear it
                for _, future in jobs:
                    if not future.done():
                        future.set_exception(translated(error, self.path))
            if last:
                break
        if connection is not None:
            connection.close()


def _commit_together(
    connection: sqlite3.Connection,
    jobs: list[tuple[Callable[[sqlite3.Connection], Any], Future[Any]]],
    path: Path,
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    results: list[tuple[Future[Any], Any]] = []
    failures: list[tuple[Future[Any], Exception]] = []
    try:
        for job, future in jobs:
            connection.execute("SAVEPOINT job")
            try:
                results.append((future, job(connection)))
            except Exception as error:
                # A failing job must not take the others of this commit with it.
                if not connection.in_transaction:
                    raise
                connection.execute("ROLLBACK TO job")
                failures.append((future, error))
            connection.execute("RELEASE job")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    for future, result in results:
        future.set_result(result)
    for future, failure in failures:
        future.set_exception(translated(failure, path))


def _connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_MS / 1000
    )
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("PRAGMA temp_store = MEMORY")
    if not read_only:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    return connection


def _readable(path: Path) -> Path:
    """A path that can be opened read-only: the file itself, or a copy.

    A copy where SQLite cannot make its -shm beside the file, and where the schema must first be brought up to date.

    Raises:
        LedgerError: there is no ledger, it cannot be read, or a newer heaptui wrote it.
    """
    if not path.exists():
        raise LedgerError(f"There is no ledger at {path}.", "Nothing can be shown.", "Check the path or the profile.")
    newest = _migrations()[-1][0]
    with told(path):
        try:
            connection = _connect(path, read_only=True)
            try:
                have = int(connection.execute("PRAGMA user_version").fetchone()[0])
                tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            finally:
                connection.close()
            if tables and not have:
                raise LedgerError(f"{path} is a database, but no heaptui ledger.", "Nothing was changed.")
        except sqlite3.OperationalError:
            have = 0
        if have > newest:
            raise newer(path, have, newest)
        if have == newest:
            return path
        folder = Path(tempfile.mkdtemp(prefix="heaptui-read-"))
        copy = folder / path.name
        try:
            for suffix in ("", "-wal"):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
            connection = _connect(copy)
            try:
                _migrate(connection, copy, alone=True)
            finally:
                connection.close()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return copy


def _migrations() -> list[tuple[int, str]]:
    files = sorted(
        (entry for entry in resources.files("heaptui.store.schema").iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    return [(int(entry.name.split("_", 1)[0]), entry.read_text("utf-8")) for entry in files]


def _migrate(connection: sqlite3.Connection, path: Path, *, alone: bool = False) -> None:
    """Bring the schema up to date; `alone` when the file is a throw-away copy that nobody else can have open."""
    migrations = _migrations()
    newest = migrations[-1][0]
    have = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if have == newest:
        return
    if have > newest:
        raise newer(path, have, newest)
    if have and not alone:
        alive = heartbeats.alive(connection, time.time())
        if alive:
            raise LedgerError(
                "Another heaptui is using this ledger.",
                f"The ledger must be brought up to date first, but process {alive[0][0]} on {alive[0][1]} has it open.",
                "Close the other heaptui, then start this one again.",
            )
        copy_ledger(connection, path.with_name(f"{path.stem}-schema{have}.db"))
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have migrated between the look above and the lock.
        have = int(connection.execute("PRAGMA user_version").fetchone()[0])
        for number, script in migrations:
            if number > have:
                for statement in _statements(script):
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {newest}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def daily_copy(path: Path, now: float) -> Path | None:
    """Copy the ledger if the newest copy is older than a day; keep seven. Returns the new copy."""
    copies = copies_of(path)
    if copies and now - copies[0].stat().st_mtime < DAY:
        return None
    target = path.with_name(f"{path.stem}.copy-{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}.db")
    with told(path):
        connection = _connect(path, read_only=True)
        try:
            copy_ledger(connection, target)
        finally:
            connection.close()
    os.utime(target, (now, now))
    for old in copies_of(path)[COPIES_KEPT:]:
        old.unlink(missing_ok=True)
    return target


def check(path: Path) -> list[str]:
    """What SQLite finds wrong with the file; empty when it is sound."""
    with told(path), _looking_at(path) as connection:
        rows = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
        rows += [f"foreign key: {row}" for row in connection.execute("PRAGMA foreign_key_check").fetchmany(20)]
    return [row for row in rows if row != "ok"]


def duplicate(path: Path, target: Path) -> None:
    """Copy a ledger to another file: everything in it, also what is still in the write-ahead log beside it.

    Raises:
        LedgerError: the ledger cannot be read, or the target not written.
    """
    with _looking_at(path) as connection:
        try:
            copy_ledger(connection, target)
            target.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(f"{target} could not be written.", f"{error}.", "Choose another folder.") from error


def rewrite(path: Path, job: Callable[[sqlite3.Connection], T]) -> T:
    """Run one write that must leave nothing behind: no old text in free pages, none in the write-ahead log.

    Raises:
        LedgerError: the ledger cannot be written, or somebody else is writing.
    """
    with told(path):
        connection = _connect(path)
        try:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = job(connection)
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
    return result


@contextlib.contextmanager
def _looking_at(path: Path) -> Iterator[sqlite3.Connection]:
    readable = _readable(path)
    connection = _connect(readable, read_only=True)
    try:
        yield connection
    finally:
        connection.close()
        if readable != path:
            shutil.rmtree(readable.parent, ignore_errors=True)
