"""Identifiers of people, and the one validator of them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

MAX_BYTES = 987
"""Braze takes identifiers of fewer than 988 bytes (seen in its answers by other systems, not documented)."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class Kind(StrEnum):
    """Which Braze identifier a value is."""

    EXTERNAL_ID = "external_id"
    ALIAS = "alias"
    DEVICE_ID = "device_id"
    EMAIL = "email"


class Space(Struct, frozen=True, order=True):
    """A kind of identifier, with the label that an alias needs; values are unique within one space."""

    kind: Kind
    label: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.label}" if self.label else str(self.kind)


EXTERNAL_ID = Space(Kind.EXTERNAL_ID)


class Identifier(NamedTuple):
    """One identifier of a person, as Braze knows it. A tuple, because a sync makes millions of them."""

    space: Space
    value: str


def invalid_reason(value: str) -> str | None:
    """Why this value cannot be sent to Braze, or None. The value is taken as it is: never trimmed, never folded."""
    if not value or value.isspace():
        return "empty"
    if value.isascii() and value.isprintable():
        return "too long" if len(value) > MAX_BYTES else None
    if _SURROGATE.search(value):
        return "lone surrogate"
    if _UNPRINTABLE.search(value):
        return "control character"
    if len(value.encode()) > MAX_BYTES:
        return "too long"
    return None
