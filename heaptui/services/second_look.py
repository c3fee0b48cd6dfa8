"""A second look at keys that were refused: are they in each other's place, or of another cluster or region?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heaptui.clients.http import Http
from heaptui.model.checks import Check, CheckId, CheckState
from heaptui.model.remedies import Cause
from heaptui.model.secret import Secret
from heaptui.services.cluster_finder import Cluster, Found, Wanted, find_cluster
from heaptui.services.key_roles import Role, roles_of

if TYPE_CHECKING:
    from heaptui.services.verification import Given

_ROLES = {
    CheckId.PARTNER_KEY: Role.PARTNER,
    CheckId.DATA_IMPORT_KEY: Role.DATA_IMPORT,
    CheckId.REST_KEY: Role.REST,
}


async def look_again(
    http: Http,
    found: Mapping[str, Check],
    given: Given,
    *,
    cluster: Cluster | None,
    clusters: Sequence[Cluster],
    seconds: float,
) -> list[Check]:
    """Checks that replace what was found, where more can be said now. `clusters` empty: no other one may be asked."""
    partner = given.partner_key(cluster.region if cluster else "")
    keys = {
        CheckId.PARTNER_KEY: partner,
        CheckId.DATA_IMPORT_KEY: given.data_import_key,
        CheckId.REST_KEY: given.rest_key,
    }
    refused = {
        check_id: key
        for check_id, key in keys.items()
        if key is not None and check_id in found and _doubtful(found[check_id], found)
    }
    if not any(found[check_id].state is CheckState.FAILED for check_id in refused):
        return _no_key_at_all(keys)
    accepted = [partner] if partner and CheckId.PARTNER_KEY not in refused else []
    try:
        async with asyncio.timeout(seconds):
            roles = await roles_of(http, given.partner_name, list(dict.fromkeys(refused.values())), accepted)
    except TimeoutError:
        # What was found stands; a slow host is not asked for ever.
        return []
    swapped = _swapped(found, refused, roles)
    if swapped:
        return swapped
    if clusters:
        others = [other for other in clusters if other != cluster]
        wanted = Wanted(
            given.partner_name,
            list(given.partner_keys.values()),
            refused.get(CheckId.DATA_IMPORT_KEY),
            refused.get(CheckId.REST_KEY),
        )
        return _elsewhere(found, refused, cluster, await find_cluster(others, wanted, seconds))
    both = {CheckId.DATA_IMPORT_KEY, CheckId.REST_KEY}
    if both <= {check_id for check_id in refused if found[check_id].state is CheckState.FAILED}:
        told = "refused together with the other key of the workspace"
        return [_changed(found[check_id], told, Cause.WRONG_CLUSTER) for check_id in both]
    return []


def _doubtful(check: Check, found: Mapping[str, Check]) -> bool:
    """Refused, or not looked at because the partner key was refused."""
    unasked = check.check_id == CheckId.DATA_IMPORT_KEY and found[CheckId.PARTNER_KEY].state is CheckState.FAILED
    causes = (Cause.PARTNER_REFUSED, Cause.DATA_IMPORT_REFUSED, Cause.REST_REFUSED, Cause.UNAUTHORIZED)
    return check.cause in causes or (unasked and check.state is CheckState.SKIPPED)


def _no_key_at_all(keys: Mapping[CheckId, Secret | None]) -> list[Check]:
    if any(keys.values()):
        return []
    return [Check(CheckId.REST_KEY, CheckState.SKIPPED, "not given", cause=Cause.NO_KEYS)]


def _changed(check: Check, detail: str, cause: Cause) -> Check:
    return replace(check, state=CheckState.FAILED, detail=detail, cause=cause)


def _swapped(
    found: Mapping[str, Check], refused: Mapping[CheckId, Secret], roles: Mapping[Secret, Role]
) -> list[Check]:
    wrong = {check_id: roles[key] for check_id, key in refused.items() if key in roles}
    return [
        _changed(found[check_id], f"what you gave as {_ROLES[check_id]} is a {role}", Cause.SWAPPED)
        for check_id, role in wrong.items()
        if role is not _ROLES[check_id]
    ]


def _elsewhere(
    found: Mapping[str, Check], refused: Mapping[CheckId, Secret], cluster: Cluster | None, answers: Found
) -> list[Check]:
    """What the other clusters, which the user allowed to ask, say of the keys that were refused here."""
    places = {
        CheckId.DATA_IMPORT_KEY: answers.accepting("data_import"),
        CheckId.REST_KEY: answers.accepting("rest"),
    }
    at = {check_id: names[0].name for check_id, names in places.items() if check_id in refused and names}
    checks = []
    partner_elsewhere = answers.accepting("partner") if CheckId.PARTNER_KEY in refused else []
    region = cluster.region if cluster else ""
    if partner_elsewhere and all(other.region != region for other in partner_elsewhere):
        theirs = partner_elsewhere[0].region
        told = f"it is the key for {theirs}; {cluster.name if cluster else 'this endpoint'} needs the one for {region}"
        checks.append(_changed(found[CheckId.PARTNER_KEY], told, Cause.PARTNER_REGION))
    others = {CheckId.REST_KEY: CheckId.DATA_IMPORT_KEY, CheckId.DATA_IMPORT_KEY: CheckId.REST_KEY}
    alone = {CheckId.REST_KEY: Cause.REST_ELSEWHERE, CheckId.DATA_IMPORT_KEY: Cause.DATA_IMPORT_ELSEWHERE}
    for check_id, name in at.items():
        if partner_elsewhere and check_id is CheckId.DATA_IMPORT_KEY and checks:
            continue
        # With the other key of the workspace at home here, the endpoint is right and this key is not.
        cause = alone[check_id] if found[others[check_id]].state is CheckState.OK else Cause.WRONG_CLUSTER
        checks.append(_changed(found[check_id], f"refused here and accepted by {name}", cause))
    return checks
