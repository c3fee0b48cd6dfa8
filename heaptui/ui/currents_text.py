"""How events from Braze are told: what happened to a cohort, what went to Heap, what could not, and how to begin."""

from __future__ import annotations

import time
from collections.abc import Sequence

from heaptui.model import words
from heaptui.model.aftermath import Aftermath
from heaptui.model.currents_facts import GONE_AFTER, CurrentsStats, DeadLetter, TypeCounts
from heaptui.model.deeds import Deed
from heaptui.ui import signs

PERIODS = (("since run", 0), ("24 hours", 24), ("7 days", 7 * 24), ("30 days", 30 * 24))
"""Names of periods, and their hours; 0 is since the last run that let anybody join."""

NOTE = "Counts beside counts, no cause. What machines open and suspected bots click is left out."
PREFIXES = ("users.messages.", "users.")


def short_type(event_type: str, width: int) -> str:
    """The telling end of a type where the whole has no room."""
    if len(event_type) <= width:
        return event_type
    for prefix in PREFIXES:
        if event_type.startswith(prefix):
            return f"…{event_type.removeprefix(prefix)}"
    return event_type


def row_cells(counts: TypeCounts, name: str) -> tuple[str, ...]:
    """One line of the table; the numbers add up: received = to Heap + filtered + twice + dead + waiting."""
    return (
        name,
        f"{counts.per_minute:,}",
        f"{counts.came:,}",
        f"{counts.forwarded:,}",
        f"{counts.filtered:,}",
        f"{counts.duplicates:,}",
        f"{counts.dead:,}",
        f"{counts.waiting:,}",
    )


def flow_verdict(stats: CurrentsStats) -> str:
    """`receiving ✓ 312 a minute, 4 s behind`."""
    now, together = time.time(), stats.together
    if stats.last_received_at is None:
        return "no event yet"
    if together.per_minute:
        came = f"receiving ✓ {together.per_minute:,} a minute"
    else:
        came = f"last event {signs.age(stats.last_received_at)} ago"
    if not together.waiting:
        return came
    if now - stats.forwarder.at > GONE_AFTER:
        return f"{came}, ! {together.waiting:,} wait, nobody forwards"
    if stats.forwarder.text:
        return f"{came}, ⏸ {stats.forwarder.text}"
    behind = now - (stats.oldest_waiting_at or now)
    return f"{came}, {together.waiting:,} wait, {behind:,.0f} s behind"


def percent(share: float | None) -> str:
    """`36 %`, `7.1 %`, `–`."""
    if share is None:
        return "–"
    return words.percent(share) if share >= 0.1 or share == 0 else f"{100 * share:.1f} %"


def loop_title(found: Aftermath, period: str) -> tuple[str, str]:
    """The rule above what happened."""
    since = f" since run {found.run_id}" if found.run_id is not None else ""
    verdict = f"since {signs.day_and_time(found.since)}" if period == PERIODS[0][0] else period
    return f"What happened to “{found.name}”{since}", verdict


def loop_lines(found: Aftermath, width: int) -> list[str]:
    """Members beside everybody else, step by step, with a small chart where there is room."""
    if found.why_not:
        return ["", f" {found.why_not}", "", "", ""]
    room = min(24, width - 58)
    lines = [f"{'':<12}{'members':>9}{'':>10}   everyone else{'   over that time' if room > 8 else ''}"]
    for deed in Deed:
        step = found.steps[deed]
        # With nobody reached or accepted nothing was measured, and that is no 0.
        line = f" {deed:<11}{step.members:>9,}{percent(found.member_share(deed)):>9}"
        line += f"{step.others:>10,}{percent(found.other_share(deed)):>8}"
        if room > 8:
            line += f"   {signs.sparkline([float(count) for count in step.over_time], room)}"
        notes = {Deed.REACHED: f"of {found.accepted:,} accepted", Deed.OPENED: "of those reached"}
        if width >= 110 and deed in notes:
            line = f"{signs.fit(line, 86)}{notes[deed]}"
        lines.append(line)
    return lines


def dead_lines(letters: Sequence[DeadLetter], most: int) -> list[str]:
    """The newest dead letters, one a line."""
    return [
        f" {signs.clock(letter.died_at)}  {signs.fit(short_type(letter.event_type, 22), 24)}{letter.reason}"
        for letter in letters[:most]
    ]


def set_up_lines(url: str, *, has_token: bool, app_id: str, hidden: bool) -> list[str]:
    """What Currents needs, what of it is there, and where to click."""
    token = "✓ kept; s shows what else there is to do" if has_token else "s makes one"
    heap = f"✓ {app_id}" if app_id else "Heap: Account › Manage › Projects; s asks for it"
    hide = "h shows the tab again" if hidden else "h hides this tab"
    return [
        "Opens, clicks and conversions from Braze can flow into Heap, so that a Heap",
        "segment can say “got the mail and still did not order”.",
        "",
        "It needs",
        "  · Currents in your Braze contract           ask your Braze account manager",
        "  · an address Braze can reach over HTTPS     heaptui listen, on a server",
        f"  · your Heap app id                          {heap}",
        "",
        "In Braze   Partner Integrations › Data Export › Create New Current ›",
        "           Heap Export",
        f"Endpoint   {url}",
        f"Token      {token}",
        "",
        "Currents into a bucket instead?   heaptui currents replay FILE",
        f"Nobody here has Currents?         {hide}",
    ]
