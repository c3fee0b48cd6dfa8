"""The little of ASGI that the sandbox needs: whole bodies in, whole JSON answers out, and broken connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec
from msgspec import Struct, field

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = "application/json"


class Reply(Struct):
    """A whole answer."""

    status: int
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = JSON

    async def send(self, send: Send) -> None:
        """Put it on the wire."""
        body = self.raw if self.raw is not None else msgspec.json.encode(self.data)
        headers = [(b"content-type", self.content_type.encode()), (b"content-length", str(len(body)).encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive) -> bytes:
    """The whole request body."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def header(scope: Scope, name: str) -> str:
    """One request header; empty when it is missing."""
    wanted = name.lower().encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == wanted), "")


def query(scope: Scope) -> Mapping[str, str]:
    """The parameters behind the question mark."""
    from urllib.parse import parse_qsl

    return dict(parse_qsl(scope["query_string"].decode("latin-1")))


def break_connection(send: Send) -> None:
    """Cut the connection as a dying network would: uvicorn's `send` belongs to the cycle that holds the transport."""
    cycle: Any = getattr(send, "__self__", None)
    assert cycle is not None, "the sandbox runs directly under uvicorn"
    cycle.transport.abort()


async def break_midway(send: Send) -> None:
    """Start an answer and cut the connection before it is whole."""
    headers = [(b"content-type", JSON.encode()), (b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"mess', "more_body": True})
    break_connection(send)


async def drip(send: Send, every: float, seconds: float) -> None:
    """One byte of the answer every now and then (`every` seconds), never the whole of it."""
    count = max(1, int(seconds / every))
    headers = [(b"content-type", JSON.encode()), (b"content-length", str(count + 1).encode())]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    for _ in range(count):
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await asyncio.sleep(every)
    break_connection(send)


async def hold(receive: Receive, send: Send, seconds: float) -> None:
    """Never answer: keep the connection until the client gives up or the time is over."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        break_connection(send)
