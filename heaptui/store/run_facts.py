"""What the ledger knows that may explain a run: what it was started with, what ended it, and the last good run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from heaptui.model.explanation import Deciding, Successor
from heaptui.model.runs import SETTLING, DeliveryState, Reason
from heaptui.model.since import RunFacts
from heaptui.store.exchanges import (
    Content,
    ExchangeRow,
    context_of,
    failing,
    first_answered,
    has_table,
    is_page,
    newest,
)

LOOKED_AT = 50
"""Failing exchanges looked at for the one that ended a delivery."""


_BY_REFUSAL = {Reason.NAME_REFUSED, Reason.REQUEST_REFUSED, Reason.TOO_MANY_REFUSALS, Reason.NONE}


def facts_of(connection: sqlite3.Connection, run_id: int) -> RunFacts:
    """One run."""
    started_at, ended_at, by, host, endpoint, version, keys = connection.execute(
        "SELECT started_at, ended_at, iif(origin = 'automatic', '', by), host, endpoint, version, keys"
        " FROM run WHERE run_id = ?",
        (run_id,),
    ).fetchone()
    context = context_of(connection, run_id)
    files = dict(
        connection.execute("SELECT cohort_id, source_digest FROM delivery WHERE run_id = ?", (run_id,)).fetchall()
    )
    leaves = connection.execute(
        "SELECT cohort_id, count(*) FROM rejected JOIN delivery USING (delivery_id)"
        " WHERE run_id = ? AND direction = 'remove' GROUP BY cohort_id",
        (run_id,),
    )
    return RunFacts(
        run_id=run_id,
        started_at=started_at,
        ended_at=ended_at,
        by=by,
        host=host,
        endpoint=endpoint,
        version=version,
        keys=json.loads(keys),
        told_keys=context.get("keys", {}),
        route=context.get("route", ""),
        partner=context.get("partner", ""),
        mapping=context.get("mapping", {}),
        files=files,
        clock_off=_clock_off(first_answered(connection, run_id)),
        refused_leaves=dict(leaves.fetchall()),
        heap_silent_for=heap_silence(connection, run_id, started_at),
    )


def _clock_off(found: tuple[ExchangeRow, Content] | None) -> float | None:
    """Seconds that this computer's clock was ahead of the other side's, to the nearest half."""
    if found is None or "date" not in found[1].headers:
        return None
    row, content = found
    try:
        theirs = parsedate_to_datetime(content.headers["date"]).timestamp()
    except ValueError:
        return None
    # The header has whole seconds, and was written when the answer left.
    return row.at + (row.latency_ms or 0) / 1000 - (theirs + 0.5)


def last_good_run(connection: sqlite3.Connection, run_id: int) -> int | None:
    """The newest earlier run that Braze accepted something in and that finished; one with a common cohort if any."""
    rows = connection.execute(
        "SELECT run.run_id, EXISTS (SELECT 1 FROM delivery AS d JOIN delivery AS mine USING (cohort_id)"
        " WHERE d.run_id = run.run_id AND mine.run_id = ?1) FROM run WHERE run.run_id < ?1"
        " AND state LIKE 'finished%' AND EXISTS"
        " (SELECT 1 FROM delivery WHERE delivery.run_id = run.run_id AND submitted > 0)"
        " ORDER BY 2 DESC, run.run_id DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    return int(rows[0]) if rows else None


def successor(connection: sqlite3.Connection, run_id: int, cohort_ids: Sequence[str]) -> Successor | None:
    """The newest run by which these cohorts were planned again, one that failed first; None while one of them was not.

    A settling run takes over what was in doubt, not what was never sent.
    """
    found = []
    for cohort_id in cohort_ids:
        row = connection.execute(
            "SELECT later.run_id, later.state FROM delivery AS later JOIN run ON run.run_id = later.run_id"
            " WHERE later.run_id > ?1 AND later.cohort_id = ?2 AND (origin <> ?3 OR NOT EXISTS"
            " (SELECT 1 FROM delivery WHERE run_id = ?1 AND cohort_id = ?2 AND skipped > 0))"
            " ORDER BY later.delivery_id DESC LIMIT 1",
            (run_id, cohort_id, SETTLING),
        ).fetchone()
        if row is None:
            return None
        found.append(Successor(row[0], DeliveryState(row[1])))
    return max(found, key=lambda later: (later.failed, later.run_id), default=None)


def deciding(connection: sqlite3.Connection, run_id: int, cohort_id: str, reason: Reason) -> Deciding | None:
    """The exchange that ended the delivery of a cohort, or of another cohort when one stopped them all."""
    if reason is Reason.NOT_BRAZE:
        found = [pair for pair in newest(connection, run_id, LOOKED_AT) if is_page(*pair)]
    else:
        # A 400 in which single ids were looked for has ended nothing.
        looking = () if reason in _BY_REFUSAL else (400,)
        failed = failing(connection, run_id, LOOKED_AT, newest_first=True)
        found = [pair for pair in failed if pair[0].status not in looking]
    own = [pair for pair in found if pair[0].cohort_id == cohort_id]
    if not (own or found):
        return None
    row, content = (own or found)[0]
    (before,) = connection.execute(
        "SELECT count(*) FROM exchange WHERE run_id = ? AND exchange_id < ?", (run_id, row.exchange_id)
    ).fetchone()
    return Deciding(
        exchange_id=row.exchange_id,
        what=row.what,
        path=urlsplit(row.url).path,
        status=row.status,
        words=content.answer or content.error,
        html=is_page(row, content),
        at=row.at,
        latency_ms=row.latency_ms,
        before=before,
    )


def heap_silence(connection: sqlite3.Connection, run_id: int, at: float) -> float | None:
    """Seconds between Heap's last page for a cohort of a run and `at`; None where there are no pages."""
    times = last_pages(connection)
    mine = [
        times[cohort_id]
        for (cohort_id,) in connection.execute("SELECT cohort_id FROM delivery WHERE run_id = ?", (run_id,))
        if cohort_id in times
    ]
    return max(0.0, at - max(mine)) if mine else None


def last_pages(connection: sqlite3.Connection) -> dict[str, float]:
    """When Heap's last page for each cohort came; empty where the ledger has no pages."""
    if not has_table(connection, "page"):
        return {}
    columns = {row[1] for row in connection.execute("PRAGMA table_info(page)")}
    if not {"cohort_id", "received_at"} <= columns:
        return {}
    return dict(
        connection.execute(
            "SELECT cohort_id, max(received_at) FROM page WHERE cohort_id IS NOT NULL GROUP BY cohort_id"
        ).fetchall()
    )
