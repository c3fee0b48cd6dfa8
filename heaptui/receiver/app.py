"""The receiver as one ASGI application: only the paths that have a secret, JSON for everything."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute

BODY_CAP = 16 * 1024 * 1024
"""Bytes of a body after decompression (both senders stay far below)."""


def receiver_app(routes: Sequence[BaseRoute]) -> Starlette:
    """The application with these paths; anything else is 404, a wrong method 405."""
    app = Starlette(routes=list(routes), exception_handlers={HTTPException: _refused})
    # A path is right or wrong: nobody's signed body is sent on to another one.
    app.router.redirect_slashes = False
    return app


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)
