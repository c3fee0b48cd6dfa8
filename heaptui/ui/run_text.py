"""A run in words and numbers: pure text for the running sync, the result and the history."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from heaptui.model.lexicon import why_in_short
from heaptui.model.runs import (
    EXTRA_REQUESTS,
    DeliveryProgress,
    DeliveryState,
    RunProgress,
    RunSummary,
)
from heaptui.model.words import counted
from heaptui.ui import signs
from heaptui.ui.widgets.record_table import Row
from heaptui.ui.widgets.split_pane import Section


def arithmetic(progress: RunProgress) -> str:
    """The one line that is always true."""
    parts = [f"accepted {progress.total('submitted'):,}", f"refused {progress.total('rejected'):,}"]
    parts.append(f"in doubt {progress.total('in_doubt'):,}")
    if skipped := progress.total("skipped"):
        parts.append(f"not sent {skipped:,}")
    to_go = progress.total("to_go")
    if to_go:
        parts.append(f"to go {to_go:,}")
    total = sum(progress.total(name) for name in ("submitted", "rejected", "in_doubt", "skipped")) + to_go
    holds = "✓" if total == progress.planned else "✗"
    return f"{' + '.join(parts)} = planned {progress.planned:,} {holds}"


def delivery_state(delivery: DeliveryProgress) -> str:
    """The sign and word of one delivery; its share while it runs, its time when it is over."""
    glyph, word = signs.RUN_SIGNS[delivery.state]
    if delivery.state is DeliveryState.RUNNING and delivery.planned:
        return f"{glyph} {100 * delivery.submitted // delivery.planned} %"
    if delivery.state is DeliveryState.FINISHED and delivery.started_at and delivery.ended_at:
        return f"{glyph} {signs.duration(delivery.ended_at - delivery.started_at)}"
    return f"{glyph} {word}"


SPEED_SECONDS, LEFT_SECONDS = 5, 30
"""Answers come in batches: the speed and, more so, what is left are told from several seconds."""


def run_row(delivery: DeliveryProgress) -> Row:
    """One line of a run."""
    cells = (
        delivery.name,
        signs.bar(delivery.submitted, delivery.planned, 12),
        signs.people(delivery.submitted),
        signs.people(delivery.planned),
        signs.people(delivery.to_go + delivery.skipped),
        signs.people(delivery.rejected),
        signs.people(delivery.in_doubt),
        delivery_state(delivery),
    )
    return Row(delivery.key, cells, tone=signs.RUN_TONES.get(delivery.state, ""))


def speed_of(progress: RunProgress, seconds: int) -> float:
    """People accepted in a second, as the mean of the last seconds."""
    recent = list(progress.rates)[-seconds:]
    return sum(recent) / len(recent) if recent else 0.0


def remaining(progress: RunProgress, now: float) -> float | None:
    """Seconds until everything is sent, above 20 in steps of 5; None when nothing tells, or nothing goes out."""
    if progress.paused:
        return None
    speed = speed_of(progress, LEFT_SECONDS)
    if speed <= 0:
        elapsed = now - progress.started_at
        speed = progress.total("submitted") / elapsed if elapsed > 0.5 else 0
    if speed <= 0:
        return None
    left = progress.total("to_go") / speed
    going = [delivery for delivery in progress.deliveries.values() if delivery.to_go]
    if waits := [delivery.wait.until - now for delivery in going if delivery.wait]:
        # Whoever waits less goes on meanwhile.
        left += max(0.0, *waits) if len(waits) == len(going) else 0.0
    return left if left < 20 else 5 * math.ceil(left / 5)


def wait_lines(progress: RunProgress, now: float) -> list[str]:
    """Why nothing is sent just now, as a countdown, and where its time comes from."""
    if progress.paused:
        return ["⏸ Paused by you. p goes on. What is in flight still comes home."]
    waits = [delivery.wait for delivery in progress.deliveries.values() if delivery.wait]
    if not waits:
        return []
    wait = max(waits, key=lambda wait: wait.until)
    left = max(1.0, wait.until - now)
    until = signs.clock(wait.until)
    when = (
        f"Waiting {math.ceil(left)} s more at most, until {until} ({wait.source})."
        if wait.at_most
        else f"Next request in {math.ceil(left)} s, at {until} ({wait.source})."
    )
    return [f"⏸ {wait.reason}.", f"  {when}"]


def live_sections(progress: RunProgress, width: int) -> list[Section]:
    """How a run goes: its speed, its answers, its width, Braze's limit, and what comes afterwards."""
    rates, latencies = [float(rate) for rate in progress.rates], list(progress.latencies)
    ordered = sorted(latencies) or [0.0]
    usual, slow, slowest = ordered[len(ordered) // 2], ordered[len(ordered) * 95 // 100], ordered[-1]
    speed = f"{speed_of(progress, SPEED_SECONDS):,.0f} people/s" if rates else ""
    live = [delivery for delivery in progress.deliveries.values() if not delivery.state.closed]
    at_once, limit = sum(d.at_once for d in live), sum(d.at_once_limit for d in live)
    extra = max((delivery.extra_requests for delivery in live), default=0)
    looking = [f"the ids are looked for: {extra:,} of at most {EXTRA_REQUESTS} extra requests"] if extra else []
    spark = f"Speed      {signs.sparkline(rates, 24)}   {speed}{' · ' if speed else ''}"
    return [
        Section(
            "People per second, since the start",
            signs.chart(rates, width, 3),
            speed,
            [f"{spark}answers {usual:.0f} ms, slowest {slowest:.0f} ms"] if latencies else [],
        ),
        Section(
            "Answers",
            [f"usual {usual:.0f} ms · slow {slow:.0f} ms · slowest {slowest:.0f} ms", signs.sparkline(latencies, width)]
            if latencies
            else [],
            brief=(),
        ),
        Section(
            "At once",
            [f"{at_once} of up to {counted(limit, 'request')}  {signs.bar(at_once, limit, 16)}"],
            "halves when Braze suffers, grows again",
            [f"At once    {at_once} of up to {limit}; halves when Braze suffers, grows again by itself"],
        ),
        Section("Looking for refused ids", looking, brief=[f"Refused    {line}" for line in looking]),
        Section("This hour", [hour_text(progress)], brief=[f"This hour  {hour_text(progress)}"]),
        Section(
            "In doubt means",
            [
                "Whether Braze took the request is not known: no answer, or a failure. Sending it again does no harm,"
                " and a person who leaves meanwhile is still taken out."
            ]
            if progress.total("in_doubt")
            else [],
            brief=["In doubt   whether Braze took them is not known; sent again, which does no harm"]
            if progress.total("in_doubt")
            else [],
        ),
        Section(
            "Afterwards",
            [
                "The receipt, the clicks for Braze and the people refused appear here. Title and bell tell when it is"
                " over."
            ],
            brief=(),
        ),
    ]


def hour_text(progress: RunProgress) -> str:
    """Attempts of this clock hour, name calls and those of other processes included, and what Braze says is left."""
    text = f"{counted(progress.requests_this_hour, 'request')} of all runs"
    if progress.limit_left is not None:
        text += f", {progress.limit_left:,} left"
        if progress.limit_reset is not None:
            text += f" until {signs.clock(round(progress.limit_reset))}"
    return text


def story_lines(progress: RunProgress, *, everything: bool = False, limit: int = 200) -> list[str]:
    """What happened, newest first."""
    moments = [moment for moment in progress.story if everything or moment.important]
    return [f"{signs.clock(moment.at)}  {moment.text}" for moment in reversed(moments[-limit:])]


def result_verdict(progress: RunProgress) -> str:
    """How it ended, in a few words."""
    ended = progress.ended_at or time.time()
    glyph, word = signs.RUN_SIGNS[progress.state]
    return f"{glyph} {word} {signs.clock(ended)}, {signs.duration(ended - progress.started_at)}"


_MORE = ("Told", "Means", "Causes")
"""Where an explanation goes on from what to do to what it means."""


def named_lines(explained: Sequence[tuple[str, str]]) -> list[str]:
    """(name, text) as lines with a label."""
    return [f"{name:<11}{text}" if name else text for name, text in explained]


def sent_again(progress: RunProgress | None) -> str:
    """What a run had to send more than once, in a sentence; empty for nothing."""
    retries = progress.total("retries") if progress else 0
    return f"{counted(retries, 'request')} had to be sent again: its story tells why." if retries else ""


def result_lines(progress: RunProgress, explained: Sequence[tuple[str, str]]) -> list[str]:
    """What needs somebody, as (name, text) lines, and what is still open."""
    lines = named_lines(explained)
    for delivery in progress.deliveries.values():
        if looked := delivery.looked_for_refused:
            lines.append(looked)
        if delivery.unsettled_until:
            until = signs.clock(delivery.unsettled_until)
            lines.append(
                f"{delivery.name}: a late answer may still undo a change until {until};"
                " while this is open, it is sent once more then by itself."
            )
    if points := progress.total("points"):
        lines.append(f"Costs      at most {counted(points, 'data point')}")
    return lines


def result(
    progress: RunProgress, explained: Sequence[tuple[str, str]], title: str, clicks: list[str]
) -> tuple[list[str], list[Section]]:
    """How a run ended, and beside it what a failure means and what comes next."""
    names = [name for name, _ in explained]
    # Of several failures each is told in one piece.
    cut = (
        next((at for at, name in enumerate(names) if name in _MORE), len(names)) if names.count("") == 1 else len(names)
    )
    more = named_lines(explained[cut:])
    sections = [Section("What it means", more, brief=more), Section(title, clicks)]
    if progress.total("submitted"):
        means = "Braze took the ids, not that it knows them."
        sections.append(Section("Accepted means", [means], brief=["", f"Accepted means {means}"]))
    who = ["Refused    who, and Braze's words: 4, enter, then tab to “Refused”"] if progress.total("rejected") else []
    return [arithmetic(progress), *who, "", *result_lines(progress, explained[:cut])], sections


def cohorts_in_short(names: Sequence[str], wanted: str = "") -> str:
    """The cohort of a run, or how many there are; one whose name holds what is looked for is told by its name."""
    if len(names) < 2:
        return names[0] if names else "no cohort"
    found = next((name for name in names if wanted and wanted in name.casefold()), None)
    return f"{found} + {len(names) - 1}" if found else f"{len(names)} cohorts"


def history_cells(run: RunSummary, wanted: str = "") -> tuple[str, ...]:
    """One line of the history, given what is looked for in lower case."""
    glyph, word = signs.RUN_SIGNS[run.state]
    return (
        str(run.run_id),
        signs.day_and_time(run.started_at),
        run.starter,
        cohorts_in_short(run.cohorts, wanted),
        f"{glyph} {word}",
        f"{run.accepted:,}",
        why_in_short(run.reason) or (f"{run.rejected:,} bad ids" if run.rejected else ""),
    )
