"""Trace a person: what the ledger knows, what Braze says when it may be asked, and the answer in a sentence."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from heaptui.clients.http import Request
from heaptui.errors import CredentialRefused, HeaptuiError, UsageError
from heaptui.model.commands import giving
from heaptui.model.identifiers import EXTERNAL_ID, Identifier, Kind, Space
from heaptui.model.trace import Answer, CohortFacts, InBraze, Verdict, judge, looks_private, overall, steps
from heaptui.store import person

if TYPE_CHECKING:
    from heaptui.clients.braze_rest import BrazeRest
    from heaptui.services.workspace import Workspace

__all__ = ["Answer", "TraceService", "Traced", "steps"]

MOST_SEGMENTS = 40
"""Segments whose details are asked for one by one; with more of them the question stays open."""


class Traced(Struct, frozen=True):
    """The answer about one person. `looked_for` is what was searched: an e-mail has become the ids behind it."""

    looked_for: tuple[str, ...]
    first: Verdict
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()


class TraceService:
    """Traces people of one workspace. Keeps nothing of what was asked."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def trace(self, asked: str, *, ask_braze: bool = True) -> Traced:
        """Everything about one person.

        Raises:
            UsageError: nothing was given, or an e-mail or phone without a REST key.
            HeaptuiError: Braze could not be asked for the id behind an e-mail or phone.
        """
        value = asked.strip("\r\n")
        if not value.strip():
            raise UsageError("Whom shall be looked for?", "", "heaptui trace IDENTIFIER, or - to read it from stdin")
        workspace = self._workspace
        with_key = workspace.secrets.rest_api_key is not None and bool(workspace.profile.endpoint)
        found = await self._facts(value)
        private = looks_private(value)
        looked_for: tuple[str, ...] = (value,)
        notes: list[str] = []
        if private and not found:
            looked_for = await self._ids_behind(private, value, with_key=with_key)
            found = [facts for one in looked_for for facts in await self._facts(one)]
        braze: dict[Identifier, InBraze] = {}
        if ask_braze and with_key and found:
            try:
                async with workspace.braze_rest(recorded=False) as rest:
                    braze = await _asked(rest, {facts.identifier for facts in found})
                    found = await self._with_segments(rest, found)
            except HeaptuiError as error:
                notes.append(f"Braze could not be asked: {error.title} {error.hint}")
        elif found and not with_key:
            notes.append("Whether they exist in Braze was not asked: that needs a REST key (users.export.ids).")
        now = time.time()
        verdicts = [
            judge(facts, braze.get(facts.identifier), now=now, profile=workspace.profile.name) for facts in found
        ]
        return Traced(looked_for, overall(verdicts), tuple(verdicts), tuple(notes))

    async def _facts(self, value: str) -> list[CohortFacts]:
        view = self._workspace.view
        return await self._workspace.ledger.read(lambda connection: person.facts_of(connection, value, view), long=True)

    async def _ids_behind(self, private: str, value: str, *, with_key: bool) -> tuple[str, ...]:
        """The external ids of an e-mail or phone, looked up once; nothing of it is kept."""
        if not with_key:
            raise UsageError(
                "Needs the id that Heap and Braze share.",
                "With a REST key (users.export.ids) an e-mail would do.",
                giving(self._workspace.profile, ["rest_api_key"]),
            )
        async with self._workspace.braze_rest(recorded=False) as rest:
            people = await _by_private(rest, private, value)
        found = tuple(str(one["external_id"]) for one in people if one.get("external_id"))
        if not found:
            raise UsageError(
                f"Braze knows nobody with this {'e-mail' if private == Kind.EMAIL else 'phone'}.",
                "So it cannot be told which id to look for.",
                "Ask for the id that Heap and Braze share.",
            )
        return found

    async def _with_segments(self, rest: BrazeRest, found: Sequence[CohortFacts]) -> list[CohortFacts]:
        """The facts with the Braze segments that name each cohort, where they can be read."""
        if all(facts.segments is not None for facts in found):
            return list(found)
        try:
            listed = await rest.segments(0)
            if len(listed) > MOST_SEGMENTS:
                return list(found)
            texts = [(item.name, (await rest.segment_details(item.segment_id)).words) for item in listed]
        except CredentialRefused:
            # The key may not list segments; the question stays open.
            return list(found)
        made = []
        for facts in found:
            naming = tuple(name for name, words in texts if facts.name in words or facts.cohort_id in words)
            made.append(replace(facts, segments=naming) if facts.segments is None else facts)
        return made


async def _asked(rest: BrazeRest, identifiers: set[Identifier]) -> dict[Identifier, InBraze]:
    """Whether each identifier exists in Braze, since when, and if not, as what else the same text is known."""
    found = {}
    for identifier in identifiers:
        people = await rest.people(identifier.space, [identifier.value], ("external_id", "created_at", "braze_id"))
        if people:
            found[identifier] = InBraze(exists=True, created_at=_time(people[0].get("created_at")))
        else:
            found[identifier] = await _as_something_else(rest, identifier)
    return found


async def _as_something_else(rest: BrazeRest, identifier: Identifier) -> InBraze:
    kinds = [EXTERNAL_ID, Space(Kind.DEVICE_ID), *([Space(Kind.EMAIL)] if "@" in identifier.value else [])]
    for space in kinds:
        if space != identifier.space:
            people = await rest.people(space, [identifier.value], ("external_id", "braze_id"))
            if people:
                return InBraze(exists=False, as_kind=space.kind.value, other_id=str(people[0].get("external_id") or ""))
    return InBraze(exists=False)


async def _by_private(rest: BrazeRest, private: str, value: str) -> list[dict[str, Any]]:
    fields = ("external_id", "braze_id")
    if private == Kind.EMAIL:
        return await rest.people(Space(Kind.EMAIL), [value], fields)
    body = {"phone": value.replace(" ", "").replace("-", ""), "fields_to_export": list(fields)}
    answer = await rest.call(Request("/users/export/ids", body, bearer=rest.key))
    people = answer.data.get("users") if isinstance(answer.data, dict) else None
    return [one for one in people or [] if isinstance(one, dict)]


def _time(text: object) -> float | None:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None
