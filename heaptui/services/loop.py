"""Closing the loop: what became of the people of a synced cohort, from Braze's events and the ledger alone."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from pyroaring import BitMap

from heaptui.model.aftermath import Aftermath, steps_of
from heaptui.model.cohorts import Cohort
from heaptui.model.identifiers import EXTERNAL_ID, Kind
from heaptui.store import deeds
from heaptui.store.beliefs import read_belief
from heaptui.store.database import Database

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

LOOKED_UP_AT_ONCE = 20_000


class _Accepted(Struct, frozen=True):
    people: BitMap
    run_id: int | None
    since: float | None


class LoopService:
    """Compares the members of a cohort with everybody else. Keeps in memory who of the events is who in the ledger."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._uid_of: dict[int, int] = {}
        self._looked_up = BitMap()
        self._identities = -1
        self._looking = asyncio.Lock()

    async def cohorts(self) -> Sequence[Cohort]:
        """The cohorts of which Braze accepted anybody, the latest synced first."""
        found = [cohort for cohort in await self._workspace.cohorts.list() if cohort.delivered]
        return sorted(found, key=lambda cohort: -(cohort.synced_at or 0))

    async def aftermath(self, cohort: Cohort, *, since: float | None = None) -> Aftermath:
        """What its accepted people did since a moment; since its last run that changed anything, when none is given."""
        now = time.time()
        if cohort.space.kind is not Kind.EXTERNAL_ID:
            why = f"Its ids are {cohort.space}; Braze's events name people by external id only."
            return Aftermath(cohort.cohort_id, cohort.name, now, now, why_not=why)
        view = self._workspace.view
        accepted = await self._workspace.ledger.read(
            partial(_accepted, cohort_id=cohort.cohort_id, route=view.route, settle=view.settle), long=True
        )
        start = since if since is not None else accepted.since
        if start is None:
            start = cohort.synced_at or now
        if not self._workspace.currents.has_events:
            return Aftermath(cohort.cohort_id, cohort.name, start, now, why_not="No event was received yet.")
        events = await self._workspace.currents.events()
        found = await events.read(partial(deeds.deeds_since, since=start), long=True)
        everybody = BitMap().union(*(people for _, _, people in found)) if found else BitMap()
        await self._look_up(events, everybody)
        members = await asyncio.to_thread(self._members, everybody, accepted.people)
        steps = await asyncio.to_thread(steps_of, found, members, start, now)
        run_id = accepted.run_id if since is None else None
        return Aftermath(cohort.cohort_id, cohort.name, start, now, run_id, len(accepted.people), steps)

    def _members(self, everybody: BitMap, accepted: BitMap) -> BitMap:
        """Those of the events who are among the accepted, by their numbers in the events."""
        uid_of = self._uid_of
        # No identity has the number 0.
        return BitMap(number for number in everybody if uid_of.get(number, 0) in accepted)

    async def _look_up(self, events: Database, people: BitMap) -> None:
        """Find out who of the events is known to the ledger; whoever was not is looked up again when it has grown."""
        async with self._looking:
            count = await self._workspace.ledger.read(_identity_count)
            if count != self._identities:
                self._identities = count
                self._looked_up = BitMap(self._uid_of)
            missing = people - self._looked_up
            numbers = list(missing)
            for start in range(0, len(numbers), LOOKED_UP_AT_ONCE):
                chunk = numbers[start : start + LOOKED_UP_AT_ONCE]
                named = await events.read(partial(deeds.external_ids, people=chunk), long=True)
                self._uid_of.update(
                    await self._workspace.ledger.read(partial(_uids, named=named), long=True),
                )
            self._looked_up |= missing


def _identity_count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(uid), 0) FROM identity").fetchone()[0])


def _uids(connection: sqlite3.Connection, named: Sequence[tuple[int, str]]) -> list[tuple[int, int]]:
    """(number among the events, number in the ledger) of those whom the ledger knows by external id."""
    row = connection.execute(
        "SELECT space FROM space WHERE kind = ? AND label = ?", (EXTERNAL_ID.kind, EXTERNAL_ID.label)
    ).fetchone()
    if row is None:
        return []
    values = [external_id for _, external_id in named]
    rows = connection.execute(
        "SELECT given.key, uid FROM json_each(?) AS given CROSS JOIN identity"
        " ON space = ? AND identity.value = given.value",
        (json.dumps(values, ensure_ascii=False), row[0]),
    )
    return [(named[position][0], uid) for position, uid in rows]


def _accepted(connection: sqlite3.Connection, cohort_id: str, route: str, settle: float) -> _Accepted:
    """Who was accepted, and the last run that let anybody join."""
    belief = read_belief(connection, cohort_id, route, settle)
    row = connection.execute(
        "SELECT run_id, started_at FROM delivery WHERE cohort_id = ? AND submitted_adds > 0"
        " ORDER BY delivery_id DESC LIMIT 1",
        (cohort_id,),
    ).fetchone()
    return _Accepted(belief.delivered, *(row or (None, None)))
