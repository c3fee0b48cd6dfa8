"""Browse, import, rename, export and retire the cohorts of one workspace."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING

from pyroaring import BitMap

from heaptui.errors import UsageError
from heaptui.model.belief import Direction
from heaptui.model.cohorts import Cohort
from heaptui.model.expressions import IDS, InCohort, parse
from heaptui.model.identifiers import Identifier
from heaptui.model.matching import MatchRate
from heaptui.store import attributes, braze_segments, cohort_names, cohorts
from heaptui.store.cohort_names import Resolved
from heaptui.store.cohorts import View
from heaptui.store.identities import CHUNK, values_of

if TYPE_CHECKING:
    from heaptui.services.identity import Ranking
    from heaptui.services.imports import ImportPreview, ImportRequest, Inspection, ReadReport
    from heaptui.services.workspace import Workspace

Identifiers = list[Identifier]


class CohortService:
    """The cohorts of one workspace. Nothing here sends anything."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ledger = workspace.ledger

    async def list(self) -> list[Cohort]:
        """Every cohort that is not retired, by name."""
        view = self._workspace.view
        return await self._ledger.read(lambda connection: cohorts.read_all(connection, view))

    async def show(self, cohort_id: str) -> Cohort:
        """One cohort, with a few of its identifiers as examples.

        Raises:
            UsageError: there is none with this id.
        """
        view = self._workspace.view
        return await self._ledger.read(lambda connection: cohorts.read_one(connection, cohort_id, view))

    async def resolve(self, reference: str) -> Resolved:
        """Find a cohort by its id, a unique tail of it, its exact name, or a former name.

        Raises:
            UsageError: none is found, or several are.
        """
        return await self._ledger.read(lambda connection: cohort_names.resolve(connection, reference))

    async def members(self, cohort_id: str, *, offset: int = 0, limit: int = 100) -> Identifiers:
        """Some of the people of a cohort, in an order that stays.

        Raises:
            UsageError: there is no such cohort.
        """

        def look(connection: sqlite3.Connection) -> Identifiers:
            return values_of(connection, _window(cohorts.members(connection, cohort_id), offset, limit))

        return await self._ledger.read(look)

    async def waiting(self, cohort_id: str, direction: Direction, *, offset: int = 0, limit: int = 100) -> Identifiers:
        """Some of the people who would join or leave with the next sync.

        Raises:
            UsageError: there is no such cohort.
        """
        view = self._workspace.view

        def look(connection: sqlite3.Connection) -> Identifiers:
            return values_of(connection, _window(_changing(connection, cohort_id, view, direction), offset, limit))

        return await self._ledger.read(look)

    async def rates(self) -> dict[str, MatchRate]:
        """The newest match rate of every cohort that has one, by id."""
        measured = await self._ledger.read(braze_segments.match_rates)
        alone = ((parse(text, IDS), rate) for text, rate in measured.items())
        return {expression.cohort_id: rate for expression, rate in alone if isinstance(expression, InCohort)}

    async def export(
        self, cohort_id: str, *, waiting: Direction | None = None, offset: int = 0, limit: int | None = None
    ) -> AsyncIterator[Identifiers]:
        """The people of a cohort, or those waiting to join or leave, as they are when it begins, in chunks.

        Raises:
            UsageError: there is no such cohort.
        """
        view = self._workspace.view

        def look(connection: sqlite3.Connection) -> BitMap:
            if waiting is None:
                return cohorts.members(connection, cohort_id)
            return _changing(connection, cohort_id, view, waiting)

        found = await self._ledger.read(look)
        end = len(found) if limit is None else min(len(found), offset + limit)
        for start in range(offset, end, CHUNK):
            some = _window(found, start, min(CHUNK, end - start))
            yield await self._ledger.read(partial(values_of, uids=some), long=True)

    async def rename(self, cohort_id: str, name: str) -> Cohort:
        """Give a cohort another name; the next sync renames it in Braze too.

        Raises:
            Refused: the ledger is open read-only.
            UsageError: no name, or another cohort has it.
        """
        wanted = name.strip()
        if not wanted:
            raise UsageError("A cohort needs a name.", "Nothing was changed.")

        def renamed(connection: sqlite3.Connection) -> None:
            others = [found for found, _ in cohort_names.names_in_use(connection, wanted) if found != cohort_id]
            if others:
                raise UsageError(f"Another cohort is called “{wanted}”.", f"It is {others[0]}. Nothing was changed.")
            cohorts.rename(connection, cohort_id, wanted, at=time.time())

        return await self._changed(cohort_id, renamed)

    async def choose_attribute(self, cohort_id: str, name: str) -> Cohort:
        """Choose the custom attribute that stands for a cohort; possible until it is first sent.

        Raises:
            Refused: the ledger is open read-only.
            UsageError: Braze does not take the name, another cohort has it, or the present one was sent already.
        """
        return await self._changed(cohort_id, partial(attributes.choose_name, cohort_id=cohort_id, name=name.strip()))

    async def attribute_of(self, cohort_id: str) -> tuple[str, float | None]:
        """The attribute that stands for a cohort, and since when it cannot be changed (seconds since the epoch).

        Raises:
            UsageError: there is no such cohort.
        """

        def look(connection: sqlite3.Connection) -> tuple[str, float | None]:
            cohorts.members(connection, cohort_id)
            return attributes.attribute_names(connection)[cohort_id], attributes.sent_since(connection, cohort_id)

        return await self._ledger.read(look)

    async def undo_import(self, cohort_id: str) -> Cohort:
        """Bring the people before the last import, or before the retirement, back.

        Raises:
            Refused: the ledger is open read-only.
            UsageError: there is nothing to bring back.
        """

        def undone(connection: sqlite3.Connection) -> None:
            if not cohorts.undo_import(connection, cohort_id, at=time.time()):
                raise UsageError(
                    "There are no earlier people to bring back.",
                    "Those before the last import are kept for one undo.",
                    "Import the older file again.",
                )

        return await self._changed(cohort_id, undone)

    async def release(self, cohort_id: str) -> Cohort:
        """Let a cohort that is on hold take part in syncs again.

        Raises:
            Refused: the ledger is open read-only.
            UsageError: it is computed from a cohort that is retired.
        """
        return await self._changed(cohort_id, partial(cohorts.set_on_hold, cohort_id=cohort_id, on_hold=False))

    async def retire(self, cohort_id: str) -> Cohort:
        """Empty a cohort and take it out of all lists; a sync by its id lets everybody leave in Braze.

        Raises:
            Refused: the ledger is open read-only.
        """
        return await self._changed(cohort_id, partial(cohorts.retire, cohort_id=cohort_id, at=time.time()))

    async def inspect(self, path: str) -> Inspection:
        """The format of a file and what each of its columns holds.

        Raises:
            UsageError: missing, a folder, empty, binary, or in a form that is not understood.
        """
        from heaptui.services.imports import inspect_file

        return await inspect_file(path)

    def ranked_columns(self, path: str, inspection: Inspection, alias_label: str) -> AsyncIterator[Ranking]:
        """Which column of a file Braze knows best, and as which kind: once after a first look, once for certain.

        Raises:
            UsageError: there is no REST key, or the file changed.
            MissingPermission, CredentialRefused, Unreachable: Braze refuses or gives no answer.
        """
        from heaptui.services.identity import ranked

        return ranked(self._workspace, path, inspection, alias_label=alias_label)

    async def preview_import(
        self, request: ImportRequest, progress: Callable[[ReadReport], None] | None = None
    ) -> ImportPreview:
        """Read a file and compare it with the people of the cohort now; changes no cohort.

        Raises:
            UsageError: the file, the cohort or the column cannot be used; says why.
        """
        from heaptui.services.imports import preview_import

        return await preview_import(self._workspace, request, progress)

    async def apply_import(self, preview: ImportPreview) -> Cohort:
        """Make the previewed change.

        Raises:
            Refused: the ledger is open read-only.
            UsageError: the cohort is not what it was at the preview.
        """
        from heaptui.services.imports import apply_import

        return await self.show(await apply_import(self._workspace, preview))

    async def _changed(self, cohort_id: str, change: Callable[[sqlite3.Connection], None]) -> Cohort:
        self._workspace.refuse_if_read_only()
        view = self._workspace.view

        def job(connection: sqlite3.Connection) -> Cohort:
            cohorts.read_one(connection, cohort_id, view, examples=0)
            change(connection)
            return cohorts.read_one(connection, cohort_id, view)

        return await self._ledger.write(job)


def _changing(connection: sqlite3.Connection, cohort_id: str, view: View, direction: Direction) -> BitMap:
    _, _, changes = cohorts.changes_of(connection, cohort_id, view)
    return changes.adds if direction is Direction.ADD else changes.removes


def _window(people: BitMap, offset: int, limit: int) -> BitMap:
    return BitMap(people[max(offset, 0) : max(offset, 0) + max(limit, 0)])
