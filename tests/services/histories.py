"""Random histories of syncs against a faulty sandbox, with crashes: what must hold after each of them."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from hypothesis import reject
from hypothesis import strategies as st
from msgspec import Struct, field
from msgspec.structs import replace

from heaptui.model.identifiers import EXTERNAL_ID, Kind, Space
from heaptui.model.routes import ATTRIBUTE, COHORT_IMPORT
from heaptui.model.runs import DeliveryState, RunProgress
from heaptui.sandbox.server import Sandbox, running_sandbox
from heaptui.services import ways as service_ways
from heaptui.services.run import recover
from heaptui.services.workspace import Workspace
from heaptui.store.identities import unpack
from tests.services.world import EVERY_KEY, fill, workspace_on

PEOPLE = 12
PER_REQUEST = 3
"""So few, that a delivery of a dozen people has several requests in flight."""
COHORTS = 2
SPACES = (EXTERNAL_ID, Space(Kind.ALIAS, "email"))
QUICK = {"settle_seconds": 0.25, "backoff_seconds": 0.001, "read_timeout_seconds": 0.04, "wait_seconds": 2.0}
WAYS = {COHORT_IMPORT: (COHORT_IMPORT,), ATTRIBUTE: (ATTRIBUTE,), "both": (COHORT_IMPORT, ATTRIBUTE)}
LATEST = 0.15
"""Seconds after which nothing is applied late any more; well below the settle time."""


class Crash(BaseException):
    """The process dies here."""


class Step(Struct, frozen=True):
    """One change of the world, then one sync."""

    members: tuple[frozenset[int], ...]
    spaces: tuple[int, ...]
    known: frozenset[int]
    faults: tuple[dict[str, Any], ...]
    crash_at: int | None
    pause: bool
    way: int


def faults() -> st.SearchStrategy[dict[str, Any]]:
    """One fault rule: what goes wrong, and for which of the matching requests."""
    effects = st.sampled_from(
        [
            {"effect": "timeout_before"},
            {"effect": "timeout_after"},
            {"effect": "late", "delay_seconds": 0.02},
            {"effect": "late", "delay_seconds": LATEST},
            {"effect": "reset_before"},
            {"effect": "reset_after"},
            {"effect": "malformed"},
            {"effect": "status", "status": 500},
            {"effect": "status", "status": 503, "applied": True},
            {"effect": "status", "status": 429, "reset": "delta", "seconds": 0.01},
            {"effect": "status", "status": 423},
            {"effect": "locked_while_busy", "seconds": 0.005},
            {"effect": "slow", "seconds": 0.02},
            {"effect": "html"},
            {"effect": "status", "status": 202},
            {"effect": "status", "status": 401, "body": {"message": "client_secret is invalid"}},
            {"effect": "poison", "identifiers": [external(3), mail(3)]},
            {"effect": "refuse", "identifiers": [external(3), mail(3), external(5)]},
        ]
    )
    which = st.one_of(
        st.lists(st.integers(1, 12), min_size=1, max_size=3).map(lambda at: {"at": at}),
        st.floats(0.1, 0.9).map(lambda p: {"probability": p}),
    )
    return st.tuples(effects, which).map(lambda parts: {**parts[0], **parts[1]})


def steps() -> st.SearchStrategy[list[Step]]:
    """A few steps with random members, kinds of ids, people, faults and crashes."""
    people = st.frozensets(st.integers(0, PEOPLE - 1))
    step = st.builds(
        Step,
        members=st.tuples(*[people] * COHORTS),
        spaces=st.tuples(*[st.sampled_from([0, 0, 0, 1])] * COHORTS),
        known=people,
        faults=st.lists(faults(), max_size=2).map(tuple),
        crash_at=st.one_of(st.none(), st.none(), st.integers(1, 40)),
        pause=st.booleans(),
        way=st.integers(0, 1),
    )
    return st.lists(step, min_size=1, max_size=4)


def external(person: int) -> str:
    return f"u{person:03d}"


def mail(person: int) -> str:
    return f"p{person:03d}@example.jp"


def value(person: int, space: Space) -> str:
    return external(person) if space is EXTERNAL_ID else mail(person)


class History(Struct):
    """Plays steps and checks what must hold."""

    sandbox: Sandbox
    workspace: Workspace
    seed: int
    ways: tuple[str, ...] = (COHORT_IMPORT,)
    """The routes that the steps take turns with."""
    cohorts: list[str] = field(default_factory=list)
    known: set[int] = field(default_factory=set)

    async def play(self, history: list[Step]) -> None:
        """Every step, then the end: a clean sync, and one more when the first says it is unsettled."""
        newly_known = False
        for number, step in enumerate(history):
            newly_known |= bool(number and step.known - self.known)
            self._know(step.known)
            await self._set_members(step)
            self._go_by(self.ways[step.way % len(self.ways)])
            self.sandbox.faults(*self._placed(step.faults), seed=self.seed)
            await self._sync(crash_at=step.crash_at)
            if step.pause:
                await asyncio.sleep(QUICK["settle_seconds"])
        self.sandbox.braze.faults.clear()
        await self._forget_refusals()
        progress = await self._sync(everything=newly_known)
        assert progress.state is DeliveryState.FINISHED, progress
        unsettled = max((d.unsettled_until or 0.0 for d in progress.deliveries.values()), default=0.0)
        if unsettled:
            await asyncio.sleep(max(0.0, unsettled - time.time()) + 0.01)
            assert (await self._sync(everything=newly_known)).state is DeliveryState.FINISHED
        await self._nothing_late_any_more()
        last = history[-1]
        for cohort_id, members in zip(self.cohorts, last.members, strict=True):
            wanted = {external(person) for person in members & self.known}
            for way in self.ways:
                there, here = self._there(cohort_id, way), wanted if way == self.workspace.route else set()
                assert there == here, f"{cohort_id} by {way}: there {sorted(there)}, wanted {sorted(here)}"
        assert not self.sandbox.world.created
        assert self.sandbox.world.both_directions == 0
        await self.workspace.ledger.read(self._each_once)

    @staticmethod
    def _each_once(connection: sqlite3.Connection) -> None:
        """In every delivery, also the crashed ones, each identifier was planned once, and the counts add up."""
        for delivery_id, *counts in connection.execute(
            "SELECT delivery_id, adds + removes, submitted, rejected, in_doubt, skipped, ended_at FROM delivery"
        ).fetchall():
            planned, *outcomes, ended_at = counts
            assert ended_at is not None
            assert planned == sum(outcomes), counts
            batches = connection.execute(
                "SELECT uids FROM batch WHERE delivery_id = ? AND parent_id IS NULL", (delivery_id,)
            )
            times = Counter(uid for (uids,) in batches for uid in unpack(uids))
            assert not times or max(times.values()) == 1, f"delivery {delivery_id}: {times}"

    def _go_by(self, route: str) -> None:
        self.workspace.profile = msgspec.structs.replace(self.workspace.profile, route=route)

    def _placed(self, rules: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
        """The faults on the member calls of every way of this history."""
        path = "" if len(self.ways) > 1 else "users" if self.ways == (COHORT_IMPORT,) else "track"
        return [{**rule, "match": {"path": path}} for rule in rules]

    def _there(self, cohort_id: str, way: str) -> set[str]:
        """Whom Braze holds in a cohort by one way."""
        world = self.sandbox.world
        if way == COHORT_IMPORT:
            cohort = world.cohorts.get(cohort_id)
            return set(cohort.members) if cohort else set()
        name = f"heap_cohort_{self.cohorts.index(cohort_id)}"
        return {person for person, values in world.attributes.items() if values.get(name) is True}

    def _know(self, people: frozenset[int]) -> None:
        for person in people - self.known:
            self.sandbox.world.know(external(person), {"email": mail(person)})
        self.known |= people

    async def _set_members(self, step: Step) -> None:
        for index in range(COHORTS):
            space = SPACES[step.spaces[index]]
            people = [value(person, space) for person in step.members[index]]
            if len(self.cohorts) <= index:
                self.cohorts.append(await fill(self.workspace, people, name=f"Cohort {index}", space=space))
            else:
                await fill(self.workspace, people, cohort_id=self.cohorts[index], space=space)

    async def _sync(self, *, crash_at: int | None = None, everything: bool = False) -> RunProgress:
        ledger = self.workspace.ledger
        submit = ledger.submit
        if crash_at is not None:
            left = crash_at

            def crashing(job: Any) -> Any:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Crash
                return submit(job)

            ledger.submit = crashing  # type: ignore[method-assign]
        progress = None
        try:
            progress = await self.workspace.sync.start(self.cohorts, everything=everything)
            await self.workspace.sync.finished(progress.run_id)
        except (Crash, asyncio.CancelledError):
            assert crash_at is not None
        except BaseExceptionGroup as group:
            if group.subgroup(Crash) is None:
                raise
        finally:
            ledger.submit = submit  # type: ignore[method-assign]
        if crash_at is None:
            assert progress is not None
            self._adds_up(progress)
        return progress or RunProgress(0, 0.0)

    @staticmethod
    def _adds_up(progress: RunProgress) -> None:
        for delivery in progress.deliveries.values():
            outcomes = delivery.submitted + delivery.rejected + delivery.in_doubt + delivery.skipped
            assert delivery.planned == outcomes, delivery

    async def _forget_refusals(self) -> None:
        from functools import partial

        from heaptui.store import beliefs

        for cohort_id in self.cohorts:
            await recover(self.workspace.ledger, self.workspace.view.settle, cohort_id)
            await self.workspace.ledger.write(partial(beliefs.forget_refusals, cohort_id=cohort_id))

    async def _nothing_late_any_more(self) -> None:
        while self.sandbox.braze.late:
            await asyncio.sleep(0.01)


def play(history: list[Step], seed: int, ways: tuple[str, ...] = (COHORT_IMPORT,)) -> None:
    """One history in a fresh sandbox and a fresh home."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with (
                running_sandbox(seed=1) as sandbox,
                workspace_on(sandbox, Path(folder), keys=EVERY_KEY, **SETTINGS) as workspace,
            ):
                try:
                    await History(sandbox, workspace, seed, ways).play(history)
                except AssertionError:
                    # On a machine that stalls, a late request may come later than anybody promises.
                    if sandbox.braze.latest_application >= QUICK["settle_seconds"]:
                        reject()
                    raise

    with _small_requests():
        asyncio.run(run())


def _small_requests() -> Any:
    """While this is open, requests carry a few people each, on every way."""
    whole = service_ways._way

    def few(workspace: Workspace, route: str) -> Any:
        way = whole(workspace, route)
        return replace(way, route=replace(way.route, limit=PER_REQUEST))  # type: ignore[type-var]

    return patch.object(service_ways, "_way", few)


SETTINGS = {**QUICK, "guard_min": 10_000}
