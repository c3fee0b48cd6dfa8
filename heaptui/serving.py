"""An ASGI application on a socket of our own, served in the loop that is already running.

uvicorn's own way would take the signal handlers and end the process when a port is in use.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import uvicorn

from heaptui.errors import UsageError


def bound_socket(host: str, port: int, hint: str) -> socket.socket:
    """A listening address; port 0 takes a free one.

    Raises:
        UsageError: the port is in use or the address is not of this machine; `hint` says what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's delay off; without, small answers wait 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise UsageError(f"Nothing can listen on {host}:{port}.", f"{error.strerror or error}.", hint) from error
    return bound


class _Server(uvicorn.Server):
    """A server that tells when it is up, and whose signals are somebody else's business."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening."""
        await super().startup(sockets)
        self.up.set()

    @property
    def capture_signals(self) -> Any:
        """Leave the signal handlers as they are."""
        return nullcontext


@asynccontextmanager
async def serving(app: Any, bound: socket.socket, *, drain: bool, **options: Any) -> AsyncIterator[None]:
    """Serve while the block runs; with `drain`, requests that are being answered get their answer at the end."""
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="critical",
        proxy_headers=False,
        server_header=False,
        **options,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]), name="server")
    try:
        await server.up.wait()
        yield
    finally:
        server.should_exit = True
        server.force_exit = not drain
        await task
