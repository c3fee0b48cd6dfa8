"""The ways into Braze that a workspace's keys open, and what is missing for the others."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from heaptui.clients.braze import CohortImport, Route
from heaptui.clients.braze_attribute import AttributeRoute
from heaptui.errors import UsageError
from heaptui.model.commands import giving
from heaptui.model.instances import check_host
from heaptui.model.routes import ATTRIBUTE, COHORT_IMPORT, WAYS, way_facts
from heaptui.services.pacing import Quota
from heaptui.store.target import Target

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

TRACK_REQUESTS, TRACK_SECONDS = 3000, 3.0
"""What users/track allows a whole workspace (Braze docs: rate limits)."""

OUR_SHARE = 3
"""One part of so many: the apps and other systems of the workspace need the rest."""


class Way(Struct, frozen=True):
    """A route with its keys, and what it aims at."""

    route: Route
    target: Target


@cache
def track_quota(endpoint: str) -> Quota:  # noqa: ARG001 - one for each workspace, by its address
    """What all deliveries of this process together may send to users/track."""
    return Quota(TRACK_REQUESTS // OUR_SHARE, TRACK_SECONDS)


def why_not(route: str) -> str:
    """The sentence about an old way whose keys are missing, or are others than before."""
    facts = way_facts(route)
    return f"{facts.title} needs {facts.needs}, those that were used before."


def way_in_use(workspace: Workspace) -> Way:
    """The way of this workspace.

    Raises:
        UsageError: something needed to send is missing, or the host is not one that keys may go to.
    """
    profile, keys = workspace.profile, workspace.secrets.given()
    if not profile.endpoint:
        raise UsageError(
            "This profile has no Braze endpoint.",
            "Without one, cohorts can be imported, counted and exported, but not sent.",
            giving(profile, ["endpoint=https://rest.iad-03.braze.com"]),
        )
    check_host(profile.endpoint, profile.allowed_hosts)
    if not keys and profile.label == "SANDBOX" and profile.instance_name == "loopback":
        raise UsageError(
            "No key was given, so nothing can be sent.",
            "This profile leads to a sandbox on this computer. A demo keeps its keys to itself, and throws them away.",
            "In the window of the demo: r in 4 Runs, or s in 1 Cohorts. From a shell: heaptui sandbox --profile try",
        )
    if not workspace.route:
        sending = [name for way in WAYS for name in way.keys if name in keys]
        raise UsageError(
            "A key is missing, so nothing can be sent." if sending else "No key was given, so nothing can be sent.",
            " ".join(f"{way.title} needs {way.needs}." for way in WAYS),
            f"{' or '.join(giving(profile, [n for n in way.keys if n not in keys]) for way in WAYS)};"
            " without any key: heaptui cohort export COHORT --for-braze",
        )
    facts = way_facts(workspace.route)
    missing = [name for name in facts.keys if name not in keys]
    if missing:
        raise UsageError(
            f"A key is missing: {' and '.join(missing)}.",
            f"{facts.title} needs {facts.needs}.",
            giving(profile, missing),
        )
    return _way(workspace, facts.route)


def other_ways(workspace: Workspace) -> dict[str, Way]:
    """The routes not in use whose keys are there."""
    keys = workspace.secrets.given()
    return {
        way.route: _way(workspace, way.route)
        for way in WAYS
        if way.route != workspace.route and all(name in keys for name in way.keys)
    }


def _way(workspace: Workspace, route: str) -> Way:
    """A route whose keys are there."""
    profile, keys = workspace.profile, workspace.secrets.given()
    if route == COHORT_IMPORT:
        return Way(
            CohortImport(profile.partner_name, keys["partner_api_key"], keys["data_import_key"]),
            Target(profile.endpoint, profile.partner_name, keys["data_import_key"]),
        )
    key = keys["rest_api_key"]
    return Way(AttributeRoute(key, profile.attribute_limit), Target(profile.endpoint, "", key, ATTRIBUTE))
