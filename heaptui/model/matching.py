"""How many of some people exist in Braze, judged from a random sample of them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from heaptui.model.identifiers import Kind, Space

Z95 = 1.959964
HALF_WIDTH = 0.015
"""How near the estimate should come, as a share to each side."""

FIRST_LOOK = 200
"""Ids asked before the size of the sample is decided."""

LARGEST_SAMPLE = 1_000
LARGEST_SINGLE_SAMPLE = 100
"""Where Braze takes one id a request (e-mail, device)."""


class MatchRate(Struct, frozen=True):
    """Of `population` people, `asked` were looked up at `at` (seconds since the epoch) and `known` were found.

    `causes` are likely reasons why the others were not, with how many of the sample they explain.
    """

    at: float
    asked: int
    known: int
    population: int
    low: float
    high: float
    causes: tuple[tuple[str, int], ...] = field(default=())

    @property
    def share(self) -> float:
        """The estimate, 0 to 1."""
        return self.known / self.asked if self.asked else 0.0

    @property
    def everybody(self) -> bool:
        """Whether nobody was left unasked: then it is a count, not an estimate."""
        return self.asked >= self.population

    def of(self, people: int) -> tuple[int, int, int]:
        """The same rate of so many people: (low, likely, high)."""
        if self.everybody and people == self.population:
            return self.known, self.known, self.known
        return round(self.low * people), round(self.share * people), round(self.high * people)


def wilson(known: int, asked: int, population: int) -> tuple[float, float]:
    """The 95 % interval of the share that exists (Wilson's), for a sample without repetition of a finite group."""
    if asked == 0:
        return 0.0, 1.0
    share = known / asked
    if asked >= population:
        return share, share
    # Each one asked says more when few are left: the variance of such a sample is smaller by this factor.
    size = asked * (population - 1) / (population - asked)
    middle = (share + Z95**2 / (2 * size)) / (1 + Z95**2 / size)
    half = Z95 / (1 + Z95**2 / size) * math.sqrt(share * (1 - share) / size + Z95**2 / (4 * size**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def sample_size(known: int, asked: int, population: int, *, largest: int = LARGEST_SAMPLE) -> int:
    """How many to ask altogether, judged from a first look, to come within `HALF_WIDTH`."""
    # Wilson's middle, because a first look that found everybody must not end the search.
    middle = (known + Z95**2 / 2) / (asked + Z95**2)
    endless = Z95**2 * middle * (1 - middle) / HALF_WIDTH**2
    wanted = endless / (1 + (endless - 1) / population)
    return min(max(asked, math.ceil(wanted)), largest, population)


def single(space: Space) -> bool:
    """Whether Braze takes one id of this kind a request (Braze docs: users/export/ids)."""
    return space.kind in (Kind.EMAIL, Kind.DEVICE_ID)


_DIGITS = re.compile(r"[0-9]+")


def usual_width(known: Iterable[str]) -> int:
    """How many digits the ids that exist have; 0 when they are not numbers of one width."""
    widths = Counter(len(value) if _DIGITS.fullmatch(value) else 0 for value in known)
    width, count = widths.most_common(1)[0] if widths else (0, 0)
    return width if width and count >= 0.9 * widths.total() else 0


class Cause(Struct, frozen=True):
    """Why an id may be unknown; `mended` is how it would have to read, or empty where nothing can be tried."""

    name: str
    mended: str = ""


def likely_cause(value: str, space: Space, width: int) -> Cause:
    """The likeliest cause that an id is unknown; `width` is the usual number of digits of those that exist."""
    if value != value.strip():
        return Cause("blanks around the id", value.strip())
    if space.kind in (Kind.EXTERNAL_ID, Kind.DEVICE_ID) and "@" in value:
        return Cause("an e-mail address where an id is expected")
    if width and _DIGITS.fullmatch(value) and len(value) < width:
        return Cause("zeros lost at the front", value.zfill(width))
    if value != value.lower():
        return Cause("another case", value.lower())
    return Cause("not in Braze under this id")


def clustered(unknown: Sequence[str], space: Space, width: int) -> dict[str, list[Cause]]:
    """The unknown ids by their likeliest cause, the most frequent first."""
    found: dict[str, list[Cause]] = {}
    for value in unknown:
        cause = likely_cause(value, space, width)
        found.setdefault(cause.name, []).append(cause)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))
