"""What is odd about the ids on a page from Heap: another shape than before, blanks, or only another case."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from heaptui.model.identifiers import Space
from heaptui.model.words import counted
from heaptui.sources.columns import TEXT, looks_like
from heaptui.store.identities import find_values

SAMPLE = 500
"""Ids of a page that are looked at."""


def shape_of(values: Sequence[str]) -> str:
    """How most of the ids look, in a word: digits, e-mail, UUID, text …"""
    looks = looks_like(values[:SAMPLE])
    return "digits" if looks.endswith("digits") else looks


def odd_ids(
    connection: sqlite3.Connection, values: Sequence[str], space: Space, shape: str, before: str
) -> dict[str, str]:
    """Sentences by kind of oddity; the ids are taken as they stand all the same."""
    found: dict[str, str] = {}
    if before and shape not in (before, TEXT) and before != TEXT:
        found["shape"] = (
            f"The ids looked like {before} and look like {shape} now. Another identity key in Heap? Then the people"
            " before stay, under their old ids, until they are taken out."
        )
    if blanks := sum(value != value.strip() for value in values):
        odd = counted(blanks, "id")
        found["blanks"] = f"{odd} of one page with blanks before or after: kept, and Braze compares them."
    if twins := _twins(connection, values[:SAMPLE], space):
        example = twins[0]
        found["case"] = (
            f"Some ids differ from others only in case, like {example} and {example.lower()}: for Braze, two people."
        )
    return found


def _twins(connection: sqlite3.Connection, values: Sequence[str], space: Space) -> list[str]:
    """The ids that are also known in small letters."""
    by_lower = {value.lower(): value for value in values if value != value.lower()}
    if not by_lower:
        return []
    wanted = sorted(by_lower)
    _, missing = find_values(connection, space, wanted)
    known = set(wanted) - set(missing)
    return sorted(by_lower[lower] for lower in known)
