"""Braze's partner cohort calls as documented: every check, every error text, and the faults somebody asked for."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from heaptui.sandbox.asgi import (
    Receive,
    Reply,
    Scope,
    Send,
    break_connection,
    break_midway,
    drip,
    header,
    hold,
    read_body,
)
from heaptui.sandbox.control import Control
from heaptui.sandbox.currents import CurrentsSender
from heaptui.sandbox.exports import FILES_PATH, export_file
from heaptui.sandbox.faults import Call, Faults, Rule, limit_headers
from heaptui.sandbox.rest import ENDPOINTS, Rest
from heaptui.sandbox.track import attribute_objects, flags_of, identifiers_of, track
from heaptui.sandbox.world import Change, Keys, World

IDS_PER_REQUEST = 1000
REQUESTS_PER_HOUR = 250_000
BYTES_PER_ID = 987
HOUR = 3600
_PARTNER_PATH = re.compile(r"/partners/([^/]+)/cohorts(/users)?")
TRACK_PATH = "/users/track"
_SUCCESS = {"message": "success"}
_TAKES_TIME = ("slow", "locked_while_busy")


class _Request(Struct, frozen=True):
    scope: Scope
    path: str
    data: Any
    receive: Receive
    send: Send


class BrazeApp:
    """An ASGI application that stands in for one Braze workspace."""

    def __init__(self, keys: Keys, world: World, faults: Faults) -> None:
        self.keys = keys
        self.world = world
        self.faults = faults
        self.partner_enabled = True
        self.rest = Rest(keys.rest_api_key)
        self.late: list[Callable[[], object]] = []
        self.latest_application = 0.0
        self.currents = CurrentsSender(world)
        self._control = Control(self)
        self._hour = 0
        self._used = 0
        self._busy: dict[str, int] = {}
        self._waiting: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = scope["path"]
        body = await read_body(receive)
        if path == "/_sandbox/currents":
            await (await self._steer_currents(scope["method"], body)).send(send)
            return
        if path.startswith("/_sandbox/"):
            await self._control.answer(scope, body).send(send)
            return
        reply = await self._answer(_Request(scope, path, _decoded(body), receive, send))
        self.world.requests[path, reply.status if reply else 0] += 1
        if reply:
            await reply.send(send)

    async def _steer_currents(self, method: str, body: bytes) -> Reply:
        """Start or stop the Currents connector, or tell how it goes."""
        if method == "POST":
            return await self.currents.start(body)
        if method == "DELETE":
            await self.currents.stop()
        return self.currents.told()

    async def _answer(self, request: _Request) -> Reply | None:
        """The answer, or None when there will be none."""
        data = request.data
        call = self._call(request.path, data)
        rule = self.faults.for_call(call)
        self._log(call, data)
        seconds = self.faults.answer_seconds() + (rule.seconds if rule and rule.effect in _TAKES_TIME else 0.0)
        cohort_id = call.cohort_id
        self._busy[cohort_id] = self._busy.get(cohort_id, 0) + 1
        try:
            if seconds:
                await asyncio.sleep(seconds)
            if rule and rule.effect == "locked_while_busy":
                locked = self._busy[cohort_id] > 1
                return Reply(423, {"message": "Resource locked"}) if locked else self._plain(request)
            if rule and rule.effect == "refuse" and request.path == TRACK_PATH:
                return self._refuse(rule, request)
            if rule and rule.effect not in ("slow", "refuse"):
                return await self._faulty(rule, request)
            return self._plain(request)
        finally:
            self._busy[cohort_id] -= 1

    def _plain(self, request: _Request) -> Reply:
        if request.path in ENDPOINTS:
            return self.rest.answer(self.world, request.scope, request.data)
        if request.path.startswith(FILES_PATH):
            return export_file(self.world, request.path)
        now = time.time()
        if int(now // HOUR) != self._hour:
            self._hour, self._used = int(now // HOUR), 0
        self._used += 1
        left = max(0, REQUESTS_PER_HOUR - self._used)
        headers = {
            "X-RateLimit-Limit": str(REQUESTS_PER_HOUR),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str((self._hour + 1) * HOUR),
        }
        if self._used > REQUESTS_PER_HOUR:
            return Reply(429, {"message": "Rate limit exceeded"}, headers)
        reply = self._checked(request)
        reply.headers.update(headers)
        return reply

    def _checked(self, request: _Request) -> Reply:
        scope, data = request.scope, request.data
        found = _PARTNER_PATH.fullmatch(request.path)
        if not found or scope["method"] != "POST" or found[1] != self.keys.partner_name:
            return Reply(404, {"message": "Not Found"})
        if not header(scope, "content-type").startswith("application/json"):
            return Reply(415, {"message": "Unsupported Media Type"})
        if not isinstance(data, dict):
            return Reply(400, {"error": "Error while parsing request body. Please check your syntax."})
        refusal = self._credentials(data)
        if refusal:
            return refusal
        cohort_id = data.get("cohort_id")
        if not isinstance(cohort_id, str) or not cohort_id:
            return _bad("cohort_id is not a valid string")
        return self._users(cohort_id, data) if found[2] else self._name(cohort_id, data)

    def _credentials(self, data: dict[str, Any]) -> Reply | None:
        if data.get("partner_api_key") != self.keys.partner_api_key:
            return Reply(401, {"message": "Partner API key is invalid"})
        secret = data.get("client_secret")
        if secret != self.keys.data_import_key:
            return Reply(401, {"message": "client_secret is invalid"})
        if not self.partner_enabled:
            return Reply(401, {"message": f"Partner is not enabled for client with client_secret {secret}"})
        return None

    def _name(self, cohort_id: str, data: dict[str, Any]) -> Reply:
        name = data.get("name")
        if not isinstance(name, str) or not name:
            return _bad("name cannot be empty")
        created_at = data.get("created_at")
        try:
            datetime.fromisoformat(created_at if isinstance(created_at, str) else "")
        except ValueError:
            return _bad("created_at is not a valid ISO 8601 time")
        self.world.name_cohort(cohort_id, name, str(created_at))
        return Reply(201, _SUCCESS)

    def _users(self, cohort_id: str, data: dict[str, Any]) -> Reply:
        changes = parsed_changes(data.get("cohort_changes"))
        if changes is None:
            return _bad(
                "cohort_changes must be an array of objects with user_ids and/or device_ids as arrays of strings,"
                " or aliases"
            )
        ids = [value for change in changes for value in (*change.external_ids, *change.device_ids)]
        ids += [name for change in changes for _, name in change.aliases]
        if len(ids) > IDS_PER_REQUEST:
            return _bad(f"Only {IDS_PER_REQUEST} user_ids, device_ids and aliases can be sent in one request")
        if any(len(value) > BYTES_PER_ID // 4 and len(value.encode()) > BYTES_PER_ID for value in ids):
            return _bad("ids must be shorter than 988 bytes")
        if changes:
            self.world.apply(cohort_id, changes)
        return Reply(201, _SUCCESS)

    def _refuse(self, rule: Rule, request: _Request) -> Reply:
        """Take the request, and name the given people in indexed errors."""
        text = str(rule.body or "The value provided for the identifier is not valid.")

        def call(world: World, _: Scope, data: Any) -> Reply:
            return track(world, data, rule.identifiers, text)

        return self.rest.answer(self.world, request.scope, request.data, call)

    async def _faulty(self, rule: Rule, request: _Request) -> Reply | None:
        match rule.effect:
            case "status":
                if rule.applied or 200 <= rule.status < 300:
                    self._plain(request)
                message = rule.body if rule.body is not None else {"message": f"Sandbox fault {rule.status}"}
                return Reply(rule.status, message, {**rule.headers, **limit_headers(rule)})
            case "poison":
                return _bad(str(rule.body or "invalid external_id"))
            case "html":
                return Reply(200, raw=b"<html><body>Please log in</body></html>", content_type="text/html")
            case "redirect":
                return Reply(302, {}, {"Location": "https://login.invalid/"})
            case "malformed":
                self._plain(request)
                return Reply(201, raw=b'{"message": "succ')
            case "nested":
                self._plain(request)
                return Reply(201, raw=b"[" * 100_000)
            case "drip":
                await drip(request.send, rule.seconds or 1.0, rule.hold_seconds)
            case "echo_secret":
                given = request.data if isinstance(request.data, dict) else {}
                bearer = header(request.scope, "authorization")
                text = (
                    f"client_secret {given.get('client_secret')} of {given.get('partner_api_key')} is invalid {bearer}"
                )
                return Reply(401, {"message": text})
            case "timeout_before" | "timeout_after" | "late":
                self._apply_unanswered(rule, request)
                await hold(request.receive, request.send, rule.hold_seconds)
            case "reset_before":
                break_connection(request.send)
            case "reset_after":
                self._plain(request)
                await break_midway(request.send)
        return None

    def _apply_unanswered(self, rule: Rule, request: _Request) -> None:
        if rule.effect == "timeout_after":
            self._plain(request)
        elif rule.effect == "late" and (change := self._change(request)):
            self.late.append(change)
            task = asyncio.create_task(self._later(change, rule.delay_seconds), name="late application")
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    def _change(self, request: _Request) -> Callable[[], object] | None:
        """What a request would change, to be done later; None when it changes nothing."""
        data = request.data
        if request.path == TRACK_PATH:
            if self.rest.refusal(request.scope, data):
                return None
            return partial(track, self.world, data)
        if not isinstance(data, dict) or self._credentials(data):
            return None
        changes = parsed_changes(data.get("cohort_changes"))
        return partial(self.world.apply, str(data.get("cohort_id")), changes) if changes else None

    async def _later(self, change: Callable[[], object], seconds: float) -> None:
        started = time.monotonic()
        await asyncio.sleep(seconds)
        self.latest_application = max(self.latest_application, time.monotonic() - started)
        if change in self.late:
            self.late.remove(change)
            change()

    def apply_late(self) -> int:
        """Apply now everything that would be applied late, in the order it came; returns how many requests."""
        changes, self.late = self.late, []
        for change in changes:
            change()
        return len(changes)

    async def close(self) -> None:
        """Forget what would be applied late, and send no more events."""
        await self.currents.stop()
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    def _call(self, path: str, data: Any) -> Call:
        if not isinstance(data, dict):
            return Call(path)
        if path == TRACK_PATH:
            return self._track_call(data)
        cohort_id = data.get("cohort_id")
        given = data.get("cohort_changes")
        objects = [change for change in given if isinstance(change, dict)] if isinstance(given, list) else []
        directions = frozenset("remove" if change.get("should_remove") else "add" for change in objects)
        identifiers: frozenset[str] = frozenset()
        if self.faults.need_identifiers:
            identifiers = frozenset(_all_values(objects))
        return Call(path, cohort_id if isinstance(cohort_id, str) else "", directions, identifiers)

    def _track_call(self, data: dict[str, Any]) -> Call:
        """The same for attributes: the attribute stands for the cohort, true for joining, false for leaving."""
        objects = attribute_objects(data)
        flags = [flag for entry in objects for flag in flags_of(entry)]
        directions = frozenset("add" if value else "remove" for _, value in flags)
        identifiers = frozenset(identifiers_of(objects)) if self.faults.need_identifiers else frozenset()
        return Call(TRACK_PATH, flags[0][0] if flags else "", directions, identifiers)

    def _log(self, call: Call, data: Any) -> None:
        entry: dict[str, Any] = {"path": call.path, "cohort_id": call.cohort_id, "at": time.time()}
        if call.path == TRACK_PATH:
            objects = attribute_objects(data)
            joins, leaves = ([o for o in objects if (call.cohort_id, yes) in flags_of(o)] for yes in (True, False))
            entry |= {name: len(some) for name, some in (("adds", joins), ("removes", leaves)) if some}
            self.world.both_directions += not identifiers_of(joins).isdisjoint(identifiers_of(leaves))
        changes = parsed_changes(data.get("cohort_changes")) if isinstance(data, dict) else None
        if changes:
            for change in changes:
                direction = "removes" if change.remove else "adds"
                size = len(change.external_ids) + len(change.device_ids) + len(change.aliases)
                entry[direction] = entry.get(direction, 0) + size
            if len(call.directions) > 1:
                adds = set(_all_values([c for c in data["cohort_changes"] if not c.get("should_remove")]))
                removes = set(_all_values([c for c in data["cohort_changes"] if c.get("should_remove")]))
                self.world.both_directions += bool(adds & removes)
        self.world.log.append(entry)


def parsed_changes(given: Any) -> list[Change] | None:
    """The objects of `cohort_changes`, or None when they are not of the documented shape."""
    if not isinstance(given, list):
        return None
    changes = []
    for entry in given:
        if not isinstance(entry, dict) or not {"user_ids", "device_ids", "aliases"} & entry.keys():
            return None
        users, devices, aliases = (entry.get(key) or [] for key in ("user_ids", "device_ids", "aliases"))
        if not _strings(users) or not _strings(devices) or not isinstance(aliases, list):
            return None
        pairs = []
        for alias in aliases:
            if not isinstance(alias, dict) or not _strings([alias.get("alias_label"), alias.get("alias_name")]):
                return None
            pairs.append((alias["alias_label"], alias["alias_name"]))
        changes.append(Change(entry.get("should_remove") is True, users, devices, pairs))
    return changes


def _strings(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is str for value in values)


def _all_values(objects: list[dict[str, Any]]) -> list[str]:
    values = [value for entry in objects for key in ("user_ids", "device_ids") for value in entry.get(key) or []]
    names = [alias.get("alias_name") for entry in objects for alias in entry.get("aliases") or []]
    return [value for value in (*values, *names) if isinstance(value, str)]


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _bad(text: str) -> Reply:
    return Reply(400, {"message": text})
