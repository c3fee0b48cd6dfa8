"""Planning a cohort of a million people of whom 1 % changed."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time

from pyroaring import BitMap

from heaptui.config import Home, Profile
from heaptui.model.belief import Belief
from heaptui.model.cohorts import Origin
from heaptui.model.identifiers import EXTERNAL_ID
from heaptui.services.workspace import open_workspace
from heaptui.store import beliefs, cohorts

MEMBERS = 1_000_000


def run() -> list[str]:
    return asyncio.run(_measured())


async def _measured() -> list[str]:
    rng = random.Random(1)
    everybody = list(range(1, int(MEMBERS * 1.02)))
    gone = set(rng.sample(everybody, MEMBERS // 100))
    delivered = BitMap(everybody[:MEMBERS])
    members = BitMap(uid for uid in everybody if uid not in gone)
    with tempfile.TemporaryDirectory() as folder:
        async with open_workspace(Home.find(folder, {}), Profile(name="bench"), {}) as workspace:

            def fill(connection) -> None:
                cohorts.create(connection, "heaptui-file-bench1", name="A", origin=Origin.FILE, space=EXTERNAL_ID, at=0)
                cohorts.replace_members(
                    connection,
                    "heaptui-file-bench1",
                    members,
                    space=EXTERNAL_ID,
                    at=0,
                    source_name="",
                    source_digest="",
                    id_column="",
                )
                beliefs.write_belief(connection, "heaptui-file-bench1", "cohort_import", Belief(delivered))

            await workspace.ledger.write(fill)
            times = []
            for _ in range(21):
                started = time.perf_counter()
                plan = (await workspace.sync.plan(["heaptui-file-bench1"]))[0]
                times.append(time.perf_counter() - started)
    median = statistics.median(times) * 1000
    return [f"plan, {MEMBERS:,} members, {plan.adds:,} join, {plan.removes:,} leave: {median:.1f} ms (target 50 ms)"]
