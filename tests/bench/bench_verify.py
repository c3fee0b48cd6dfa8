"""All checks of a good profile against the slowest single one: they run beside each other, not one after another."""

from __future__ import annotations

import asyncio
import statistics

from heaptui.model.secret import Secret
from heaptui.sandbox.server import running_sandbox
from heaptui.services.cluster_finder import Cluster
from heaptui.services.verification import Given, Verification

LATENCY_MS = 200.0
ROUNDS = 7


def run() -> list[str]:
    return asyncio.run(_measured())


async def _measured() -> list[str]:
    ratios, sums = [], []
    async with running_sandbox(seed=1, latency_ms=LATENCY_MS) as sandbox:
        keys = sandbox.keys
        given = Given(
            sandbox.braze_url,
            partner_keys={"": Secret(keys.partner_api_key)},
            data_import_key=Secret(keys.data_import_key),
            rest_key=Secret(keys.rest_api_key),
        )
        for _ in range(ROUNDS):
            report = await Verification(given, clusters=[Cluster("US-01", "US", sandbox.braze_url)]).result()
            times = [check.latency_ms for check in report.checks if check.latency_ms is not None]
            ratios.append(report.seconds * 1000 / max(times))
            sums.append(sum(times) / max(times))
    ratio, one_by_one = statistics.median(ratios), statistics.median(sums)
    return [
        f"verify, {len(times)} timed checks at {LATENCY_MS:.0f} ms: {ratio:.2f} × the slowest single check"
        f" (one after another: {one_by_one:.1f} ×; target 3)"
    ]
