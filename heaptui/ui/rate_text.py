"""How many of some people exist in Braze, in words."""

from __future__ import annotations

from heaptui.model.matching import MatchRate
from heaptui.model.words import percent
from heaptui.ui import signs


def exist(rate: MatchRate | None, people: int) -> str:
    """≈ 8,680 of them exist in Braze (8,530 to 8,800, 1,000 asked)."""
    if rate is None:
        return "? of them exist in Braze: m asks about some of them"
    low, likely, high = rate.of(people)
    age = signs.age(rate.at)
    asked = f"{rate.asked:,} asked" + (f" {age} ago" if age.endswith(("h", "d")) else "")
    if rate.everybody:
        return f"{likely:,} of them exist in Braze, all {asked}"
    return f"≈ {likely:,} of them exist in Braze ({low:,} to {high:,}, {asked})"


def share(rate: MatchRate | None) -> str:
    """≈94 %, or ? where nobody asked."""
    if rate is None:
        return "?"
    return f"{'' if rate.everybody else '≈'}{percent(rate.share)}"
