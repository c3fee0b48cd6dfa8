"""Checks keys and address without changing anything on the other side, and tells each result as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from heaptui.clients.http import Http, NoAnswer, NotSent, Request
from heaptui.clients.probe import handshake, resolve
from heaptui.errors import UsageError
from heaptui.model.checks import REMEDIES, Check, CheckState
from heaptui.model.instances import check_host, instance_name, instance_of, is_loopback
from heaptui.model.secret import Secret
from heaptui.services.cluster_finder import CHECK_SECONDS, Cluster
from heaptui.services.key_checks import Given, KeyChecks, made_check

CLOCK_SECONDS = 60.0
"""Further apart, signatures and rate limits begin to go wrong."""

_OK, _FAILED, _WARNING, _SKIPPED = CheckState.OK, CheckState.FAILED, CheckState.WARNING, CheckState.SKIPPED
T = TypeVar("T")

_NETWORK_CHECKS = ("dns", "tls", "reach", "clock", "partner_key", "data_import_key", "partner_enabled", "rest_key")


@dataclass(slots=True)
class Verification:
    """One round of checks. With `clusters`, refused keys are tried there too: whoever gives them has the consent."""

    given: Given
    clusters: Sequence[Cluster] = ()
    seconds: float = CHECK_SECONDS
    now: Callable[[], float] = time.time
    _results: asyncio.Queue[Check | None] = field(default_factory=asyncio.Queue)

    async def checks(self) -> AsyncIterator[Check]:
        """Each check as it finishes; one with an id that was there before replaces it."""
        work = asyncio.create_task(self._all(), name="verification")
        try:
            while (check := await self._results.get()) is not None:
                yield check
            await work
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    def _tell(self, check_id: str, state: CheckState, detail: str, **more: Any) -> None:
        self._results.put_nowait(made_check(check_id, state, detail, **more))

    async def _all(self) -> None:
        try:
            self._local()
            if self._endpoint_is_right():
                await self._over_the_network()
        finally:
            self._results.put_nowait(None)

    def _local(self) -> None:
        """What needs no network."""
        app_id, given = self.given.heap_app_id, self.given
        if not app_id:
            self._tell("heap_app_id", _SKIPPED, "not given; only forwarding Currents events to Heap needs it")
        elif app_id.isdecimal():
            # Heap accepts any app id without a word (Heap docs, and others who tried), so nobody can check more.
            self._tell("heap_app_id", _OK, "has the right shape; Heap lets nobody check more", given=app_id)
        else:
            self._tell(
                "heap_app_id", _FAILED, "Heap's app id has digits only.", given=app_id, remedy=REMEDIES["heap_app_id"]
            )
        if given.webhook_secret is None:
            self._tell("webhook_secret", _SKIPPED, "not given; only receiving Heap's segments needs it")
        elif given.last_page_at is None:
            detail = "proved by the first page that Heap sends; none came yet"
            self._tell("webhook_secret", _SKIPPED, detail, secret=given.webhook_secret)
        else:
            came = time.strftime("%d %b %H:%M", time.localtime(given.last_page_at))
            self._tell("webhook_secret", _OK, f"a page with its signature came {came}", secret=given.webhook_secret)
        if given.currents_token is None:
            self._tell("currents_token", _SKIPPED, "not given; only receiving Currents needs it")
        else:
            self._tell("currents_token", _OK, "is there; Braze proves it by sending", secret=given.currents_token)

    def _endpoint_is_right(self) -> bool:
        """Whether keys may be sent to the address at all."""
        endpoint = self.given.endpoint
        wrong = "" if endpoint else "No Braze endpoint is given."
        try:
            check_host(endpoint or "https://", self.given.allowed_hosts)
        except UsageError as error:
            self._tell("endpoint", _FAILED, wrong or error.title, given=endpoint, remedy=REMEDIES["endpoint"])
            self._skip(_NETWORK_CHECKS, "not asked: keys go to a right address only")
            return False
        instance = instance_of(endpoint)
        host = urlsplit(endpoint).hostname or ""
        if instance is not None or is_loopback(host):
            self._tell("endpoint", _OK, instance_name(endpoint), given=host)
        else:
            detail = "no cluster that Braze documents, allowed by the profile"
            self._tell("endpoint", _WARNING, detail, given=host, remedy=REMEDIES["endpoint"])
        return True

    def _skip(self, ids: Sequence[str], why: str) -> None:
        for check_id in ids:
            self._tell(check_id, _SKIPPED, why, secret=self._secret_of(check_id))

    def _secret_of(self, check_id: str) -> Secret | None:
        given = self.given
        return {
            "partner_key": given.partner_key,
            "data_import_key": given.data_import_key,
            "rest_key": given.rest_api_key,
        }.get(check_id)

    async def _over_the_network(self) -> None:
        parts = urlsplit(self.given.endpoint)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        address, took = await self._timed(resolve(host, port))
        if isinstance(address, Exception):
            detail = (
                f"{host} does not resolve." if isinstance(address, NotSent) else f"{host}: no answer about its name."
            )
            self._tell("dns", _FAILED, detail, given=host, remedy=REMEDIES["network"], unreachable=True)
            self._skip(_NETWORK_CHECKS[1:], "not asked: the name does not resolve")
            return
        self._tell("dns", _OK, address, given=host, latency_ms=took)
        async with Http(self.given.endpoint, read_timeout=self.seconds) as http, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tls(parts.scheme, host, port), name="check tls")
            tasks.create_task(self._reach(http, host), name="check reach")
            tasks.create_task(KeyChecks(self.given, http, self.clusters, self.seconds, self._tell).carry_out())

    async def _timed(self, work: Awaitable[T]) -> tuple[T | Exception, float]:
        """What came, or why nothing did, and how long it took in milliseconds."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.seconds):
                found: T | Exception = await work
        except (NotSent, NoAnswer, TimeoutError) as error:
            found = error
        return found, (time.perf_counter() - started) * 1000

    async def _tls(self, scheme: str, host: str, port: int) -> None:
        if scheme != "https":
            self._tell("tls", _SKIPPED, "not needed: this machine", given=host)
            return
        version, took = await self._timed(handshake(host, port))
        if isinstance(version, Exception):
            detail = f"{version.title} {version.detail}" if isinstance(version, NotSent) else "No answer."
            remedy = REMEDIES["tls" if "ertificate" in detail else "network"]
            self._tell("tls", _FAILED, detail, given=host, remedy=remedy, unreachable=True)
        else:
            self._tell("tls", _OK, version, given=host, latency_ms=took)

    async def _reach(self, http: Http, host: str) -> None:
        """Whether anything answers, and what its clock says; no key is sent."""
        answer, took = await self._timed(http.send(Request("/", None, "GET")))
        if isinstance(answer, Exception):
            why = (
                answer.detail or answer.title
                if isinstance(answer, NotSent)
                else f"No answer within {self.seconds:g} s."
            )
            self._tell("reach", _FAILED, f"{host}: {why}", given=host, remedy=REMEDIES["network"], unreachable=True)
            self._tell("clock", _SKIPPED, "known once the other side answers")
            return
        self._tell("reach", _OK, f"answered in {took:.0f} ms", given=host, latency_ms=took)
        if answer.server_date is None:
            self._tell("clock", _SKIPPED, "the other side does not tell its time")
            return
        off = self.now() - answer.server_date
        if abs(off) > CLOCK_SECONDS:
            minutes = f"{abs(off) / 60:.0f} min" if abs(off) >= 90 else f"{abs(off):.0f} s"
            detail = f"this computer's clock is {minutes} {'ahead' if off > 0 else 'behind'}"
            self._tell("clock", _WARNING, detail, remedy=REMEDIES["clock"])
        else:
            self._tell("clock", _OK, "right to the second or two" if abs(off) < 3 else f"{abs(off):.0f} s off")
