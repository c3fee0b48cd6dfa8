"""Is a host there? Its name, its TLS certificate, and whether a proxy of the environment stands before it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
import urllib.request
from urllib.parse import urlsplit

from msgspec import Struct

from heaptui.clients.http import is_loopback, tls_context


class Probe(Struct, frozen=True):
    """How a look at a host ended: `problem` is empty when well, `detail` is for people, the time in milliseconds."""

    problem: str
    detail: str
    latency_ms: float


def proxy_before(host: str) -> str:
    """The host name of the proxy that the environment sets for HTTPS to this host; empty when there is none."""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return ""
    proxies = urllib.request.getproxies()
    found = proxies.get("https") or proxies.get("all") or ""
    # Only the host: the address of a proxy may hold a password.
    return (urlsplit(found if "//" in found else f"//{found}").hostname or "") if found else ""


async def resolve(host: str, seconds: float) -> Probe:
    """Look the name up. In a thread of its own: the system's call cannot be cancelled and must hold nobody up."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[str]] = loop.create_future()

    def settle(addresses: list[str]) -> None:
        if not future.done():
            future.set_result(addresses)

    def ask() -> None:
        try:
            found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError):
            found = []
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, found)

    started = time.perf_counter()
    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        addresses = await asyncio.wait_for(future, seconds)
    except TimeoutError:
        return Probe("timeout", f"no answer about {host} within {seconds:g} s", _since(started))
    if not addresses:
        return Probe("unknown", f"{host} does not resolve", _since(started))
    return Probe("", addresses[0], _since(started))


async def handshake(host: str, port: int, seconds: float) -> Probe:
    """Make a TLS connection with the certificate checked as for every request, and send nothing."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port, ssl=tls_context(), server_hostname=host)
    except TimeoutError:
        return Probe("timeout", f"no TLS within {seconds:g} s", _since(started))
    except ssl.SSLCertVerificationError as error:
        return Probe("certificate", error.verify_message or "the certificate is not trusted", _since(started))
    except ssl.SSLError as error:
        plain = error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
        words = "it speaks plain HTTP, not HTTPS" if plain else "no TLS connection comes about"
        return Probe("plain" if plain else "tls", words, _since(started))
    except (OSError, UnicodeError) as error:
        refused = isinstance(error, ConnectionRefusedError)
        return Probe("connection", "the connection was refused" if refused else "no connection", _since(started))
    connection = writer.get_extra_info("ssl_object")
    version = connection.version() if connection is not None else ""
    # The other side may never say good-bye, and nobody needs it to.
    writer.transport.abort()
    return Probe("", f"{version}, certificate trusted", _since(started))


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
