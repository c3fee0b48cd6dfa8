"""Reading an exported segment: a zip of JSON lines, streamed, matched with the ledger in chunks."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field
from pyroaring import BitMap

from heaptui.errors import Unreachable, UsageError
from heaptui.model.identifiers import Identifier, Kind, Space
from heaptui.store.database import Database
from heaptui.store.identities import uids_by_value

AT_ONCE = 5_000
MOST_BYTES = 40 * 1024**3
"""Bytes after decompression, at most."""
MOST_STRANGERS = 1_000_000
LONGEST_LINE = 1 << 20


class Seen(Struct):
    """Who was in the file: people with a number in this ledger, people without one, and how many in all."""

    uids: BitMap = field(default_factory=BitMap)
    strangers: list[Identifier] = field(default_factory=list)
    people: int = 0
    nameless: int = 0
    """People without any identifier of a kind that matters here."""


def read_segment(path: Path, spaces: Sequence[Space], base: BitMap, ledger: Database) -> Seen:
    """Match everybody in an exported file with the ledger. Runs in a thread; nothing is unpacked to disk.

    A person with several identifiers counts once: by one that is in `base` if there is any.

    Raises:
        Unreachable: the file is damaged or too large.
        UsageError: far too many people that this ledger never knew.
    """
    seen = Seen()
    some: list[list[Identifier]] = []
    try:
        for person in _people(path):
            some.append(_identifiers(person, spaces))
            if len(some) == AT_ONCE:
                _match(some, spaces, base, ledger, seen)
                some = []
    except (zipfile.BadZipFile, msgspec.DecodeError, UnicodeDecodeError, EOFError) as error:
        raise Unreachable("Braze's export is damaged.", f"{type(error).__name__}.", "Compare again.") from error
    _match(some, spaces, base, ledger, seen)
    return seen


def _people(path: Path) -> Iterator[dict[str, Any]]:
    """Each line of each file in the archive, decompressed chunk by chunk."""
    total = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                while line := file.readline(LONGEST_LINE):
                    total += len(line)
                    if total > MOST_BYTES:
                        raise Unreachable("Braze's export is too large.", "It was not read to its end.")
                    if line.strip():
                        person = msgspec.json.decode(line)
                        if isinstance(person, dict):
                            yield person


def _identifiers(person: dict[str, Any], spaces: Sequence[Space]) -> list[Identifier]:
    """The identifiers of one person, of the kinds that matter, in their order."""
    found: list[Identifier] = []
    for space in spaces:
        match space.kind:
            case Kind.EXTERNAL_ID:
                values = [person.get("external_id")]
            case Kind.EMAIL:
                values = [person.get("email")]
            case Kind.ALIAS:
                aliases = [alias for alias in person.get("user_aliases") or () if isinstance(alias, dict)]
                values = [alias.get("alias_name") for alias in aliases if alias.get("alias_label") == space.label]
            case Kind.DEVICE_ID:
                devices = [device for device in person.get("devices") or () if isinstance(device, dict)]
                values = [device.get("device_id") for device in devices]
        found += [Identifier(space, value) for value in values if isinstance(value, str) and value]
    return found


def _match(some: list[list[Identifier]], spaces: Sequence[Space], base: BitMap, ledger: Database, seen: Seen) -> None:
    if not some:
        return

    def look(connection: sqlite3.Connection) -> dict[Space, dict[str, int]]:
        return {
            space: uids_by_value(connection, space, [v for person in some for place, v in person if place == space])
            for space in spaces
        }

    numbers = ledger.read_now(look)
    for person in some:
        seen.people += 1
        uids = [uid for space, value in person if (uid := numbers[space].get(value)) is not None]
        mine = [uid for uid in uids if uid in base]
        if mine:
            seen.uids.update(mine)
        elif uids:
            seen.uids.add(uids[0])
        elif person:
            seen.strangers.append(person[0])
        else:
            seen.nameless += 1
    if len(seen.strangers) > MOST_STRANGERS:
        raise UsageError(
            f"More than {MOST_STRANGERS:,} people of this segment were never in this ledger.",
            "It is hardly the segment of this cohort.",
            "Choose the segment that has the one filter of the cohort.",
        )
