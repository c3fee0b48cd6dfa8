"""Drafts of Braze segments, match rates, and the segments that were seen in Braze."""

from __future__ import annotations

import sqlite3

import msgspec
from msgspec import Struct

from heaptui.model.matching import MatchRate


class DraftRow(Struct, frozen=True):
    """A draft as it is kept: the expression with ids, and the segment's shape as JSON, or nothing."""

    name: str
    expression: str
    shape: str
    kept_at: float


class SegmentRow(Struct, frozen=True):
    """A segment of Braze as it was last seen; each part is JSON, empty where it was never read."""

    segment_id: str
    listed: str
    details: str
    sizes: str
    looked_at: float


def drafts(connection: sqlite3.Connection) -> list[DraftRow]:
    """All drafts, the newest first."""
    rows = connection.execute("SELECT name, expression, shape, kept_at FROM draft ORDER BY kept_at DESC, name")
    return [DraftRow(*row) for row in rows]


def keep_draft(connection: sqlite3.Connection, draft: DraftRow) -> None:
    """Keep a draft under its name, in place of an older one."""
    connection.execute(
        "INSERT OR REPLACE INTO draft (name, expression, shape, kept_at) VALUES (?, ?, ?, ?)",
        (draft.name, draft.expression, draft.shape, draft.kept_at),
    )


def drop_draft(connection: sqlite3.Connection, name: str) -> None:
    """Forget a draft."""
    connection.execute("DELETE FROM draft WHERE name = ?", (name,))


def match_rates(connection: sqlite3.Connection) -> dict[str, MatchRate]:
    """The newest measurements by expression; that of a cohort has its id in quotes."""
    decoder = msgspec.json.Decoder(MatchRate)
    return {
        expression: decoder.decode(measured)
        for expression, measured in connection.execute("SELECT expression, measured FROM match_rate")
    }


def keep_match_rate(connection: sqlite3.Connection, expression: str, rate: MatchRate) -> None:
    """Keep a measurement in place of an older one."""
    connection.execute(
        "INSERT OR REPLACE INTO match_rate (expression, measured) VALUES (?, ?)",
        (expression, msgspec.json.encode(rate).decode()),
    )


def seen_segments(connection: sqlite3.Connection) -> list[SegmentRow]:
    """The segments of Braze as they were last seen, in the order of its list."""
    rows = connection.execute("SELECT segment_id, listed, details, sizes, looked_at FROM braze_segment ORDER BY place")
    return [SegmentRow(*row) for row in rows]


def keep_seen(connection: sqlite3.Connection, rows: list[tuple[int, SegmentRow]]) -> None:
    """Keep what was just seen of some segments, each with its place in Braze's list."""
    connection.executemany(
        "INSERT OR REPLACE INTO braze_segment (segment_id, place, listed, details, sizes, looked_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(row.segment_id, place, row.listed, row.details, row.sizes, row.looked_at) for place, row in rows],
    )


def drop_unseen(connection: sqlite3.Connection, segment_ids: list[str]) -> None:
    """Forget the segments that Braze does not list any more."""
    connection.execute(
        "DELETE FROM braze_segment WHERE segment_id NOT IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(segment_ids).decode(),),
    )
