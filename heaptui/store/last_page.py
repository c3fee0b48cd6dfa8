"""When Heap's last page with a valid signature came."""

from __future__ import annotations

import sqlite3


def last_page(connection: sqlite3.Connection) -> float | None:
    """Seconds since the epoch; None when none came, or when this ledger keeps no pages yet."""
    table = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'page'").fetchone()
    if table is None:
        return None
    found: float | None = connection.execute("SELECT max(received_at) FROM page").fetchone()[0]
    return found
