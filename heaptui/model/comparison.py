"""What Braze holds against what is held here: the counts, what each may mean, and a report without ids. Pure."""

from __future__ import annotations

import time
from enum import StrEnum

from msgspec import Struct

from heaptui.model.words import headcount


class Against(StrEnum):
    """What is compared with the Braze segment."""

    DELIVERED = "delivered"
    """What Braze accepted from here."""
    MEMBERS = "members"
    """Who is in the cohort: also audits what Heap's own sync did."""


class Counts(Struct, frozen=True):
    """People of a comparison. `unknown` and `known` are None where Braze was not asked about those only here."""

    cohort_id: str
    name: str
    segment_id: str
    segment_name: str
    against: Against
    exported_at: float
    here: int
    in_braze: int
    both: int
    only_here: int
    asked: int
    """How many of those only here Braze was asked about; fewer than `only_here` for a sample."""
    unknown: int | None
    only_in_braze: int
    recent: int
    """Of those only here or only there: changed so lately that Braze may still work on it."""
    names_cohort: bool
    """Whether the segment's own text names the cohort."""
    source: str = ""

    @property
    def known(self) -> int | None:
        """Of those asked about: exist in Braze, and still are not in the segment."""
        return None if self.unknown is None else self.asked - self.unknown

    @property
    def exact(self) -> bool:
        """Whether everybody only here was asked about."""
        return self.asked == self.only_here


def meaning_lines(counts: Counts) -> list[tuple[str, int | None, str]]:
    """The table: name, people, what it means."""
    sent_here = counts.against is Against.DELIVERED
    sampled = "" if counts.exact else f", of {counts.asked:,} asked"
    known_means = (
        "accepted once: lost, taken out by somebody else, or met by Braze only later"
        if sent_here
        else "should be there: Heap sends every 4 h, so a delay or a lost update"
    )
    extra_means = (
        "not sent from here, or not taken out: does something else write this cohort?"
        if sent_here
        else "left in Heap, not taken out"
    )
    lines: list[tuple[str, int | None, str]] = [
        ("In both", counts.both, "as it should be"),
        ("Only here" if sent_here else "Only in Heap", counts.only_here, "missing in Braze"),
        ("  unknown to Braze", counts.unknown, f"no such id in Braze: never can match{sampled}"),
        ("  known to Braze", counts.known, f"{known_means}{sampled}"),
        ("Only in Braze", counts.only_in_braze, extra_means),
    ]
    if counts.recent:
        lines.append(("Changed lately", counts.recent, "Braze may still work on them: look again in minutes"))
    return lines


def sentence(counts: Counts) -> str:
    """The comparison in one sentence."""
    if not counts.only_here and not counts.only_in_braze:
        return "Braze holds exactly these people."
    parts = []
    if counts.unknown:
        parts.append(f"{_percent(counts.unknown, counts.here)} can never match: Braze has no such ids")
    drift = (counts.known or 0) + counts.only_in_braze
    if counts.unknown is None:
        parts.append(f"{counts.only_here:,} are missing in Braze and {counts.only_in_braze:,} too many")
    elif drift:
        parts.append(f"{drift:,} look like lost updates: {counts.known:,} missing, {counts.only_in_braze:,} too many")
    if not counts.names_cohort:
        parts.append("the segment's own text does not name the cohort: is it the right one, with this one filter?")
    return ". ".join(part[:1].upper() + part[1:] for part in parts) + "."


def report(counts: Counts, *, profile: str, version: str) -> str:
    """The comparison for somebody else: counts only."""
    day = time.strftime("%-d %b %Y %H:%M %Z", time.localtime(counts.exported_at))
    lines = [
        f"# {counts.name}: here and in Braze, {profile}, {day}",
        "",
        f"Here       {counts.source or counts.against.value}: {headcount(counts.here)}",
        f"In Braze   segment “{counts.segment_name}”: {headcount(counts.in_braze)}",
        "",
    ]
    for name, people, means in meaning_lines(counts):
        told = "?" if people is None else f"{people:,}"
        share = f"{_percent(people, counts.here):>7}" if people is not None else " " * 7
        lines.append(f"{name:<20}{told:>11} {share}   {means}")
    lines += ["", sentence(counts), f"heaptui {version}"]
    return "\n".join(lines) + "\n"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"
