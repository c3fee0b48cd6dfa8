"""Heap's side: sends segments, takes tracked events and user properties, and shows what it received."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from heaptui.sandbox.asgi import Receive, Reply, Scope, Send, break_connection, break_midway, hold, read_body
from heaptui.sandbox.faults import Call, FaultProfile, Faults, Rule, limit_headers
from heaptui.sandbox.heap_ingest import Ingest
from heaptui.sandbox.heap_segments import HeapSegments


class HeapApp:
    """An ASGI application that stands in for one Heap environment (Heap docs: track, add user properties)."""

    def __init__(self, app_id: str, segments: HeapSegments) -> None:
        self.app_id = app_id
        self.segments = segments
        self.ingest = Ingest()
        self.faults = Faults()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What track received, one for each idempotency key."""
        return self.ingest.events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        body = await read_body(receive)
        method, path = scope["method"], scope["path"]
        reply: Reply | None
        if path.startswith(("/_sandbox/segments", "/_sandbox/clock")):
            reply = await self.segments.answer(method, path, body)
        elif path.startswith("/_sandbox/"):
            reply = self._control(method, path, body)
        else:
            reply = await self._with_faults(method, path, body, receive, send)
        if reply:
            await reply.send(send)

    def _control(self, method: str, path: str, body: bytes) -> Reply:
        match method, path:
            case "GET", "/_sandbox/events":
                return self.ingest.told()
            case "POST", "/_sandbox/reset":
                self.ingest.clear()
                self.segments.clear()
                self.faults.clear()
                return Reply(200, {"message": "done"})
            case "PUT", "/_sandbox/limits":
                return self.ingest.set_limits(body)
            case "PUT", "/_sandbox/faults":
                try:
                    self.faults.set(msgspec.json.decode(body, type=FaultProfile))
                except (msgspec.DecodeError, ValueError) as error:
                    return Reply(400, {"message": str(error)})
                return Reply(200, {"message": "done"})
            case "DELETE", "/_sandbox/faults":
                self.faults.clear()
                return Reply(200, {"message": "done"})
        return Reply(404, {})

    async def _with_faults(self, method: str, path: str, body: bytes, receive: Receive, send: Send) -> Reply | None:
        """The answer, or None when there will be none."""
        rule = self.faults.for_call(
            Call(path, identifiers=_keys(body) if self.faults.need_identifiers else frozenset())
        )
        if rule is None:
            return self._answer(method, path, body)
        match rule.effect:
            case "slow":
                await asyncio.sleep(rule.seconds)
                return self._answer(method, path, body)
            case "status":
                return self._status(rule, method, path, body)
            case "poison":
                return Reply(400, {})
            case "timeout_before" | "timeout_after":
                if rule.effect == "timeout_after":
                    self._answer(method, path, body)
                await hold(receive, send, rule.hold_seconds)
            case "reset_before":
                break_connection(send)
            case "reset_after":
                self._answer(method, path, body)
                await break_midway(send)
            case _:
                return Reply(501, {"message": f"Heap's stand-in has no fault {rule.effect}"})
        return None

    def _status(self, rule: Rule, method: str, path: str, body: bytes) -> Reply:
        if rule.applied:
            self._answer(method, path, body)
        return Reply(rule.status, rule.body if rule.body is not None else {}, {**rule.headers, **limit_headers(rule)})

    def _answer(self, method: str, path: str, body: bytes) -> Reply:
        match method, path:
            case "POST", "/api/track":
                return self.ingest.track(body)
            case "POST", "/api/add_user_properties":
                return self.ingest.add_user_properties(body)
        return Reply(404, {})


def _keys(body: bytes) -> frozenset[str]:
    """Identities and idempotency keys, for rules that look at single events."""
    try:
        data = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return frozenset()
    entries = data.get("events", data.get("users", [data]))
    return frozenset(
        str(entry[name])
        for entry in entries
        if isinstance(entry, dict)
        for name in ("identity", "idempotency_key")
        if name in entry
    )
