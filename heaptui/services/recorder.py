"""The flight recorder: exchanges are redacted, packed and queued for the ledger; nothing ever waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Mapping
from typing import Any

import msgspec

from heaptui.clients.http import SECRET_WORDS, Exchange, Request
from heaptui.errors import LedgerError
from heaptui.model.secret import Secret
from heaptui.store import exchanges, retention
from heaptui.store.database import Database

FLUSH_EVERY = 0.2
"""Seconds that exchanges gather before they are written together; a killed process loses at most those."""

FLUSH_AT = 256
"""Exchanges that are written at once without waiting longer."""

TELLING_HEADERS = (
    "date",
    "content-type",
    "server",
    "via",
    "location",
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-retry-after",
    "x-request-id",
)

PEOPLE_PATH = "/users/export/ids"
"""Its requests and answers are people, so neither is kept."""

_WORDS = {**SECRET_WORDS, "data_import_key": "data import key", "rest_api_key": "REST key"}
_encoder = msgspec.json.Encoder(enc_hook=lambda value: "‹secret›" if isinstance(value, Secret) else str(value))


class Recorder:
    """Records the exchanges of one run, or of no run. Give `note` to a client, and `await close()` at the end."""

    def __init__(self, ledger: Database, secrets: Mapping[str, Secret], run_id: int | None = None) -> None:
        self._ledger, self._run_id = ledger, run_id
        self._secrets = [(secret, f"‹{_WORDS.get(name, name)}›") for name, secret in secrets.items()]
        self._queued: list[tuple[Any, ...]] = []
        self._timer: asyncio.TimerHandle | None = None

    def note(self, exchange: Exchange) -> None:
        """Queue one exchange."""
        request, answer, label = exchange.request, exchange.answer, exchange.request.label
        people = request.path == PEOPLE_PATH
        content = exchanges.Content(
            headers={n: self._redacted(answer.headers[n]) for n in TELLING_HEADERS if n in answer.headers}
            if answer
            else {},
            answer="" if answer is None or (people and answer.ok) else self._redacted(answer.text),
            error=exchange.error,
            body=None if people else _body(request),
        )
        self._queued.append(
            (
                self._run_id,
                label.batch_id,
                label.cohort_id,
                label.what or "read",
                label.attempt,
                exchange.sent_at,
                request.method,
                exchange.url,
                answer.status if answer else None,
                answer.latency_ms if answer else None,
                exchanges.packed(content),
            )
        )
        if len(self._queued) >= FLUSH_AT:
            self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_EVERY, self._flush)

    def _redacted(self, text: str) -> str:
        for secret, word in self._secrets:
            text = secret.redact(text, word)
        return text

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows, self._queued = self._queued, []
        if rows and not self._ledger.read_only:
            # A ledger that cannot be written stops the run through its journal; the recorder has nothing to add.
            self._ledger.submit(lambda connection: exchanges.record(connection, rows))

    async def around(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work that is recorded, then close."""
        try:
            await work
        finally:
            await self.close()

    async def close(self) -> None:
        """Write what is queued, and let old exchanges go."""
        self._flush()
        if not self._ledger.read_only:
            # A run that went well does not fail because old records could not be deleted.
            with contextlib.suppress(LedgerError):
                await retention.trim_daily(self._ledger, time.time())


def _body(request: Request) -> str | None:
    """The request as JSON with its secrets named; of a member call only what its batch does not tell."""
    if request.body is None:
        return None
    told = {
        name: value.mask(SECRET_WORDS.get(name, name)) if isinstance(value, Secret) else value
        for name, value in request.body.items()
        if not (request.label.batch_id is not None and isinstance(value, list))
    }
    return _encoder.encode(told).decode()
