"""Heap's ingestion: tracked events and user properties, up to 1,000 in a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from heaptui.clients.http import Answer, Http, Label, Request
from heaptui.model.currents import HeapEvent

PER_REQUEST = 1000


class _Tracked(msgspec.Struct):
    event: str
    identity: str
    timestamp: str
    idempotency_key: str
    properties: Mapping[str, str | int | float]


class Heap:
    """One Heap environment. Only the app id says which; no key is needed, and a wrong one is not refused."""

    def __init__(self, http: Http, app_id: str) -> None:
        self._http = http
        self._app_id = app_id

    async def track(self, events: Sequence[HeapEvent]) -> Answer:
        """Send up to 1,000 events; sent again with the same idempotency keys, they count once.

        Raises:
            NotSent: nothing reached Heap.
            NoAnswer: it may have.
        """
        tracked = [_Tracked(e.event, e.identity, e.timestamp, e.idempotency_key, e.properties) for e in events]
        body = {"app_id": self._app_id, "events": tracked}
        return await self._http.send(Request("/api/track", body, label=Label("track")))

    async def add_user_properties(self, users: Mapping[str, Mapping[str, str | int | float]]) -> Answer:
        """Set properties of up to 1,000 identities; the last value wins.

        Raises:
            NotSent: nothing reached Heap.
            NoAnswer: it may have.
        """
        listed = [{"identity": identity, "properties": properties} for identity, properties in users.items()]
        body = {"app_id": self._app_id, "users": listed}
        return await self._http.send(Request("/api/add_user_properties", body, label=Label("user properties")))
