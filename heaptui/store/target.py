"""What a ledger is about: one workspace of one Braze endpoint, reached as one partner."""

from __future__ import annotations

import secrets
import sqlite3

from msgspec import Struct
from pyroaring import BitMap

from heaptui.errors import UsageError
from heaptui.model.routes import COHORT_IMPORT, WAYS, way_facts
from heaptui.model.runs import BatchState
from heaptui.model.secret import KEY_WORDS, Secret, end_of
from heaptui.store.identities import pack


class Target(Struct, frozen=True):
    """Where deliveries of a route go; `key` identifies the workspace, and `partner` is empty where none is named."""

    endpoint: str
    partner: str
    key: Secret | None
    route: str = COHORT_IMPORT

    @property
    def key_name(self) -> str:
        """The name of the key that tells the workspace."""
        return way_facts(self.route).keys[-1]

    @property
    def fingerprint_name(self) -> str:
        """Each route has a key of its own, and so a fingerprint of its own."""
        return "fingerprint" if self.route == COHORT_IMPORT else f"fingerprint-{self.route}"


def salt(connection: sqlite3.Connection) -> str:
    """The random text that makes this ledger's fingerprints useless elsewhere."""
    connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('salt', ?)", (secrets.token_hex(16),))
    row = connection.execute("SELECT value FROM meta WHERE key = 'salt'").fetchone()
    return str(row[0])


def fits(connection: sqlite3.Connection, target: Target) -> bool:
    """Whether the key is the one that this route used before, or it was never used."""
    mark = target.fingerprint_name
    have = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('salt', ?)", (mark,)))
    return mark not in have or target.key is None or have[mark] == target.key.fingerprint(have["salt"])


def claim(connection: sqlite3.Connection, target: Target) -> None:
    """Tie the ledger to a target: whoever calls this knows that the key leads to the workspace it is about.

    Raises:
        UsageError: endpoint or partner differ.
    """
    wanted = {
        "endpoint": target.endpoint,
        "partner": target.partner,
        target.fingerprint_name: target.key.fingerprint(salt(connection)) if target.key else "",
    }
    if not target.partner:
        del wanted["partner"]
    have = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('endpoint', 'partner')"))
    for name in ("endpoint", "partner"):
        if name in wanted and have.get(name) and have[name] != wanted[name]:
            raise UsageError(
                f"This ledger belongs to another {name}.",
                f"It was made for {have[name]}; the profile says {wanted[name]}. Nothing was sent.",
                "Use another profile for another Braze workspace: heaptui profile set NEW-NAME …",
            )
    connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", wanted.items())


def other_key(connection: sqlite3.Connection, target: Target) -> str:
    """Which key is another one than the one that Braze was sent something with, in a sentence; empty for none.

    Both are told by their ends, the old one as far as an earlier run tells it.
    """
    if fits(connection, target) or not reached(connection, target.route) or _accepted_before(connection, target):
        return ""
    name = target.key_name
    row = connection.execute(
        "SELECT json_extract(context, '$.keys.' || ?1) FROM run JOIN run_context USING (run_id)"
        " JOIN meta ON meta.key = ?2 AND json_extract(keys, '$.' || ?1) = meta.value ORDER BY run_id DESC LIMIT 1",
        (name, target.fingerprint_name),
    ).fetchone()
    old = end_of(row[0] if row else "")
    ends = [f"ended {old}"] if old else []
    ends += [f"now ends {target.key.end}"] if target.key and target.key.end else []
    told = f" ({', '.join(ends)})" if ends else ""
    return f"The {KEY_WORDS[name]} is another one than before{told}."


def _accepted_before(connection: sqlite3.Connection, target: Target) -> bool:
    """Whether Braze has taken people with this very key: going back to it leads nowhere else."""
    if target.key is None:
        return False
    (salted,) = connection.execute("SELECT value FROM meta WHERE key = 'salt'").fetchone()
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM run JOIN delivery USING (run_id) WHERE route = ? AND submitted > 0"
        " AND json_extract(keys, '$.' || ?) = ?)",
        (target.route, target.key_name, target.key.fingerprint(salted)),
    ).fetchone()
    return bool(row[0])


def reached(connection: sqlite3.Connection, route: str) -> bool:
    """Whether anything may have come to Braze by a route, so that another workspace would not hold it."""
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM batch JOIN delivery USING (delivery_id) WHERE route = ?1"
        " AND (batch.state IN (?2, ?3) OR doubtful_at IS NOT NULL))"
        # An attribute has its name before anything is sent; a cohort when Braze has taken it.
        " OR EXISTS (SELECT 1 FROM belief WHERE route = ?1 AND (length(delivered) > ?4"
        " OR (route = ?5 AND braze_name != '')))",
        (route, BatchState.SUBMITTED, BatchState.IN_FLIGHT, len(pack(BitMap())), COHORT_IMPORT),
    ).fetchone()
    return bool(row[0])


def bound_keys(connection: sqlite3.Connection) -> set[str]:
    """The keys of which another one is asked whether it leads to the same workspace."""
    return {way.keys[-1] for way in WAYS if reached(connection, way.route)}
