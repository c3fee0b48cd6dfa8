"""A sync of a million people against a bare httpx loop of the same width and the same server."""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
import msgspec

from heaptui.model.identifiers import EXTERNAL_ID
from heaptui.store import cohorts, identities
from tests.services.world import fill, workspace_on

WIDTH = 4
CHUNK = 1000


def run() -> list[str]:
    return asyncio.run(_measured())


async def _measured() -> list[str]:
    lines = []
    async with _sandbox_process(0) as sandbox:
        # Once before measuring: whatever is imported with the first sync is not the sync.
        await _ours(sandbox, 5000)
    for people, latency, target, rounds in ((200_000, 0, "≥ 0.3", 3), (1_000_000, 150, "≤ 1.05", 1)):
        bare, ours = [], []
        for _ in range(rounds):
            async with _sandbox_process(latency) as sandbox:
                bare.append(await _bare(sandbox, people))
            async with _sandbox_process(latency) as sandbox:
                ours.append(await _ours(sandbox, people))
        loop, sync = statistics.median(bare), statistics.median(ours)
        if latency:
            lines.append(
                f"sync of {people:,} at {latency} ms: {sync:.2f} s, bare loop {loop:.2f} s,"
                f" time ratio {sync / loop:.3f} (target {target})"
            )
        else:
            lines.append(
                f"sync of {people:,} at zero latency: {people / sync:,.0f} people/s, bare loop {people / loop:,.0f},"
                f" speed ratio {loop / sync:.2f} (target {target})"
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    lines.append(f"peak memory of this process, client only: {peak} MB")
    return lines


@asynccontextmanager
async def _sandbox_process(latency: int):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "heaptui",
        "sandbox",
        "--everyone-known",
        "--latency-ms",
        str(latency),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        line = json.loads(await process.stdout.readline())
        yield SimpleNamespace(braze_url=line["braze_url"], keys=SimpleNamespace(**line))
    finally:
        process.terminate()
        await process.wait()


def _ids(people: int) -> list[str]:
    return [f"user-{number:09d}" for number in range(people)]


async def _bare(sandbox, people: int) -> float:
    """What httpx alone takes: the same bodies, four at a time, nothing remembered."""
    everybody = _ids(people)
    chunks = iter([everybody[start : start + CHUNK] for start in range(0, people, CHUNK)])
    started = time.perf_counter()

    async def work(client: httpx.AsyncClient) -> None:
        for chunk in chunks:
            body = {
                "partner_api_key": sandbox.keys.partner_api_key,
                "client_secret": sandbox.keys.data_import_key,
                "cohort_id": "bare",
                "cohort_changes": [{"user_ids": chunk}],
            }
            answer = await client.post(
                "/partners/heap/cohorts/users",
                content=msgspec.json.encode(body),
                headers={"Content-Type": "application/json"},
            )
            assert answer.status_code == 201

    async with httpx.AsyncClient(base_url=sandbox.braze_url, timeout=30) as client:
        await asyncio.gather(*(work(client) for _ in range(WIDTH)))
    return time.perf_counter() - started


async def _ours(sandbox, people: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with workspace_on(sandbox, Path(folder), read_timeout_seconds=30.0) as workspace:
            everybody = _ids(people)
            cohort = await fill(workspace, everybody[:1])

            def number(connection, chunk):
                return identities.number_values(connection, EXTERNAL_ID, chunk)

            uids = await workspace.ledger.read(lambda connection: cohorts.members(connection, cohort))
            for start in range(0, people, 20_000):
                chunk = everybody[start : start + 20_000]
                uids |= await workspace.ledger.write(lambda connection, chunk=chunk: number(connection, chunk))
            await workspace.ledger.write(
                lambda connection: cohorts.replace_members(
                    connection, cohort, uids, space=EXTERNAL_ID, at=0, source_name="", source_digest="", id_column=""
                )
            )
            started = time.perf_counter()
            progress = await workspace.sync.start([cohort])
            await workspace.sync.finished(progress.run_id)
            took = time.perf_counter() - started
            assert progress.deliveries[cohort].submitted == people
    return took
