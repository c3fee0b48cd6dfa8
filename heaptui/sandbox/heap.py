"""Heap's side: sends segments, takes tracked events and user properties, and shows what it received."""

from __future__ import annotations

from typing import Any

import msgspec

from heaptui.sandbox.asgi import Receive, Reply, Scope, Send, read_body
from heaptui.sandbox.heap_segments import HeapSegments

PER_REQUEST = 1000


class HeapApp:
    """An ASGI application that stands in for one Heap environment (Heap docs: track, add user properties)."""

    def __init__(self, app_id: str, segments: HeapSegments) -> None:
        self.app_id = app_id
        self.segments = segments
        self.events: list[dict[str, Any]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        body = await read_body(receive)
        method, path = scope["method"], scope["path"]
        if path.startswith(("/_sandbox/segments", "/_sandbox/clock")):
            reply = await self.segments.answer(method, path, body)
        else:
            reply = self._answer(method, path, body)
        await reply.send(send)

    def _answer(self, method: str, path: str, body: bytes) -> Reply:
        match method, path:
            case "GET", "/_sandbox/events":
                return Reply(200, {"events": self.events})
            case "POST", "/_sandbox/reset":
                self.events.clear()
                self.segments.clear()
                return Reply(200, {"message": "done"})
            case "POST", "/api/track":
                return self._take(body, "events", {"event"})
            case "POST", "/api/add_user_properties":
                return self._take(body, "users", {"properties"})
        return Reply(404, {})

    def _take(self, body: bytes, many: str, required: set[str]) -> Reply:
        """One entry, or up to 1,000 in a list; a wrong app id is not refused, as in the real one."""
        try:
            data = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Reply(400, {})
        entries = data.get(many, [data])
        whole = isinstance(entries, list) and len(entries) <= PER_REQUEST and bool(data.get("app_id"))
        if not whole or not all(_complete(entry, required) for entry in entries):
            return Reply(400, {})
        self.events.extend(entries)
        return Reply(200, {})


def _complete(entry: Any, required: set[str]) -> bool:
    """All that is required, and exactly one of identity and user_id."""
    return isinstance(entry, dict) and required <= entry.keys() and ("identity" in entry) != ("user_id" in entry)
