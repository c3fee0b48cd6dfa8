"""One HTTP exchange: secrets put in, the answer read within limits, echoes of secrets masked.

The only module that imports httpx and the only one that reveals a `Secret`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct, field

from heaptui import __version__
from heaptui.errors import HeaptuiError, Unreachable, UsageError
from heaptui.model.secret import Secret

MAX_CONNECTIONS = 8
"""More connections in one pool make httpx slower, not faster."""

READ_TIMEOUT = 30.0
CONNECT_TIMEOUT = 10.0
LONGEST_READ_TIMEOUT = 30.0
"""An attempt, connecting and reading together, must end before the journal takes it for ended."""
BODY_KEPT = 64 * 1024


class NotSent(Unreachable):
    """The request never reached the other side: no name, no route, no connection, no TLS."""


class NoAnswer(HeaptuiError):
    """The request left, and no whole answer came back: it may or may not have been applied."""


class Label(Struct, frozen=True):
    """What a request is for, for whoever keeps a record. It is never sent."""

    what: str = ""
    """name, members, probe, or read."""
    cohort_id: str = ""
    batch_id: int | None = None
    """The batch whose people the body carries, so that the body need not be kept."""
    attempt: int = 1


class Request(Struct, frozen=True):
    """What to send. `body` may hold Secrets anywhere; `bearer` becomes the Authorization header."""

    path: str
    body: Mapping[str, Any] | None = None
    method: str = "POST"
    bearer: Secret | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    label: Label = field(default_factory=Label)


class Answer(Struct, frozen=True):
    """What came back, with every secret of the request masked in `text` and `data`; times in seconds, UTC."""

    status: int
    headers: Mapping[str, str]
    text: str
    data: Any
    latency_ms: float
    at: float

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def is_html(self) -> bool:
        """A page for people: not the API, but a proxy or a dashboard."""
        return "html" in self.headers.get("content-type", "").lower() or self.text.lstrip("\ufeff \t\r\n")[:1] == "<"

    @property
    def server_date(self) -> float | None:
        """The other side's clock, seconds since the epoch."""
        try:
            return parsedate_to_datetime(self.headers["date"]).timestamp()
        except (KeyError, ValueError):
            return None


class Exchange(Struct, frozen=True):
    """One request and how it ended, for whoever keeps a record. Holds no secret."""

    request: Request
    url: str
    sent_at: float
    answer: Answer | None
    error: str = ""


class Http:
    """A client for one host. Use it as an async context manager."""

    def __init__(
        self,
        base_url: str,
        *,
        read_timeout: float = READ_TIMEOUT,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._on_exchange = on_exchange
        local = is_loopback(urlsplit(base_url).hostname or "")
        read_timeout = min(read_timeout, LONGEST_READ_TIMEOUT)
        connect_timeout = min(CONNECT_TIMEOUT, read_timeout)
        # httpx limits each read, so an answer that drips would take for ever.
        self._longest = connect_timeout + read_timeout
        self._client = httpx.AsyncClient(
            verify=tls_context() if base_url.startswith("https:") else False,
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout, pool=None),
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
            follow_redirects=False,
            # A proxy of the environment has no business between two processes of one machine.
            trust_env=not local,
            headers={"User-Agent": f"heaptui/{__version__}", "Accept": "application/json"},
        )

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send(self, request: Request) -> Answer:
        """Send one request and read its answer.

        Raises:
            NotSent: nothing reached the other side.
            NoAnswer: it may have.
        """
        url = f"{self.base_url}{request.path}"
        secrets = _secrets_in(request)
        headers = {"Content-Type": "application/json"} if request.body is not None else {}
        if request.bearer:
            headers["Authorization"] = f"Bearer {request.bearer.reveal()}"
        content = _encoder.encode(request.body) if request.body is not None else None
        sent_at = time.time()
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._longest):
                response = await self._client.request(
                    request.method, url, content=content, headers=headers, params=request.params or None
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            self._record(Exchange(request, url, sent_at, None, f"not sent: {_why_not_sent(error)}"))
            raise NotSent(
                f"{urlsplit(url).hostname} cannot be reached.",
                _why_not_sent(error),
                "Check the network, the endpoint and any proxy.",
            ) from error
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            self._record(Exchange(request, url, sent_at, None, f"no answer: {type(error).__name__}"))
            raise NoAnswer(_why_no_answer(error)) from error
        latency = (time.perf_counter() - started) * 1000
        answer = Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            text=_redacted(response.content.decode("utf-8", "replace"), secrets)[:BODY_KEPT],
            data=_masked(_decoded(response.content), secrets),
            latency_ms=latency,
            at=time.time(),
        )
        self._record(Exchange(request, url, sent_at, answer))
        return answer

    def _record(self, exchange: Exchange) -> None:
        if self._on_exchange:
            self._on_exchange(exchange)


class TooLarge(HeaptuiError):
    """A download is larger than it may be."""


async def download(url: str, target: Path, *, limit: int, read_timeout: float = READ_TIMEOUT) -> int:
    """Stream what an address gives into a file, when it answers 200; returns the status.

    Only over HTTPS, or from this machine; without any key, and without following redirects.

    Raises:
        UsageError: the address is neither.
        TooLarge: there are more than `limit` bytes; the file is then incomplete.
        NotSent, NoAnswer: as for `Http.send`.
    """
    local = is_loopback(urlsplit(url).hostname or "")
    if not url.startswith("https:") and not (local and url.startswith("http:")):
        raise UsageError("The export's address is not https.", "Nothing was downloaded.", "Tell your Braze admin.")
    try:
        async with (
            httpx.AsyncClient(
                verify=tls_context() if url.startswith("https:") else False,
                timeout=httpx.Timeout(read_timeout, connect=min(CONNECT_TIMEOUT, read_timeout)),
                follow_redirects=False,
                trust_env=not local,
                headers={"User-Agent": f"heaptui/{__version__}"},
            ) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != 200:
                return response.status_code
            await _saved(response, target, limit)
            return 200
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise NotSent("The export cannot be downloaded.", _why_not_sent(error), "Check the network.") from error
    except httpx.TransportError as error:
        raise NoAnswer(_why_no_answer(error)) from error


async def _saved(response: httpx.Response, target: Path, limit: int) -> None:
    received = 0
    with await asyncio.to_thread(target.open, "wb") as file:
        async for chunk in response.aiter_bytes(1 << 20):
            received += len(chunk)
            if received > limit:
                raise TooLarge(f"The export is larger than {limit >> 20:,} MB.", "It was not read.")
            await asyncio.to_thread(file.write, chunk)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def tls_context() -> ssl.SSLContext:
    """One context for all clients: making one reads every root certificate."""
    context = httpx.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _reveal(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"{type(value).__name__} cannot be sent as JSON")


_encoder = msgspec.json.Encoder(enc_hook=_reveal)


SECRET_WORDS = {"partner_api_key": "partner key", "client_secret": "data import key"}
"""What people call the secrets in a body."""


def _secrets_in(request: Request) -> list[tuple[Secret, str]]:
    """Each secret of a request with its name. Both cohort calls carry theirs at the top level of the body."""
    found = [
        (value, SECRET_WORDS.get(name, name))
        for name, value in (request.body or {}).items()
        if isinstance(value, Secret)
    ]
    return [*found, (request.bearer, "REST key")] if request.bearer else found


def _redacted(text: str, secrets: list[tuple[Secret, str]]) -> str:
    for secret, name in secrets:
        text = secret.redact(text, f"‹{name}›")
    return text


def _masked(value: Any, secrets: list[tuple[Secret, str]]) -> Any:
    """Decoded JSON without the secrets, however they were written in it."""
    if isinstance(value, str):
        return _redacted(value, secrets)
    if isinstance(value, list):
        return [_masked(item, secrets) for item in value]
    if isinstance(value, dict):
        return {_redacted(key, secrets): _masked(item, secrets) for key, item in value.items()}
    return value


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _why_not_sent(error: httpx.HTTPError) -> str:
    text = str(error).lower()
    if "wrong_version_number" in text or "wrong version number" in text or "record layer" in text:
        return "It does not speak TLS on this port."
    if "certificate" in text or "ssl" in text:
        return "Its TLS certificate was not accepted."
    if "name or service" in text or "getaddrinfo" in text or "nodename" in text:
        return "Its name does not resolve."
    if isinstance(error, httpx.ConnectTimeout):
        return "It did not answer the connection."
    if "refused" in text or "all connection attempts failed" in text:
        return "The connection was refused."
    return "No connection was made."


def _why_no_answer(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "no answer in time"
    if isinstance(error, httpx.DecodingError):
        return "an answer that cannot be read"
    return "connection lost before an answer"
