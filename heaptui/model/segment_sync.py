"""Heap's Segment Sync as it travels: its signature header, its body, and what makes either unacceptable.

Heap documents neither the page size nor whether a retry is signed anew, and marks every field of the body as
optional. Taken as required: the action and the segment's id, without which a page means nothing.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn

from msgspec import Struct

from heaptui.model.identifiers import invalid_reason
from heaptui.model.secret import Secret

FALLBACK_CAP = 1024 * 1024
"""Bytes of a body that is serialised again to look for its signature; above, only the raw bytes count."""

MOST_PAGES = 1_000_000
"""Page numbers above this are taken as no page numbers."""

_DIGITS = re.compile(r"[0-9]{1,16}")
_SEGMENT_ID = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,128}")
_NAME_CAP = 1000


class Unacceptable(Exception):
    """A request that is not stored: the status and the sentence that Heap is answered."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Action(StrEnum):
    """What a page asks for."""

    SYNC = "segment.users.sync"
    DRAIN = "segment.users.drain"
    """"Empty this segment": in Heap's code of 2021, removed in 2022, still handled."""


class Verified(StrEnum):
    """How a signature was found right."""

    RAW = "raw"
    RESERIALISED = "re-serialised"


class HeapHash(Struct, frozen=True):
    """The header: when Heap signed, in its own digits, and the signature as Base64."""

    stamp: str
    signature: str

    @property
    def signed_at(self) -> float:
        """Seconds since the epoch; Heap's unit is not documented, so it is told by the size of the number."""
        number = int(self.stamp)
        return float(number) if number < 10**11 else number / 1000


def read_header(values: Iterable[str]) -> HeapHash:
    """The `Heap-Hash` header, its parts in any order.

    Raises:
        Unacceptable: missing, repeated, or not of this form.
    """
    given = list(values)
    if len(given) != 1:
        raise Unacceptable(400, "one Heap-Hash header is needed")
    parts: dict[str, str] = {}
    for part in given[0].split(","):
        name, _, value = part.partition(":")
        name = name.strip().lower()
        if name in parts:
            raise Unacceptable(400, "Heap-Hash names a part twice")
        parts[name] = value.strip()
    stamp, signature = parts.get("ts", ""), parts.get("hmac", "")
    if not _DIGITS.fullmatch(stamp) or not signature.isascii() or not 1 <= len(signature) <= 100:
        raise Unacceptable(400, "Heap-Hash must be ts:<digits>,hmac:<base64>")
    return HeapHash(stamp, signature)


def verify(secret: Secret, header: HeapHash, body: bytes, *, fallback: bool = False) -> Verified | None:
    """How the signature is right, or None. It covers the raw bytes; with `fallback` also the body serialised again."""
    if _signs(secret, header, body):
        return Verified.RAW
    if fallback and len(body) <= FALLBACK_CAP:
        try:
            again = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return None
        if _signs(secret, header, again):
            return Verified.RESERIALISED
    return None


def _signs(secret: Secret, header: HeapHash, body: bytes) -> bool:
    expected = base64.b64encode(secret.hmac(header.stamp.encode() + body))
    return hmac.compare_digest(expected, header.signature.encode())


@dataclass(frozen=True, slots=True)
class SegmentPage:
    """One body, read. Without `sync_info`, or with one that makes no sense, there are no page numbers.

    Attributes:
        segment_id: Heap's, as text; the stable key.
        task_id: of the Heap sync it belongs to; empty when Heap sent none.
        invalid: entries without an id that Braze could take.
    """

    action: Action
    segment_id: str
    name: str
    task_id: str = ""
    number: int | None = None
    total: int | None = None
    adds: tuple[str, ...] = field(default=(), repr=False)
    removes: tuple[str, ...] = field(default=(), repr=False)
    invalid: int = 0


def read_page(body: bytes) -> SegmentPage:
    """The page in a body; numbers are kept as they are written.

    Raises:
        Unacceptable: not JSON, keys named twice, or not of Heap's form.
    """
    try:
        data = json.loads(
            body.decode(), object_pairs_hook=_object, parse_int=str, parse_float=str, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise Unacceptable(400, "the body is not JSON that can be read") from error
    if not isinstance(data, dict):
        raise Unacceptable(400, "the body is not an object")
    action = data.get("action_type")
    if action is None:
        raise Unacceptable(400, "action_type is missing")
    if action not in list(Action):
        raise Unacceptable(405, "this action_type is not supported")
    inner = data.get("data")
    segment = inner.get("segment") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or not isinstance(segment, dict):
        raise Unacceptable(400, "data.segment is missing")
    segment_id = segment.get("id")
    if not isinstance(segment_id, str) or not _SEGMENT_ID.fullmatch(segment_id):
        raise Unacceptable(400, "data.segment.id is missing or unusable")
    adds, bad_adds = _ids(inner.get("add"), "data.add")
    removes, bad_removes = _ids(inner.get("remove"), "data.remove")
    task_id, number, total = _sync_info(inner.get("sync_info"))
    return SegmentPage(
        action=Action(action),
        segment_id=segment_id,
        name=_text(segment.get("name"))[:_NAME_CAP].strip() or f"Heap segment {segment_id}",
        task_id=task_id,
        number=number,
        total=total,
        adds=adds,
        removes=removes,
        invalid=bad_adds + bad_removes,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is named twice")
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _ids(entries: Any, where: str) -> tuple[tuple[str, ...], int]:
    """The usable ids and how many are not: Heap's users without a value for the key it identifies by, for one."""
    if entries is None:
        return (), 0
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Unacceptable(400, f"{where} must be a list of objects")
    found = [entry.get("id") for entry in entries]
    usable = tuple(value for value in found if isinstance(value, str) and invalid_reason(value) is None)
    return usable, len(found) - len(usable)


def _sync_info(info: Any) -> tuple[str, int | None, int | None]:
    if not isinstance(info, dict):
        return "", None, None
    task_id = _text(info.get("sync_task_id"))[:200]
    number, total = _count(info.get("page_number")), _count(info.get("total_pages"))
    if not task_id or number is None or total is None:
        return task_id, None, None
    return task_id, number, max(number, total)


def _count(value: Any) -> int | None:
    if not isinstance(value, str) or not _DIGITS.fullmatch(value):
        return None
    return int(value) if 1 <= int(value) <= MOST_PAGES else None


def _text(value: Any) -> str:
    """Text that can be stored: half of a surrogate pair cannot."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""
