"""Counting a Braze segment over 20 cohorts of a million people, in three groups, as somebody edits it."""

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
from heaptui.model.expressions import InCohort
from heaptui.model.identifiers import EXTERNAL_ID
from heaptui.model.segments import Filter, Group, Segment
from heaptui.services.workspace import open_workspace
from heaptui.store import beliefs, cohorts

COHORTS, MEMBERS, EVERYBODY = 20, 1_000_000, 5_000_000


def run() -> list[str]:
    return asyncio.run(_measured())


async def _measured() -> list[str]:
    rng = random.Random(1)
    names = [f"heaptui-file-bench{number:02d}" for number in range(COHORTS)]
    with tempfile.TemporaryDirectory() as folder:
        async with open_workspace(Home.find(folder, {}), Profile(name="bench"), {}) as workspace:
            for cohort_id in names:
                people = BitMap(rng.sample(range(1, EVERYBODY), MEMBERS))

                def fill(connection, cohort_id=cohort_id, people=people) -> None:
                    cohorts.create(connection, cohort_id, name=cohort_id, origin=Origin.FILE, space=EXTERNAL_ID, at=0)
                    connection.execute(
                        "UPDATE cohort SET members = ? WHERE cohort_id = ?", (people.serialize(), cohort_id)
                    )
                    beliefs.write_belief(connection, cohort_id, "cohort_import", Belief(people))

                await workspace.ledger.write(fill)
            rows = [Filter(InCohort(cohort_id)) for cohort_id in names]
            segment = Segment(
                (Group(tuple(rows[:8]), any_of=True), Group(tuple(rows[8:14]), any_of=True)),
                (Group(tuple(rows[14:]), any_of=True),),
            )
            expression = segment.expression
            assert expression is not None
            service = workspace.segments
            started = time.perf_counter()
            found = await service.preview(expression, segment)
            first = time.perf_counter() - started
            times = []
            for _ in range(21):
                started = time.perf_counter()
                found = await service.preview(expression, segment)
                times.append(time.perf_counter() - started)
            started = time.perf_counter()
            await service.overlap(names)
            overlap = time.perf_counter() - started
    return [
        f"preview, {COHORTS} cohorts of {MEMBERS:,}, 3 groups, {found.in_heap.exact:,} people:"
        f" {statistics.median(times) * 1000:.1f} ms (target 50 ms)",
        f"  the first time, read from the ledger: {first * 1000:.0f} ms; overlap of all: {overlap * 1000:.0f} ms",
    ]
