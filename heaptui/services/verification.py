"""Checks endpoint and keys, yielding each finding as it comes; independent checks run in parallel, none writes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

from msgspec import Struct, field

from heaptui.clients.http import Http
from heaptui.clients.probe import handshake, proxy_before, resolve
from heaptui.errors import UsageError
from heaptui.model.checks import Check, CheckId, CheckState, Report, conclude
from heaptui.model.instances import host_of, instance_name, normal_endpoint
from heaptui.model.remedies import Cause
from heaptui.model.secret import Secret
from heaptui.services.cluster_finder import CLUSTERS, Cluster, Wanted, cluster_at, find_cluster
from heaptui.services.endpoint_check import check_endpoint, parts_of_endpoint
from heaptui.services.key_checks import KeyChecks
from heaptui.services.second_look import look_again

CHECK_SECONDS = 4.0
"""No check takes longer; a host that does not answer is a result."""


class Given(Struct, frozen=True):
    """What is to be checked. Partner keys are kept by region, US or EU; under "" one that is for any."""

    endpoint: str = ""
    partner_name: str = "heap"
    partner_keys: Mapping[str, Secret] = field(default_factory=dict)
    data_import_key: Secret | None = None
    rest_key: Secret | None = None
    heap_app_id: str = ""
    webhook_secret: Secret | None = None
    last_page: float | None = None
    """When a page with a valid signature last came, seconds since the epoch."""
    currents_token: Secret | None = None
    allowed_hosts: Sequence[str] = ()
    only_braze: bool = False
    """Leave out what belongs to Heap and to the listener: somebody else's keys are only about Braze."""

    def partner_key(self, region: str) -> Secret | None:
        """The key for a region; where the region of an endpoint is not known ("") the first there is."""
        key = self.partner_keys.get(region or "US") or self.partner_keys.get("")
        return key or (None if region else next(iter(self.partner_keys.values()), None))

    @property
    def keys(self) -> bool:
        """Whether there is any key to ask about."""
        return bool(self.partner_keys or self.data_import_key or self.rest_key)


class Verification:
    """One look at what was given. Iterate `checks`, then ask for `report`."""

    def __init__(
        self,
        given: Given,
        *,
        clusters: Sequence[Cluster] = CLUSTERS,
        find: bool = False,
        seconds: float = CHECK_SECONDS,
        now: Callable[[], float] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.given = given
        self._clusters = clusters
        self._find = find
        self._seconds = seconds
        self._now = now or time.time
        self._notes = list(notes)
        self._found: dict[str, Check] = {}
        self._queue: asyncio.Queue[Check | None] = asyncio.Queue()
        self._endpoint = ""
        self._cluster: Cluster | None = None
        self._took = 0.0

    async def checks(self) -> AsyncGenerator[Check, None]:
        """Each finding when it is there; one of the same id replaces the one before."""
        started = time.perf_counter()
        work = asyncio.create_task(self._run(), name="verification")
        work.add_done_callback(lambda _: self._queue.put_nowait(None))
        try:
            while (check := await self._queue.get()) is not None:
                yield check
            await work
            self._took = time.perf_counter() - started
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    async def result(self) -> Report:
        """All checks, then the verdict."""
        async for _ in self.checks():
            pass
        return self.report

    @property
    def report(self) -> Report:
        """The verdict over what was found so far."""
        name = self._cluster.name if self._cluster else instance_name(self._endpoint)
        return conclude(
            self._found.values(), instance=name, endpoint=self._endpoint, notes=self._notes, seconds=self._took
        )

    @property
    def _region(self) -> str:
        return self._cluster.region if self._cluster else ""

    def _tell(self, check: Check) -> None:
        self._found[check.check_id] = check
        self._queue.put_nowait(check)

    async def _run(self) -> None:
        self._local_checks()
        given = self.given
        if not given.endpoint and self._find:
            await self._find_home()
        else:
            self._tell(check_endpoint(given.endpoint, given.allowed_hosts, self._clusters))
            with contextlib.suppress(UsageError):
                self._endpoint = normal_endpoint(given.endpoint) if given.endpoint else ""
            self._cluster = cluster_at(self._endpoint, self._clusters)
        endpoint = self._found[CheckId.ENDPOINT]
        may_send = endpoint.state is CheckState.OK
        if not self._endpoint or endpoint.cause is Cause.NOT_HTTPS or not await self._name_resolves():
            self._skip_keys("after the endpoint")
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tls(), name="tls")
            if may_send:
                tasks.create_task(self._ask(), name="keys")
            else:
                tasks.create_task(self._reach_only(), name="reach")
        if not may_send:
            self._skip_keys("keys are not sent to this host")

    def _local_checks(self) -> None:
        """What can be said without asking anybody."""
        given = self.given
        if given.only_braze:
            return
        for check in local_checks(given.heap_app_id, given.webhook_secret, given.last_page, given.currents_token):
            self._tell(check)

    def _skip_keys(self, why: str) -> None:
        """Say of every key that it was not asked about."""
        given = self.given
        keys = (
            (CheckId.PARTNER_KEY, given.partner_key(self._region)),
            (CheckId.DATA_IMPORT_KEY, given.data_import_key),
            (CheckId.REST_KEY, given.rest_key),
        )
        for check_id, key in keys:
            if check_id not in self._found:
                told = key.describe() if key else ""
                self._tell(Check(check_id, CheckState.SKIPPED, why if key else "not given", told))

    async def _name_resolves(self) -> bool:
        host = host_of(self._endpoint)
        proxy = proxy_before(host)
        if proxy:
            self._tell(Check(CheckId.DNS, CheckState.SKIPPED, f"the proxy {proxy} looks it up"))
            return True
        probe = await resolve(host, self._seconds)
        state = CheckState.FAILED if probe.problem else CheckState.OK
        cause = Cause.DOES_NOT_RESOLVE if probe.problem else None
        self._tell(Check(CheckId.DNS, state, probe.detail, latency_ms=probe.latency_ms, cause=cause))
        return not probe.problem

    async def _tls(self) -> None:
        scheme, host, port = parts_of_endpoint(self._endpoint)
        if scheme == "http":
            self._tell(Check(CheckId.TLS, CheckState.SKIPPED, "this machine, without TLS"))
            return
        if proxy := proxy_before(host):
            self._tell(Check(CheckId.TLS, CheckState.SKIPPED, f"through the proxy {proxy}"))
            return
        probe = await handshake(host, port, self._seconds)
        causes = {
            "certificate": Cause.CERTIFICATE,
            "plain": Cause.NOT_HTTPS,
            "timeout": Cause.NO_ANSWER,
            "": None,
        }
        state = CheckState.FAILED if probe.problem else CheckState.OK
        cause = causes.get(probe.problem, Cause.UNREACHABLE)
        self._tell(Check(CheckId.TLS, state, probe.detail, latency_ms=probe.latency_ms, cause=cause))

    def _http(self) -> Http:
        return Http(self._endpoint, read_timeout=self._seconds)

    def _key_checks(self, http: Http) -> KeyChecks:
        return KeyChecks(
            http,
            self._tell,
            partner_name=self.given.partner_name,
            region=self._region,
            place=self.report.instance,
            seconds=self._seconds,
            now=self._now,
        )

    async def _reach_only(self) -> None:
        """A host that keys may not go to is asked without any."""
        async with self._http() as http:
            await self._key_checks(http).reach()

    async def _ask(self) -> None:
        """Everything at once, then a second look at what was refused."""
        given = self.given
        partner = given.partner_key(self._region)
        async with self._http() as http:
            keys = self._key_checks(http)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(keys.reach(), name="reach")
                tasks.create_task(keys.partner(partner, given.partner_keys, given.data_import_key), name="partner")
                tasks.create_task(keys.rest(given.rest_key), name="rest")
            again = await look_again(
                http,
                self._found,
                self.given,
                cluster=self._cluster,
                clusters=self._clusters if self._find else (),
                seconds=self._seconds,
            )
            for check in again:
                self._tell(check)

    async def _find_home(self) -> None:
        """No endpoint: the cluster that accepts the keys becomes it."""
        given = self.given
        if not given.keys:
            self._tell(Check(CheckId.ENDPOINT, CheckState.FAILED, "neither endpoint nor keys", cause=Cause.NO_KEYS))
            return
        wanted = Wanted(given.partner_name, list(given.partner_keys.values()), given.data_import_key, given.rest_key)
        found = await find_cluster(self._clusters, wanted, self._seconds)
        home = found.home
        if home is not None:
            self._cluster, self._endpoint = home, home.endpoint
            detail = f"{home.name}, {host_of(home.endpoint)}, found by asking {len(self._clusters)} clusters"
            self._tell(Check(CheckId.ENDPOINT, CheckState.OK, detail))
            return
        several = found.accepting("partner")
        cause = Cause.NO_CLUSTER if found.reached else Cause.UNREACHABLE
        detail = f"none of {len(self._clusters)} clusters accepts the keys"
        if not found.reached:
            detail = f"none of {len(self._clusters)} clusters can be reached from here"
        elif several:
            cause = Cause.NO_ENDPOINT
            detail = f"the partner key fits {len(several)} clusters; without another key the right one is not known"
        self._tell(Check(CheckId.ENDPOINT, CheckState.FAILED, detail, cause=cause))


def local_checks(
    heap_app_id: str, webhook_secret: Secret | None, last_page: float | None, currents_token: Secret | None
) -> list[Check]:
    """Heap's side and the listener's: shape and presence are all that can be known.

    Heap's API key could tell more, and could delete people: it is never asked for.
    """
    checks = []
    if heap_app_id:
        right = heap_app_id.isascii() and heap_app_id.isdecimal()
        checks.append(
            Check(
                CheckId.HEAP_APP_ID,
                CheckState.OK if right else CheckState.WARNING,
                "digits, as it should be; more cannot be verified" if right else "is not digits only",
                cause=None if right else Cause.APP_ID,
            )
        )
    if webhook_secret:
        detail = "no page was ever verified with it; Heap's Developer Hub sends a sample"
        if last_page:
            detail = f"last verified page {time.strftime('%Y-%m-%d %H:%M', time.localtime(last_page))}"
        state = CheckState.OK if last_page else CheckState.SKIPPED
        checks.append(Check(CheckId.WEBHOOK_SECRET, state, detail, webhook_secret.describe()))
    if currents_token:
        detail = "present; Braze shows it to the listener with every batch"
        checks.append(Check(CheckId.CURRENTS_TOKEN, CheckState.OK, detail, currents_token.describe()))
    return checks
