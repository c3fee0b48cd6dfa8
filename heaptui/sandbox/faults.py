"""Faults on demand: which request goes wrong, and how. The same rules and seed give the same faults."""

from __future__ import annotations

import random
import time
from typing import Any

import msgspec
from msgspec import Struct, field

EFFECTS = (
    "status",
    "poison",
    "refuse",
    "timeout_before",
    "timeout_after",
    "late",
    "reset_before",
    "reset_after",
    "slow",
    "html",
    "redirect",
    "malformed",
    "nested",
    "drip",
    "echo_secret",
    "locked_while_busy",
)


class Match(msgspec.Struct, forbid_unknown_fields=True):
    """Which requests a rule looks at; empty fields look at all."""

    path: str = ""
    cohort_id: str = ""
    direction: str = ""
    identifier: str = ""


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    """One fault. Request numbers count the matching requests from 1.

    With `first_ids`, its identifiers are so many of those in the first request that it looks at.
    """

    effect: str
    match: Match = msgspec.field(default_factory=Match)
    at: list[int] = []
    from_: int = msgspec.field(name="from", default=1)
    until: int = 0
    every: int = 1
    probability: float = 1.0
    status: int = 500
    body: Any = None
    headers: dict[str, str] = {}
    reset: str | None = None
    seconds: float = 0.0
    delay_seconds: float = 60.0
    hold_seconds: float = 120.0
    identifiers: list[str] = []
    first_ids: int = 0
    applied: bool = False


class Latency(msgspec.Struct, forbid_unknown_fields=True):
    """How long answers take, in milliseconds."""

    mean: float = 0.0
    jitter: float = 0.0


class FaultProfile(msgspec.Struct, forbid_unknown_fields=True):
    """What `PUT /_sandbox/faults` takes."""

    rules: list[Rule] = []
    seed: int = 0
    latency_ms: Latency = msgspec.field(default_factory=Latency)


class Call(Struct):
    """What the rules see of a request."""

    path: str
    cohort_id: str = ""
    directions: frozenset[str] = frozenset()
    identifiers: frozenset[str] = frozenset()


class Faults(Struct):
    """The rules in force and how often each has been looked at."""

    latency: Latency = field(default_factory=Latency)
    _rules: list[Rule] = field(default_factory=list)
    _seen: list[int] = field(default_factory=list)
    _rng: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - deterministic on purpose
    _base: Latency = field(default_factory=Latency)

    def set(self, profile: FaultProfile) -> None:
        """Put a fault profile in force.

        Raises:
            ValueError: an effect that does not exist.
        """
        for rule in profile.rules:
            if rule.effect not in EFFECTS:
                raise ValueError(f"unknown effect {rule.effect!r}; known are {', '.join(EFFECTS)}")
        self._rules = profile.rules
        self._seen = [0] * len(profile.rules)
        self._rng = random.Random(profile.seed)  # noqa: S311 - deterministic on purpose
        self.latency = profile.latency_ms if profile.latency_ms.mean or profile.latency_ms.jitter else self._base

    def base_latency(self, milliseconds: float) -> None:
        """The latency when no fault profile says another."""
        self._base = self.latency = Latency(milliseconds)

    def clear(self) -> None:
        """No faults any more."""
        self.set(FaultProfile())

    @property
    def need_identifiers(self) -> bool:
        """Whether any rule looks at single identifiers, which costs time."""
        return any(rule.identifiers or rule.first_ids or rule.match.identifier for rule in self._rules)

    def for_call(self, call: Call) -> Rule | None:
        """The first rule that fires for this request."""
        fired = None
        for index, rule in enumerate(self._rules):
            if not _matches(rule, call):
                continue
            self._seen[index] += 1
            if fired is None and self._fires(rule, self._seen[index]):
                fired = rule
        return fired

    def _fires(self, rule: Rule, number: int) -> bool:
        if rule.at:
            return number in rule.at
        if number < rule.from_ or (rule.until and number > rule.until):
            return False
        if (number - rule.from_) % rule.every:
            return False
        return rule.probability >= 1 or self._rng.random() < rule.probability

    def answer_seconds(self) -> float:
        """How long this answer takes."""
        spread = self._rng.uniform(-self.latency.jitter, self.latency.jitter) if self.latency.jitter else 0.0
        return max(0.0, self.latency.mean + spread) / 1000


def _matches(rule: Rule, call: Call) -> bool:
    match = rule.match
    if match.path and not call.path.endswith(match.path):
        return False
    if match.cohort_id and match.cohort_id != call.cohort_id:
        return False
    if match.direction and match.direction not in call.directions:
        return False
    if match.identifier and match.identifier not in call.identifiers:
        return False
    if rule.first_ids and not rule.identifiers:
        rule.identifiers = sorted(call.identifiers)[: rule.first_ids]
    return not (rule.identifiers or rule.first_ids) or not call.identifiers.isdisjoint(rule.identifiers)


def limit_headers(rule: Rule) -> dict[str, str]:
    """The headers of a 429 in the style the rule asks for; none without a style."""
    seconds = rule.seconds
    match rule.reset:
        case "epoch":
            return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time() + seconds + 0.999))}
        case "delta":
            return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(seconds)}
        case "retry_after":
            return {"Retry-After": str(seconds)}
        case _:
            return {}
