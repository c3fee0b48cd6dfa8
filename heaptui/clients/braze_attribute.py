"""A custom attribute per cohort: joining writes true, leaving writes false (Braze docs: users/track)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from heaptui.clients.braze import CohortName, People, Refusals, remarks
from heaptui.clients.http import Answer, Request
from heaptui.model.belief import Direction
from heaptui.model.identifiers import Identifier, Kind
from heaptui.model.routes import ATTRIBUTE, way_facts
from heaptui.model.secret import Secret

PATH = "/users/track"

NO_VALID_DATA = "valid data must be provided"
"""What Braze says (400) to a request in which no object is good, and so to one without any."""


class AttributeRoute(Struct, frozen=True):
    """POST /users/track with a REST key. Existing people only: nobody is created."""

    rest_api_key: Secret
    limit: int
    name: str = ATTRIBUTE

    def takes(self, kind: Kind) -> bool:
        """External ids, aliases and e-mail addresses; a device is no identifier here."""
        return kind in way_facts(ATTRIBUTE).kinds

    def naming(self, cohort: CohortName) -> None:
        """An attribute comes into being with its first value."""

    def membership(self, cohort: CohortName, direction: Direction, people: People) -> Request:
        """One object for each person, in the order of `people`: answers name objects by their place in it."""
        member = direction is Direction.ADD
        objects = [
            {**_who(person), cohort.attribute: member, "_update_existing_only": True} for person in _in_order(people)
        ]
        return self._request(objects)

    def probe(self, cohort: CohortName) -> Request:  # noqa: ARG002 - the shape of Route
        """The same call with an empty list. Inference: Braze checks the key, and has nothing to change."""
        return self._request([])

    def probe_passed(self, answer: Answer) -> bool:
        """Whether key and call are good. A 400 that only misses valid objects says so, too."""
        return answer.ok or NO_VALID_DATA in answer.text.lower()

    def refusals(self, answer: Answer, people: People) -> Refusals:
        """The people named by `errors[]`.

        Each entry is `{"type": text, "input_array": "attributes", "index": place in it, from 0}`. Braze's pages do not
        show it; RudderStack's transformer handles it so (rudder-transformer, destination braze: partial failures), in
        a 201 beside accepted objects and in a 400 when no object was good.
        """
        named: dict[Identifier, str] = {}
        unplaced: list[str] = []
        order = list(_in_order(people))
        data = answer.data if isinstance(answer.data, dict) else {}
        errors = data.get("errors") or []
        for entry in errors if isinstance(errors, list) else [errors]:
            index = entry.get("index") if isinstance(entry, dict) else None
            if type(index) is int and 0 <= index < len(order) and entry.get("input_array") == "attributes":
                words = entry.get("type")
                # Masked and shortened like every text of an answer.
                named.setdefault(order[index], remarks(answer, only=words) if words else "refused")
            else:
                unplaced.append(remarks(answer, only=entry))
        return Refusals(named, "; ".join(dict.fromkeys(unplaced)))

    def _request(self, objects: list[dict[str, Any]]) -> Request:
        return Request(PATH, {"attributes": objects}, bearer=self.rest_api_key)


def _in_order(people: People) -> Iterator[Identifier]:
    for space, values in people.items():
        for value in values:
            yield Identifier(space, value)


def _who(person: Identifier) -> dict[str, Any]:
    if person.space.kind is Kind.ALIAS:
        return {"user_alias": {"alias_name": person.value, "alias_label": person.space.label}}
    return {str(person.space.kind): person.value}
