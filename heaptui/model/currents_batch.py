"""What one request of Braze Currents holds: its events, however strange some of them are."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from heaptui.model.currents_cut import Unreadable, begins_as_list, cut

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NO_TYPE = "(no event_type)"
TYPE_KEPT = 200
"""Characters of an event type that are kept; real ones have at most 60."""

STRANGE_MOST = 100_000
"""Events of a request in which some are strange; Braze sends a hundred."""


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
_RAW = msgspec.json.Decoder(msgspec.Raw)
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Arrived(Struct, frozen=True):
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


class Incoming(Struct, frozen=True):
    """One request: its events, and its body, from which `events_of` gives each of them by its place."""

    body: bytes
    events: Sequence[Arrived]


def read_batch(body: bytes) -> Incoming:
    """Take a body apart; an empty one holds no events.

    Strange events are kept and marked, so that they cost no other event of the batch anything. What is no JSON is kept
    as a JSON string with its text.

    Raises:
        Unreadable: neither `{"events": […]}` nor an event, or a list whose events cannot be told apart.
    """
    if not body.strip():
        return Incoming(b"", ())
    try:
        heads = _HEADS.decode(body).events
    except _NOT_JSON:
        return _read_strange(body)
    arrived = []
    for place, head in enumerate(heads):
        event = _arrived(head, place)
        if event.strange:
            return _read_strange(body)
        arrived.append(event)
    return Incoming(body, arrived)


def events_of(body: bytes) -> list[bytes]:
    """The JSON text of each event of a body that `read_batch` gave."""
    try:
        return [bytes(raw) for raw in _RAWS.decode(body).events]
    except RecursionError:
        # How deep a decoder goes depends on where it is called: what came in must come out.
        return cut(body)


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


def why_unreadable(raw: bytes, error: Exception) -> str:
    """Why an event is no object, from the error of the decoder. Where it is a text, what is wrong with the text."""
    if raw.startswith(b'"'):
        try:
            msgspec.json.decode(msgspec.json.decode(raw, type=str))
        except _NOT_JSON as within:
            error = within
    told = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return f"it cannot be read: {told}"[:TYPE_KEPT]


def _read_strange(body: bytes) -> Incoming:
    """The same one by one, for bodies in which something is not as documented."""
    raws = _raw_events(body)
    if len(raws) > STRANGE_MOST:
        raise Unreadable(f"some of its {len(raws):,} events are strange: send fewer at once")
    arrived = []
    for place, raw in enumerate(raws):
        try:
            event = _arrived(_HEAD.decode(raw), place)
        except _NOT_JSON as error:
            event = Arrived("", place, NO_TYPE, None, why_unreadable(raw, error))
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
        if begins_as_list(body):
            return [_kept(piece) for piece in cut(body) if piece.strip()]
        return _mended(body)
    if isinstance(data, list):
        return [bytes(raw) for raw in data]
    if "events" in data:
        try:
            return [bytes(raw) for raw in msgspec.json.decode(data["events"], type=list[msgspec.Raw] | None) or ()]
        except msgspec.DecodeError as error:
            raise Unreadable("events is not a list") from error
    if data.keys() & {"event_type", "id", "properties"}:
        return [body]
    if data:
        raise Unreadable("there is no list of events in it")
    return []


def _mended(body: bytes) -> list[bytes]:
    """The events of an object that only a lenient reader takes."""
    try:
        data = _leniently(body)
        events = data.get("events", [data]) if isinstance(data, dict) else None
        if isinstance(events, list):
            return [_written(event) for event in events]
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is not JSON") from error
    raise Unreadable("events is not a list")


def _kept(piece: bytes) -> bytes:
    """One event as JSON: as it is, or written anew, or as a string where it is none."""
    try:
        return bytes(_RAW.decode(piece))
    except _NOT_JSON:
        pass
    try:
        return _written(_leniently(piece))
    except (ValueError, RecursionError):
        return msgspec.json.encode(piece.strip().decode("utf-8", "replace"))


def _leniently(text: bytes) -> Any:
    """What JSON text says that is a little broken: in its UTF-8, or with NaN or control characters in it."""
    return json.loads(text.decode("utf-8", "replace"), strict=False, parse_constant=str, parse_float=_finite)


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _written(event: Any) -> bytes:
    # Lone surrogates are no UTF-8.
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
