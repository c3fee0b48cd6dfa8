"""Reading people back: by their ids, and everybody of a segment as a file (Braze docs: user export endpoints)."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import time
import zipfile
from typing import Any

from msgspec import Struct

from heaptui.sandbox.asgi import Reply, Scope, header
from heaptui.sandbox.world import World

IDS_PER_REQUEST = 50
PEOPLE_PER_FILE = 5000
FILES_PATH = "/segment-export/"


def braze_id(person: str) -> str:
    """Braze's own id of somebody: 24 hex digits."""
    return hashlib.sha256(person.encode()).hexdigest()[:24]


def export_ids(world: World, data: dict[str, Any]) -> Reply:
    """POST /users/export/ids: up to 50 external ids and aliases together, or one e-mail, device or phone."""
    external = data.get("external_ids") or []
    aliases = data.get("user_aliases") or []
    single = [key for key in ("device_id", "braze_id", "email_address", "phone") if data.get(key)]
    if not isinstance(external, list) or not isinstance(aliases, list) or not (external or aliases or single):
        return Reply(400, {"message": "external_ids, user_aliases, device_id, braze_id, email_address or phone"})
    if len(external) + len(aliases) > IDS_PER_REQUEST:
        return Reply(400, {"message": "The max number of external_ids and aliases per request was exceeded"})
    fields = data.get("fields_to_export")
    if not isinstance(fields, list) or not fields:
        # Mandatory for workspaces since August 2024.
        return Reply(400, {"message": "fields_to_export is required"})
    people: set[str] = set()
    invalid: list[Any] = []
    for value in external:
        if isinstance(value, str) and world.exists(value):
            people.add(value)
        else:
            invalid.append(value)
    for alias in aliases:
        pair = (str(alias.get("alias_label")), str(alias.get("alias_name"))) if isinstance(alias, dict) else ("", "")
        owner = world.alias_owner.get(pair)
        if owner is None:
            invalid.append(alias)
        else:
            people.add(owner)
    if data.get("email_address"):
        people |= world.email_owners.get(str(data["email_address"]).casefold(), set())
    if data.get("device_id"):
        owner = world.device_owner.get(str(data["device_id"]))
        people |= {owner} if owner else world.anonymous & {str(data["device_id"])}
    reply: dict[str, Any] = {"message": "success", "users": [_user(world, person, fields) for person in sorted(people)]}
    if invalid:
        reply["invalid_user_ids"] = invalid
    return Reply(201, reply)


def _user(world: World, person: str, fields: list[Any], reverse: Reverse | None = None) -> dict[str, Any]:
    """The asked fields of one person; empty ones are left out."""
    known = person not in world.anonymous
    reverse = reverse or Reverse.of(world, {person})
    everything = {
        "external_id": person if known else None,
        "braze_id": braze_id(person),
        "email": next(iter(reverse.emails.get(person, ())), None),
        "user_aliases": [{"alias_label": label, "alias_name": name} for label, name in reverse.aliases.get(person, ())],
        "devices": [{"device_id": device} for device in reverse.devices.get(person, ())],
        "custom_attributes": world.attributes.get(person, {}),
        "created_at": "2025-01-01T00:00:00.000Z",
    }
    return {name: everything[name] for name in fields if everything.get(name)}


class Reverse(Struct):
    """The identifiers by person, made once for many people."""

    aliases: dict[str, list[tuple[str, str]]]
    devices: dict[str, list[str]]
    emails: dict[str, list[str]]

    @classmethod
    def of(cls, world: World, people: set[str]) -> Reverse:
        """Of these people."""
        aliases: dict[str, list[tuple[str, str]]] = {}
        for pair, owner in world.alias_owner.items():
            if owner in people:
                aliases.setdefault(owner, []).append(pair)
        devices: dict[str, list[str]] = {device: [device] for device in world.anonymous & people}
        for device, owner in world.device_owner.items():
            if owner in people:
                devices.setdefault(owner, []).append(device)
        emails: dict[str, list[str]] = {}
        for email, owners in world.email_owners.items():
            for owner in owners & people:
                emails.setdefault(owner, []).append(email)
        return cls(aliases, devices, emails)


class ExportFile(Struct):
    """A file that is there from `ready_at` on (seconds since the epoch)."""

    ready_at: float
    content: bytes


def export_segment(world: World, scope: Scope, data: dict[str, Any]) -> Reply:
    """POST /users/export/segment: starts an export; its address works once the file is ready.

    Without storage of the customer's own, the answer names the address (Braze docs). One export a segment at a time.
    """
    segment = world.segments.get(str(data.get("segment_id", "")))
    if segment is None:
        return Reply(400, {"message": "segment_id is not a valid segment"})
    fields = data.get("fields_to_export")
    if not isinstance(fields, list) or not fields:
        return Reply(400, {"message": "fields_to_export is required"})
    running = world.running_exports.get(segment.segment_id, 0.0)
    if running > time.time():
        return Reply(400, {"message": "An export of this segment is already running"})
    ready_at = time.time() + world.export_seconds
    world.running_exports[segment.segment_id] = ready_at
    people = world.people_of(segment)
    token = f"{secrets.token_hex(16)}-{int(time.time())}"
    world.export_files[token] = ExportFile(ready_at, _zipped(world, people, fields))
    host = header(scope, "host")
    url = f"http://{host}{FILES_PATH}{token}.zip"
    return Reply(201, {"message": "success", "object_prefix": token, "url": url})


def _zipped(world: World, people: set[str], fields: list[Any]) -> bytes:
    """JSON lines in files of 5,000 people."""
    listed = sorted(people)
    reverse = Reverse.of(world, people)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number, start in enumerate(range(0, len(listed), PEOPLE_PER_FILE)):
            some = listed[start : start + PEOPLE_PER_FILE]
            lines = "".join(json.dumps(_user(world, person, fields, reverse)) + "\n" for person in some)
            archive.writestr(f"{number:04d}.txt", lines)
    return target.getvalue()


def export_file(world: World, path: str) -> Reply:
    """The file of an export, or 404 while it is not ready (Braze docs: the address works only then)."""
    found = world.export_files.get(path.removeprefix(FILES_PATH).removesuffix(".zip"))
    if found is None or found.ready_at > time.time():
        return Reply(404, {"message": "Not Found"})
    return Reply(200, raw=found.content, content_type="application/zip")
