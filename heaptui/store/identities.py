"""Numbers every identifier once, so that groups of people are bitmaps of small integers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from pyroaring import BitMap

from heaptui.model.belief import SpaceMap
from heaptui.model.identifiers import Identifier, Kind, Space

CHUNK = 20_000
"""Identifiers numbered in one write, so that no write lasts long."""

# CROSS JOIN keeps SQLite from reading the whole table once for each given value.
_KNOWN = "SELECT uid FROM json_each(?) AS given CROSS JOIN identity ON space = ? AND identity.value = given.value"
_UNKNOWN = (
    "SELECT given.value FROM json_each(?) AS given WHERE NOT EXISTS"
    " (SELECT 1 FROM identity WHERE space = ? AND identity.value = given.value)"
)


def pack(uids: BitMap) -> bytes:
    """The bitmap as it is stored."""
    uids.run_optimize()
    return bytes(uids.serialize())


def unpack(blob: bytes | None) -> BitMap:
    """The bitmap that was stored; empty for nothing."""
    return BitMap.deserialize(blob) if blob else BitMap()


def space_number(connection: sqlite3.Connection, space: Space) -> int:
    """The number of a (kind, label), made when it is new."""
    row = connection.execute(
        "SELECT space FROM space WHERE kind = ? AND label = ?", (space.kind, space.label)
    ).fetchone()
    if row:
        return int(row[0])
    cursor = connection.execute(
        "INSERT INTO space (kind, label, uids) VALUES (?, ?, ?)", (space.kind, space.label, pack(BitMap()))
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def read_space(connection: sqlite3.Connection, number: int) -> Space:
    """The (kind, label) of a number."""
    kind, label = connection.execute("SELECT kind, label FROM space WHERE space = ?", (number,)).fetchone()
    return Space(Kind(kind), label)


def space_map(connection: sqlite3.Connection) -> SpaceMap:
    """Which uids are of which space."""
    return SpaceMap(unpack(blob) for (blob,) in connection.execute("SELECT uids FROM space ORDER BY space"))


def number_values(connection: sqlite3.Connection, space: Space, values: Iterable[str]) -> BitMap:
    """The uids of up to `CHUNK` valid values; repeated values have one uid."""
    number = space_number(connection, space)
    distinct = sorted(set(values))
    if not distinct:
        return BitMap()
    listed = json.dumps(distinct, ensure_ascii=False)
    before = connection.total_changes
    cursor = connection.execute(
        "INSERT OR IGNORE INTO identity (space, value) SELECT ?, value FROM json_each(?)", (number, listed)
    )
    added = connection.total_changes - before
    if added == len(distinct):
        # All are new, and one INSERT numbers its rows in sequence.
        assert cursor.lastrowid is not None
        last = connection.execute("SELECT max(uid) FROM identity").fetchone()[0]
        uids = BitMap(range(last - added + 1, last + 1))
    else:
        uids = BitMap(uid for (uid,) in connection.execute(_KNOWN, (listed, number)))
    if added:
        known = unpack(connection.execute("SELECT uids FROM space WHERE space = ?", (number,)).fetchone()[0])
        connection.execute("UPDATE space SET uids = ? WHERE space = ?", (pack(known | uids), number))
    return uids


def find_values(connection: sqlite3.Connection, space: Space, values: Sequence[str]) -> tuple[BitMap, list[str]]:
    """Of sorted distinct values: the uids of those that have one, and those that have none."""
    row = connection.execute(
        "SELECT space FROM space WHERE kind = ? AND label = ?", (space.kind, space.label)
    ).fetchone()
    uids = BitMap()
    missing: list[str] = []
    for start in range(0, len(values), CHUNK):
        chunk = values[start : start + CHUNK]
        found = row is not None and _find_chunk(connection, row[0], chunk, missing)
        if found:
            uids |= found
        else:
            missing += chunk
    return uids, missing


def _find_chunk(connection: sqlite3.Connection, number: int, chunk: Sequence[str], missing: list[str]) -> BitMap:
    """The uids of a sorted chunk; those without one join `missing`, unless nobody in the chunk has one."""
    near = connection.execute(
        "SELECT 1 FROM identity WHERE space = ? AND value BETWEEN ? AND ? LIMIT 1", (number, chunk[0], chunk[-1])
    ).fetchone()
    if near is None:
        return BitMap()
    listed = json.dumps(chunk, ensure_ascii=False)
    uids = BitMap(uid for (uid,) in connection.execute(_KNOWN, (listed, number)))
    if 0 < len(uids) < len(chunk):
        missing += [value for (value,) in connection.execute(_UNKNOWN, (listed, number))]
    return uids


def values_of(connection: sqlite3.Connection, uids: BitMap) -> list[Identifier]:
    """The identifiers behind some uids, in the order of the uids."""
    rows = _rows_of(connection, uids)
    spaces = {number: read_space(connection, number) for number in {number for number, _ in rows}}
    return [Identifier(spaces[number], value) for number, value in rows]


def values_by_space(connection: sqlite3.Connection, uids: BitMap) -> dict[Space, list[str]]:
    """The same without an object for each person, as a sync of millions needs them."""
    rows = _rows_of(connection, uids)
    numbers = {number for number, _ in rows}
    if len(numbers) == 1:
        return {read_space(connection, numbers.pop()): [value for _, value in rows]}
    return {
        read_space(connection, wanted): [value for number, value in rows if number == wanted]
        for wanted in sorted(numbers)
    }


def _rows_of(connection: sqlite3.Connection, uids: BitMap) -> list[tuple[int, str]]:
    """(space, value) in the order of the uids."""
    if not uids:
        return []
    first, last = uids.min(), uids.max()
    if last - first + 1 == len(uids):
        # Imported together, so they lie together: one walk instead of a search for each.
        return connection.execute(
            "SELECT space, value FROM identity WHERE uid BETWEEN ? AND ? ORDER BY uid", (first, last)
        ).fetchall()
    return connection.execute(
        "SELECT space, identity.value FROM json_each(?) AS given CROSS JOIN identity ON uid = given.value",
        (json.dumps(list(uids)),),
    ).fetchall()


def uids_by_value(connection: sqlite3.Connection, space: Space, values: Sequence[str]) -> dict[str, int]:
    """The uids of those of some thousand values that have one."""
    row = connection.execute(
        "SELECT space FROM space WHERE kind = ? AND label = ?", (space.kind, space.label)
    ).fetchone()
    if row is None:
        return {}
    rows = connection.execute(
        "SELECT identity.value, uid FROM json_each(?) AS given CROSS JOIN identity"
        " ON space = ? AND identity.value = given.value",
        (json.dumps(list(values), ensure_ascii=False), row[0]),
    )
    return dict(rows.fetchall())


def uids_of_value(connection: sqlite3.Connection, value: str) -> list[tuple[int, Identifier]]:
    """Every identifier with exactly this value, whatever its kind."""
    rows = connection.execute(
        "SELECT uid, kind, label FROM space JOIN identity USING (space) WHERE value = ?", (value,)
    ).fetchall()
    return [(uid, Identifier(Space(Kind(kind), label), value)) for uid, kind, label in rows]
