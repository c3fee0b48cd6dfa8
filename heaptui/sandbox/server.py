"""Runs the sandbox: in the loop of a test, or as a process of its own until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

import uvicorn

from heaptui.errors import UsageError
from heaptui.sandbox.braze import BrazeApp
from heaptui.sandbox.faults import FaultProfile, Faults, Rule
from heaptui.sandbox.heap import HeapApp
from heaptui.sandbox.world import Keys, World


@dataclass(slots=True)
class Sandbox:
    """A running sandbox: where it is, what lets in, and its state."""

    braze_url: str
    heap_url: str
    keys: Keys
    braze: BrazeApp
    heap: HeapApp

    @property
    def world(self) -> World:
        """The people and cohorts."""
        return self.braze.world

    def fault(self, **rule: Any) -> None:
        """Put one rule in force, given as in `PUT /_sandbox/faults`."""
        self.faults(rule)

    def faults(self, *rules: dict[str, Any], seed: int = 0) -> None:
        """Put several rules in force."""
        self.braze.faults.set(convert_rules(rules, seed))

    def first_line(self) -> str:
        """Addresses and keys as one JSON line for other programs."""
        return json.dumps({"braze_url": self.braze_url, "heap_url": self.heap_url, **asdict(self.keys)})


def convert_rules(rules: tuple[dict[str, Any], ...], seed: int) -> FaultProfile:
    """A fault profile from plain values."""
    import msgspec

    return FaultProfile([msgspec.convert(rule, Rule) for rule in rules], seed)


@asynccontextmanager
async def running_sandbox(
    *,
    port: int = 0,
    heap_port: int = 0,
    seed: int | None = None,
    latency_ms: float = 0.0,
    partner_name: str = "heap",
    everyone_known: bool = False,
) -> AsyncIterator[Sandbox]:
    """Serve Braze and Heap on loopback while the block runs.

    Raises:
        UsageError: a port is in use.
    """
    keys = Keys.made(partner_name, seed)
    faults = Faults()
    faults.base_latency(latency_ms)
    braze = BrazeApp(keys, World(everyone_known=everyone_known), faults)
    heap = HeapApp(keys.heap_app_id)
    sockets = [_bound(port), _bound(heap_port)]
    servers = [_Server(_config(app)) for app in (braze, heap)]
    tasks = [
        asyncio.create_task(server.serve(sockets=[bound]), name="sandbox server")
        for server, bound in zip(servers, sockets, strict=True)
    ]
    urls = [f"http://127.0.0.1:{bound.getsockname()[1]}" for bound in sockets]
    try:
        await asyncio.gather(*(server.up.wait() for server in servers))
        yield Sandbox(urls[0], urls[1], keys, braze, heap)
    finally:
        for server in servers:
            server.should_exit = True
            # Held connections would keep the server for their whole time.
            server.force_exit = True
        await asyncio.gather(*tasks)
        await braze.close()


async def serve_until_told(announce: Callable[[str], None], **options: Any) -> None:
    """Serve, announce the first line, and stop on SIGINT or SIGTERM."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    async with running_sandbox(**options) as sandbox:
        announce(sandbox.first_line())
        await told.wait()


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
        from contextlib import nullcontext

        return nullcontext


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="critical",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=60,
    )


def _bound(port: int) -> socket.socket:
    # With the protocol named, asyncio switches Nagle's delay off; without, small answers wait 40 ms.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError as error:
        bound.close()
        raise UsageError(
            f"Port {port} is in use.", f"{error.strerror}.", "Choose another: --port, --heap-port"
        ) from error
    return bound
