"""Braze's REST endpoints for a REST API key: who may call what, and the limits that answers tell of."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from heaptui.sandbox.asgi import Reply, Scope, header, query
from heaptui.sandbox.exports import export_ids, export_segment
from heaptui.sandbox.segments import segment_details, segment_list, segment_series
from heaptui.sandbox.track import track
from heaptui.sandbox.world import World

Call = Callable[[World, Scope, Any], Reply]


class Endpoint(Struct, frozen=True):
    """One call: its permission, its limit of requests, and in how many seconds."""

    method: str
    permission: str
    call: Call
    limit: int = 250_000
    window: int = 3600


ENDPOINTS = {
    "/segments/list": Endpoint("GET", "segments.list", lambda world, scope, _: segment_list(world, query(scope))),
    "/segments/details": Endpoint(
        "GET", "segments.details", lambda world, scope, _: segment_details(world, query(scope))
    ),
    "/segments/data_series": Endpoint(
        "GET", "segments.data_series", lambda world, scope, _: segment_series(world, query(scope))
    ),
    "/users/export/ids": Endpoint(
        "POST", "users.export.ids", lambda world, _, data: export_ids(world, data), limit=250, window=60
    ),
    "/users/export/segment": Endpoint("POST", "users.export.segment", export_segment),
    "/users/track": Endpoint("POST", "users.track", lambda world, _, data: track(world, data), limit=3000, window=3),
}
"""Limits as documented (Braze docs: rate limits); 250 a minute is what workspaces since 2024 have for ids."""

PERMISSIONS = frozenset(endpoint.permission for endpoint in ENDPOINTS.values())


class Rest(Struct):
    """The REST side of one workspace. Tests change `permissions`, `limits` and `windows`."""

    key: str
    permissions: set[str] = field(default_factory=lambda: set(PERMISSIONS))
    limits: dict[str, int] = field(default_factory=dict)
    """Another limit for a path."""
    windows: dict[str, int] = field(default_factory=dict)
    """Another number of seconds in which that limit counts."""
    highest: dict[str, int] = field(default_factory=dict)
    """The most requests any window of a path has seen, refused ones included."""
    _used: dict[str, tuple[int, int]] = field(default_factory=dict)

    def refusal(self, scope: Scope, data: Any) -> Reply | None:
        """Why a call is turned away before anybody looks at its content; None when it is not."""
        endpoint = ENDPOINTS[scope["path"]]
        if header(scope, "authorization") != f"Bearer {self.key}":
            # The text is not published; a wrong cluster gives the same status (Braze docs: errors).
            return Reply(401, {"message": "Invalid API key"})
        if endpoint.permission not in self.permissions:
            return Reply(403, {"message": f"Access Denied: the API key has no permission {endpoint.permission}"})
        if scope["method"] != endpoint.method:
            return Reply(404, {"message": "Not Found"})
        if endpoint.method == "POST" and not header(scope, "content-type").startswith("application/json"):
            return Reply(415, {"message": "Unsupported Media Type"})
        if endpoint.method == "POST" and not isinstance(data, dict):
            return Reply(400, {"error": "Error while parsing request body. Please check your syntax."})
        return None

    def answer(self, world: World, scope: Scope, data: Any, call: Call | None = None) -> Reply:
        """One call; the path is one of ENDPOINTS. A `call` takes the place of the endpoint's own."""
        path = scope["path"]
        endpoint = ENDPOINTS[path]
        refusal = self.refusal(scope, data)
        if refusal:
            return refusal
        headers, left = self._limited(path, endpoint)
        reply = (
            (call or endpoint.call)(world, scope, data) if left >= 0 else Reply(429, {"message": "Rate limit exceeded"})
        )
        reply.headers.update(headers)
        return reply

    def _limited(self, path: str, endpoint: Endpoint) -> tuple[dict[str, str], int]:
        """The rate-limit headers, and how many requests are left after this one (-1: it is one too many)."""
        limit = self.limits.get(path, endpoint.limit)
        seconds = self.windows.get(path, endpoint.window)
        window, used = self._used.get(path, (0, 0))
        now = time.time()
        if int(now // seconds) != window:
            window, used = int(now // seconds), 0
        used += 1
        self._used[path] = window, used
        self.highest[path] = max(self.highest.get(path, 0), used)
        left = limit - used
        reset = math.ceil((window + 1) * seconds)
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, left)),
            "X-RateLimit-Reset": str(reset),
        }
        return headers, max(-1, left)
