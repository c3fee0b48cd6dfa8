"""The segments that exist in Braze: a list that can be filtered, and everything about the highlighted one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message

from heaptui.errors import HeaptuiError
from heaptui.model.cohorts import Cohort
from heaptui.model.expressions import Names
from heaptui.ui import signs
from heaptui.ui.segment_text import chart, trend
from heaptui.ui.widgets.frame import RuleLine, TextPane
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

if TYPE_CHECKING:
    from heaptui.services.braze_segments import SeenSegment, Uses
    from heaptui.services.workspace import Workspace


OLD = 900.0
"""Seconds after which the list is read again when somebody comes to look."""


class InBrazePane(Vertical):
    """The view In Braze."""

    class Changed(Message):
        """More is known, or reading ended; `reading` says which."""

        def __init__(self, *, reading: bool) -> None:
            super().__init__()
            self.reading = reading

    def __init__(self) -> None:
        super().__init__(id="segment-braze")
        self.seen: Mapping[str, SeenSegment] = {}
        self.uses: Uses | None = None
        self.reading = False
        self._workspace: Workspace | None = None
        self._cohorts: Sequence[Cohort] = ()
        self._names = Names({})
        self._read_at = 0.0

    def compose(self) -> ComposeResult:
        """Problems, list, details."""
        yield TextPane(id="braze-problems")
        yield RecordTable(
            Column("Braze segment", 0),
            Column("People ≈", 9, right=True),
            Column("30 days", 15, drop=2),
            Column("Our cohorts", 22, drop=1),
            Column("Tags", 16, drop=3),
            id="braze-table",
        )
        yield RuleLine(id="braze-rule")
        with VerticalScroll(classes="grow", can_focus=False):
            yield TextPane(id="braze-facts")

    @property
    def table(self) -> RecordTable:
        """The list."""
        return self.query_one("#braze-table", RecordTable)

    async def look(self, workspace: Workspace, *, read: bool = True, again: bool = False) -> None:
        """Show what was seen; with `read`, read it anew when it is old, or when `again` is asked."""
        self._workspace = workspace
        self._cohorts = await workspace.cohorts.list()
        self._names = await workspace.segments.names()
        service = workspace.segments.in_braze
        self._show(await service.seen())
        old = time.monotonic() - self._read_at > OLD or not self._read_at
        if read and not self.reading and (again or (old and workspace.secrets.rest_api_key is not None)):
            self._read()

    @work(group="braze-segments", exclusive=True, exit_on_error=True, description="read the segments in Braze")
    async def _read(self) -> None:
        assert self._workspace is not None
        service = self._workspace.segments.in_braze
        self.reading = True
        try:
            async for seen in service.refresh():
                self._show(seen)
        except HeaptuiError as error:
            self._tell_problems([error.title])
        finally:
            self.reading = False
        self._read_at = time.monotonic()
        if self.is_attached:
            self._show(await service.seen())

    def _show(self, seen: Sequence[SeenSegment]) -> None:
        assert self._workspace is not None
        if not self.is_attached:
            return
        from heaptui.services.braze_segments import missing_words

        service = self._workspace.segments.in_braze
        self.seen = {one.segment_id: one for one in seen}
        self.uses = service.uses(self._cohorts)
        self._tell_problems([missing_words(error) for error in service.problems.values()])
        self.table.show([self._row(one) for one in seen])
        self._tell()
        self.post_message(self.Changed(reading=self.reading))

    def _tell_problems(self, problems: Sequence[str]) -> None:
        pane = self.query_one("#braze-problems", TextPane)
        appears, pane.display = bool(problems) and not pane.display, bool(problems)
        pane.tell([f"✗ {sentence}" for sentence in problems])
        if appears:
            # Under load it was seen without its line: its own request for room does not always come through.
            self.refresh(layout=True)

    def mentions(self, one: SeenSegment) -> tuple[str, ...]:
        """The cohorts that its text mentions."""
        return self.uses.cohorts_of.get(one.segment_id, ()) if self.uses else ()

    def _row(self, one: SeenSegment) -> Row:
        mentioned = [self._names.of(cohort_id) for cohort_id in self.mentions(one)]
        cells = (
            one.item.name,
            "?" if one.size is None else signs.people(one.size),
            trend([size.size for size in one.sizes or ()], 15),
            ", ".join(mentioned) or "·",
            ", ".join(one.item.tags),
        )
        return Row(one.segment_id, cells, tone="accent" if mentioned else "", also=one.words)

    @on(RecordTable.Highlighted, "#braze-table")
    def _tell(self) -> None:
        row = self.table.row
        one = self.seen.get(row.key) if row else None
        if one is None:
            self.query_one("#braze-rule", RuleLine).tell("")
            self.query_one("#braze-facts", TextPane).tell([])
            return
        looked = f"looked {_ago(one.looked_at)}" if one.looked_at else "not read yet"
        self.query_one("#braze-rule", RuleLine).tell(one.item.name, looked)
        self.query_one("#braze-facts", TextPane).tell(self._facts(one))

    def _facts(self, one: SeenSegment) -> list[str]:
        width = min(100, self.size.width - 4)
        mentioned = ", ".join(self._names.of(cohort_id) for cohort_id in self.mentions(one))
        lines = _wrapped("Mentions", mentioned or "none of our cohorts", width)
        lines += _wrapped("Filters", one.details.description if one.details else "not read", width)
        if one.sizes:
            sizes, days = [size.size for size in one.sizes], [size.day for size in one.sizes]
            high = 5 if self.size.height > 24 else 4
            lines += ["People each day, as Braze estimates", *chart(sizes, days, min(width, 76), high)]
        else:
            why = "not read" if one.item.tracked else "Braze keeps none: analytics tracking is off"
            lines += _wrapped("Sizes", why, width)
        if one.details and one.details.text_description:
            lines += _wrapped("Text", one.details.text_description, width)
        if one.item.tags:
            lines += _wrapped("Tags", ", ".join(one.item.tags), width)
        if self.uses and self.uses.complete and self.uses.unused:
            unused = ", ".join(self._names.of(cohort_id) for cohort_id in self.uses.unused)
            lines += _wrapped("Unused", f"no segment mentions {unused}", width)
        return lines


def _ago(at: float) -> str:
    age = signs.age(at, time.time())
    return "just now" if age == "now" else f"{age} ago"


def _wrapped(title: str, text: str, width: int) -> list[str]:
    """A titled text over as many lines as it needs."""
    return signs.wrap(f"{title:<11} {signs.safe(text)}", width, 12)
