"""Which cluster of Braze accepts these keys: asked of all known ones in parallel.

Asking sends the keys to every host of the list, so it is done only where the user said so. Hosts that are not on the
built-in list are refused here as everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec import Struct, field

from heaptui.clients.braze_probe import Says, partner_call, partner_says, permission_call, rest_says
from heaptui.clients.http import Http, NoAnswer, NotSent, Request
from heaptui.model.instances import INSTANCES, check_host
from heaptui.model.secret import Secret


class Cluster(Struct, frozen=True):
    """A cluster as it is asked: its name, which partner key belongs there, and its address."""

    name: str
    region: str
    endpoint: str


CLUSTERS = tuple(Cluster(each.name, each.region, f"https://{each.rest}") for each in INSTANCES)


def cluster_at(endpoint: str, clusters: Sequence[Cluster]) -> Cluster | None:
    """The cluster with this address."""
    return next((cluster for cluster in clusters if cluster.endpoint == endpoint.rstrip("/")), None)


class ClusterAnswer(Struct, frozen=True):
    """What one cluster says of each key that was asked; `reached` is false when it says nothing at all."""

    cluster: Cluster
    reached: bool
    rest: bool = False
    partner: bool = False
    data_import: bool = False


class Found(Struct, frozen=True):
    """What all clusters say."""

    answers: Sequence[ClusterAnswer] = field(default_factory=tuple)

    def accepting(self, kind: str) -> list[Cluster]:
        """Where the `rest`, `partner` or `data_import` key is accepted."""
        return [answer.cluster for answer in self.answers if getattr(answer, kind)]

    @property
    def reached(self) -> int:
        """How many clusters answered."""
        return sum(answer.reached for answer in self.answers)

    @property
    def home(self) -> Cluster | None:
        """The one cluster that knows the workspace; a partner key alone fits all clusters of a region."""
        homes = {cluster.name: cluster for kind in ("rest", "data_import") for cluster in self.accepting(kind)}
        if not homes:
            homes = {cluster.name: cluster for cluster in self.accepting("partner")}
        return next(iter(homes.values())) if len(homes) == 1 else None


class Wanted(Struct, frozen=True):
    """The keys whose cluster is looked for."""

    partner_name: str
    partner_keys: Sequence[Secret]
    data_import_key: Secret | None
    rest_key: Secret | None


async def find_cluster(clusters: Sequence[Cluster], wanted: Wanted, seconds: float) -> Found:
    """Ask every cluster about every key; each cluster has so many seconds for all of it."""

    async def ask(cluster: Cluster) -> ClusterAnswer:
        try:
            async with asyncio.timeout(seconds), Http(cluster.endpoint, read_timeout=seconds) as http:
                return await _asked(http, cluster, wanted)
        except TimeoutError:
            return ClusterAnswer(cluster, reached=False)

    for cluster in clusters:
        check_host(cluster.endpoint)
    return Found(await asyncio.gather(*(ask(cluster) for cluster in clusters)))


async def _asked(http: Http, cluster: Cluster, wanted: Wanted) -> ClusterAnswer:
    rest_calls = [permission_call("segments.list", wanted.rest_key)] if wanted.rest_key else []
    # Without a Data Import Key an empty one is refused after the partner key was looked at.
    secret = wanted.data_import_key or Secret("")
    partner_calls = [partner_call(wanted.partner_name, key, secret) for key in wanted.partner_keys]
    answers = await asyncio.gather(
        *(_says(http, call, is_partner=False) for call in rest_calls),
        *(_says(http, call, is_partner=True) for call in partner_calls),
    )
    rest, partner = answers[: len(rest_calls)], answers[len(rest_calls) :]
    knows_partner = {Says.ACCEPTED, Says.NOT_ENABLED, Says.DATA_IMPORT_REFUSED}
    return ClusterAnswer(
        cluster,
        reached=any(says is not Says.NOTHING for says in answers),
        rest=any(says in (Says.ACCEPTED, Says.DENIED) for says in rest),
        partner=any(says in knows_partner for says in partner),
        data_import=wanted.data_import_key is not None
        and any(says in (Says.ACCEPTED, Says.NOT_ENABLED) for says in partner),
    )


async def _says(http: Http, call: Request, *, is_partner: bool) -> Says:
    try:
        answer = await http.send(call)
    except (NotSent, NoAnswer):
        return Says.NOTHING
    return partner_says(answer) if is_partner else rest_says(answer)
