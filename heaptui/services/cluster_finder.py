"""Which of Braze's clusters takes some keys: a wrong cluster refuses a right key just as a wrong key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heaptui.clients.braze import CohortImport, CohortName, message
from heaptui.clients.http import Answer, Http, NoAnswer, NotSent, Request
from heaptui.model.instances import INSTANCES, check_host
from heaptui.model.secret import Secret

CHECK_SECONDS = 4.0
"""No check takes longer."""

PROBED = CohortName("heaptui-verify", "heaptui-verify", 0.0)
"""Named in the member call with an empty list. Inference: Braze checks the keys, and has nothing to change."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster and the region whose partner key belongs to it."""

    name: str
    endpoint: str
    region: str


KNOWN = tuple(Cluster(instance.name, f"https://{instance.rest}", instance.region) for instance in INSTANCES)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that a cluster is looked for with. Partner keys are by region."""

    rest_api_key: Secret | None = None
    data_import_key: Secret | None = None
    partner_keys: Mapping[str, Secret] | None = None
    partner_name: str = "heap"


async def find_cluster(
    keys: Keys, clusters: Sequence[Cluster] = KNOWN, *, seconds: float = CHECK_SECONDS
) -> list[Cluster]:
    """The clusters that take the keys, asked all at once. Whoever calls this has the consent to send keys to them."""
    for cluster in clusters:
        check_host(cluster.endpoint)
    taken = await asyncio.gather(*(_takes(cluster, keys, seconds) for cluster in clusters))
    return [cluster for cluster, takes in zip(clusters, taken, strict=True) if takes]


async def _takes(cluster: Cluster, keys: Keys, seconds: float) -> bool:
    partner = (keys.partner_keys or {}).get(cluster.region)
    async with Http(cluster.endpoint, read_timeout=seconds) as http:
        if keys.rest_api_key is not None and rest_accepted(await ask(http, rest_probe(keys.rest_api_key), seconds)):
            return True
        if partner is None or keys.data_import_key is None:
            return False
        route = CohortImport(keys.partner_name, partner, keys.data_import_key)
        return import_accepted(await ask(http, route.probe(PROBED), seconds))


async def ask(http: Http, request: Request, seconds: float) -> Answer | None:
    """The answer within some seconds, or None."""
    try:
        async with asyncio.timeout(seconds):
            return await http.send(request)
    except (NotSent, NoAnswer, TimeoutError):
        return None


def rest_probe(key: Secret) -> Request:
    """A read that every REST key may try: allowed or forbidden, the key is known."""
    return Request("/segments/list", None, "GET", key, {"page": "0"})


def rest_accepted(answer: Answer | None) -> bool:
    """Whether a REST key is known there: a 403 says that it is, and may not do this (Braze docs: errors)."""
    return answer is not None and not answer.is_html and (answer.ok or answer.status == 403)


def import_accepted(answer: Answer | None) -> bool:
    """Whether both keys of the cohort import are known there, be the partner enabled or not."""
    if answer is None or answer.is_html:
        return False
    return answer.ok or (answer.status == 401 and "enabled" in message(answer).lower())
