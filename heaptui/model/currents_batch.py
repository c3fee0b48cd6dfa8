"""What one request of Braze Currents holds: its events, however strange some of them are."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NO_TYPE = "(no event_type)"
TYPE_KEPT = 200
"""Characters of an event type that are kept; real ones have at most 60."""


class Unreadable(Exception):
    """The body is not JSON in the shape of Currents at all."""


class _Head(msgspec.Struct):
    """The parts of an event that its reception needs; the rest is skipped unread."""

    id: Any = None
    event_type: Any = None
    time: Any = None


class _Heads(msgspec.Struct):
    events: list[_Head]


class _Raws(msgspec.Struct):
    events: list[msgspec.Raw]


_HEADS = msgspec.json.Decoder(_Heads)
_HEAD = msgspec.json.Decoder(_Head)
_RAWS = msgspec.json.Decoder(_Raws)
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Arrived:
    """One event as it arrived.

    Attributes:
        key: what makes it the same event again: the 16 bytes of a UUID, or any other id as text.
        place: its number in the body.
        event_type: empty never; `NO_TYPE` where it has none.
        at: when it happened, in seconds since the epoch, where it says so.
        strange: why it can never go to Heap; empty for the others.
    """

    key: bytes | str
    place: int
    event_type: str
    at: int | None
    strange: str = ""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request: its events, and its body, from which `events_of` gives each of them by its place."""

    body: bytes
    events: Sequence[Arrived]


def read_batch(body: bytes) -> Incoming:
    """Take a body apart; an empty one holds no events.

    Strange events are kept and marked, so that they cost no other event of the batch anything.

    Raises:
        Unreadable: not JSON, or neither `{"events": […]}` nor an event.
    """
    if not body.strip():
        return Incoming(b"", ())
    try:
        heads = _HEADS.decode(body).events
    except _NOT_JSON:
        return _read_strange(body)
    arrived = [_arrived(head, place) for place, head in enumerate(heads)]
    if any(event.strange for event in arrived):
        return _read_strange(body)
    return Incoming(body, arrived)


def events_of(body: bytes) -> list[bytes]:
    """The JSON text of each event of a body that `read_batch` gave."""
    return [bytes(raw) for raw in _RAWS.decode(body).events]


def joined(events: Sequence[bytes]) -> bytes:
    """The body that holds these events."""
    return b'{"events":[' + b",".join(events) + b"]}"


def key_of(event_id: str) -> bytes | str:
    """How an event id is remembered."""
    return bytes.fromhex(event_id.replace("-", "")) if _UUID.fullmatch(event_id) else event_id


def id_of(key: bytes | str) -> str:
    """The event id behind a remembered key."""
    if isinstance(key, str):
        return key
    text = key.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _arrived(head: _Head, place: int) -> Arrived:
    event_id, event_type = head.id, head.event_type
    at = head.time if isinstance(head.time, int) and not isinstance(head.time, bool) else None
    at = at if at is not None and abs(at) < 1 << 62 else None
    known = event_type[:TYPE_KEPT] if isinstance(event_type, str) and event_type else NO_TYPE
    if isinstance(event_id, int) and not isinstance(event_id, bool):
        event_id = str(event_id)
    if not isinstance(event_id, str) or not event_id:
        return Arrived("", place, known, at, "it has no id, so Heap could not tell it from a repetition")
    return Arrived(key_of(event_id), place, known, at, "it has no event_type" if known == NO_TYPE else "")


def _read_strange(body: bytes) -> Incoming:
    """The same one by one, for bodies in which something is not as documented."""
    raws = _raw_events(body)
    arrived = []
    for place, raw in enumerate(raws):
        try:
            event = _arrived(_HEAD.decode(raw), place)
        except _NOT_JSON as error:
            event = Arrived("", place, NO_TYPE, None, f"it cannot be read: {error}"[:TYPE_KEPT])
        if not event.key:
            # Without an id, only the same bytes again are the same event again.
            key = f"sha256:{hashlib.sha256(raw).hexdigest()}"
            event = Arrived(key, place, event.event_type, event.at, event.strange)
        arrived.append(event)
    return Incoming(joined(raws), arrived)


def _raw_events(body: bytes) -> list[bytes]:
    try:
        data = msgspec.json.decode(body, type=dict[str, msgspec.Raw] | list[msgspec.Raw])
    except _NOT_JSON:
        return _mended(body)
    if isinstance(data, list):
        return [bytes(raw) for raw in data]
    if "events" in data:
        try:
            return [bytes(raw) for raw in msgspec.json.decode(data["events"], type=list[msgspec.Raw])]
        except msgspec.DecodeError as error:
            raise Unreadable("events is not a list") from error
    if data.keys() & {"event_type", "id", "properties"}:
        return [body]
    if data:
        raise Unreadable("there is no list of events in it")
    return []


def _mended(body: bytes) -> list[bytes]:
    """Text that only a lenient reader takes, such as broken UTF-8 or NaN; written anew, as valid JSON."""
    try:
        data = json.loads(body.decode("utf-8", "replace"), strict=False, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is not JSON") from error
    events = data.get("events", [data]) if isinstance(data, dict) else data
    if not isinstance(events, list):
        raise Unreadable("events is not a list")
    try:
        return [
            json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")  # lone surrogates are no UTF-8
            for event in events
        ]
    except RecursionError as error:
        raise Unreadable("the body is nested too deeply") from error
