"""Custom attributes of people (Braze docs: users/track): set where the person exists, refused object by object."""

from __future__ import annotations

from typing import Any

from heaptui.sandbox.asgi import Reply
from heaptui.sandbox.world import World

OBJECTS_PER_REQUEST = 75
_IDENTIFIERS = ("external_id", "user_alias", "braze_id", "email", "phone")
_LONGEST_NAME = 255


def track(world: World, data: dict[str, Any]) -> Reply:
    """POST /users/track with attributes; the answer counts what was processed and indexes what was not."""
    given = [data.get(kind) or [] for kind in ("attributes", "events", "purchases")]
    if not all(isinstance(objects, list) for objects in given):
        return Reply(400, {"message": "attributes, events and purchases must be arrays"})
    if sum(map(len, given)) > OBJECTS_PER_REQUEST:
        return Reply(400, {"message": f"Only {OBJECTS_PER_REQUEST} objects can be sent in one request"})
    errors = []
    processed = 0
    for index, entry in enumerate(given[0]):
        problem = _problem(entry)
        if problem:
            errors.append({"type": problem, "input_array": "attributes", "index": index})
            continue
        processed += 1
        _set(world, entry)
    reply: dict[str, Any] = {"message": "success", "attributes_processed": processed}
    if errors:
        reply["errors"] = errors
    return Reply(201, reply)


def _problem(entry: Any) -> str:
    if not isinstance(entry, dict):
        return "an attributes object is not an object"
    if sum(1 for key in _IDENTIFIERS if entry.get(key)) != 1:
        return "'external_id' or 'braze_id' or 'user_alias' is required"
    names = [name for name in entry if name not in (*_IDENTIFIERS, "_update_existing_only")]
    if any(name.startswith("$") or len(name) > _LONGEST_NAME for name in names):
        return "invalid attribute name"
    return ""


def _set(world: World, entry: dict[str, Any]) -> None:
    values = {name: value for name, value in entry.items() if name not in (*_IDENTIFIERS, "_update_existing_only")}
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
