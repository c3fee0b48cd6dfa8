"""The checks that send keys: the partner's call, the REST key and what it may do, and keys that were mixed up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from heaptui.clients.braze import CohortImport, message, reason
from heaptui.clients.http import Answer, Http, Request
from heaptui.model.checks import FEATURES, REMEDIES, Check, CheckState, Remedy
from heaptui.model.instances import instance_name, instance_of
from heaptui.model.runs import Reason
from heaptui.model.secret import Secret
from heaptui.services.cluster_finder import (
    PROBED,
    Cluster,
    Keys,
    ask,
    find_cluster,
    import_accepted,
    rest_accepted,
    rest_probe,
)

PLACEHOLDER = Secret("00000000-0000-4000-8000-000000000000", "placeholder")
"""Stands for a Data Import Key nobody gave, so that the partner key alone can be tried."""

_OK, _FAILED, _WARNING, _SKIPPED = CheckState.OK, CheckState.FAILED, CheckState.WARNING, CheckState.SKIPPED


TITLES = {
    "endpoint": "Endpoint",
    "dns": "Address",
    "tls": "TLS",
    "reach": "Answers",
    "clock": "Clock",
    "partner_key": "Partner key",
    "data_import_key": "Data Import Key",
    "partner_enabled": "Partner enabled",
    "rest_key": "REST key",
    "heap_app_id": "Heap app id",
    "webhook_secret": "Webhook secret",
    "currents_token": "Currents token",
}


@dataclass(frozen=True, slots=True)
class Given:
    """What is to be checked. `other_partner_key` is that of the other region, where both are known."""

    endpoint: str = ""
    partner_name: str = "heap"
    allowed_hosts: tuple[str, ...] = ()
    partner_key: Secret | None = None
    other_partner_key: Secret | None = None
    data_import_key: Secret | None = None
    rest_api_key: Secret | None = None
    heap_app_id: str = ""
    webhook_secret: Secret | None = None
    currents_token: Secret | None = None
    last_page_at: float | None = None
    """When a page with a right signature last came from Heap (seconds since the epoch)."""

    @property
    def region(self) -> str:
        """Whose partner key belongs to the endpoint: US or EU."""
        instance = instance_of(self.endpoint)
        return instance.region if instance else "US"

    @property
    def partner_keys(self) -> dict[str, Secret]:
        """The partner keys by region, as far as they are known."""
        other = "EU" if self.region == "US" else "US"
        found = {self.region: self.partner_key, other: self.other_partner_key}
        return {region: key for region, key in found.items() if key is not None}


def made_check(
    check_id: str,
    state: CheckState,
    detail: str,
    *,
    secret: Secret | None = None,
    given: str = "",
    latency_ms: float | None = None,
    remedy: Remedy | None = None,
    refused: bool = False,
    unreachable: bool = False,
) -> Check:
    """A check with its title, and its key described without showing it."""
    shown = secret.describe() if secret else given
    title = TITLES.get(check_id, check_id)
    return Check(check_id, title, state, detail, shown, latency_ms, remedy, refused, unreachable)


@dataclass(slots=True)
class KeyChecks:
    """The checks of one address; `tell` takes each result."""

    given: Given
    http: Http
    clusters: Sequence[Cluster]
    seconds: float
    tell: Callable[..., None]

    async def carry_out(self) -> None:
        """Both kinds of keys side by side; what was refused is looked at once more before it is told."""
        async with asyncio.TaskGroup() as tasks:
            partner = tasks.create_task(self._partner(), name="check partner keys")
            rest = tasks.create_task(self._rest(), name="check REST key")
        refused = [*partner.result(), *rest.result()]
        if refused:
            for check in await self._explained(refused):
                self._pass_on(check)

    def _pass_on(self, check: Check) -> None:
        """A check that was held back until more was known."""
        self.tell(
            check.check_id,
            check.state,
            check.detail,
            given=check.given,
            latency_ms=check.latency_ms,
            remedy=check.remedy,
            refused=check.refused,
        )

    async def _partner(self) -> list[Check]:
        """The member call with an empty list; returns what was refused instead of telling it."""
        given = self.given
        if given.partner_key is None:
            self.tell("partner_key", _SKIPPED, "not given: Braze gives it to Heap")
            why = "cannot be checked: only Heap's partner key can" if given.data_import_key else "not given"
            self.tell("data_import_key", _SKIPPED, why, secret=given.data_import_key)
            self.tell("partner_enabled", _SKIPPED, "known once both keys are right")
            return []
        route = CohortImport(given.partner_name, given.partner_key, given.data_import_key or PLACEHOLDER)
        answer = await ask(self.http, route.probe(PROBED), self.seconds)
        if answer is None or answer.status >= 500 or answer.status == 429:
            self._without_answer(answer)
            return []
        return self._read_partner(answer)

    def _without_answer(self, answer: Answer | None) -> None:
        why = (
            "not asked: the address does not answer" if answer is None else f"Braze answered {answer.status}; try again"
        )
        state = _SKIPPED if answer is None else _WARNING
        self.tell("partner_key", state, why, secret=self.given.partner_key)
        self.tell("data_import_key", state, why, secret=self.given.data_import_key)
        self.tell("partner_enabled", _SKIPPED, "known once both keys are right")

    def _read_partner(self, answer: Answer) -> list[Check]:
        given, took = self.given, answer.latency_ms
        why = reason(answer)
        after = "known once the other key is right"
        if answer.ok and not answer.is_html:
            self.tell("partner_key", _OK, "accepted", secret=given.partner_key, latency_ms=took)
            self.tell("data_import_key", _OK, "accepted", secret=given.data_import_key, latency_ms=took)
            self.tell("partner_enabled", _OK, "enabled", latency_ms=took)
            return []
        if import_accepted(answer):
            self.tell("partner_key", _OK, "accepted", secret=given.partner_key, latency_ms=took)
            self.tell("data_import_key", _OK, "accepted", secret=given.data_import_key, latency_ms=took)
            detail = "The partner is not enabled for this workspace."
            self.tell(
                "partner_enabled", _FAILED, detail, latency_ms=took, remedy=REMEDIES["partner_enabled"], refused=True
            )
            return []
        self.tell("partner_enabled", _SKIPPED, "known once both keys are right")
        if why is Reason.DATA_IMPORT_KEY:
            self.tell("partner_key", _OK, "accepted", secret=given.partner_key, latency_ms=took)
            if given.data_import_key is None:
                self.tell("data_import_key", _SKIPPED, "not given")
                return []
            detail = f"{self._place()} refuses the Data Import Key: regenerated, or of another workspace."
            return [self._refused("data_import_key", detail, given.data_import_key, took)]
        if why in (Reason.NOT_FOUND, Reason.NOT_BRAZE):
            detail = (
                f"{self._place()} does not know the partner name {given.partner_name} (404)."
                if why is Reason.NOT_FOUND
                else "What answers there is not Braze's API: a dashboard, a proxy or a login page."
            )
            remedy = REMEDIES["partner_name" if why is Reason.NOT_FOUND else "endpoint"]
            self.tell("partner_key", _FAILED, detail, secret=given.partner_key, latency_ms=took, remedy=remedy)
            self.tell("data_import_key", _SKIPPED, after, secret=given.data_import_key)
            return []
        self.tell("data_import_key", _SKIPPED, after, secret=given.data_import_key)
        detail = f"{self._place()} refuses the partner key ({answer.status}): {message(answer)}"
        return [self._refused("partner_key", detail, given.partner_key, took)]

    async def _rest(self) -> list[Check]:
        """Every permission side by side; one answer other than 401 shows that the key is known."""
        key = self.given.rest_api_key
        if key is None:
            self.tell("rest_key", _SKIPPED, "not given")
            return []
        answers = await asyncio.gather(*(self._permission(key, name) for name in FEATURES))
        answered = [answer for answer in answers if answer is not None]
        if not answered:
            self.tell("rest_key", _SKIPPED, "not asked: the address does not answer", secret=key)
            return []
        took = min(answer.latency_ms for answer in answered)
        if all(answer.status == 401 for answer in answered):
            return [self._refused("rest_key", f"{self._place()} refuses the REST key (401).", key, took)]
        if all(answer.is_html or 300 <= answer.status < 400 for answer in answered):
            detail = "What answers there is not Braze's API: a dashboard, a proxy or a login page."
            self.tell("rest_key", _FAILED, detail, secret=key, remedy=REMEDIES["endpoint"])
            return []
        self.tell("rest_key", _OK, "accepted", secret=key, latency_ms=took)
        return []

    async def _permission(self, key: Secret, name: str) -> Answer | None:
        """One call that reads nothing of worth and writes nothing; told as soon as it is clear."""
        answer = await ask(self.http, _PROBES[name](key), self.seconds)
        if answer is None or answer.status == 401 or answer.is_html:
            return answer
        if answer.status == 403:
            detail = f"not allowed (403): switches off {FEATURES[name]}"
            self.tell(name, _WARNING, detail, latency_ms=answer.latency_ms, remedy=REMEDIES["permission"])
        elif answer.status == 429 or answer.status >= 500:
            self.tell(name, _WARNING, f"Braze answered {answer.status}; try again", latency_ms=answer.latency_ms)
        else:
            # 400 for an id that does not exist: the permission was there. An inference, as nothing reports permissions.
            self.tell(name, _OK, f"allowed: {FEATURES[name]}", latency_ms=answer.latency_ms)
        return answer

    async def _explained(self, refused: Sequence[Check]) -> list[Check]:
        """Why keys were refused, as far as trying them otherwise tells: swapped, other region, other cluster."""
        given = self.given
        ids = {check.check_id for check in refused}
        if "rest_key" in ids and "data_import_key" in ids and await self._swapped():
            return [
                replace(check, detail=f"{_SWAPPED}: what you gave as {check.title} is the other one.")
                for check in refused
            ]
        if "partner_key" in ids and given.other_partner_key is not None and await self._of_other_region():
            other = "EU" if given.region == "US" else "US"
            detail = f"This is the partner key of the other region; the one given for {other} is accepted here."
            refused = [replace(check, detail=detail) if check.check_id == "partner_key" else check for check in refused]
        keys = Keys(given.rest_api_key, given.data_import_key, given.partner_keys, given.partner_name)
        found = await find_cluster(keys, self.clusters, seconds=self.seconds) if self.clusters else []
        if found:
            names = " and ".join(cluster.name for cluster in found)
            detail = f"Wrong cluster: {names} takes these keys, {self._place()} does not."
            remedy = Remedy("You", f"heaptui profile set NAME endpoint={found[0].endpoint}")
            return [replace(check, detail=detail, remedy=remedy) for check in refused]
        return list(refused)

    async def _swapped(self) -> bool:
        given = self.given
        if given.partner_key is None or given.data_import_key is None or given.rest_api_key is None:
            return False
        route = CohortImport(given.partner_name, given.partner_key, given.rest_api_key)
        as_import, as_rest = await asyncio.gather(
            ask(self.http, route.probe(PROBED), self.seconds),
            ask(self.http, rest_probe(given.data_import_key), self.seconds),
        )
        return import_accepted(as_import) and rest_accepted(as_rest)

    async def _of_other_region(self) -> bool:
        given = self.given
        assert given.other_partner_key is not None
        route = CohortImport(given.partner_name, given.other_partner_key, given.data_import_key or PLACEHOLDER)
        answer = await ask(self.http, route.probe(PROBED), self.seconds)
        return import_accepted(answer) or (answer is not None and reason(answer) is Reason.DATA_IMPORT_KEY)

    def _refused(self, check_id: str, detail: str, secret: Secret | None, took: float) -> Check:
        return made_check(
            check_id, _FAILED, detail, secret=secret, latency_ms=took, remedy=REMEDIES[check_id], refused=True
        )

    def _place(self) -> str:
        return instance_name(self.given.endpoint)


_SWAPPED = "Two keys are swapped"


def _post(path: str, body: dict[str, Any]) -> Callable[[Secret], Request]:
    return lambda key: Request(path, body, bearer=key)


def _get(path: str, params: dict[str, str]) -> Callable[[Secret], Request]:
    return lambda key: Request(path, None, "GET", key, params)


_PROBES: dict[str, Callable[[Secret], Request]] = {
    # Inference: an empty list is checked for its key and permission, and changes nobody.
    "users.track": _post("/users/track", {"attributes": []}),
    "users.export.ids": _post(
        "/users/export/ids", {"external_ids": [PROBED.cohort_id], "fields_to_export": ["external_id"]}
    ),
    "segments.list": rest_probe,
    "segments.details": _get("/segments/details", {"segment_id": PROBED.cohort_id}),
    "segments.data_series": _get("/segments/data_series", {"segment_id": PROBED.cohort_id, "length": "1"}),
    # Inference: an id that no segment has starts no export.
    "users.export.segment": _post(
        "/users/export/segment", {"segment_id": PROBED.cohort_id, "fields_to_export": ["external_id"]}
    ),
}
