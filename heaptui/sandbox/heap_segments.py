"""Heap's segments: who is in them, and the signed pages that tell a receiver who entered and who left.

After Heap's documents: a call every 4 hours with what changed since the last one, "Sync now" with everybody, up to so
many people on a page, and whatever is not answered 200 is sent again, signed anew.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from heaptui.sandbox.asgi import Reply

SYNC, DRAIN = "segment.users.sync", "segment.users.drain"
CADENCE_HOURS = 4
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
ANSWER_WITHIN = 30.0
PAUSE = 0.05


class Sending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the pages of one sync travel.

    Attributes:
        url: of the receiver; None means the one of the last time.
        page_size: people on a page.
        order: in_order, reversed or shuffled.
        duplicates: pages that are sent once more at the end.
        forged: copies with a wrong signature that are sent in between.
        retries: further attempts for what is not answered 200.
        full: everybody, as "Sync now" does, not only what changed.
        drain: ask to empty the segment, and send nobody.
        sync_info: false leaves it out, as some senders do.
        seed: of the shuffling.
    """

    url: str | None = None
    page_size: int = 1000
    order: str = "in_order"
    duplicates: int = 0
    forged: int = 0
    retries: int = 20
    full: bool = False
    drain: bool = False
    sync_info: bool = True
    seed: int = 0


class HeapSegment(Struct):
    """One segment; what changed since the last call waits in `entered` and `left`."""

    name: str
    members: dict[str | int, None] = field(default_factory=dict)
    entered: dict[str | int, None] = field(default_factory=dict)
    left: dict[str | int, None] = field(default_factory=dict)
    url: str = ""

    def change(self, add: list[str | int], remove: list[str | int]) -> None:
        """People enter and leave."""
        for person in remove:
            if person in self.members:
                del self.members[person]
                if self.entered.pop(person, self) is self:
                    self.left[person] = None
        for person in add:
            if person not in self.members:
                self.members[person] = None
                if self.left.pop(person, self) is self:
                    self.entered[person] = None


class HeapSegments:
    """The segments of one Heap environment."""

    def __init__(self, webhook_secret: str) -> None:
        self._secret = webhook_secret
        self._segments: dict[str, HeapSegment] = {}
        self._ahead = 0.0

    def clear(self) -> None:
        """Forget every segment."""
        self._segments.clear()

    async def answer(self, method: str, path: str, body: bytes) -> Reply:
        """One request to the control routes below `/_sandbox/segments` and `/_sandbox/clock`."""
        try:
            data = msgspec.json.decode(body or b"{}", type=dict[str, Any])
            match method, path.removeprefix("/_sandbox/").split("/"):
                case "GET", ["segments"]:
                    return Reply(200, {"segments": [self._told(segment_id) for segment_id in self._segments]})
                case "GET", ["segments", segment_id] if segment_id in self._segments:
                    return Reply(200, {**self._told(segment_id), "members": list(self._segments[segment_id].members)})
                case "POST", ["segments", segment_id]:
                    return self._change(segment_id, data)
                case "POST", ["segments", segment_id, "sync"] if segment_id in self._segments:
                    return Reply(200, await self._sync(segment_id, msgspec.convert(data, Sending)))
                case "POST", ["clock"]:
                    return Reply(200, await self._forward(float(data.get("hours", CADENCE_HOURS))))
        except (msgspec.ValidationError, msgspec.DecodeError, TypeError, ValueError) as error:
            return Reply(400, {"error": str(error)})
        return Reply(404, {"error": "there is no such segment"})

    def _told(self, segment_id: str) -> dict[str, Any]:
        segment = self._segments[segment_id]
        waiting = len(segment.entered) + len(segment.left)
        return {"id": segment_id, "name": segment.name, "size": len(segment.members), "waiting": waiting}

    def _change(self, segment_id: str, data: dict[str, Any]) -> Reply:
        segment = self._segments.setdefault(segment_id, HeapSegment(f"Segment {segment_id}"))
        segment.name = str(data.get("name") or segment.name)
        segment.change(list(data.get("add", ())), list(data.get("remove", ())))
        return Reply(200, {**self._told(segment_id), "members": list(segment.members)})

    async def _forward(self, hours: float) -> dict[str, Any]:
        """Let time pass: every segment that was synced before calls its receiver once for each 4 hours."""
        self._ahead += hours
        calls = int(self._ahead // CADENCE_HOURS)
        self._ahead -= calls * CADENCE_HOURS
        sent = []
        for segment_id, segment in self._segments.items() if calls else ():
            # What changed since goes out with the first call; the others have nothing to tell and are not made.
            if segment.url and (segment.entered or segment.left):
                sent.append(await self._sync(segment_id, Sending()))
        return {"calls": calls, "syncs": sent}

    async def _sync(self, segment_id: str, how: Sending) -> dict[str, Any]:
        segment = self._segments[segment_id]
        url = how.url or segment.url
        if urlsplit(url).hostname not in LOOPBACK:
            raise ValueError("the sandbox sends to receivers of this machine only")
        segment.url = url
        entered, left = list(segment.members if how.full else segment.entered), list(segment.left)
        segment.entered.clear()
        segment.left.clear()
        task_id = str(uuid.uuid4())
        number = int(segment_id) if segment_id.isdecimal() else segment_id
        head = {"segment": {"id": number, "name": segment.name}}
        changes = [("remove", person) for person in left] + [("add", person) for person in entered]
        bodies = [_encoded(DRAIN, head)] if how.drain else _bodies(head, changes, task_id, how)
        rng = random.Random(how.seed)  # noqa: S311 - the order of pages is no secret
        if how.order == "reversed":
            bodies.reverse()
        elif how.order == "shuffled":
            rng.shuffle(bodies)
        bodies += [rng.choice(bodies) for _ in range(how.duplicates)]
        answers: Counter[str] = Counter()
        for number, body in enumerate(bodies):
            if number < how.forged:
                answers[str(await self._post(url, body, "not the secret"))] += 1
            answers.update(await self._delivered(url, body, how.retries))
        complete = answers["200"] == len(bodies)
        if not complete:
            # What did not arrive goes out with the next call, unless it has changed back by then.
            segment.entered |= {person: None for person in entered if person in segment.members}
            segment.left |= {person: None for person in left if person not in segment.members}
        return {"task_id": task_id, "pages": len(bodies), "answers": dict(answers), "complete": complete}

    async def _delivered(self, url: str, body: bytes, retries: int) -> list[str]:
        """Send one page until it is answered 200 or the attempts are used up."""
        statuses = []
        for attempt in range(retries + 1):
            status = await self._post(url, body, self._secret)
            statuses.append(str(status))
            if status == 200:
                break
            await asyncio.sleep(PAUSE * min(attempt + 1, 10))
        return statuses

    @staticmethod
    async def _post(url: str, body: bytes, secret: str) -> int:
        """One attempt; 0 when there was no answer."""
        stamp = str(int(time.time() * 1000))
        digest = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
        headers = {
            "Content-Type": "application/json",
            "Heap-Hash": f"ts:{stamp},hmac:{base64.b64encode(digest).decode()}",
        }
        return await asyncio.to_thread(_answered, urllib.request.Request(url, body, headers))  # noqa: S310 - loopback


def _bodies(head: dict[str, Any], changes: list[tuple[str, str | int]], task_id: str, how: Sending) -> list[bytes]:
    size = max(1, how.page_size)
    pages = [changes[start : start + size] for start in range(0, len(changes), size)] or [[]]
    bodies = []
    for number, page in enumerate(pages, 1):
        data = dict(head)
        if how.sync_info:
            data["sync_info"] = {"page_number": number, "total_pages": len(pages), "sync_task_id": task_id}
        for key in ("add", "remove"):
            if people := [{"id": person} for what, person in page if what == key]:
                data[key] = people
        bodies.append(_encoded(SYNC, data))
    return bodies


def _answered(request: urllib.request.Request) -> int:
    # No proxy of the environment: the receiver is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ANSWER_WITHIN) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _encoded(action: str, data: dict[str, Any]) -> bytes:
    """As JavaScript writes it: compact, and every character as itself."""
    body = {"id_token": "sandbox", "action_type": action, "customer_config": {"fields": []}, "data": data}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
