"""The path that Heap calls with the pages of a segment. It answers 200 only when a page is durable."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from heaptui.errors import LedgerError
from heaptui.model.segment_sync import Unacceptable
from heaptui.receiver.app import BODY_CAP
from heaptui.receiver.body import read_body
from heaptui.receiver.peer import peer_of
from heaptui.services.reception import Reception

RETRY_AFTER_SECONDS = 30


def segment_sync_route(path: str, reception: Reception) -> Route:
    """The path with its handler."""

    async def take(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return JSONResponse({"error": "content-type must be application/json"}, 415)
        body = await read_body(request, BODY_CAP)
        try:
            new = await reception.take(request.headers.getlist("heap-hash"), body, peer_of(request))
        except Unacceptable as refused:
            return JSONResponse({"error": refused.text}, refused.status)
        except LedgerError:
            # Heap sends again whatever is not answered 200.
            return JSONResponse(
                {"error": "the ledger is busy, send again"}, 503, {"Retry-After": str(RETRY_AFTER_SECONDS)}
            )
        return JSONResponse({"status": "stored" if new else "known"})

    return Route(path, take, methods=["POST"])
