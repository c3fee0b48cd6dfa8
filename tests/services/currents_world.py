"""A receiver for Currents on a real socket, and the sandbox as Braze and Heap around it."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from heaptui.config import Home, Profile
from heaptui.receiver.app import receiver_app
from heaptui.receiver.currents import PATH, currents_route
from heaptui.services.currents_upkeep import digest_all
from heaptui.services.door_notes import DoorNotes
from heaptui.services.heap_pace import HeapPace
from heaptui.services.workspace import Workspace, open_workspace
from heaptui.serving import bound_socket, serving
from tests.services.world import workspace_on

TOKEN = "Q3VycmVudHM-token_1.2~x"
NO_LIMIT = 10**9


class Door(Struct):
    """Where Braze calls."""

    url: str
    workspace: Workspace
    notes: DoorNotes

    async def post(self, body: bytes, token: str | None = TOKEN, **headers: str) -> int:
        return await asyncio.to_thread(posted, self.url, body, token, headers)

    async def send(self, *events: Any) -> int:
        return await self.post(json.dumps({"events": list(events)}).encode())


def posted(url: str, body: bytes, token: str | None, headers: dict[str, str]) -> int:
    given = {"Content-Type": "application/json", "Braze-Currents-Version": "1", **headers}
    if token is not None:
        given["Authorization"] = f"Bearer {token}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, given), timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@asynccontextmanager
async def currents_workspace(sandbox: Any, folder: Path, **settings: Any) -> AsyncIterator[Workspace]:
    """A profile whose Heap is the sandbox's."""
    profile = Profile(
        **{
            "name": "test",
            "endpoint": sandbox.braze_url,
            "heap_endpoint": sandbox.heap_url,
            "heap_app_id": sandbox.keys.heap_app_id,
            "backoff_seconds": 0.01,
            "read_timeout_seconds": 0.3,
            **settings,
        }
    )
    async with open_workspace(Home.find(str(folder), {}), profile, {"HEAPTUI_CURRENTS_TOKEN": TOKEN}) as workspace:
        yield workspace


@asynccontextmanager
async def door(workspace: Workspace, **options: Any) -> AsyncIterator[Door]:
    """The receiver, open while the block runs."""
    cap = {"cap": options.pop("cap")} if "cap" in options else {}
    intake = await workspace.currents.intake(**cap)
    bound = bound_socket("127.0.0.1", 0, "")
    url = f"http://127.0.0.1:{bound.getsockname()[1]}{PATH}"
    notes = DoorNotes(workspace.ledger)
    async with serving(receiver_app([currents_route(intake, notes, **options)]), bound, drain=True):
        yield Door(url, workspace, notes)


async def forwarded(workspace: Workspace, **options: Any) -> None:
    """Send everything that waits to Heap."""
    options.setdefault("limits", HeapPace(NO_LIMIT, NO_LIMIT))
    async with workspace.currents.forwarding(**options) as forwarder:
        await forwarder.drain()


def an_event(number: int = 1, name: str = "users.messages.email.Open", **properties: Any) -> dict[str, Any]:
    return {
        "event_type": name,
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "time": 1_700_000_000 + number,
        "user": {"user_id": "0" * 24, "external_user_id": f"u{number:06d}"},
        "properties": {"app_group_id": "g", **properties},
    }


def keys_in(sandbox: Any) -> list[str]:
    """The idempotency keys of the effects in Heap."""
    return sorted(event["idempotency_key"] for event in sandbox.heap.events)


async def eventually(holds: Callable[[], Any], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


async def events_came(sandbox: Any, folder: Path, events: Sequence[Any]) -> None:
    """Events came, the first forty of them twice, and went to Heap, all but those of sessions."""
    settings = {"heap_endpoint": sandbox.heap_url, "heap_app_id": "123", "currents_types": ("!app.Session*",)}
    token = {"HEAPTUI_CURRENTS_TOKEN": TOKEN}
    async with workspace_on(sandbox, folder, environ=token, **settings) as workspace:
        async with door(workspace) as opened:
            assert await opened.send(*events) == 204
            assert await opened.send(*events[:40]) == 204
        await digest_all(await workspace.currents.events())
        await forwarded(workspace)
