"""A sender of Heap's pages for tests: bodies, signatures, and a receiver on a real socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct

from heaptui.config import Home, Profile
from heaptui.model.secret import Secret
from heaptui.receiver.app import receiver_app
from heaptui.receiver.segment_sync import segment_sync_route
from heaptui.services.door_notes import DoorNotes
from heaptui.services.reception import Reception
from heaptui.services.workspace import Workspace, open_workspace
from heaptui.serving import bound_socket, serving

SECRET = "whsec_of_the_tests"
PATH = "/heap/segment-sync"


def page_body(
    add: Iterable[Any] | None = None,
    remove: Iterable[Any] | None = None,
    *,
    segment: Any = 42,
    name: str = "Café users",
    task: str | None = "task-1",
    number: int = 1,
    total: int = 1,
    action: str = "segment.users.sync",
) -> bytes:
    data: dict[str, Any] = {"segment": {"id": segment, "name": name}}
    if task is not None:
        data["sync_info"] = {"page_number": number, "total_pages": total, "sync_task_id": task}
    if add is not None:
        data["add"] = [{"id": value} for value in add]
    if remove is not None:
        data["remove"] = [{"id": value} for value in remove]
    body = {"id_token": "t", "action_type": action, "customer_config": {"fields": []}, "data": data}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    stamp = str(int((time.time() if at is None else at) * 1000))
    digest = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "Heap-Hash": f"ts:{stamp},hmac:{base64.b64encode(digest).decode()}",
    }


class Door(Struct):
    """A receiver that listens, and the workspace behind it."""

    client: httpx.AsyncClient
    reception: Reception
    workspace: Workspace
    notes: DoorNotes

    async def post(self, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.client.post(PATH, content=body, headers=signed(body) if headers is None else headers)

    async def takes(self, *args: Any, **options: Any) -> None:
        """Post a page, signed, and let it be applied."""
        answer = await self.post(page_body(*args, **options))
        assert answer.status_code == 200, answer.text
        await self.reception.apply_all()

    async def members(self, segment: Any = 42) -> set[str]:
        cohort_id = f"heaptui-seg-{segment}"
        return {i.value async for chunk in self.workspace.cohorts.export(cohort_id) for i in chunk}

    async def count(self, table: str) -> int:
        return await self.workspace.ledger.read(lambda c: c.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@asynccontextmanager
async def open_door(folder: Path, *, applying: bool = False, **settings: Any) -> AsyncIterator[Door]:
    profile = Profile(**{"name": "test", **settings})
    async with open_workspace(Home.find(str(folder), {}), profile, {}) as workspace:
        notes = DoorNotes(workspace.ledger)
        reception = Reception(workspace, Secret(SECRET), notes)
        bound = bound_socket("127.0.0.1", 0, "")
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        app = receiver_app([segment_sync_route(profile.heap_path, reception)])
        work = asyncio.create_task(reception.carry_out()) if applying else None
        async with serving(app, bound, drain=True), httpx.AsyncClient(base_url=url, timeout=30) as client:
            yield Door(client, reception, workspace, notes)
        if work:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
