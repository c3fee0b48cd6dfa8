"""Ask Braze how many people exist before anything is sent: a random sample, within the limit of look-ups."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace
from pyroaring import BitMap

from heaptui.errors import UsageError
from heaptui.model.expressions import Expression, write
from heaptui.model.identifiers import Space
from heaptui.model.matching import (
    FIRST_LOOK,
    LARGEST_SAMPLE,
    LARGEST_SINGLE_SAMPLE,
    MatchRate,
    clustered,
    sample_size,
    single,
    usual_width,
    wilson,
)
from heaptui.services.allowance import Allowance
from heaptui.store import braze_segments
from heaptui.store.identities import values_by_space

if TYPE_CHECKING:
    from heaptui.clients.braze_rest import BrazeRest
    from heaptui.services.workspace import Workspace

IDS_PER_REQUEST = 50
AT_ONCE = 4
"""Look-ups in flight."""

USUAL_LATENCY = 0.25
"""Seconds an answer takes, before any was seen."""


class Progress(Struct):
    """How far a measurement is: for a screen that looks at it, and for the command line."""

    asked: int = 0
    known: int = 0
    wanted: int = 0
    seconds_left: float = 0.0
    waiting: str = ""


class Matching:
    """Look-ups of ids with the REST key. Nothing here changes anything in Braze."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.allowance = Allowance(workspace.profile.ids_per_minute)
        self.latency = USUAL_LATENCY

    async def measure(
        self,
        expression: Expression,
        *,
        seed: int | None = None,
        progress: Progress | None = None,
    ) -> MatchRate:
        """Look a random sample of the people of an expression up, and keep the result in the ledger.

        Raises:
            UsageError: there is no REST key, or nobody to look up.
            MissingPermission, CredentialRefused, Unreachable: Braze refuses or gives no answer.
        """
        people = await self._workspace.segments.people(expression)
        if not people:
            raise UsageError("There is nobody to look up.", "The expression means nobody, or everybody but some.")
        rng = random.Random(secrets.randbits(64) if seed is None else seed)  # noqa: S311 - a sample, not a secret
        rate = await self._measured(people, rng, progress or Progress())
        if not self._workspace.read_only:
            key = write(expression)
            await self._workspace.ledger.write(lambda connection: braze_segments.keep_match_rate(connection, key, rate))
        return rate

    def plan(self, people: int, space: Space) -> tuple[int, float]:
        """How many requests a measurement may need at most, and the seconds they take from now."""
        largest = min(people, LARGEST_SINGLE_SAMPLE if single(space) else LARGEST_SAMPLE)
        requests = -(-largest // (1 if single(space) else IDS_PER_REQUEST))
        return requests, self.allowance.seconds_for(requests, self.latency, AT_ONCE)

    async def known(self, space: Space, values: Sequence[str], progress: Progress | None = None) -> set[str]:
        """Which of these ids exist in Braze.

        Raises:
            UsageError: there is no REST key.
            MissingPermission, CredentialRefused, Unreachable: Braze refuses or gives no answer.
        """
        told = progress or Progress(wanted=len(values))

        async def wait(seconds: float, reason: str) -> None:
            told.waiting = f"{reason}, {seconds:.0f} s"
            await asyncio.sleep(seconds)
            told.waiting = ""

        async with self._workspace.braze_rest(wait) as rest:
            rest.turn = lambda: self.allowance.one(wait)
            return await self._looked_up(rest, space, values, told)

    async def _looked_up(self, rest: BrazeRest, space: Space, values: Sequence[str], told: Progress) -> set[str]:
        """In requests of as many ids as Braze takes, some at once."""
        step = 1 if single(space) else IDS_PER_REQUEST
        waiting = [values[start : start + step] for start in range(0, len(values), step)]
        waiting.reverse()
        found: set[str] = set()

        async def ask() -> None:
            while waiting:
                some = waiting.pop()
                began = time.monotonic()
                if single(space):
                    known = set(some) if await rest.people(space, some, ("external_id", "braze_id")) else set()
                else:
                    known = await rest.known(space, some)
                self.latency = 0.8 * self.latency + 0.2 * (time.monotonic() - began)
                found.update(known)
                told.asked += len(some)
                told.known += len(known)
                told.seconds_left = self.allowance.seconds_for(len(waiting), self.latency, AT_ONCE) if waiting else 0.0

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(waiting))):
                    group.create_task(ask(), name="look-up of ids")
        except ExceptionGroup as failed:
            # They were refused for one reason; people need to hear it once.
            raise failed.exceptions[0] from None
        return found

    async def _measured(self, people: BitMap, rng: random.Random, told: Progress) -> MatchRate:
        """A first look, from which the size of the whole sample follows."""
        order = rng.sample(range(len(people)), min(len(people), LARGEST_SAMPLE))
        first = await self._spaces(people, order[:FIRST_LOOK])
        singles = any(single(space) for space in first)
        largest = LARGEST_SINGLE_SAMPLE if singles else LARGEST_SAMPLE
        told.wanted = min(len(order), largest)
        asked: dict[Space, list[str]] = {}
        known: dict[Space, set[str]] = {}

        async def ask(numbers: Sequence[int]) -> None:
            for space, values in (await self._spaces(people, numbers)).items():
                asked.setdefault(space, []).extend(values)
                known.setdefault(space, set()).update(await self.known(space, values, told))

        now = min(FIRST_LOOK, largest)
        await ask(order[:now])
        wanted = sample_size(_total(known), _total(asked), len(people), largest=largest)
        if not singles:
            # A request with fewer ids than it may carry would be wasted.
            wanted = min(len(order), -(-wanted // IDS_PER_REQUEST) * IDS_PER_REQUEST)
        told.wanted = max(wanted, _total(asked))
        await ask(order[now:wanted])
        low, high = wilson(_total(known), _total(asked), len(people))
        rate = MatchRate(time.time(), _total(asked), _total(known), len(people), low, high)
        return replace(rate, causes=await self._causes(asked, known))

    async def _spaces(self, people: BitMap, numbers: Sequence[int]) -> dict[Space, list[str]]:
        uids = BitMap(people[number] for number in numbers)
        return await self._workspace.ledger.read(lambda connection: values_by_space(connection, uids))

    async def _causes(self, asked: dict[Space, list[str]], known: dict[Space, set[str]]) -> tuple[tuple[str, int], ...]:
        """Why the others may be unknown; where an id can be mended, one request tells whether that would help."""
        found: dict[str, int] = {}
        for space, values in asked.items():
            unknown = [value for value in values if value not in known[space]]
            for name, causes in clustered(unknown, space, usual_width(known[space])).items():
                text = name
                mended = list(dict.fromkeys(cause.mended for cause in causes if cause.mended))[:IDS_PER_REQUEST]
                if mended and not single(space):
                    there = len(await self.known(space, mended))
                    text = f"{name}; mended, {there} of {len(mended)} exist"
                found[text] = found.get(text, 0) + len(causes)
        return tuple(sorted(found.items(), key=lambda item: -item[1]))


def _total(by_space: dict[Space, list[str]] | dict[Space, set[str]]) -> int:
    return sum(len(values) for values in by_space.values())
