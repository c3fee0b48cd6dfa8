"""Looking into the sandbox and steering it, over plain HTTP: `/_sandbox/…`. No real Braze has these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from heaptui.sandbox.asgi import Reply, Scope, query
from heaptui.sandbox.faults import FaultProfile
from heaptui.sandbox.world import Segment

if TYPE_CHECKING:
    from heaptui.sandbox.braze import BrazeApp


class Person(msgspec.Struct):
    """One line of `POST /_sandbox/people` as JSON; without an external id it is somebody anonymous."""

    external_id: str = ""
    aliases: dict[str, str] = {}
    devices: list[str] = []
    email: str = ""


class Control:
    """The inspection and steering routes of one stand-in."""

    def __init__(self, app: BrazeApp) -> None:
        self._app = app

    def answer(self, scope: Scope, body: bytes) -> Reply:
        """One control request."""
        method, path = scope["method"], scope["path"].removeprefix("/_sandbox/")
        match method, path.split("/", 1):
            case "GET", ["cohorts"]:
                return self._cohorts()
            case "GET", ["cohorts", cohort_id]:
                return self._cohort(cohort_id)
            case "GET", ["users", external_id]:
                return self._user(external_id)
            case "GET", ["attributes", name]:
                return self._attribute(name)
            case "GET", ["requests"]:
                return self._requests(with_log="log" in query(scope))
        takes_body = {
            ("POST", "people"): self._know,
            ("PUT", "faults"): self._set_faults,
            ("POST", "segments"): self._build_segment,
            ("PUT", "permissions"): self._set_permissions,
        }.get((method, path))
        return takes_body(body) if takes_body else self._steer(method, path)

    def _steer(self, method: str, path: str) -> Reply:
        """The routes that need no body."""
        match method, path:
            case "DELETE", "people":
                self._app.world.known.clear()
            case "DELETE", "faults":
                self._app.faults.clear()
            case "POST", "late":
                return Reply(200, {"applied": self._app.apply_late()})
            case "PUT", "partner":
                self._app.partner_enabled = True
            case "DELETE", "partner":
                self._app.partner_enabled = False
            case "POST", "reset":
                self._app.world.clear()
                self._app.faults.clear()
                self._app.late.clear()
            case _:
                return Reply(404, {"message": f"The sandbox has no {method} /_sandbox/{path}"})
        return Reply(200, {"message": "done"})

    def _cohorts(self) -> Reply:
        listed = [
            {"cohort_id": cohort_id, "name": cohort.name, "size": len(cohort.members)}
            for cohort_id, cohort in self._app.world.cohorts.items()
        ]
        return Reply(200, {"cohorts": listed})

    def _cohort(self, cohort_id: str) -> Reply:
        cohort = self._app.world.cohorts.get(cohort_id)
        if cohort is None:
            return Reply(404, {"message": f"The sandbox has no cohort {cohort_id}"})
        members = self._app.world.identifiers(cohort.members)
        return Reply(200, {"name": cohort.name, "created_at": cohort.created_at, "members": members})

    def _user(self, external_id: str) -> Reply:
        world = self._app.world
        if external_id not in world.known and not world.everyone_known:
            return Reply(404, {"message": f"The sandbox does not know {external_id}"})
        cohorts = [cohort_id for cohort_id, cohort in world.cohorts.items() if external_id in cohort.members]
        return Reply(200, {"attributes": world.attributes.get(external_id, {}), "cohorts": cohorts})

    def _attribute(self, name: str) -> Reply:
        """Who has a yes/no attribute, and with which value."""
        people: dict[str, list[str]] = {"true": [], "false": []}
        for person, values in sorted(self._app.world.attributes.items()):
            if isinstance(value := values.get(name), bool):
                people[str(value).lower()].append(person)
        return Reply(200, people)

    def _requests(self, *, with_log: bool) -> Reply:
        world = self._app.world
        counts: dict[str, dict[str, int]] = {}
        for (path, status), count in sorted(world.requests.items()):
            counts.setdefault(path, {})[str(status) if status else "no answer"] = count
        data: dict[str, Any] = {"requests": counts, "both_directions": world.both_directions}
        if with_log:
            data["log"] = list(world.log)
        return Reply(200, data)

    def _know(self, body: bytes) -> Reply:
        """One external id a line, or one JSON object a line."""
        world = self._app.world
        decoder = msgspec.json.Decoder(Person)
        count = 0
        try:
            for line in body.decode("utf-8").splitlines():
                if line.startswith("{"):
                    person = decoder.decode(line)
                    if person.external_id:
                        world.know(person.external_id, person.aliases, person.devices, person.email)
                    for device in () if person.external_id else person.devices:
                        world.know_anonymous(device)
                elif line:
                    world.know(line)
                count += bool(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Reply(400, {"message": f"line {count + 1}: {error}"})
        return Reply(200, {"people": count})

    def _set_faults(self, body: bytes) -> Reply:
        try:
            self._app.faults.set(msgspec.json.decode(body, type=FaultProfile))
        except (msgspec.DecodeError, ValueError) as error:
            return Reply(400, {"message": str(error)})
        return Reply(200, {"message": "done"})

    def _build_segment(self, body: bytes) -> Reply:
        """Build a segment as somebody would in Braze's dashboard; the same id replaces it."""
        try:
            segment = msgspec.json.decode(body, type=Segment)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Reply(400, {"message": str(error)})
        self._app.world.segments[segment.segment_id] = segment
        return Reply(200, {"message": "done"})

    def _set_permissions(self, body: bytes) -> Reply:
        """Which endpoints the REST key may call: a list of names such as `segments.list`."""
        try:
            self._app.rest.permissions = set(msgspec.json.decode(body, type=list[str]))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Reply(400, {"message": str(error)})
        return Reply(200, {"message": "done"})
