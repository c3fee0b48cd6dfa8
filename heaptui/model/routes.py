"""The ways into Braze that send: their words, the keys they need, and which one a profile takes."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from heaptui.model.identifiers import Kind

COHORT_IMPORT = "cohort_import"
ATTRIBUTE = "attribute"


class WayFacts(Struct, frozen=True):
    """One way into Braze, as people choose it. `keys` are names of secrets; `kinds` are the ids it takes."""

    route: str
    title: str
    keys: tuple[str, ...]
    needs: str
    needs_short: str
    in_braze: str
    kinds: tuple[Kind, ...]
    per_request: int


WAYS: tuple[WayFacts, ...] = (
    WayFacts(
        COHORT_IMPORT,
        "Heap Cohorts",
        ("partner_api_key", "data_import_key"),
        "Heap's partner key and your Data Import Key",
        "Heap's partner key",
        "Heap Cohorts",
        (Kind.EXTERNAL_ID, Kind.ALIAS, Kind.DEVICE_ID),
        1000,
    ),
    WayFacts(
        ATTRIBUTE,
        "Custom attribute",
        ("rest_api_key",),
        "a REST key that may users.track",
        "REST key users.track",
        "attribute is true",
        (Kind.EXTERNAL_ID, Kind.ALIAS, Kind.EMAIL),
        75,
    ),
)
"""The best first: what a profile takes when it does not say."""

_BY_ROUTE = {way.route: way for way in WAYS}


def way_facts(route: str) -> WayFacts:
    """The facts of a route; of the first when a profile has none yet."""
    return _BY_ROUTE.get(route, WAYS[0])


def way_title(route: str) -> str:
    """How people call a route; empty for none."""
    return _BY_ROUTE[route].title if route in _BY_ROUTE else ""


def ways_open(keys: Collection[str]) -> tuple[str, ...]:
    """The routes that these keys allow, the best first."""
    return tuple(way.route for way in WAYS if set(way.keys) <= set(keys))
