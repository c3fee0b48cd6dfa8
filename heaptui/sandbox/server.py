"""Runs the sandbox: in the loop of a test, or as a process of its own until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from heaptui.sandbox.braze import BrazeApp
from heaptui.sandbox.failures import failure
from heaptui.sandbox.faults import FaultProfile, Faults, Rule
from heaptui.sandbox.heap import HeapApp
from heaptui.sandbox.heap_segments import HeapSegments
from heaptui.sandbox.world import Keys, World
from heaptui.serving import bound_socket, serving


class Sandbox(Struct):
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

    def heap_faults(self, *rules: dict[str, Any], seed: int = 0) -> None:
        """Put several rules in force on Heap's side."""
        self.heap.faults.set(convert_rules(rules, seed))

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
    fault: str = "",
) -> AsyncIterator[Sandbox]:
    """Serve Braze and Heap on loopback while the block runs; `fault` is one of the failures with a name.

    Raises:
        UsageError: a port is in use.
    """
    keys = Keys.made(partner_name, seed)
    faults = Faults()
    faults.base_latency(latency_ms)
    if fault:
        faults.set(FaultProfile(failure(fault)))
    braze = BrazeApp(keys, World(everyone_known=everyone_known), faults)
    heap = HeapApp(keys.heap_app_id, HeapSegments(keys.webhook_secret))
    sockets = [bound_socket("127.0.0.1", number, "Choose another: --port, --heap-port") for number in (port, heap_port)]
    urls = [f"http://127.0.0.1:{bound.getsockname()[1]}" for bound in sockets]
    # Faults need h11, whose cycle holds the transport; held connections must not keep the server at its end.
    options: dict[str, Any] = {"http": "h11", "timeout_keep_alive": 60, "drain": False}
    try:
        async with serving(braze, sockets[0], **options), serving(heap, sockets[1], **options):
            yield Sandbox(urls[0], urls[1], keys, braze, heap)
    finally:
        await braze.close()


async def serve_until_told(announce: Callable[[Sandbox], Awaitable[None]], **options: Any) -> None:
    """Serve, announce where, and stop on SIGINT or SIGTERM."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    async with running_sandbox(**options) as sandbox:
        await announce(sandbox)
        await told.wait()
