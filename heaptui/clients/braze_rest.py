"""Braze's read endpoints for a REST API key: segments, people by id, and everybody of a segment.

Reads may be repeated, so this client repeats them itself: after a 5xx or no answer a few times, after a 429 when the
time that Braze named is over. What is refused becomes an error that says which permission is missing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from heaptui.clients.braze import message, wait_seconds
from heaptui.clients.http import Answer, Http, NoAnswer, Request
from heaptui.errors import CredentialRefused, Unreachable
from heaptui.model.identifiers import Kind, Space
from heaptui.model.secret import Secret

IDS_PER_REQUEST = 50
"""External ids and aliases together in one look-up (Braze docs: users/export/ids)."""

SEGMENTS_PER_PAGE = 100
ATTEMPTS = 4
BACKOFF_SECONDS = 0.5

PERMISSIONS: Mapping[str, str] = {
    "/segments/list": "segments.list",
    "/segments/details": "segments.details",
    "/segments/data_series": "segments.data_series",
    "/users/export/ids": "users.export.ids",
    "/users/export/segment": "users.export.segment",
    "/users/track": "users.track",
}
"""The permission that each call needs (Braze docs: API key permissions)."""


class MissingPermission(CredentialRefused):
    """403: the key is right, and may not make this call."""

    def __init__(self, permission: str, words: str) -> None:
        super().__init__(
            f"The REST key may not use {permission} (403).",
            words,
            "Permissions of a key cannot be changed: make a new one in Braze, Settings › API Keys.",
        )
        self.permission = permission


class SegmentItem(Struct, frozen=True):
    """One line of the list of segments."""

    segment_id: str
    name: str
    tracked: bool
    tags: tuple[str, ...]


class SegmentDetails(Struct, frozen=True):
    """A segment's texts. Which of the two is the rendering of the filters is documented the wrong way round."""

    name: str
    description: str
    text_description: str
    tags: tuple[str, ...]
    created_at: str
    updated_at: str

    @property
    def words(self) -> str:
        """Both texts, for whoever looks for a name in them."""
        return f"{self.description}\n{self.text_description}"


class DailySize(Struct, frozen=True):
    """How many people Braze estimated on one day (ISO date)."""

    day: str
    size: int


async def _sleep(seconds: float, reason: str) -> None:  # noqa: ARG001 - the shape of Waiter
    await asyncio.sleep(seconds)


Waiter = Callable[[float, str], Awaitable[None]]
"""Waits some seconds, for a reason in words that a screen may show."""


@dataclass(slots=True)
class BrazeRest:
    """The reads of one workspace. `http` is open while this is used.

    Every call raises:
        CredentialRefused: 401; MissingPermission for a 403.
        Unreachable: no answer after several attempts, or a longer wait asked for than `longest_wait` seconds.
    """

    http: Http
    key: Secret
    longest_wait: float = 90.0
    wait: Waiter = field(default=_sleep)
    turn: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    """Around every attempt: whoever has to keep within a number of requests counts here."""

    async def segments(self, page: int) -> list[SegmentItem]:
        """One page of all segments, from 0; a page with fewer than 100 is the last."""
        answer = await self._get("/segments/list", {"page": str(page)})
        return [
            SegmentItem(
                str(entry.get("id", "")),
                str(entry.get("name", "")),
                entry.get("analytics_tracking_enabled") is True,
                _texts(entry.get("tags")),
            )
            for entry in _entries(answer, "segments")
        ]

    async def segment_details(self, segment_id: str) -> SegmentDetails:
        """The texts of one segment."""
        answer = await self._get("/segments/details", {"segment_id": segment_id})
        data = answer.data if isinstance(answer.data, dict) else {}

        def text(name: str) -> str:
            return str(data.get(name) or "")

        return SegmentDetails(
            text("name"),
            text("description"),
            text("text_description"),
            _texts(data.get("tags")),
            text("created_at"),
            text("updated_at"),
        )

    async def segment_sizes(self, segment_id: str, days: int) -> list[DailySize]:
        """Daily estimated sizes of a tracked segment over up to 100 days, the newest last."""
        answer = await self._get("/segments/data_series", {"segment_id": segment_id, "length": str(days)})
        return [
            DailySize(str(entry.get("time", ""))[:10], int(entry.get("size") or 0))
            for entry in _entries(answer, "data")
        ]

    async def people(
        self, space: Space, values: Sequence[str], fields: Sequence[str] = ("external_id", "braze_id", "user_aliases")
    ) -> list[dict[str, Any]]:
        """The people behind up to 50 external ids or aliases, or one e-mail or device; unknown ones are left out."""
        body: dict[str, Any] = {"fields_to_export": list(fields)}
        match space.kind:
            case Kind.EXTERNAL_ID:
                body["external_ids"] = list(values)
            case Kind.ALIAS:
                body["user_aliases"] = [{"alias_name": value, "alias_label": space.label} for value in values]
            case Kind.EMAIL:
                (body["email_address"],) = values
            case Kind.DEVICE_ID:
                (body["device_id"],) = values
        answer = await self.call(Request("/users/export/ids", body, bearer=self.key))
        return _entries(answer, "users")

    async def known(self, space: Space, values: Sequence[str]) -> set[str]:
        """Which of up to 50 external ids or aliases of one label exist in Braze."""
        found = await self.people(space, values)
        if space.kind is Kind.EXTERNAL_ID:
            return {str(person["external_id"]) for person in found if person.get("external_id")} & set(values)
        names = {
            str(alias.get("alias_name"))
            for person in found
            for alias in person.get("user_aliases") or ()
            if isinstance(alias, dict) and alias.get("alias_label") == space.label
        }
        return names & set(values)

    async def _get(self, path: str, params: Mapping[str, str]) -> Answer:
        return await self.call(Request(path, None, "GET", self.key, params))

    async def call(self, request: Request) -> Answer:
        """One read, repeated as far as that makes sense; a 2xx."""
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                async with self.turn():
                    answer = await self.http.send(request)
            except NoAnswer as error:
                if last:
                    raise Unreachable("Braze gave no answer.", error.title, "Try again later.") from error
                await self.wait(_backoff(attempt), "no answer from Braze")
                continue
            if answer.ok and not answer.is_html:
                return answer
            await self._turned_away(answer, request.path, attempt, last=last)
        raise AssertionError("the last attempt returns or raises")

    async def _turned_away(self, answer: Answer, path: str, attempt: int, *, last: bool) -> None:
        """Wait before the next attempt, or say why there is none."""
        words = message(answer)
        if answer.status == 401:
            raise CredentialRefused(
                "Braze refused the REST key (401).",
                f"{words}. It is wrong, revoked, of another cluster, or used from an address that it does not allow.",
                "Braze: Settings › API Keys. Check keys and cluster: heaptui verify",
            )
        if answer.status == 403:
            raise MissingPermission(PERMISSIONS.get(path, path), words)
        if answer.status == 429:
            seconds = wait_seconds(answer)
            seconds = _backoff(attempt) if seconds is None else seconds + _backoff(0)
            if last or seconds > self.longest_wait:
                raise Unreachable("Braze's limit for this call is used up (429).", words, "Try again later.")
            await self.wait(seconds, "Braze asked us to wait (429)")
        elif answer.status >= 500 and not last:
            await self.wait(_backoff(attempt), f"{answer.status} from Braze")
        else:
            raise Unreachable(
                f"Braze answered {answer.status} to {path}.", words, "Check the endpoint; try again later."
            )


def _backoff(attempt: int) -> float:
    return random.uniform(0, BACKOFF_SECONDS * 2**attempt)  # noqa: S311 - not a secret


def _entries(answer: Answer, name: str) -> list[dict[str, Any]]:
    data = answer.data if isinstance(answer.data, dict) else {}
    entries = data.get(name)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
