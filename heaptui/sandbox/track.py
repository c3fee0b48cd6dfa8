"""Custom attributes of people (Braze docs: users/track): set where the person exists, refused object by object."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from heaptui.sandbox.asgi import Reply
from heaptui.sandbox.world import World

OBJECTS_PER_REQUEST = 75
_IDENTIFIERS = ("external_id", "user_alias", "braze_id", "email", "phone")
_LONGEST_NAME = 255


def track(world: World, data: dict[str, Any], refused: Collection[str] = (), text: str = "") -> Reply:
    """POST /users/track with attributes; the answer counts what was processed and indexes what was not.

    People in `refused` are named with `text`, as somebody asked for.
    """
    given = [data.get(kind) or [] for kind in ("attributes", "events", "purchases")]
    if not all(isinstance(objects, list) for objects in given):
        return Reply(400, {"message": "attributes, events and purchases must be arrays"})
    if sum(map(len, given)) > OBJECTS_PER_REQUEST:
        return Reply(400, {"message": f"Only {OBJECTS_PER_REQUEST} objects can be sent in one request"})
    errors = []
    processed = 0
    for index, entry in enumerate(given[0]):
        problem = _problem(entry) or (text if refused and not set(_values(entry)).isdisjoint(refused) else "")
        if problem:
            errors.append({"type": problem, "input_array": "attributes", "index": index})
            continue
        processed += 1
        _set(world, entry)
    reply: dict[str, Any] = {"message": "success", "attributes_processed": processed}
    if errors:
        reply["errors"] = errors
    if errors and not processed:
        # Seen in answers that RudderStack's transformer handles.
        reply["message"] = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."
        return Reply(400, reply)
    return Reply(201, reply)


def attribute_objects(data: Any) -> list[dict[str, Any]]:
    """The attributes objects of a request, as far as they are objects."""
    given = data.get("attributes") if isinstance(data, dict) else None
    return [entry for entry in given if isinstance(entry, dict)] if isinstance(given, list) else []


def identifiers_of(objects: list[dict[str, Any]]) -> set[str]:
    """The values that name people in these objects."""
    return {value for entry in objects for value in _values(entry)}


def flags_of(entry: dict[str, Any]) -> list[tuple[str, bool]]:
    """The yes/no attributes that an object sets."""
    return [(name, value) for name, value in _custom(entry).items() if isinstance(value, bool)]


def _values(entry: Any) -> Iterator[str]:
    if isinstance(entry, dict):
        alias = entry.get("user_alias")
        names = [entry.get(key) for key in ("external_id", "braze_id", "email", "phone")]
        names.append(alias.get("alias_name") if isinstance(alias, dict) else None)
        yield from (name for name in names if isinstance(name, str))


def _custom(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in (*_IDENTIFIERS, "_update_existing_only")}


def _problem(entry: Any) -> str:
    if not isinstance(entry, dict):
        return "an attributes object is not an object"
    if sum(1 for key in _IDENTIFIERS if entry.get(key)) != 1:
        return "'external_id' or 'braze_id' or 'user_alias' is required"
    if any(name.startswith("$") or len(name) > _LONGEST_NAME for name in _custom(entry)):
        return "invalid attribute name"
    return ""


def _set(world: World, entry: dict[str, Any]) -> None:
    values = _custom(entry)
    for person in _meant(world, entry):
        world.attributes.setdefault(person, {}).update(values)


def _meant(world: World, entry: dict[str, Any]) -> set[str]:
    """The people an object speaks of; without update-only, an unknown external id makes somebody new."""
    if alias := entry.get("user_alias"):
        owner = world.alias_owner.get((alias.get("alias_label"), alias.get("alias_name")))
        return {owner} if owner else set()
    if email := entry.get("email"):
        return set(world.email_owners.get(str(email).casefold(), set()))
    person = str(entry.get("external_id", ""))
    if not world.exists(person):
        if entry.get("_update_existing_only") is not True:
            world.know(person)
            world.created.add(person)
            return {person}
        return set()
    return {person}
