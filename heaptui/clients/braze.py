"""Braze's calls as heaptui uses them: what to send for a cohort, and what an answer says."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from math import isfinite
from typing import Any, Protocol

from msgspec import Struct

from heaptui.clients.http import Answer, Request
from heaptui.model.belief import Direction
from heaptui.model.identifiers import EXTERNAL_ID, Identifier, Kind, Space
from heaptui.model.routes import COHORT_IMPORT, way_facts
from heaptui.model.runs import Reason
from heaptui.model.secret import Secret

People = Mapping[Space, Sequence[str]]
"""Identifiers by their kind and label."""

EPOCH_FROM = 1_000_000_000
"""A rate-limit header above this is a time, below it a number of seconds."""

CLOCKS_AGREE = 5.0
"""Seconds between two clocks up to which ours is believed."""

LONGEST_MESSAGE = 500
"""Characters of an answer's words that are kept."""


class Verdict(StrEnum):
    """What an answer means for the request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    CREDENTIALS = "credentials"
    WRONG_PLACE = "wrong_place"
    LOCKED = "locked"
    RATE_LIMITED = "rate_limited"
    DOUBTFUL = "doubtful"


def verdict(answer: Answer) -> Verdict:
    """Sort an answer. A 2xx that is a page, and any redirect, is not Braze; 5xx leaves the effect open."""
    status = answer.status
    if answer.ok:
        return Verdict.WRONG_PLACE if answer.is_html else Verdict.ACCEPTED
    if status in (401, 403):
        return Verdict.CREDENTIALS
    if 300 <= status < 400 or status == 404:
        return Verdict.WRONG_PLACE
    if status == 423:
        return Verdict.LOCKED
    if status == 429:
        return Verdict.RATE_LIMITED
    return Verdict.DOUBTFUL if status >= 500 or status == 408 else Verdict.REFUSED


def message(answer: Answer) -> str:
    """Braze's own words: `message`, `error`, the first of `errors`, or the raw text (Braze docs: errors)."""
    data = answer.data if isinstance(answer.data, dict) else {}
    for text in (data.get("message"), data.get("error"), *_errors(answer)):
        if isinstance(text, str) and text:
            return _shortened(text)
    return _shortened(answer.text)


def remarks(answer: Answer, *, only: Any = None) -> str:
    """What an accepting answer says beyond "success": another status, another message, problems that were not fatal.

    With `only`, that one part of the answer as text.
    """
    if only is not None:
        return _shortened(only if isinstance(only, str) else str(only))
    data = answer.data if isinstance(answer.data, dict) else {}
    told = data.get("message")
    texts = [told] if isinstance(told, str) and told not in ("", "success") else []
    texts += [str(problem) for problem in _errors(answer)]
    if answer.status == 202:
        texts = [f"202 {', '.join(texts) or 'queued'}"]
    return _shortened(", ".join(dict.fromkeys(texts)))


def _errors(answer: Answer) -> list[Any]:
    errors = answer.data.get("errors") if isinstance(answer.data, dict) else None
    return errors if isinstance(errors, list) else []


def _shortened(text: str) -> str:
    return " ".join(text.split())[:LONGEST_MESSAGE]


def reason(answer: Answer, *, rest: bool = False) -> Reason:
    """Why a call was turned away for good; `rest` when it carried a REST key instead of the partner's keys."""
    words = message(answer).lower()
    if answer.is_html or 300 <= answer.status < 400:
        return Reason.NOT_BRAZE
    if answer.status == 404:
        return Reason.NOT_FOUND
    if answer.status == 403:
        return Reason.REST_PERMISSION if rest else Reason.FORBIDDEN
    if answer.status == 401 and rest:
        return Reason.REST_KEY
    if answer.status == 401:
        if "partner api key" in words or "partner_api_key" in words:
            return Reason.PARTNER_KEY
        # "not enabled" texts embed the client secret (Braze docs: cohort import), so they name the key too.
        if re.search(r"client[_ ]secret", words) and "enabled" not in words:
            return Reason.DATA_IMPORT_KEY
        return Reason.CREDENTIALS
    return Reason.REQUEST_REFUSED


def wait_seconds(answer: Answer, now: float | None = None) -> float | None:
    """How long the other side asks us to wait, or None when it does not say.

    `X-RateLimit-Reset` is documented as epoch seconds (Braze docs: rate limits); a small number is taken as a delta.
    """
    if now is None:
        now = _now(answer)
    for name in ("x-ratelimit-reset", "retry-after", "x-ratelimit-retry-after"):
        value = _seconds_or_time(answer.headers.get(name, ""))
        if value is not None:
            return max(0.0, value - now if value > EPOCH_FROM else value)
    return None


def _now(answer: Answer) -> float:
    """Our clock, or the other side's where ours is wrong: a Date header knows whole seconds only."""
    ours, theirs = time.time(), answer.server_date
    return ours if theirs is None or abs(theirs - ours) < CLOCKS_AGREE else theirs


def _seconds_or_time(text: str) -> float | None:
    """A number, or a date as HTTP writes it."""
    try:
        value = float(text)
    except ValueError:
        try:
            return parsedate_to_datetime(text).timestamp()
        except ValueError:
            return None
    return value if isfinite(value) else None


def limit_left(answer: Answer) -> int | None:
    """Requests left in this window, where the answer says so."""
    try:
        return int(answer.headers["x-ratelimit-remaining"])
    except (KeyError, ValueError):
        return None


class CohortName(Struct, frozen=True):
    """A cohort as Braze is told of it; `created_at` (seconds since the epoch) never changes."""

    cohort_id: str
    label: str
    created_at: float
    attribute: str = ""
    """The custom attribute that stands for it, on the route that has one."""


class Refusals(Struct, frozen=True):
    """What a definite answer says of single people: those it names, each with Braze's words, and what names nobody."""

    named: Mapping[Identifier, str]
    unplaced: str = ""


class Route(Protocol):
    """A way into Braze. Requests only: the plan, the journal and the answers are the same for every route."""

    @property
    def name(self) -> str:
        """As it stands in the ledger."""

    @property
    def limit(self) -> int:
        """People in one request, at most."""

    def takes(self, kind: Kind) -> bool:
        """Whether identifiers of this kind can be sent."""

    def naming(self, cohort: CohortName) -> Request | None:
        """The call that names a cohort, or None where there is none."""

    def membership(self, cohort: CohortName, direction: Direction, people: People) -> Request:
        """The call that lets people join or leave."""

    def probe(self, cohort: CohortName) -> Request:
        """A call for this cohort that changes nothing."""

    def probe_passed(self, answer: Answer) -> bool:
        """Whether the answer to the probe says that Braze takes requests for this cohort."""

    def refusals(self, answer: Answer, people: People) -> Refusals:
        """Whom an accepting or refusing answer names."""


class CohortImport(Struct, frozen=True):
    """The two partner calls (Braze docs: cohort import). Both keys travel in the body."""

    partner: str
    partner_api_key: Secret
    data_import_key: Secret
    name: str = COHORT_IMPORT
    limit: int = way_facts(COHORT_IMPORT).per_request
    """Ids of all kinds together in one request (Braze docs: cohort import)."""

    def takes(self, kind: Kind) -> bool:
        """Everything but e-mail addresses."""
        return kind in way_facts(COHORT_IMPORT).kinds

    def naming(self, cohort: CohortName) -> Request:
        """POST /partners/{partner}/cohorts: creates the cohort, or renames it."""
        created_at = datetime.fromtimestamp(cohort.created_at, UTC).isoformat(timespec="milliseconds")
        return self._request("", cohort, {"name": cohort.label, "created_at": created_at})

    def membership(self, cohort: CohortName, direction: Direction, people: People) -> Request:
        """POST /partners/{partner}/cohorts/users with one object, its ids sorted by kind; empty kinds are left out."""
        aliases = [
            {"alias_name": value, "alias_label": space.label}
            for space, values in people.items()
            if space.kind is Kind.ALIAS
            for value in values
        ]
        kinds = {
            "user_ids": people.get(EXTERNAL_ID),
            "device_ids": people.get(Space(Kind.DEVICE_ID)),
            "aliases": aliases,
        }
        change: dict[str, Any] = {key: ids for key, ids in kinds.items() if ids}
        if direction is Direction.REMOVE:
            change["should_remove"] = True
        return self._request("/users", cohort, {"cohort_changes": [change]})

    def probe(self, cohort: CohortName) -> Request:
        """The member call with an empty list. Inference: Braze checks keys and cohort, and has nothing to change."""
        return self._request("/users", cohort, {"cohort_changes": []})

    def probe_passed(self, answer: Answer) -> bool:
        """Accepted, that is."""
        return answer.ok

    def refusals(self, answer: Answer, people: People) -> Refusals:  # noqa: ARG002 - the shape of Route
        """Nobody: this call says nothing of single people; what it remarks is shown, and counts as accepted."""
        return Refusals({})

    def _request(self, tail: str, cohort: CohortName, rest: dict[str, Any]) -> Request:
        return Request(
            f"/partners/{self.partner}/cohorts{tail}",
            {
                "partner_api_key": self.partner_api_key,
                "client_secret": self.data_import_key,
                "cohort_id": cohort.cohort_id,
                **rest,
            },
        )
