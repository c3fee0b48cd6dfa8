"""The path that Braze Currents calls. It answers 2xx only when every event of the request is durable.

Braze resends what is answered 5xx, splits what is answered 400 or 413, and gives up on what is answered 401. So 400 is
for bodies that are no list of events at all, and for those that must be split to find out where an event ends.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from heaptui.errors import LedgerError
from heaptui.model.currents_cut import Unreadable
from heaptui.receiver.app import BODY_CAP
from heaptui.receiver.body import read_body
from heaptui.receiver.peer import peer_of
from heaptui.services.door_notes import DoorNotes
from heaptui.services.intake import Intake

PATH = "/braze/currents"
RETRY_AFTER_SECONDS = 30


def currents_route(intake: Intake, notes: DoorNotes, *, body_cap: int = BODY_CAP) -> Route:
    """The path with its handler."""

    async def take(request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not intake.authorised(given):
            notes.note("wrong token" if given else "no token", peer_of(request))
            # Nothing of the body is read: whoever has no token can neither store nor fill anything.
            return JSONResponse({"error": "wrong or missing bearer token"}, 401, {"WWW-Authenticate": "Bearer"})
        body = await read_body(request, body_cap)
        try:
            await intake.take(body)
        except Unreadable as error:
            return JSONResponse({"error": str(error)}, 400)
        except LedgerError as error:
            return JSONResponse({"error": error.title}, 503, {"Retry-After": str(RETRY_AFTER_SECONDS)})
        return Response(status_code=204)

    return Route(PATH, take, methods=["POST"])
