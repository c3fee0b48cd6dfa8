"""Failures that people ask for by name, made of the rules of `faults`: what a bad day with Braze looks like."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from heaptui.sandbox.faults import Match, Rule

FAILURES = {
    "401": "the key is refused",
    "429": "now and then a request must wait",
    "500": "Braze fails every time",
    "refused-ids": "three ids are refused",
    "timeout": "no answer comes",
    "lost-answer": "every fourth answer is lost, though Braze did what it was asked",
}
"""Every name with what happens."""

_CHANGES, _ATTRIBUTES, _NAMES = "/cohorts/users", "/users/track", "/cohorts"


def failure(name: str) -> list[Rule]:
    """The rules of one failure, for both ways into Braze."""
    match name:
        case "401":
            refused = partial(_at, effect="status", status=401)
            return [
                *refused((_CHANGES, _NAMES), body={"message": "client_secret is invalid"}),
                *refused((_ATTRIBUTES,), body={"message": "Invalid API key"}),
            ]
        case "429":
            return _sending(effect="status", status=429, every=25, reset="epoch", seconds=5.0)
        case "500":
            return _sending(effect="status", status=500)
        case "refused-ids":
            return [*_at((_CHANGES,), effect="poison", first_ids=3), *_at((_ATTRIBUTES,), effect="refuse", first_ids=3)]
        case "timeout":
            return _sending(effect="timeout_before")
        case _:
            return _sending(effect="reset_after", every=4)


def _sending(**rule: Any) -> list[Rule]:
    """The same rule for every request that sends people."""
    return _at((_CHANGES, _ATTRIBUTES), **rule)


def _at(paths: Iterable[str], **rule: Any) -> list[Rule]:
    return [Rule(match=Match(path=path), **rule) for path in paths]
