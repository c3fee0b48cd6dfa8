"""A plan in words and numbers: pure text for what would be sent, and why something would not."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from heaptui.model.plans import Plan, nothing_to_send
from heaptui.model.words import counted
from heaptui.ui import signs
from heaptui.ui.commands import command_of
from heaptui.ui.widgets.record_table import Row
from heaptui.ui.widgets.split_pane import Section


class Totals(Struct, frozen=True):
    """What a plan sends, without what is held or left out."""

    joins: int
    leaves: int
    requests: int
    points: int


def totals(plans: Sequence[Plan], left_out: set[str], let_through: set[str]) -> Totals:
    """The sums of what would really be sent, what leaves an old way included."""
    sent = [plan for plan in plans if is_sent(plan, left_out, let_through)]
    return Totals(
        sum(plan.adds for plan in sent),
        sum(plan.leaves for plan in sent),
        sum(plan.all_requests for plan in sent),
        sum(plan.points for plan in sent),
    )


def is_sent(plan: Plan, left_out: set[str], let_through: set[str]) -> bool:
    """Whether this cohort's changes leave when the plan starts."""
    if plan.cohort_id in left_out or plan.on_hold or plan.sending:
        return False
    return not plan.held or plan.cohort_id in let_through


def plan_sign(plan: Plan, left_out: set[str], let_through: set[str]) -> str:
    """The sign in front of a planned cohort, with its word where it is not simply sent."""
    if plan.cohort_id in left_out:
        return "✗ left out"
    if plan.sending:
        return "▶ sending"
    if plan.on_hold:
        return "■ on hold"
    if plan.held:
        return "● let through" if plan.cohort_id in let_through else "■ held"
    if plan.empty:
        return "✓ up to date"
    if plan.changes_way:
        return "● moves"
    return "○ first time" if plan.first_time else "● to sync"


def remarks(plan: Plan, *, let_through: bool) -> list[Section]:
    """What somebody should know about one cohort of a plan."""
    sections = [
        Section(f"{plan.name}, out of the old way {'not possible' if leave.why_not else 'first'}", [str(leave)])
        for leave in plan.before
    ]
    if plan.sending:
        sections.append(Section(f"{plan.name} ▶ sending", [plan.sending, "Plan it again when that is over: 4 Runs."]))
    elif plan.held and not let_through:
        lines = [plan.held, "l lets it through (you type its name);", "the other cohorts go on without it."]
        lines += ["W chooses the way into Braze, for all cohorts."] if plan.before else []
        sections.append(Section(f"{plan.name} ■ held", lines))
    elif plan.on_hold:
        sections.append(Section(f"{plan.name} ■ on hold", ["h in 1 Cohorts releases it."]))
    elif plan.rename and not plan.first_time:
        sections.append(Section(f"{plan.name} ! renamed", ["The first request renames it in Braze, same id."]))
    return sections


def plan_parts(
    plans: Sequence[Plan], left_out: set[str], let_through: set[str], *, target: str, host: str
) -> tuple[list[str], list[Section]]:
    """What is sent together and where to, and what to know about single cohorts."""
    total = totals(plans, left_out, let_through)
    top = [
        f"Together  {total.joins:,} join · {total.leaves:,} leave · {counted(total.requests, 'request')}",
        f"          at most {counted(total.points, 'data point')}",
        f"Target    {' · '.join(filter(None, (target, host)))}",
    ]
    told = [
        remark
        for plan in plans
        if plan.cohort_id not in left_out
        for remark in remarks(plan, let_through=plan.cohort_id in let_through)
    ]
    return top, told


def what_is_sent(plans: Sequence[Plan], left_out: set[str], let_through: set[str]) -> str:
    """What a start would send, in a few words; empty for nothing."""
    total = totals(plans, left_out, let_through)
    if changes := total.joins + total.leaves:
        return counted(changes, "change")
    renamed = any(plan.rename and is_sent(plan, left_out, let_through) for plan in plans)
    return "a new name" if renamed else ""


def renewal(before: Sequence[Plan], now: Sequence[Plan]) -> str:
    """Why a plan differs from the one that was shown; empty where it does not, or none was."""
    known = {plan.cohort_id: plan for plan in before}
    changed = [plan for plan in now if plan.cohort_id in known and known[plan.cohort_id] != plan]
    if not changed:
        return ""
    first = changed[0].name
    names = first if len(changed) == 1 else f"{first} and {counted(len(changed) - 1, 'other')}"
    if all(_people(plan) == _people(known[plan.cohort_id]) for plan in changed):
        return f"{names} changed its state"
    return (
        f"Heap sent pages for {names}" if all("-seg-" in p.cohort_id for p in changed) else f"people of {names} changed"
    )


def _people(plan: Plan) -> tuple[int, int, int]:
    return plan.adds, plan.removes, plan.unchanged


def why_nothing(plans: Sequence[Plan], let_through: set[str]) -> str:
    """Why these plans send nothing."""
    if sending := next((plan for plan in plans if plan.sending), None):
        return f"“{sending.name}”: {sending.sending}"
    if any(plan.held and plan.cohort_id not in let_through for plan in plans):
        return "Nothing is sent: what waits is held."
    if lacking := [plan for plan in plans if plan.refused]:
        ids = counted(sum(plan.refused for plan in lacking), "refused id")
        again = f"{command_of('runs.continue').shown_key} on run {lacking[0].refused_in}"
        return f"Nothing to send but {ids}: 4 Runs, {again} offers them again."
    return nothing_to_send(plans)


def without_a_way(lacking: str) -> list[str]:
    """What to do while nothing can be sent, with keys of the dashboard."""
    return [
        f"! {lacking}",
        f"  6 Credentials takes endpoint and keys: {command_of('credentials.edit').shown_key} on what is missing.",
        f"  Without any: 1 Cohorts, {command_of('cohorts.upload').shown_key} writes a file that you upload in Braze.",
    ]


def plan_row(plan: Plan, left_out: set[str], let_through: set[str]) -> Row:
    """One line of the plan."""
    cells = (
        plan.name,
        signs.people(plan.adds),
        signs.people(plan.leaves),
        signs.people(plan.unchanged),
        plan.requests_told,
        signs.people(plan.points),
        plan_sign(plan, left_out, let_through),
    )
    held = bool(plan.held) and plan.cohort_id not in let_through
    return Row(plan.cohort_id, cells, tone="attention" if held else "")
