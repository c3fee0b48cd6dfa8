"""How long all checks of good credentials take, against the slowest of them."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator

from heaptui.model.secret import Secret
from heaptui.sandbox.server import running_sandbox
from heaptui.services.key_checks import Given
from heaptui.services.verification import Verification

LATENCY_MS = 150


def run() -> Iterator[str]:
    """Lines to print."""
    total, slowest, summed = asyncio.run(_measure())
    yield f"verify: all checks {total:.0f} ms at {LATENCY_MS} ms an answer; slowest check {slowest:.0f} ms"
    yield f"verify: {total / slowest:.2f} × the slowest check, {total / summed:.2f} × their sum"


async def _measure(rounds: int = 7) -> tuple[float, float, float]:
    totals, slowests, sums = [], [], []
    async with running_sandbox(seed=1, latency_ms=LATENCY_MS) as sandbox:
        keys = sandbox.keys
        given = Given(
            sandbox.braze_url,
            partner_key=Secret(keys.partner_api_key),
            data_import_key=Secret(keys.data_import_key),
            rest_api_key=Secret(keys.rest_api_key),
        )
        for _ in range(rounds):
            started = time.perf_counter()
            latencies = [check.latency_ms or 0 async for check in Verification(given).checks()]
            totals.append((time.perf_counter() - started) * 1000)
            slowests.append(max(latencies))
            sums.append(sum(latencies))
    return statistics.median(totals), statistics.median(slowests), statistics.median(sums)
