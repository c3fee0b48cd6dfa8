"""Erase one person's identifier from a ledger, so that nothing of it is left in the file."""

from __future__ import annotations

import json
import re
import sqlite3

from pyroaring import BitMap

from heaptui.store.identities import pack, uids_of_value, unpack

ERASED = "‹erased›"
_TEXTS = (("batch", "answer"), ("rejected", "text"), ("delivery", "detail"))
_BITMAPS = (
    ("cohort", "members_before", "cohort_id"),
    ("belief", "refused_adds", "cohort_id || char(10) || route"),
    ("belief", "refused_removes", "cohort_id || char(10) || route"),
)


def cohorts_holding(connection: sqlite3.Connection, value: str) -> list[str]:
    """The names of cohorts that have this identifier, or in which Braze holds it or may hold it."""
    uids = BitMap(uid for uid, _ in uids_of_value(connection, value))
    rows = connection.execute(
        "SELECT name, members FROM cohort UNION ALL SELECT name, delivered FROM belief JOIN cohort USING (cohort_id)"
        " UNION ALL SELECT name, uids FROM doubt JOIN cohort USING (cohort_id)"
        " UNION ALL SELECT delivery.name, batch.uids FROM batch JOIN delivery USING (delivery_id) WHERE folded = 0"
    )
    return list(dict.fromkeys(name for name, blob in rows if unpack(blob).intersect(uids)))


def erase(connection: sqlite3.Connection, value: str) -> int:
    """Put a mark in the place of an identifier that no cohort holds; returns how many of that value there were.

    The number of the identifier stays taken, since batches of the past count it.
    """
    uids = BitMap(uid for uid, _ in uids_of_value(connection, value))
    for uid in uids:
        connection.execute("UPDATE identity SET value = ? || hex(randomblob(8)) WHERE uid = ?", (ERASED, uid))
    for table, column, key in _BITMAPS:
        for row, blob in connection.execute(f"SELECT {key}, {column} FROM {table}").fetchall():
            kept = unpack(blob)
            if kept.intersect(uids):
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (pack(kept - uids), row))
    pattern = re.compile(rf"(?<!\w){re.escape(value)}(?!\w)")
    for table, column in _TEXTS:
        for (text,) in connection.execute(
            f"SELECT DISTINCT {column} FROM {table} WHERE instr({column}, ?)", (value,)
        ).fetchall():
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (pattern.sub(ERASED, text), text))
    for run_id, story in connection.execute("SELECT run_id, story FROM run WHERE instr(story, ?)", (value,)).fetchall():
        moments = [(at, pattern.sub(ERASED, text), important) for at, text, important in json.loads(story)]
        connection.execute("UPDATE run SET story = ? WHERE run_id = ?", (json.dumps(moments), run_id))
    return len(uids)
