"""The flight recorder's shelf: exchanges, compressed one by one, read a window at a time."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

_DICTIONARY = (
    b'{"headers":{"date":"Mon, 01 Jan 2026 00:00:00 GMT","content-type":"application/json","server":"uvicorn",'
    b'"x-ratelimit-limit":"250000","x-ratelimit-remaining":"24","x-ratelimit-reset":"17","retry-after":"1"},'
    b'"body":{"partner_api_key":"\xe2\x80\xb9partner key, from keyring, ends ","client_secret":"\xe2\x80\xb9data import'
    b' key, from environment, ends ","cohort_id":"heaptui-file-","cohort_changes":[],"name":"","created_at":"20"},'
    b'"error":"no answer: ReadTimeout","answer":"{\\"message\\":\\"success\\"}"}'
)
"""What most exchanges share, so that a small one needs a few bytes only. Stored rows depend on it: never change it."""


class Content(Struct, frozen=True):
    """The inside of an exchange, without any secret."""

    headers: dict[str, str] = field(default_factory=dict)
    answer: str = ""
    error: str = ""
    body: str | None = None
    """The request as JSON; for a member call without its people, who are in the batch."""


class ExchangeRow(Struct, frozen=True):
    """One line of the list. `status` is None without an answer; times in seconds, latency in milliseconds."""

    exchange_id: int
    run_id: int | None
    batch_id: int | None
    cohort_id: str
    what: str
    attempt: int
    at: float
    method: str
    url: str
    status: int | None
    latency_ms: float | None


def is_page(row: ExchangeRow, content: Content) -> bool:
    """Whether a web page or a redirect came back, which Braze's API never sends."""
    page = "html" in content.headers.get("content-type", "") or content.answer.lstrip()[:1] == "<"
    return page or (row.status is not None and 300 <= row.status < 400)


_COLUMNS = "exchange_id, run_id, batch_id, cohort_id, what, attempt, at, method, url, status, latency_ms"


def packed(content: Content) -> bytes:
    """The content as it is stored."""
    squeeze = zlib.compressobj(level=6, zdict=_DICTIONARY)
    return squeeze.compress(msgspec.json.encode(content)) + squeeze.flush()


def unpacked(blob: bytes) -> Content:
    """The content that was stored."""
    stretch = zlib.decompressobj(zdict=_DICTIONARY)
    return msgspec.json.decode(stretch.decompress(blob) + stretch.flush(), type=Content)


def record(connection: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Keep exchanges: (run, batch, cohort, what, attempt, at, method, url, status, latency, packed)."""
    connection.executemany(
        "INSERT INTO exchange (run_id, batch_id, cohort_id, what, attempt, at, method, url, status, latency_ms, packed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Whether this ledger has a table: one opened read-only may be older than this heaptui."""
    return (
        connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)).fetchone()
        is not None
    )


def count(connection: sqlite3.Connection, run_id: int) -> int:
    """How many exchanges a run had."""
    if not has_table(connection, "exchange"):
        return 0
    return int(connection.execute("SELECT count(*) FROM exchange WHERE run_id = ?", (run_id,)).fetchone()[0])


def window(connection: sqlite3.Connection, run_id: int, offset: int, limit: int) -> list[ExchangeRow]:
    """Some exchanges of a run, oldest first."""
    if not has_table(connection, "exchange"):
        return []
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM exchange WHERE run_id = ? ORDER BY exchange_id LIMIT ? OFFSET ?",
        (run_id, limit, offset),
    )
    return [ExchangeRow(*row) for row in rows]


def found(connection: sqlite3.Connection, run_id: int, text: str, limit: int) -> list[ExchangeRow]:
    """Exchanges of a run with a text in address, status, headers, request or answer; a long read."""
    wanted = text.casefold()
    matching = []
    if not has_table(connection, "exchange"):
        return []
    for *row, blob in connection.execute(
        f"SELECT {_COLUMNS}, packed FROM exchange WHERE run_id = ? ORDER BY exchange_id", (run_id,)
    ):
        line = ExchangeRow(*row)
        inside = unpacked(blob)
        told = (line.url, line.what, str(line.status or ""), inside.answer, inside.error, inside.body or "")
        if any(wanted in part.casefold() for part in (*told, *inside.headers.values())):
            matching.append(line)
            if len(matching) >= limit:
                break
    return matching


def read_one(connection: sqlite3.Connection, exchange_id: int) -> tuple[ExchangeRow, Content] | None:
    """One exchange with its inside."""
    pairs = _pairs(connection, "exchange_id = ?", (exchange_id,))
    return pairs[0] if pairs else None


def failing(
    connection: sqlite3.Connection, run_id: int, limit: int, *, newest_first: bool = False
) -> list[tuple[ExchangeRow, Content]]:
    """Exchanges of a run that were not simply accepted: no answer, or anything but a plain 2xx."""
    return _pairs(
        connection,
        "run_id = ? AND (status IS NULL OR status >= 300 OR status = 202)"
        f" ORDER BY exchange_id {'DESC' if newest_first else 'ASC'} LIMIT ?",
        (run_id, limit),
    )


def newest(connection: sqlite3.Connection, run_id: int, limit: int) -> list[tuple[ExchangeRow, Content]]:
    """The last exchanges of a run, the newest first."""
    return _pairs(connection, "run_id = ? ORDER BY exchange_id DESC LIMIT ?", (run_id, limit))


def first_answered(connection: sqlite3.Connection, run_id: int) -> tuple[ExchangeRow, Content] | None:
    """The first exchange of a run that had an answer, for the other side's clock."""
    pairs = _pairs(connection, "run_id = ? AND status IS NOT NULL ORDER BY exchange_id LIMIT 1", (run_id,))
    return pairs[0] if pairs else None


def _pairs(
    connection: sqlite3.Connection, condition: str, parameters: tuple[Any, ...]
) -> list[tuple[ExchangeRow, Content]]:
    if not has_table(connection, "exchange"):
        return []
    rows = connection.execute(f"SELECT {_COLUMNS}, packed FROM exchange WHERE {condition}", parameters)
    return [(ExchangeRow(*row[:-1]), unpacked(row[-1])) for row in rows]


def describe_run(
    connection: sqlite3.Connection, run_id: int, cohort_ids: Sequence[str], told: Mapping[str, Any]
) -> None:
    """Keep what a run was started with: what the caller tells, and where the ids of each cohort come from."""
    mapping = {
        cohort_id: {"name": name, "kind": kind, "label": label, "column": column, "file": file}
        for cohort_id, name, kind, label, column, file in connection.execute(
            "SELECT cohort_id, name, kind, label, id_column, source_name FROM cohort JOIN space USING (space)"
            " WHERE cohort_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(cohort_ids)),),
        )
    }
    connection.execute(
        "INSERT OR REPLACE INTO run_context (run_id, context) VALUES (?, ?)",
        (run_id, json.dumps({**told, "mapping": mapping}, ensure_ascii=False)),
    )


def context_of(connection: sqlite3.Connection, run_id: int) -> dict[str, Any]:
    """What a run was started with; empty for runs before there was a recorder."""
    if not has_table(connection, "run_context"):
        return {}
    row = connection.execute("SELECT context FROM run_context WHERE run_id = ?", (run_id,)).fetchone()
    found_context: dict[str, Any] = json.loads(row[0]) if row else {}
    return found_context


def ledger_mark(connection: sqlite3.Connection) -> str:
    """Four hex digits by which the same ledger is known again, for a reference in a letter."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'salt'").fetchone()
    return hashlib.sha256(str(row[0] if row else "").encode()).hexdigest()[:4]
