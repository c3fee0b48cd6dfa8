"""Batches whose answer refused single identifiers by name: in one transaction, each part gets its own outcome."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from pyroaring import BitMap

from heaptui.model.identifiers import Identifier
from heaptui.model.runs import BatchState
from heaptui.store.identities import values_of
from heaptui.store.journal import Batch, add_batch

LONGEST_ANSWER = 500


def batch_divided(
    connection: sqlite3.Connection,
    delivery_id: int,
    batch: Batch,
    refused: Mapping[Identifier, str],
    *,
    at: float,
    status: int,
    answer: str,
    rest: BatchState,
) -> Batch | None:
    """Refuse some identifiers of a batch, each with its text; the others form the rest, in the state `rest`.

    That is submitted when the answer accepted it, and planned when it is to be sent again. Returns it, if there is any.
    The batch itself stays as the record of the request; its parts carry the outcome, and any doubt of the batch stays.
    """
    texts = {
        uid: refused[who]
        for uid, who in zip(batch.uids, values_of(connection, batch.uids), strict=True)
        if who in refused
    }
    connection.execute(
        "UPDATE batch SET state = ?, answered_at = ?, status = ?, answer = ? WHERE batch_id = ?",
        (BatchState.SPLIT, at, status, answer, batch.batch_id),
    )
    part = add_batch(connection, delivery_id, batch.direction, BitMap(texts), batch.batch_id)
    parts = [(part, BatchState.REJECTED, "; ".join(dict.fromkeys(texts.values()))[:LONGEST_ANSWER])]
    left = batch.uids - part.uids
    others = add_batch(connection, delivery_id, batch.direction, left, batch.batch_id) if left else None
    if others and rest is BatchState.SUBMITTED:
        parts.append((others, rest, ""))
    connection.executemany(
        "UPDATE batch SET state = ?, sent_at = (SELECT sent_at FROM batch WHERE batch_id = ?), answered_at = ?,"
        " status = ?, answer = ? WHERE batch_id = ?",
        [(state, batch.batch_id, at, status, text, one.batch_id) for one, state, text in parts],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO rejected (delivery_id, uid, direction, text, at) VALUES (?, ?, ?, ?, ?)",
        [(delivery_id, uid, batch.direction, text, at) for uid, text in texts.items()],
    )
    return others
