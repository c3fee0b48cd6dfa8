"""Which column of a file is the id that Braze knows: a sample of each, looked up as each kind, ranked."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from heaptui.model.identifiers import EXTERNAL_ID, Kind, Space
from heaptui.model.matching import clustered, single, usual_width
from heaptui.services.matching import Progress
from heaptui.sources import Inspection, open_source, pasted_path, read_ids

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

ROWS = 100_000
"""Rows of a file from which samples are drawn."""

FIRST, FULL, FEW = 50, 500, 20
"""Ids asked of every column and kind; of the best of them; and where Braze takes one id a request."""

COLUMNS = 12


class Candidate(Struct, frozen=True):
    """One column, looked up as one kind of identifier. `why` is the likeliest cause where most were not found."""

    column: int
    space: Space
    asked: int
    known: int
    why: str = ""

    @property
    def share(self) -> float:
        """How many of those asked exist, 0 to 1."""
        return self.known / self.asked if self.asked else 0.0


Ranking = list[Candidate]


async def ranked(
    workspace: Workspace, path: str, inspection: Inspection, *, alias_label: str = "", seed: int = 0
) -> AsyncIterator[Ranking]:
    """Every column as every kind that it may be, the best first; once after a first look, and once for certain.

    Raises:
        UsageError: there is no REST key, or the file changed.
        MissingPermission, CredentialRefused, Unreachable: Braze refuses or gives no answer.
    """
    samples = await asyncio.to_thread(_samples, path, inspection, seed)
    found: dict[tuple[int, Space], Candidate] = {}
    for column in sorted(inspection.columns, key=lambda one: -one.filled)[:COLUMNS]:
        for space in _spaces(column.looks, alias_label):
            values = samples.get(column.index, [])[: FEW if single(space) else FIRST]
            if values:
                found[column.index, space] = await _asked(workspace, column.index, space, values)
    yield _order(found)
    best = next(iter(_order(found)), None)
    if best is not None and best.known and not single(best.space):
        values = samples[best.column]
        found[best.column, best.space] = await _asked(workspace, best.column, best.space, values)
        yield _order(found)


def _spaces(looks: str, alias_label: str) -> list[Space]:
    spaces = [EXTERNAL_ID]
    if alias_label:
        spaces.append(Space(Kind.ALIAS, alias_label))
    # Devices have ids of this shape, and each costs a request of its own.
    return [*spaces, Space(Kind.DEVICE_ID)] if looks == "UUID" else spaces


def _order(found: dict[tuple[int, Space], Candidate]) -> list[Candidate]:
    return sorted(found.values(), key=lambda one: (-one.share, one.column))


async def _asked(workspace: Workspace, column: int, space: Space, values: Sequence[str]) -> Candidate:
    known = await workspace.segments.matching.known(space, values, Progress(wanted=len(values)))
    unknown = [value for value in values if value not in known]
    why = next(iter(clustered(unknown, space, usual_width(known))), "") if len(unknown) > len(known) else ""
    return Candidate(column, space, len(values), len(known), why)


def _samples(path: str, inspection: Inspection, seed: int) -> dict[int, list[str]]:
    """Some distinct values of every column, in random order, from the first rows of the file."""
    rng = random.Random(seed)  # noqa: S311 - a sample, not a secret
    samples = {}
    with open_source(Path(path) if os.path.exists(path) else pasted_path(path)) as source:
        for column in inspection.columns:
            values: dict[str, None] = {}
            for chunk in read_ids(source, inspection.format, column.index):
                values.update(dict.fromkeys(chunk))
                if len(values) >= ROWS:
                    break
            samples[column.index] = rng.sample(list(values), min(FULL, len(values)))
    return samples
