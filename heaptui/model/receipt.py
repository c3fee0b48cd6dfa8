"""The receipt of a run: a short proof with counts that add up, and digests, without identifiers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from heaptui.model.runs import DeliveryProgress, DeliveryState, RunSummary

_HEADINGS = ("cohort", "join", "leave", "accepted", "refused", "in doubt", "not sent", "state")


def receipt_text(
    run: RunSummary,
    deliveries: Sequence[DeliveryProgress],
    digests: Mapping[str, tuple[str, str, str]],
    *,
    profile: str,
    label: str,
) -> str:
    """Markdown; columns are aligned by cells so that it also reads well in a terminal."""
    ended = time.strftime("%-d %b %Y %H:%M:%S %Z", time.localtime(run.ended_at or run.started_at))
    where = " ".join(part for part in (profile, label) if part)
    lines = [f"# Run {run.run_id}, {where}, {ended}", ""]
    lines += _table([_HEADINGS, *(_row(delivery) for delivery in deliveries)])
    sent = [delivery for delivery in deliveries if delivery.state is not DeliveryState.HELD]
    planned, accepted, refused, in_doubt, skipped = (
        sum(getattr(delivery, name) for delivery in sent)
        for name in ("planned", "submitted", "rejected", "in_doubt", "skipped")
    )
    lines += [
        "",
        f"Planned {planned:,} = accepted {accepted:,} + refused {refused:,} + in doubt {in_doubt:,}"
        f" + not sent {skipped:,}.",
        f"Requests that carried people: {sum(delivery.requests for delivery in sent):,},"
        f" of them repeated: {sum(delivery.retries for delivery in sent):,}.",
        f"Data points in Braze: about {sum(delivery.points for delivery in sent):,}, one for each change accepted or in"
        " doubt.",
        "Accepted is not proof of membership: Braze takes ids without saying whether it knows them.",
    ]
    unsettled = max((delivery.unsettled_until or 0 for delivery in deliveries), default=0)
    if unsettled:
        at = time.strftime("%H:%M:%S", time.localtime(unsettled))
        lines.append(f"A late answer may still undo a change until {at}; the next sync after that asserts it.")
    lines.append("")
    for delivery in deliveries:
        if delivery.old_way:
            continue
        members, plan, source = digests.get(delivery.cohort_id, ("", "", ""))
        told = [f"people {members[:16]}", f"plan {plan[:16]}"] if members else ["nothing was planned"]
        told += [f"file {source[:16]}"] if source else []
        lines.append(f"{delivery.cohort_id}: sha256 {', '.join(told)}")
    lines.append(f"heaptui {run.version}, started by {run.by} ({run.origin}) on {run.host}.")
    return "\n".join(lines) + "\n"


def _row(delivery: DeliveryProgress) -> tuple[str, ...]:
    counts = (
        delivery.adds,
        delivery.removes,
        delivery.submitted,
        delivery.rejected,
        delivery.in_doubt,
        delivery.skipped,
    )
    name = f"{delivery.name} ({delivery.cohort_id.rsplit('-', 1)[-1]})"
    return (name, *(f"{count:,}" for count in counts), delivery.state.word)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = []
        for column, (text, width) in enumerate(zip(row, widths, strict=True)):
            gap = " " * (width - cell_len(text))
            cells.append(text + gap if column in (0, len(row) - 1) else gap + text)
        lines.append("| " + " | ".join(cells) + " |")
    last = len(widths) - 1
    rule = [
        "-" * (width - (0 < column < last)) + (":" if 0 < column < last else "") for column, width in enumerate(widths)
    ]
    lines.insert(1, "| " + " | ".join(rule) + " |")
    return lines
