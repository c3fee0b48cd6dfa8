"""One Braze Currents event becomes one Heap event. Pure, and every field is accounted for.

Heap takes an event name and property names of at most 1,024 characters, values that are numbers or text of fewer than
1,024, and an identity of at most 255; no nested objects, and nothing called `id`.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct, field

from heaptui.model.currents_batch import why_unreadable

VALUE_MOST = 1023
NAME_MOST = 1023
IDENTITY_MOST = 255
PREFIX = "braze-"
SAFE_INTEGER = 2**53
LAST_SECOND = 253_402_300_799
"""The last second of the year 9999, the last that ISO 8601 can say with four digits."""

SHARED_IDENTITIES = frozenset(
    {"null", "undefined", "user", "guest", "none", "nil", "nan", "n/a", "anonymous", "unknown", "[redacted]", "(null)",
     "true", "false", "0", "-1"}
)  # fmt: skip
"""Values that many people share. Heap merges everybody who has the same identity, and that cannot be undone."""


class Fate(StrEnum):
    """What becomes of one field."""

    FORWARDED = "forwarded"
    RENAMED = "renamed"
    FLATTENED = "flattened"
    DROPPED = "dropped"


class Account(Struct, frozen=True):
    """One field of the Braze event: where it went, and why."""

    field: str
    fate: Fate
    to: str = ""
    reason: str = ""


class Rules(Struct, frozen=True):
    """How a profile wants events translated.

    Attributes:
        identity: `external_user_id`, or `user_id`, Braze's own id.
        anonymous: what happens without an external id: `skip`, or `user_id` to use Braze's own id.
        prefix: put `braze-` before the names of events and properties.
        cut: cut values that are too long for Heap; otherwise such an event is a dead letter.
        types: patterns of the event types to forward; `!` before one leaves them out; none forwards all.
    """

    identity: str = "external_user_id"
    anonymous: str = "skip"
    prefix: bool = True
    cut: bool = False
    types: Sequence[str] = ()


class HeapEvent(Struct, frozen=True):
    """What Heap is told. `timestamp` is ISO 8601 in UTC; `idempotency_key` is the id of the Braze event."""

    event: str
    identity: str
    timestamp: str
    idempotency_key: str
    properties: Mapping[str, str | int | float] = field(default_factory=dict)


class Unforwardable(Exception):
    """This event can not go to Heap as it is: a dead letter, with the reason."""


class Filtered(Exception):
    """This event shall not go to Heap, with the reason."""


def wanted(event_type: str, types: Sequence[str]) -> bool:
    """Whether a type is to be forwarded: `email.*` means every `….email.…`, `!*.Send` leaves those out."""
    out = [pattern[1:] for pattern in types if pattern.startswith("!")]
    into = [pattern for pattern in types if not pattern.startswith("!")]
    if any(_fits(event_type, pattern) for pattern in out):
        return False
    return not into or any(_fits(event_type, pattern) for pattern in into)


def _fits(event_type: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(event_type, pattern) or fnmatch.fnmatchcase(event_type, f"*.{pattern}")


def decode(body: bytes) -> dict[str, Any]:
    """The event as an object.

    Raises:
        Unforwardable: it is none.
    """
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unforwardable(why_unreadable(body, error)) from error


def translate(event: Mapping[str, Any], rules: Rules) -> tuple[HeapEvent, list[Account]]:
    """The Heap event, and an account of every field of the Braze event.

    Raises:
        Filtered: its type is filtered out, or it has no usable identity.
        Unforwardable: Heap would not take it.
    """
    event_type, event_id = event.get("event_type"), event.get("id")
    if not isinstance(event_type, str) or not event_type:
        raise Unforwardable("it has no event_type")
    if not wanted(event_type, rules.types):
        raise Filtered("its type is not forwarded")
    if isinstance(event_id, bool) or not isinstance(event_id, str | int) or event_id == "":
        raise Unforwardable("it has no id, so Heap could not tell it from a repetition")
    user = event.get("user")
    identity_field, identity = _identity(user if isinstance(user, dict) else {}, rules)
    timestamp = _timestamp(event.get("time"))
    name = f"{PREFIX if rules.prefix else ''}{event_type}"
    if len(name) > NAME_MOST:
        raise Unforwardable(f"its event_type has {len(event_type):,} characters, Heap takes {NAME_MOST:,}")
    accounts = [
        _went("event_type", event_type, name, "event"),
        Account("id", Fate.RENAMED, "idempotency_key"),
        Account("time", Fate.RENAMED, "timestamp"),
        Account(f"user.{identity_field}", Fate.RENAMED, "identity"),
    ]
    properties = _Properties(rules, accounts)
    try:
        for path, key, value in _leaves(event, identity_field):
            properties.add(path, key, value)
    except RecursionError as error:
        raise Unforwardable("it is nested too deeply") from error
    return HeapEvent(name, identity, timestamp, str(event_id), properties.values), accounts


def _went(source: str, value: str, name: str, to: str) -> Account:
    return Account(source, Fate.RENAMED, to, "" if value == name else f"prefix {PREFIX}")


def _identity(user: Mapping[str, Any], rules: Rules) -> tuple[str, str]:
    fields = ["external_user_id"] if rules.identity == "external_user_id" else ["user_id"]
    if fields == ["external_user_id"] and rules.anonymous == "user_id":
        fields.append("user_id")
    for name in fields:
        value = user.get(name)
        text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if not text.strip() or text.strip().casefold() in SHARED_IDENTITIES:
            continue
        if len(text) > IDENTITY_MOST:
            raise Unforwardable(f"{name} has {len(text):,} characters, Heap's identity takes {IDENTITY_MOST}")
        return name, text
    given = user.get(fields[0])
    if isinstance(given, str) and given.strip():
        raise Filtered(f"its {fields[0]} is a value that many people share")
    raise Filtered(f"it has no {fields[-1]}")


def _timestamp(seconds: Any) -> str:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise Unforwardable("its time is missing or no number")
    if not 0 <= seconds <= LAST_SECOND:
        raise Unforwardable(f"its time {seconds} is not in seconds since 1970")
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _leaves(event: Mapping[str, Any], identity_field: str) -> Iterator[tuple[str, str, Any]]:
    """(path in the Braze event, wished name of the property, value) of everything that has no place of its own."""
    properties = event.get("properties")
    if isinstance(properties, dict):
        for name, value in properties.items():
            yield from _flat(f"properties.{name}", name, value)
    elif "properties" in event:
        yield "properties", "properties", properties
    user = event.get("user")
    if isinstance(user, dict):
        for name, value in user.items():
            if name != identity_field:
                yield from _flat(f"user.{name}", name, value)
    elif "user" in event:
        yield "user", "user", user
    for name, value in event.items():
        if name not in ("event_type", "id", "time", "user", "properties"):
            yield from _flat(name, name, value)


def _flat(path: str, name: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    """Nested objects as names with dots."""
    if isinstance(value, dict) and value:
        for inner, deeper in value.items():
            yield from _flat(f"{path}.{inner}", f"{name}.{inner}", deeper)
    else:
        yield path, name, value


class _Properties:
    """Collects properties as Heap takes them."""

    def __init__(self, rules: Rules, accounts: list[Account]) -> None:
        self.values: dict[str, str | int | float] = {}
        self._rules = rules
        self._accounts = accounts

    def add(self, path: str, key: str, value: Any) -> None:
        """Take one value, and account for it."""
        found = as_value(value)
        if found is None:
            self._accounts.append(Account(path, Fate.DROPPED, reason="it is empty"))
            return
        reasons = []
        if isinstance(found, str) and len(found) > VALUE_MOST:
            if not self._rules.cut:
                told = path.removeprefix("properties.")
                raise Unforwardable(f"property {told} has {len(found):,} characters, Heap takes {VALUE_MOST:,}")
            reasons.append(f"cut from {len(found):,} characters")
            found = found[:VALUE_MOST]
        if isinstance(value, list):
            reasons.append("joined with ||")
        elif isinstance(value, bool):
            reasons.append("written as text")
        name = self._name(key)
        if len(name) > NAME_MOST:
            self._accounts.append(Account(path, Fate.DROPPED, reason=f"its name has {len(name):,} characters"))
            return
        self.values[name] = found
        nested = "." in path.removeprefix("properties.").removeprefix("user.") or isinstance(value, list)
        plain = key if path.startswith(("properties.", "user.")) else path
        fate = Fate.FLATTENED if nested else Fate.FORWARDED if name == plain else Fate.RENAMED
        self._accounts.append(Account(path, fate, name, ", ".join(reasons)))

    def _name(self, key: str) -> str:
        """A name that is free; Heap keeps `id` for itself, in any casing."""
        name = f"{PREFIX if self._rules.prefix else ''}{key or 'unnamed'}"
        if name.casefold() == "id":
            name = f"braze_{name}"
        free, number = name, 2
        while free in self.values:
            free, number = f"{name}_{number}", number + 1
        return free


def as_value(value: Any) -> str | int | float | None:
    """A number or text as Heap takes it; None for nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # Heap's numbers are those of JavaScript: larger ones would lose digits.
        return value if abs(value) < SAFE_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list):
        return "||".join(str(_element(item)) for item in value) or None
    if isinstance(value, str):
        return value or None
    return None


def _element(item: Any) -> str | int | float:
    if isinstance(item, dict | list):
        return msgspec.json.encode(item).decode()
    found = as_value(item)
    return "" if found is None else found


def user_properties(event: Mapping[str, Any], rules: Rules) -> dict[str, str | int | float]:
    """What an event says about the person for good: subscriptions, and custom attributes that changed."""
    given = event.get("properties")
    properties: Mapping[str, Any] = given if isinstance(given, dict) else {}
    event_type, status = event.get("event_type"), properties.get("subscription_status")
    found: dict[str, Any] = {}
    match event_type:
        case "users.behaviors.subscription.GlobalStateChange":
            found = {f"{properties.get('channel') or 'email'}_subscription": status}
        case "users.behaviors.subscriptiongroup.StateChange":
            found = {f"subscription_group_{properties.get('subscription_group_id')}": status}
        case "users.profile.Update":
            attributes = properties.get("custom_attributes")
            if isinstance(attributes, str):
                # It is an object written as text.
                try:
                    attributes = msgspec.json.decode(attributes)
                except (msgspec.DecodeError, RecursionError):
                    attributes = None
            found = {name: value for _, name, value in _flat("", "", attributes)} if attributes else {}
    prefix = PREFIX if rules.prefix else ""
    names = {name: f"{prefix}{name.lstrip('.') or 'unnamed'}" for name in found}
    return {
        names[name] if names[name].casefold() != "id" else "braze_id": text[:VALUE_MOST]
        if isinstance(text, str)
        else text
        for name, value in found.items()
        if (text := as_value(value)) is not None and len(names[name]) <= NAME_MOST
    }
