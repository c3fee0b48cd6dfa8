"""The path that Heap calls with the pages of a segment. It answers 200 only when a page is durable."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from heaptui.errors import LedgerError
from heaptui.model.segment_sync import Unacceptable
from heaptui.receiver.app import BODY_CAP
from heaptui.receiver.body import read_body
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


def peer_of(request: Request) -> str:
    """Where a request comes from; behind a proxy of this machine, also what the proxy says."""
    peer = request.client.host if request.client else "unknown"
    forwarded = request.headers.get("x-forwarded-for", "").rsplit(",", 1)[-1].strip()
    try:
        behind_proxy = ipaddress.ip_address(peer).is_loopback and bool(ipaddress.ip_address(forwarded))
    except ValueError:
        return peer
    return f"{forwarded} via {peer}" if behind_proxy else peer
