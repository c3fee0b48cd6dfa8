"""Where a request comes from."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request


def peer_of(request: Request) -> str:
    """The other end of the connection; behind a proxy of this machine, also what the proxy says."""
    peer = request.client.host if request.client else "unknown"
    forwarded = request.headers.get("x-forwarded-for", "").rsplit(",", 1)[-1].strip()
    try:
        behind_proxy = ipaddress.ip_address(peer).is_loopback and bool(ipaddress.ip_address(forwarded))
    except ValueError:
        return peer
    return f"{forwarded} via {peer}" if behind_proxy else peer
