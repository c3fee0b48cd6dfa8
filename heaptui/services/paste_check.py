"""Sorts pasted keys by trying them, at one cluster only, and says what of it is to be checked. Keeps nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from heaptui.clients.http import Http
from heaptui.clients.probe import proxy_before, resolve
from heaptui.model.checks import CheckState
from heaptui.model.instances import host_of, normal_endpoint
from heaptui.model.secret import Secret
from heaptui.services.cluster_finder import CLUSTERS, Cluster, cluster_at
from heaptui.services.endpoint_check import check_endpoint
from heaptui.services.key_roles import Role, roles_of
from heaptui.services.pasted import Pasted, PastedKey
from heaptui.services.verification import CHECK_SECONDS, Given


class Sorting(Struct, frozen=True):
    """How pasted keys are sorted: which partner keys help, and which clusters may be asked."""

    partner_keys: Mapping[str, Secret]
    partner_name: str = "heap"
    clusters: Sequence[Cluster] = CLUSTERS
    find: bool = False
    """Whether the user said that all clusters may be asked."""
    seconds: float = CHECK_SECONDS


async def given_of_paste(pasted: Pasted, sorting: Sorting) -> tuple[Given, list[str]]:
    """What to check, and sentences about keys that stood under a wrong name or fit nowhere."""
    endpoint, keys = pasted.endpoint, [each.key for each in pasted.keys]
    roles: dict[Secret, Role] = {}
    notes = []
    if endpoint:
        roles = await _roles_at(endpoint, keys, sorting)
    elif sorting.find and keys:
        endpoint, roles = await _home_of(keys, sorting)
    if len(pasted.clusters) > 1:
        notes.append(f"Addresses of {len(pasted.clusters)} clusters: {', '.join(pasted.clusters)}. The first is asked.")
    if pasted.addresses and not pasted.endpoint:
        notes.append("None of the addresses is one of Braze's.")
    if not pasted.addresses and not pasted.keys:
        notes.append("Nothing in it looks like an address or a key of Braze.")
    assigned = _assigned(pasted.keys, roles, notes, tried=bool(roles))
    given = Given(
        endpoint=endpoint,
        partner_name=sorting.partner_name,
        partner_keys={"": assigned[Role.PARTNER]} if Role.PARTNER in assigned else sorting.partner_keys,
        data_import_key=assigned.get(Role.DATA_IMPORT),
        rest_key=assigned.get(Role.REST),
        heap_app_id=pasted.app_id,
        only_braze=not pasted.app_id,
    )
    return given, notes


def with_others(pasted: Pasted, chosen: Sequence[PastedKey]) -> Pasted:
    """Try these of the other words, too."""
    return replace(pasted, keys=(*pasted.keys, *chosen), others=tuple(o for o in pasted.others if o not in chosen))


async def _roles_at(endpoint: str, keys: Sequence[Secret], sorting: Sorting) -> dict[Secret, Role]:
    """The roles of keys at the pasted address; none where keys may not go, or where nobody answers."""
    if not keys or check_endpoint(endpoint, (), sorting.clusters).state is not CheckState.OK:
        return {}
    endpoint = normal_endpoint(endpoint)
    host = host_of(endpoint)
    if not proxy_before(host) and (await resolve(host, sorting.seconds)).problem:
        return {}
    cluster = cluster_at(endpoint, sorting.clusters)
    return await _tried(endpoint, cluster.region if cluster else "", keys, sorting)


async def _tried(endpoint: str, region: str, keys: Sequence[Secret], sorting: Sorting) -> dict[Secret, Role]:
    known = [key for where, key in sorting.partner_keys.items() if not region or where in ("", region)]
    try:
        async with asyncio.timeout(sorting.seconds), Http(endpoint, read_timeout=sorting.seconds) as http:
            return await roles_of(http, sorting.partner_name, keys, known)
    except TimeoutError:
        # The checks that follow say that the host does not answer.
        return {}


async def _home_of(keys: Sequence[Secret], sorting: Sorting) -> tuple[str, dict[Secret, Role]]:
    """The cluster that accepts most of the keys; none when no cluster knows the workspace."""
    clusters = [each for each in sorting.clusters if check_endpoint(each.endpoint, (), sorting.clusters)]
    found = await asyncio.gather(*(_tried(each.endpoint, each.region, keys, sorting) for each in clusters))
    best = max(range(len(clusters)), key=lambda index: _of_workspace(found[index]), default=None)
    if best is None or not _of_workspace(found[best]):
        return "", {}
    return clusters[best].endpoint, found[best]


def _of_workspace(roles: Mapping[Secret, Role]) -> int:
    """A partner key fits many clusters and says nothing about the workspace."""
    return sum(role is not Role.PARTNER for role in roles.values())


def _assigned(
    keys: Sequence[PastedKey], roles: Mapping[Secret, Role], notes: list[str], *, tried: bool
) -> dict[Role, Secret]:
    """Each key to the role that it was accepted in, else to the one it was given for, else to one that is free."""
    assigned: dict[Role, Secret] = {}
    for each in keys:
        role = roles.get(each.key)
        if role is None:
            continue
        if each.claimed not in (None, role):
            notes.append(f"What you gave as {each.claimed} is a {role}.")
        if role in assigned:
            notes.append(f"A second {role} was pasted ({each.key.describe()}); the first is checked.")
        assigned.setdefault(role, each.key)
    for each in (each for each in keys if each.key not in roles):
        free = [role for role in (each.claimed, Role.DATA_IMPORT, Role.REST) if role and role not in assigned]
        if free:
            assigned[free[0]] = each.key
        else:
            why = "is accepted in no role" if tried else "was not tried"
            notes.append(f"One more key ({each.key.describe()}) {why}.")
    return assigned
