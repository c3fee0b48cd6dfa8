"""A cohort in words and numbers: pure text for the lower half of the list of cohorts."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from heaptui.model.clicks import segment_path
from heaptui.model.cohorts import Cohort, CohortState, Origin
from heaptui.model.expressions import IDS, Names, parse, write
from heaptui.model.matching import MatchRate
from heaptui.model.reception import Received
from heaptui.model.words import counted, headcount
from heaptui.ui import from_heap, rate_text, signs

ORDERS = ("name", "people", "waiting", "state")
"""How the list can be sorted."""


class CohortFacts(Struct, frozen=True):
    """What is told of one cohort; `old` says why its file is overdue."""

    cohort: Cohort
    per_request: int
    rate: MatchRate | None
    received: Received | None
    names: Names
    old: str
    wide: bool
    endpoint: str = ""


def ordered(cohorts: Sequence[Cohort], order: str) -> list[Cohort]:
    """Cohorts that come by name, in one of the orders."""
    match order:
        case "people":
            return sorted(cohorts, key=lambda cohort: -cohort.members)
        case "waiting":
            return sorted(cohorts, key=lambda cohort: -(cohort.adds + cohort.leaves))
        case "state":
            return sorted(cohorts, key=lambda cohort: (list(CohortState).index(cohort.state), cohort.name))
        case _:
            return list(cohorts)


def cells_of(cohort: Cohort, rate: MatchRate | None, *, overdue: bool) -> tuple[str, ...]:
    """Its line in the list; the age of its data with `!` where it is older than it should be."""
    age = signs.age(cohort.last_page_at or cohort.source_at or cohort.changed_at)
    return (
        cohort.name,
        signs.people(cohort.members),
        signs.waiting(cohort.adds, cohort.leaves),
        rate_text.share(rate),
        str(cohort.space),
        from_heap.source(cohort),
        f"{'!' if cohort.quiet or overdue else ''}{age}",
        signs.age(cohort.synced_at),
        signs.cohort_state(cohort)[0],
    )


def lines_of(known: CohortFacts) -> list[str]:
    """Everything about one cohort, as lines."""
    cohort, width = known.cohort, 20
    most = max(cohort.members, cohort.delivered, 1)
    lines = [
        f"In the cohort  {cohort.members:>9,}  {signs.bar(cohort.members, most, width)}",
        f"Accepted       {cohort.delivered:>9,}  {signs.bar(cohort.delivered, most, width)}",
    ]
    if rate := known.rate:
        low, likely, high = rate.of(cohort.members)
        told = rate_text.exist(rate, cohort.members).split("(")[-1].rstrip(")") if low < high else "all asked"
        lines.append(f"Exist in Braze {likely:>9,}  {rate_text.share(rate)} ({told})")
        lines += [f"  not found    {count:>9,}  {cause}" for cause, count in rate.causes[:3]]
    if cohort.refused:
        lines.append(f"Refused        {cohort.refused:>9,}  by Braze, not sent again unless asked")
    if cohort.doubtful:
        lines.append(f"In doubt       {cohort.doubtful:>9,}  whether Braze took them is not known; sent again")
    lines.append("")
    limit = known.per_request
    requests = -(-cohort.adds // limit) + -(-cohort.removes // limit)
    changes = cohort.adds + cohort.leaves
    if changes:
        # How many requests an old way needs, its plan tells.
        named = "" if cohort.attribute or cohort.braze_name == cohort.label else " + name"
        needs = "" if cohort.elsewhere else f" · {counted(requests, 'request')}{named}"
        lines.append(f"Next sync   {cohort.adds:,} join · {cohort.leaves:,} leave{needs}")
        lines.append(f"            at most {counted(changes, 'data point')}")
    else:
        lines.append("Next sync   nothing to send")
    if cohort.elsewhere:
        lines.append(f"Old way     {headcount(cohort.elsewhere)} still there; the next sync takes them out first")
    if cohort.renamed:
        lines.append(f"Renamed     Braze still shows “{cohort.braze_name}”; the next sync renames it, same id")
    if cohort.expression:
        lines.append(f"Computed    {write(parse(cohort.expression, IDS), known.names)}")
    if cohort.origin is Origin.HEAP:
        lines += from_heap.facts_of(cohort, known.received, wide=known.wide)
    else:
        lines.append(f"From        {from_heap.source(cohort)}, read {ago(cohort.changed_at)}")
        if known.old:
            lines.append(f"! Old       {known.old}")
    lines.append(f"Synced      {signs.day_and_time(cohort.synced_at) if cohort.synced_at else 'never'}")
    lines += _advice(cohort) + _in_braze(cohort, known.endpoint)
    return lines


def _in_braze(cohort: Cohort, endpoint: str) -> list[str]:
    if cohort.braze_name and cohort.delivered:
        return [f"In Braze    {segment_path(cohort.braze_name, endpoint, attribute=cohort.attribute)}"]
    return [f"Filter      custom attribute {cohort.attribute} is true"] if cohort.attribute else []


def _advice(cohort: Cohort) -> list[str]:
    if cohort.sending:
        return [f"Sending     {cohort.sending} 4 Runs shows it."]
    match cohort.state:
        case CohortState.NEW:
            if cohort.attribute:
                return ["Never synced: the attribute's name can still be changed, in W way into Braze."]
            return ["Never synced: Braze's filter “Heap Cohorts” lists it after the first sync."]
        case CohortState.HELD:
            return [
                f"Held        {cohort.losing:,} of {headcount(cohort.losing_of)} would leave. A wrong file?",
                "            u brings the people before the import back; s, then l lets it through.",
            ]
        case CohortState.ON_HOLD:
            return ["On hold     no sync touches it; h releases it."]
        case _:
            return []


def ago(at: float | None) -> str:
    """`12 min ago`, `just now`, or `never`."""
    age = signs.age(at)
    return "just now" if age == "now" else age if age == "never" else f"{age} ago"
