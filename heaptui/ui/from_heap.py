"""How what comes from Heap is told on screens: how fresh it is, who listens, and the last pages."""

from __future__ import annotations

import time

from heaptui.model.cohorts import Cohort, Origin
from heaptui.model.reception import CADENCE, ListenerFacts, Received, ReceivedPage
from heaptui.model.segment_sync import Action, Verified
from heaptui.model.words import counted
from heaptui.ui import signs

HOST_SHOWN = 12
ROOMY = 110


def freshness(facts: ListenerFacts, width: int, *, starting: bool = False) -> str:
    """The right end of the header; nothing when Heap was never heard of and nobody listens.

    A listener that is `starting` with the dashboard is no reason to worry.
    """
    listening = facts.listening or starting
    where = "listener starts" if starting else "no listener"
    if facts.hosts:
        where = f"listener {facts.hosts[0][:HOST_SHOWN]} ✓"
    if facts.last_page_at is None:
        return f"Heap: no page yet · {where}" if listening else ""
    age = signs.age(facts.last_page_at)
    fresh = "now" if age == "now" else f"{age} ago"
    mark = "✓" if time.time() - facts.last_page_at <= CADENCE and listening else "!"
    if width >= ROOMY:
        return f"Heap {mark} page {'just now' if age == 'now' else fresh} · {where}"
    return f"Heap {mark} {fresh}" if listening else f"Heap {mark} {fresh} · {where}"


def security(facts: ListenerFacts) -> str:
    """What was refused at the door, in a few words; empty when nothing was."""
    note = facts.intruded
    if note is None:
        return ""
    what = f"{'forged page' if note.kind == 'forged' else 'wrong Currents token'}{'' if note.count == 1 else 's'}"
    return f"! {note.count:,} {what}, last {signs.day_and_time(note.last_at)} from {note.peer}"


def source(cohort: Cohort) -> str:
    """`Heap 1338065`, or the name of the file."""
    if cohort.origin is Origin.HEAP:
        return f"Heap {cohort.tail}"
    return cohort.source_name or str(cohort.origin)


def signature(page: ReceivedPage) -> str:
    """`✓`, with a word when it was not over the raw bytes."""
    return "✓" if page.verified == Verified.RAW else f"✓ {page.verified}"


def facts_of(cohort: Cohort, received: Received | None, *, wide: bool) -> list[str]:
    """The lines about Heap in the facts of a cohort; `wide` ones share the screen with another column."""
    lines = []
    if received and received.pages:
        page = received.pages[0]
        place = f", page {page.place}" if page.place else ""
        told = "then nothing" if cohort.quiet else f"next expected {_expected(page)}"
        came = f"Received    {signs.day_and_time(page.received_at)}{place}, signature {signature(page)}"
        lines += [came, f"            {told}, every 4 h"] if wide else [f"{came}, {told}"]
        if cohort.quiet:
            lines.append("! Quiet     no change in Heap, or not sent. Nobody leaves Braze over it")
        if task := received.unfinished:
            lines.append(f"{task.state.capitalize():<11} {task.missing_text}{'' if task.closed else ' yet'}")
            if task.closed:
                lines.append("            “Sync now” in Heap sends everybody")
        if received.waiting:
            lines.append(f"Not applied {counted(received.waiting, 'page')}; a listener applies them")
    if cohort.drain_asked_at is not None:
        lines.append("Heap asks   to empty this segment; d answers")
    if cohort.automatic:
        lines.append("Automatic   on: goes to Braze by itself; a switches off")
    else:
        lines.append("Automatic   off: somebody presses s; a switches on")
    for warning in received.warnings if received else ():
        lines.append(f"! {warning}")
    return lines


def _expected(page: ReceivedPage) -> str:
    return time.strftime("%H:%M", time.localtime(page.received_at + CADENCE))


def last_pages(received: Received, limit: int = 6) -> list[str]:
    """The last pages as lines, with a line where Heap was silent for longer than its cadence."""
    lines = ["Time          Task  Page      Join   Leave  Signature"]
    newer: ReceivedPage | None = None
    for page in received.pages[:limit]:
        if newer is not None and newer.received_at - page.received_at > 1.5 * CADENCE:
            lines.append("then nothing for hours: no change, or not sent")
        newer = page
        when = signs.fit(signs.day_and_time(page.received_at), 13)
        place = signs.fit(page.place or "–", 8)
        if page.action == Action.DRAIN:
            what = "asks to empty it"
        else:
            what = f"{page.joins:>6,} {page.leaves:>7,}  {signature(page)}"
        lines.append(f"{when} {page.task_id[:4] or '–   '}  {place} {what}")
    return lines
