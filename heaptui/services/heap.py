"""What came from Heap: its pages, its wishes, what its ids are in Braze, and who is listening."""

from __future__ import annotations

import json
import sqlite3
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from pyroaring import BitMap

from heaptui.errors import UsageError
from heaptui.model.cohorts import Cohort, Origin
from heaptui.model.identifiers import Kind, Space
from heaptui.model.reception import ListenerFacts, Received, SecurityNote
from heaptui.store import heartbeats, pages, security, segments
from heaptui.store.identities import CHUNK, number_values, values_of

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

SHOWN = 50
NOTES_FOR = 7 * 86_400.0
"""Seconds for which a security note is shown."""


class HeapService:
    """Everything about the cohorts that come from Heap by themselves. Nothing here sends anything."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ledger = workspace.ledger

    async def received(self, cohort_id: str, *, limit: int = SHOWN) -> Received:
        """The last pages and Heap syncs of a cohort."""

        def look(connection: sqlite3.Connection) -> Received:
            count, waiting = pages.counts(connection, cohort_id)
            return Received(
                tuple(pages.read_pages(connection, cohort_id, limit=limit)),
                tuple(pages.read_tasks(connection, cohort_id, limit=limit)),
                tuple(text for text, _ in segments.warnings_of(connection, cohort_id)),
                count,
                waiting,
            )

        return await self._ledger.read(look)

    async def body(self, page_id: int, *, show_ids: bool) -> str:
        """The body of a page as it came; without `show_ids`, each id only by the shape of its characters.

        Raises:
            UsageError: there is no such page, or it is gone after 30 days.
        """
        body = await self._ledger.read(partial(pages.read_body, page_id=page_id))
        if body is None:
            raise UsageError(
                f"There is no page {page_id}.", "Pages are kept for 30 days.", "heaptui cohort show COHORT --pages"
            )
        return body.decode() if show_ids else _masked(body)

    async def listener(self) -> ListenerFacts:
        """Who listens, here or on another machine that shares the ledger, and how fresh Heap's data is."""

        def look(connection: sqlite3.Connection) -> ListenerFacts:
            now = time.time()
            hosts = [host for _, host, what, _ in heartbeats.alive(connection, now) if what == "listener"]
            notes = [note for note in security.notes(connection, now - NOTES_FOR) if note.intruding]
            newest = notes[0] if notes else None
            if newest:
                newest = replace(newest, count=sum(note.count for note in notes if note.kind == newest.kind))
            return ListenerFacts(tuple(dict.fromkeys(hosts)), segments.last_page_at(connection), newest)

        return await self._ledger.read(look)

    async def security_notes(self) -> list[SecurityNote]:
        """What was not let in during the last seven days, newest first."""
        return await self._ledger.read(partial(security.notes, since=time.time() - NOTES_FOR))

    async def set_automatic(self, cohort_id: str, *, automatic: bool) -> Cohort:
        """Let every complete Heap sync of a cohort go to Braze by itself while something listens, or not.

        Raises:
            Refused: the ledger is open read-only.
            UsageError: it does not come from Heap.
        """
        await self._from_heap(cohort_id, "Only what Heap sends can go on by itself.")
        await self._ledger.write(partial(segments.set_automatic, cohort_id=cohort_id, automatic=automatic))
        return await self._workspace.cohorts.show(cohort_id)

    async def answer_drain(self, cohort_id: str, *, empty: bool) -> Cohort:
        """Heap asked to empty a segment: do it here, or keep the people. Braze hears of it with the next sync.

        Raises:
            Refused: the ledger is open read-only.
            UsageError: Heap did not ask.
        """
        await self._from_heap(cohort_id, "Heap did not ask to empty it.")
        answer = partial(pages.answer_drain, cohort_id=cohort_id, empty=empty, at=time.time())
        if not await self._ledger.write(answer):
            raise UsageError("Heap did not ask to empty this segment.", "Nothing was changed.")
        return await self._workspace.cohorts.show(cohort_id)

    async def set_kind(self, cohort_id: str, kind: Kind, alias_label: str = "") -> Cohort:
        """Say what the ids of a cohort are in Braze. Who was accepted as another kind leaves as that kind.

        Raises:
            Refused: the ledger is open read-only.
            UsageError: it does not come from Heap, or the route does not take this kind.
        """
        from heaptui.services.import_destination import space_for
        from heaptui.services.imports import ImportRequest

        one = await self._from_heap(cohort_id, "For a file, say it with the import: --kind.")
        request = ImportRequest(path="", kind=kind, alias_label=alias_label)
        space = space_for(request, one, self._workspace.profile, self._workspace.view.route)
        # A page that is applied meanwhile makes the look of before worthless: look again.
        while space != one.space and not await self._moved(cohort_id, space):
            pass
        await self._ledger.write(partial(segments.forget_warnings, cohort_id=cohort_id))
        return await self._workspace.cohorts.show(cohort_id)

    async def _moved(self, cohort_id: str, space: Space) -> bool:
        """Number everybody of a cohort anew as another kind; False when the cohort changed meanwhile."""
        before = await self._ledger.read(partial(segments.groups_of, cohort_id=cohort_id))
        after = [await self._as_kind(uids, space) for uids in before]
        return await self._ledger.write(
            partial(segments.move, cohort_id=cohort_id, before=before, after=after, space=space)
        )

    async def _as_kind(self, uids: BitMap, space: Space) -> BitMap:
        moved = BitMap()
        for start in range(0, len(uids), CHUNK):
            chunk = BitMap(uids[start : start + CHUNK])
            found = await self._ledger.read(partial(values_of, uids=chunk), long=True)
            values = [identifier.value for identifier in found]
            moved |= await self._ledger.write(partial(number_values, space=space, values=values))
        return moved

    async def _from_heap(self, cohort_id: str, otherwise: str) -> Cohort:
        self._workspace.refuse_if_read_only()
        one = await self._workspace.cohorts.show(cohort_id)
        if one.origin is not Origin.HEAP:
            raise UsageError(f"“{one.name}” does not come from Heap.", otherwise, "Nothing was changed.")
        return one


def _masked(body: bytes) -> str:
    """The body with each character of an id replaced by one of its sort: X, x or 9; signs and blanks stay."""
    data = json.loads(body)
    for direction in ("add", "remove"):
        for entry in data["data"].get(direction) or ():
            entry["id"] = _shape(entry.get("id"))
    return json.dumps(data, ensure_ascii=False)


def _shape(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    text = "".join("9" if c.isdigit() else "X" if c.isupper() else "x" if c.isalpha() else c for c in str(value))
    return text if isinstance(value, str) else f"number {text}"
