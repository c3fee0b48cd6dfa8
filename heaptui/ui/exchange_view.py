"""Exchanges and stories as rows and facts: pure text for the screen of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from heaptui.model.exchange_text import pretty
from heaptui.model.runs import Moment
from heaptui.services.support import Content, ExchangeRow
from heaptui.ui import signs
from heaptui.ui.widgets.record_table import Row

WHAT = {"name": "name call", "members": "people", "probe": "empty probe", "read": "read"}


def millis(at: float) -> str:
    """Local time of day with milliseconds."""
    return f"{signs.clock(at)}.{int(at % 1 * 1000):03d}"


def answer_word(row: ExchangeRow) -> str:
    """The status, or that there was none."""
    return str(row.status) if row.status else "none"


def tone(row: ExchangeRow) -> str:
    """How loud the row is."""
    if row.status is None or row.status >= 400:
        return "bad"
    return "attention" if row.status >= 300 or row.status == 202 else ""


def took(row: ExchangeRow) -> str:
    """How long it took."""
    return f"{row.latency_ms:,.0f} ms" if row.latency_ms is not None else "–"


def exchange_row(row: ExchangeRow) -> Row:
    """One line of the list of exchanges."""
    what = WHAT.get(row.what, row.what)
    return Row(
        f"x{row.exchange_id}",
        (
            millis(row.at),
            f"{what}{f', batch {row.batch_id}' if row.batch_id else ''}",
            str(row.attempt),
            answer_word(row),
            took(row),
            f"{row.method} {urlsplit(row.url).path}",
        ),
        tone=tone(row),
    )


def story_rows(moments: Sequence[Moment], failing: Sequence[ExchangeRow], names: Mapping[str, str]) -> list[Row]:
    """The moments that explain the end, and between them the requests that were not simply accepted.

    `names` are those of the cohorts by their id.
    """
    timed = [
        (moment.at, Row(f"m{number}", (millis(moment.at), moment.text, "", "")))
        for number, moment in enumerate(moments)
        if moment.important
    ]
    for row in failing:
        batch = f", batch {row.batch_id}" if row.batch_id else ""
        text = f"{names.get(row.cohort_id, row.cohort_id)}: {WHAT.get(row.what, row.what)}{batch}, try {row.attempt}"
        timed.append(
            (row.at, Row(f"x{row.exchange_id}", (millis(row.at), text, answer_word(row), took(row)), tone=tone(row)))
        )
    return [row for _, row in sorted(timed, key=lambda pair: pair[0])]


def exchange_facts(
    row: ExchangeRow, content: Content, sent: str | None, meaning: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """One exchange: what came back, what it means, what was sent."""
    made = [("", f"{row.method} {row.url}")]
    took_words = f" in {row.latency_ms:,.0f} ms" if row.latency_ms is not None else ""
    made.append(("Answer", f"{row.status or content.error}{took_words}"))
    made += [(" ", line) for line in pretty(content.answer)] if content.answer else []
    made += meaning
    made += _block("Sent", pretty(sent) if sent else ["no body"])
    others = {name: value for name, value in content.headers.items() if name not in ("content-type", "server")}
    return made + (_block("Headers", [f"{name}: {value}" for name, value in others.items()]) if others else [])


def _block(name: str, lines: Sequence[str]) -> list[tuple[str, str]]:
    return [(name if number == 0 else " ", line) for number, line in enumerate(lines)]
