"""What a run was started with, and what differs from the last good one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from heaptui.model.secret import KEY_WORDS, end_of
from heaptui.model.words import span

CLOCK_MATTERS = 60.0
"""Seconds that this computer's clock may be off before it is named."""


class RunFacts(Struct, frozen=True):
    """What one run was started with and met. `clock_off` in seconds; `files` and `mapping` by cohort."""

    run_id: int
    started_at: float
    ended_at: float | None
    by: str
    """The user who started it; empty where a listener did."""
    host: str
    endpoint: str
    version: str
    keys: Mapping[str, str] = field(default_factory=dict)
    told_keys: Mapping[str, str] = field(default_factory=dict)
    route: str = ""
    partner: str = ""
    mapping: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    clock_off: float | None = None
    answers: int = 0
    """Exchanges that had any answer."""
    refused_leaves: Mapping[str, int] = field(default_factory=dict)
    """People who should leave and whom Braze refused to take out, by cohort."""
    heap_silent_for: float | None = None
    """Seconds since Heap's last page for one of its cohorts; None where nothing is known."""


def since_run(facts: RunFacts, good: RunFacts | None, cohort_ids: Sequence[str]) -> tuple[str, set[str]]:
    """The comparison with the last good run in one line, and what differs."""
    if good is None:
        return "no earlier run that went well to compare with", set()
    same: list[str] = []
    differs: list[str] = []
    changed: set[str] = set()

    def compare(what: str, mine: object, theirs: object, told: str = "", word: str = "") -> None:
        if not mine and not theirs:
            return
        if mine == theirs:
            same.append(word or what)
        else:
            changed.add(what)
            differs.append(f"another {word or what}{f' ({told})' if told else ''}")

    compare("endpoint", facts.endpoint, good.endpoint, f"then {good.endpoint}")
    compare("partner", facts.partner, good.partner, f"then {good.partner}", "partner name")
    compare("route", facts.route, good.route, f"then {good.route}", "way into Braze")
    used = [name for name in KEY_WORDS if name in facts.keys or name in good.keys]
    others = [name for name in used if facts.keys.get(name) != good.keys.get(name)]
    ends = {name: f" ends {end}" if (end := end_of(facts.told_keys.get(name, ""))) else "" for name in used}
    changed.update(others)
    differs += [f"another {KEY_WORDS[name]} ({ends[name].strip() or 'its end is not told'})" for name in others]
    if kept := [f"{KEY_WORDS[name]}{ends[name]}" for name in used if name not in others]:
        same.append(f"{'key' if len(kept) == 1 else 'keys'} ({', '.join(kept)})")
    compare("version", facts.version, good.version, f"then {good.version}")
    mine, theirs = ({c: f.mapping[c] for c in cohort_ids if c in f.mapping} for f in (facts, good))
    for cohort_id in cohort_ids:
        if cohort_id in mine and cohort_id in theirs:
            for part, word in _MAPPED.items():
                here, there = (m[cohort_id].get(part, "") for m in (mine, theirs))
                compare(part, here, there, f"then {there}" if there else "then none", word)
        if facts.files.get(cohort_id) and good.files.get(cohort_id) and facts.files[cohort_id] != good.files[cohort_id]:
            changed.add("file")
            differs.append(f"another file (sha256 {facts.files[cohort_id][:8]}, then {good.files[cohort_id][:8]})")
    if facts.clock_off is not None:
        right = abs(facts.clock_off) < CLOCK_MATTERS
        if not right:
            differs.append(f"clock {facts.clock_off:+.0f} s off")
        changed |= set() if right else {"clock"}
    if facts.heap_silent_for is not None and facts.heap_silent_for > 8 * 3600:
        changed.add("heap")
        differs.append(f"Heap silent for {facts.heap_silent_for / 3600:.0f} h")
    told = [*dict.fromkeys(differs), *([f"same {', '.join(dict.fromkeys(same))}"] if same else [])]
    if facts.clock_off is not None and "clock" not in changed:
        told.append(f"clock right within {span(abs(facts.clock_off))}")
    return "; ".join(told), changed


_MAPPED = {"kind": "kind of id", "label": "alias label", "column": "column"}
