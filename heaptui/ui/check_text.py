"""How findings about endpoint and keys are shown: rows of a table, the line of what they open, and what mends them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from heaptui.model.checks import FEATURES, ORDER, ROUTE_TITLES, Check, CheckId, CheckState, Overall, Report
from heaptui.model.remedies import FIND_CLUSTER, Remedy
from heaptui.ui.commands import command_of
from heaptui.ui.widgets.record_table import Column, Row

COLUMNS = (
    Column("What", 22),
    Column("Given", 24, drop=2),
    Column("Result", 0),
    Column("ms", 4, right=True, drop=1),
)

_SIGNS = {
    CheckState.OK: ("✓", "good"),
    CheckState.FAILED: ("✗", "bad"),
    CheckState.WARNING: ("!", "attention"),
    CheckState.SKIPPED: ("·", "quiet"),
}
_ONLY_WHEN_WRONG = {CheckId.DNS, CheckId.TLS, CheckId.REACH}


def rows_of(checks: Mapping[str, Check], *, names: Mapping[str, str] | None = None) -> list[Row]:
    """The findings in reading order; what only matters when it is wrong is left out. `names` renames rows by id."""
    shown = []
    for check_id in ORDER:
        check = checks.get(check_id)
        if check is None or (check_id in _ONLY_WHEN_WRONG and check.state in (CheckState.OK, CheckState.SKIPPED)):
            continue
        sign, tone = _SIGNS[check.state]
        ms = checks[CheckId.REACH].latency_ms if check_id == CheckId.ENDPOINT and CheckId.REACH in checks else None
        ms = check.latency_ms if check.latency_ms is not None else ms
        title = f"  {check_id}" if check_id in FEATURES else check.title[0].upper() + check.title[1:]
        unknown = check.state is CheckState.SKIPPED and "cannot be checked" in check.detail
        cells = (
            title,
            short_origin(check.given),
            f"{'?' if unknown else sign} {check.detail}",
            f"{ms:.0f}" if ms is not None else "",
        )
        shown.append(Row((names or {}).get(check_id, check_id), cells, tone="attention" if unknown else tone))
    return shown


def headline_of(report: Report | None, count: int) -> tuple[str, str]:
    """Title and verdict of the main rule; None while checks are still coming."""
    if report is None:
        return "checking…", f"{count} done"
    signs = {Overall.READY: "✓", Overall.NOT_READY: "✗", Overall.CAN_BE_HANDED_OVER: "!"}
    words = report.overall.replace("_", " ").upper()
    return f"{signs[report.overall]} {words}", f"verdict after {report.seconds:.1f} s"


def remedy_lines(report: Report | None) -> list[str]:
    """What to do about the verdict, and what was noticed."""
    if report is None:
        return []
    words = report.overall.replace("_", " ").upper()
    told = report.headline.removeprefix(words).lstrip(".,: ").removeprefix("but ")
    # What stood under a wrong name explains the rest.
    return [
        *([told[:1].upper() + told[1:]] if report.remedy else []),
        *report.notes,
        *_mending(report.remedy),
    ]


def can_lines(report: Report | None) -> list[str]:
    """What works with these keys today, on one line."""
    if report is None:
        return []
    return ["   ".join(f"{'✓' if opened else '✗'} {ROUTE_TITLES[name]}" for name, opened in report.routes.items())]


def check_lines(check: Check | None) -> list[str]:
    """Everything about one finding."""
    if check is None:
        return []
    lines = [f"{check.given}: {check.detail}" if check.given else check.detail]
    if check.check_id in FEATURES:
        lines.append(f"This permission is for {FEATURES[check.check_id]}.")
    return lines + _mending(check.remedy)


def _mending(remedy: Remedy | None) -> list[str]:
    """What mends a finding, with the key of the dashboard for the command."""
    find = f"{command_of('credentials.find').shown_key} here"
    return [line.replace(FIND_CLUSTER, find) for line in remedy.lines()] if remedy else []


def short_origin(origin: str) -> str:
    """Where a key came from and its end; its length stands in the detail."""
    return re.sub(r", \d+ chars", "", origin)
