"""A verdict as text to copy: for the chat with whoever gave the keys, and for Heap. Holds nothing of any key."""

from __future__ import annotations

from collections.abc import Sequence

from heaptui.model.checks import ROUTE_TITLES, CheckId, CheckState, Report

_SIGNS = {
    CheckState.OK: "ok  ",
    CheckState.FAILED: "FAIL",
    CheckState.WARNING: "look",
    CheckState.SKIPPED: "skip",
}


def verdict_text(report: Report) -> str:
    """The verdict, every check, what it opens, and who mends what."""
    lines = [report.headline]
    if report.remedy:
        lines += [f"  {line}" for line in report.remedy.lines()]
    lines += ["", f"Braze: {report.endpoint or 'no endpoint'} ({report.instance or 'no cluster'})"]
    lines += [f"  {_SIGNS[check.state]}  {check.title:<22}{check.detail}" for check in report.checks]
    lines += ["", "So you can: " + ", ".join(ROUTE_TITLES[name] for name, opened in report.routes.items() if opened)]
    return "\n".join([*lines, *report.notes])


def handover_note(report: Report, *, identifier: str = "external_id", cohorts: Sequence[str] = ()) -> str:
    """To the Heap account manager, from somebody without a partner key."""
    rest = report.check(CheckId.REST_KEY)
    right = rest is not None and rest.state is CheckState.OK
    lines = [
        "Hello,",
        "we would like our Heap segments in Braze as Heap Cohorts. On our side this is checked:",
        f"  Braze REST endpoint   {report.endpoint} ({report.instance}), answers",
        f"  Id in Braze           {identifier}",
        *(["  REST key              accepted"] if right else []),
        "  Data Import Key       created, not checked (only Heap's partner key can); we hand it over as you prefer",
        "Please tell us",
        "  1. whether the Heap partner is enabled for our Braze workspace,",
        "  2. how to hand over the Data Import Key,",
        "  3. how often the segments are sent, and how many may be on.",
        *([f"Segments: {', '.join(cohorts)}"] if cohorts else []),
    ]
    return "\n".join(lines)
