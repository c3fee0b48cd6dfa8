"""A small ledger with one run in it, for somebody else: people hashed, secrets out, only exchanges that tell."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from pyroaring import BitMap

from heaptui.model.runs import BatchState
from heaptui.model.scrub import Scrubber
from heaptui.store.database import Database
from heaptui.store.exchanges import packed, unpacked
from heaptui.store.identities import unpack, values_of

MOST_FAILING, FIRST_AND_LAST, MOST_PEOPLE = 2_000, 50, 50_000

_BY_RUN = {
    "run": "run_id IN ({runs})",
    "run_context": "run_id IN ({runs})",
    "delivery": "run_id IN ({runs})",
    "batch": "delivery_id IN (SELECT delivery_id FROM source.delivery WHERE run_id IN ({runs}))",
    "rejected": "delivery_id IN (SELECT delivery_id FROM source.delivery WHERE run_id IN ({runs}))",
    "cohort": "cohort_id IN (SELECT cohort_id FROM source.delivery WHERE run_id IN ({runs}))",
    "belief": "cohort_id IN (SELECT cohort_id FROM source.delivery WHERE run_id IN ({runs}))",
    "doubt": "cohort_id IN (SELECT cohort_id FROM source.delivery WHERE run_id IN ({runs}))",
    "space": "1",
    "exchange": (
        "run_id IN ({runs}) AND (exchange_id IN (SELECT exchange_id FROM source.exchange WHERE run_id IN ({runs})"
        f" AND (status IS NULL OR status >= 300 OR status = 202) ORDER BY exchange_id LIMIT {MOST_FAILING})"
        " OR exchange_id IN (SELECT exchange_id FROM source.exchange WHERE run_id IN ({runs})"
        f" ORDER BY exchange_id LIMIT {FIRST_AND_LAST})"
        " OR exchange_id IN (SELECT exchange_id FROM source.exchange WHERE run_id IN ({runs})"
        f" ORDER BY exchange_id DESC LIMIT {FIRST_AND_LAST}))"
    ),
}
"""What goes along of each table; members, deliveries and batches are numbers of people, never people."""

_TEXTS = {"delivery": "detail", "batch": "answer", "rejected": "text"}
_JSON = {"run": "story", "run_context": "context"}
_LEFT_OUT = {"cohort": ("source_path",)}
"""Columns that tell more about a computer than anybody needs."""


def write_bundle(source: Path, target: Path, run_ids: Sequence[int], scrub: Scrubber, *, with_ids: bool) -> None:
    """Make a ledger at `target` with these runs of the ledger at `source`."""
    Database.open(target).close()
    connection = sqlite3.connect(target, isolation_level=None, uri=True)
    try:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("ATTACH ? AS source", (f"{source.absolute().as_uri()}?mode=ro",))
        connection.execute("BEGIN")
        runs = ", ".join(str(int(run_id)) for run_id in run_ids)
        for table, condition in _BY_RUN.items():
            _copy(connection, table, condition.format(runs=runs))
        connection.execute(f"UPDATE run SET continues = NULL WHERE continues NOT IN ({runs})")
        people = _people(connection)
        _hash(connection, people, scrub, with_ids=with_ids)
        connection.execute(
            "INSERT OR REPLACE INTO meta (key, value) SELECT key, value FROM source.meta"
            " WHERE key IN ('endpoint', 'partner')"
        )
        connection.execute("INSERT INTO meta (key, value) VALUES ('bundle', ?)", (json.dumps(list(run_ids)),))
        connection.execute("COMMIT")
        connection.execute("DETACH source")
        # Nothing of what was changed may stay in free pages or in the log.
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    finally:
        connection.close()


def _copy(connection: sqlite3.Connection, table: str, condition: str) -> None:
    """The rows of one table; columns that only one side has are left out."""
    columns = [row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")]
    theirs = {row[1] for row in connection.execute(f"PRAGMA source.table_info({table})")}
    both = ", ".join(name for name in columns if name in theirs and name not in _LEFT_OUT.get(table, ()))
    if both:
        connection.execute(f"INSERT INTO main.{table} ({both}) SELECT {both} FROM source.{table} WHERE {condition}")


def _people(connection: sqlite3.Connection) -> dict[int, str]:
    """Those whom texts may name: refused, or in a batch that was not simply accepted."""
    uids = BitMap(uid for (uid,) in connection.execute("SELECT uid FROM main.rejected"))
    rows = connection.execute(
        "SELECT uids FROM main.batch WHERE state NOT IN (?, ?) ORDER BY size, batch_id",
        (BatchState.SUBMITTED, BatchState.PLANNED),
    )
    for (blob,) in rows:
        if len(uids) >= MOST_PEOPLE:
            break
        uids |= unpack(blob)
    # `identity` of this ledger is still empty, so the name leads to that of the source.
    connection.execute("CREATE TEMP VIEW identity AS SELECT * FROM source.identity")
    try:
        return dict(zip(uids, (one.value for one in values_of(connection, uids)), strict=True))
    finally:
        connection.execute("DROP VIEW temp.identity")


def _hash(connection: sqlite3.Connection, people: dict[int, str], scrub: Scrubber, *, with_ids: bool) -> None:
    """Put hashes in the place of people, in identities and in every text."""

    def known(words: Collection[str]) -> Collection[str]:
        rows = connection.execute(
            "SELECT DISTINCT identity.value FROM json_each(?) AS given CROSS JOIN source.space AS s"
            " JOIN source.identity AS identity ON identity.space = s.space AND identity.value = given.value",
            (json.dumps(list(words), ensure_ascii=False),),
        )
        return {value for (value,) in rows}

    refused = {uid for (uid,) in connection.execute("SELECT uid FROM main.rejected")}
    shown = people if with_ids else {uid: value for uid, value in people.items() if uid in refused}
    spaces = connection.execute(
        "SELECT uid, space FROM json_each(?) AS given CROSS JOIN source.identity ON uid = given.value",
        (json.dumps(list(shown)),),
    ).fetchall()
    connection.executemany(
        "INSERT INTO main.identity (uid, space, value) VALUES (?, ?, ?)",
        [(uid, space, scrub.id(shown[uid])) for uid, space in spaces],
    )
    names = list(people.values())

    def clean(text: str) -> str:
        return scrub.text(text, names, known)

    for table, column in _TEXTS.items():
        _scrub_column(connection, table, column, clean)
    for table, column in _JSON.items():
        # Only the texts in it: an id of digits may stand in a time, too.
        _scrub_column(connection, table, column, lambda text: json.dumps(_each_text(json.loads(text), clean)))
    for exchange_id, url, blob in connection.execute("SELECT exchange_id, url, packed FROM main.exchange").fetchall():
        inside = unpacked(blob)
        scrubbed = replace(
            inside,
            headers={name: clean(value) for name, value in inside.headers.items()},
            answer=clean(inside.answer),
            body=None if inside.body is None else clean(inside.body),
        )
        connection.execute(
            "UPDATE main.exchange SET url = ?, packed = ? WHERE exchange_id = ?",
            (scrub.text(url, (), lambda _: ()), packed(scrubbed), exchange_id),
        )


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """The same JSON value with every text in it changed, except names of fields."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    if isinstance(value, dict):
        return {name: _each_text(item, change) for name, item in value.items()}
    return value


def _scrub_column(connection: sqlite3.Connection, table: str, column: str, scrubbed: Callable[[str], str]) -> None:
    texts = connection.execute(f"SELECT DISTINCT {column} FROM main.{table} WHERE {column} <> ''").fetchall()
    changed = [(scrubbed(text), text) for (text,) in texts]
    connection.executemany(
        f"UPDATE main.{table} SET {column} = ? WHERE {column} = ?", [pair for pair in changed if pair[0] != pair[1]]
    )
