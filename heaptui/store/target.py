"""What a ledger is about: one workspace of one Braze endpoint, reached as one partner."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

from heaptui.errors import UsageError
from heaptui.model.routes import COHORT_IMPORT
from heaptui.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Target:
    """Where deliveries of a route go; `key` identifies the workspace, and `partner` is empty where none is named."""

    endpoint: str
    partner: str
    key: Secret | None
    route: str = COHORT_IMPORT

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


def claim(connection: sqlite3.Connection, target: Target, *, same_workspace: bool = False) -> None:
    """Tie an untied ledger to its target; refuse another one.

    Raises:
        UsageError: endpoint or partner differ, or the key is another one and nobody said it is the same workspace.
    """
    mark = target.fingerprint_name
    wanted = {
        "endpoint": target.endpoint,
        "partner": target.partner,
        mark: target.key.fingerprint(salt(connection)) if target.key else "",
    }
    if not target.partner:
        del wanted["partner"]
    have = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('endpoint', 'partner', ?)", (mark,)))
    for name in ("endpoint", "partner"):
        if name in wanted and have.get(name) and have[name] != wanted[name]:
            raise UsageError(
                f"This ledger belongs to another {name}.",
                f"It was made for {have[name]}; the profile says {wanted[name]}. Nothing was sent.",
                "Use another profile for another Braze workspace: heaptui profile set NEW-NAME …",
            )
    if have.get(mark) and wanted[mark] != have[mark] and not same_workspace:
        raise UsageError(
            "The key is another one than before: rotated, or of another workspace?",
            "The ledger only tells what the earlier workspace holds. Nothing was sent.",
            "If it is the same workspace: heaptui profile set NAME --same-workspace. Otherwise use another profile.",
        )
    connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", wanted.items())
