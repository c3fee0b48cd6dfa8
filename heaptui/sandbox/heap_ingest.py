"""Heap's ingestion after its documents: limits, refusals, one effect for each idempotency key."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct, field

from heaptui.sandbox.asgi import Reply

PER_REQUEST = 1000
TEXT_BELOW = 1024
EVENT_MOST = 1024
IDENTITY_MOST = 255
USER_ID_MOST = 2**53 - 1


class Limits(msgspec.Struct, forbid_unknown_fields=True):
    """What `PUT /_sandbox/limits` takes: events in a minute of the whole app and of one identity."""

    per_minute: int = 15_000
    per_identity: int = 1_000
    single_per_30_s: int = 30


class _Window(Struct):
    """What came in the last so many seconds."""

    seconds: float
    _came: deque[tuple[float, int]] = field(default_factory=deque)
    _sum: int = 0

    def room(self, count: int, limit: int, now: float) -> bool:
        """Whether so many more fit."""
        while self._came and self._came[0][0] <= now - self.seconds:
            self._sum -= self._came.popleft()[1]
        return self._sum + count <= limit

    def add(self, count: int, now: float) -> None:
        """They came."""
        self._came.append((now, count))
        self._sum += count


class Ingest:
    """What one Heap environment has been told."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.events: list[dict[str, Any]] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.repeated = 0
        self._keys: set[str] = set()
        self._forget_windows()

    def _forget_windows(self) -> None:
        self._app = _Window(60)
        self._identities: dict[str, _Window] = defaultdict(lambda: _Window(60))
        self._single: dict[str, _Window] = defaultdict(lambda: _Window(30))

    def clear(self) -> None:
        """Forget everything that came."""
        self.events.clear()
        self.users.clear()
        self._keys.clear()
        self.repeated = 0
        self._forget_windows()

    def set_limits(self, body: bytes) -> Reply:
        """Other limits from now on."""
        try:
            self.limits = msgspec.json.decode(body, type=Limits)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Reply(400, {"message": str(error)})
        self._forget_windows()
        return Reply(200, {"message": "done"})

    def told(self) -> Reply:
        """All effects so far, one for each idempotency key."""
        return Reply(200, {"events": self.events, "users": self.users, "repeated": self.repeated})

    def track(self, body: bytes) -> Reply:
        """`/api/track`: one event, or up to 1,000; all or none."""
        data = _decoded(body)
        many = data is not None and "events" in data
        events = _entries(data, "events")
        if events is None or not all(_event_fits(event) for event in events):
            return Reply(400, {})
        refusal = self._refused([_who(event) for event in events], single=not many)
        if refusal:
            return refusal
        for event in events:
            key = event.get("idempotency_key")
            if isinstance(key, str) and key in self._keys:
                self.repeated += 1
                continue
            if isinstance(key, str):
                self._keys.add(key)
            self.events.append(event)
        return Reply(200, {})

    def add_user_properties(self, body: bytes) -> Reply:
        """`/api/add_user_properties`: one user, or up to 1,000; the last value of a property wins."""
        data = _decoded(body)
        users = _entries(data, "users")
        if users is None or not all(_user_fits(user) for user in users):
            return Reply(400, {})
        for user in users:
            self.users.setdefault(user["identity"], {}).update(user["properties"])
        return Reply(200, {})

    def _refused(self, people: list[str], *, single: bool) -> Reply | None:
        now = time.monotonic()
        if not self._app.room(len(people), self.limits.per_minute, now):
            return Reply(429, {})
        for person, count in Counter(people).items():
            if not self._identities[person].room(count, self.limits.per_identity, now):
                return Reply(429, {})
            if single and not self._single[person].room(1, self.limits.single_per_30_s, now):
                return Reply(429, {})
        self._app.add(len(people), now)
        for person, count in Counter(people).items():
            self._identities[person].add(count, now)
            if single:
                self._single[person].add(1, now)
        return None


def _decoded(body: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _entries(data: dict[str, Any] | None, many: str) -> list[dict[str, Any]] | None:
    """The entries of a request; None where it is not whole. A wrong app id is not refused, as in the real one."""
    if data is None or not isinstance(data.get("app_id"), str) or not data["app_id"]:
        return None
    entries = data.get(many, [data])
    whole = isinstance(entries, list) and len(entries) <= PER_REQUEST
    return entries if whole and all(isinstance(entry, dict) for entry in entries) else None


def _who(event: dict[str, Any]) -> str:
    return str(event.get("identity", event.get("user_id")))


def _event_fits(event: dict[str, Any]) -> bool:
    name, identity = event.get("event"), event.get("identity")
    if not isinstance(name, str) or not 0 < len(name) <= EVENT_MOST or ("identity" in event) == ("user_id" in event):
        return False
    if "identity" in event and (not isinstance(identity, str) or not 0 < len(identity) <= IDENTITY_MOST):
        return False
    if "user_id" in event:
        user_id = str(event["user_id"])
        if not user_id.isdecimal() or int(user_id) > USER_ID_MOST:
            return False
    return _time_fits(event.get("timestamp")) and _properties_fit(event.get("properties", {}))


def _user_fits(user: dict[str, Any]) -> bool:
    identity, properties = user.get("identity"), user.get("properties")
    if not isinstance(identity, str) or not 0 < len(identity) <= IDENTITY_MOST or not isinstance(properties, dict):
        return False
    return _properties_fit(properties) and not any(key.casefold() == "id" for key in properties)


def _time_fits(value: Any) -> bool:
    if value is None:
        return True
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _properties_fit(properties: Any) -> bool:
    """Names and texts below 1,024 characters; numbers; lists of both. Whether booleans are taken is not documented."""
    return isinstance(properties, dict) and all(
        len(key) < TEXT_BELOW and (isinstance(value, list) or _value_fits(value)) for key, value in properties.items()
    )


def _value_fits(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or (isinstance(value, str) and len(value) < TEXT_BELOW)
