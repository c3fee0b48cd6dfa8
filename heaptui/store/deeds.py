"""Who did what in which ten minutes: bitmaps of people, kept up to date behind the reception."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct, field
from pyroaring import BitMap

from heaptui.model.currents import SHARED_IDENTITIES
from heaptui.model.deeds import SLOT, Deed, Engagement, deed_of, names_in
from heaptui.store.currents import bodies_in, get_meta, set_meta
from heaptui.store.identities import pack, unpack

BATCHES_AT_ONCE = 20
_EVENT = msgspec.json.Decoder(Engagement)


class Digest(Struct):
    """What some batches say: who did what in which ten minutes, and what is called how."""

    up_to: int
    people: dict[tuple[int, Deed], set[str]] = field(default_factory=lambda: defaultdict(set))
    names: dict[tuple[str, str], str] = field(default_factory=dict)


def undigested(connection: sqlite3.Connection) -> list[tuple[int, bytes | None]]:
    """(number, packed body) of the next batches that were not looked at."""
    after = int(get_meta(connection, "digested") or 0)
    return connection.execute(
        "SELECT batch_no, body FROM batch WHERE batch_no > ? ORDER BY batch_no LIMIT ?", (after, BATCHES_AT_ONCE)
    ).fetchall()


def digest(batches: Sequence[tuple[int, bytes | None]]) -> Digest:
    """Look at the events of some batches."""
    found = Digest(batches[-1][0])
    for _, packed in batches:
        for body in bodies_in(packed) if packed else ():
            try:
                event = _EVENT.decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                # Strange events are dead letters; here they say nothing.
                continue
            found.names.update({(kind, one): name for kind, one, name in names_in(event)})
            deed = deed_of(event)
            person = event.user.external_user_id if event.user else None
            if deed is None or not isinstance(event.time, int) or not isinstance(person, str):
                continue
            if person.strip() and person.strip().casefold() not in SHARED_IDENTITIES and 0 <= event.time < 1 << 40:
                found.people[event.time // SLOT, deed].add(person)
    return found


def keep(connection: sqlite3.Connection, found: Digest) -> None:
    """Add a digest to what is known; adding it twice changes nothing."""
    everybody = sorted(set().union(*found.people.values()))
    connection.executemany("INSERT OR IGNORE INTO person (external_id) VALUES (?)", [(p,) for p in everybody])
    numbers = dict(
        connection.execute(
            "SELECT external_id, person_no FROM json_each(?) AS given CROSS JOIN person ON external_id = given.value",
            (json.dumps(everybody),),
        ).fetchall()
    )
    for (slot, deed), people in found.people.items():
        row = connection.execute("SELECT people FROM deed WHERE slot = ? AND deed = ?", (slot, deed)).fetchone()
        known = unpack(row[0] if row else None)
        known |= BitMap(numbers[person] for person in people)
        connection.execute(
            "INSERT OR REPLACE INTO deed (slot, deed, people) VALUES (?, ?, ?)", (slot, deed, pack(known))
        )
    connection.executemany(
        "INSERT OR REPLACE INTO name (kind, id, name) VALUES (?, ?, ?)",
        [(kind, one, name) for (kind, one), name in found.names.items()],
    )
    set_meta(connection, "digested", str(found.up_to))


def deeds_since(connection: sqlite3.Connection, since: float) -> list[tuple[int, Deed, BitMap]]:
    """(slot, deed, people) of every slot that ended after a moment, the oldest first."""
    rows = connection.execute(
        "SELECT slot, deed, people FROM deed WHERE slot >= ? ORDER BY slot", (int(since // SLOT),)
    ).fetchall()
    return [(slot, Deed(deed), unpack(people)) for slot, deed, people in rows]


def external_ids(connection: sqlite3.Connection, people: Iterable[int]) -> list[tuple[int, str]]:
    """(number, external id) of some people."""
    return connection.execute(
        "SELECT person_no, external_id FROM json_each(?) AS given CROSS JOIN person ON person_no = given.value",
        (json.dumps(list(people)),),
    ).fetchall()


def names(connection: sqlite3.Connection) -> dict[str, str]:
    """The names of campaigns, Canvases and their steps by id."""
    return dict(connection.execute("SELECT id, name FROM name").fetchall())
