"""One run: its story, its batches, the ids that Braze refused, and every exchange; live while it goes on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from heaptui.errors import HeaptuiError
from heaptui.model.runs import BatchState
from heaptui.services.support import Content, Desk, ExchangeRow
from heaptui.ui import exchange_view, signs
from heaptui.ui.commands import RUN
from heaptui.ui.meanings import run_meaning
from heaptui.ui.run_text import arithmetic, sent_again
from heaptui.ui.screens.framed import FramedScreen
from heaptui.ui.widgets.facts import FactsPane
from heaptui.ui.widgets.frame import RuleLine
from heaptui.ui.widgets.record_table import Column, RecordTable, Row
from heaptui.ui.widgets.windowed import Reader, WindowedTable

if TYPE_CHECKING:
    from heaptui.model.runs import RunProgress
    from heaptui.services.history import BatchRow

PANES = ("Story", "Batches", "Refused", "Exchanges")
STORY, BATCHES, REFUSED, EXCHANGES = range(4)
FAILING_SHOWN = 500
NORMAL = 80
"""Columns from which each pane tells its count."""
EVERY = 1.0
"""Seconds between two looks at a run that goes on."""

WORDS = {"add": "join", "remove": "leave"}

STATES = {
    BatchState.PLANNED: "planned",
    BatchState.IN_FLIGHT: "on its way",
    BatchState.SUBMITTED: "accepted",
    BatchState.SPLIT: "halved",
    BatchState.REJECTED: "refused",
    BatchState.SKIPPED: "not sent",
    BatchState.IN_DOUBT: "in doubt",
}


class RunScreen(FramedScreen):
    """Opened from the history; esc goes back."""

    SCOPE: ClassVar[str] = RUN
    COPIES: ClassVar[str] = "what the lower half shows"
    TAB: ClassVar[str] = "runs"
    AUTO_FOCUS = "RecordTable.-current"

    def __init__(self, run_id: int) -> None:
        super().__init__()
        self._run_id = run_id
        self._pane = STORY
        self._counts = [0, 0, 0, 0]
        self._exchanges = 0
        self._with_ids = False
        self._shown: tuple[ExchangeRow, Content] | None = None
        self._desk: Desk | None = None
        self._progress: RunProgress | None = None
        self._read_at = 0.0

    def compose_body(self) -> ComposeResult:
        """One table for each pane, one visible, and below it everything about the highlighted row."""
        yield RecordTable(
            Column("Time", 12), Column("What", 0), Column("Answer", 6, right=True), Column("Took", 9, right=True),
            id="pane-0",
        )  # fmt: skip
        yield WindowedTable(
            Column("Batch", 8, right=True), Column("Change", 6, drop=1), Column("People", 8, right=True),
            Column("State", 11), Column("Tries", 5, right=True, drop=2), Column("Answer", 6, right=True),
            Column("Braze says", 0),
            id="pane-1",
        )  # fmt: skip
        yield WindowedTable(
            Column("Change", 6),
            Column("Kind", 11, drop=1),
            Column("Id", 24, ids=True),
            Column("Braze says", 0),
            id="pane-2",
        )
        yield WindowedTable(
            Column("Time", 12), Column("What", 0), Column("Try", 3, right=True, drop=2),
            Column("Answer", 6, right=True), Column("Took", 9, right=True), Column("Address", 34, drop=1),
            id="pane-3",
        )  # fmt: skip
        yield RuleLine(id="detail-rule")
        with VerticalScroll(classes="grow", can_focus=False, id="run-detail"):
            yield FactsPane(id="run-facts")

    @property
    def _table(self) -> RecordTable:
        return self.query_one(f"#pane-{self._pane}", RecordTable)

    def on_mount(self) -> None:
        """Show the frame and read; a run that goes on is read again every second."""
        self.set_interval(EVERY, self._again)

    def _again(self) -> None:
        if self._progress is not None and not self._progress.closed:
            self.load()

    def on_ledger_changed(self, _: object) -> None:
        """A run that goes on is read at its own pace; one that ended changes no more."""
        self._frame()

    @work(group="run", exclusive=True, exit_on_error=True, description="read one run")
    async def load(self) -> None:  # type: ignore[override]
        """Read the counts and the story; rows are read when they come into sight."""
        history, support = self.workspace.history, self.workspace.support
        try:
            progress = await history.progress(self._run_id)
            batches, refused = await history.counts(self._run_id)
            exchanges = await support.count(self._run_id)
            failing = await support.failing(self._run_id, FAILING_SHOWN)
            self._desk = await support.desk(self._run_id)
            wanted = self.filter_text if self._pane == EXCHANGES else ""
            matching = await support.found(self._run_id, wanted) if wanted else None
        except HeaptuiError as error:
            self.unread(error)
            return
        if not self.alive:
            return
        first = self._progress is None
        self._progress = progress
        story = exchange_view.story_rows(
            list(progress.story), failing, {cohort: d.name for cohort, d in progress.deliveries.items()}
        )
        self._counts = [len(story), batches, refused, exchanges if matching is None else len(matching)]
        self.query_one("#pane-0", RecordTable).show(story)
        self._windowed(BATCHES).show_many(batches, self._read_batches)
        self._windowed(REFUSED).show_many(refused, self._read_refused)
        if matching is None:
            self._windowed(EXCHANGES).show_many(exchanges, self._read_exchanges)
        else:
            rows = [exchange_view.exchange_row(row) for row in matching]
            self._windowed(EXCHANGES).show_many(len(rows), _reader(rows), anew=True)
        self._exchanges = exchanges
        self._read_at = time.time()
        self._show(focus=first)

    def _windowed(self, pane: int) -> WindowedTable:
        return self.query_one(f"#pane-{pane}", WindowedTable)

    async def _read_batches(self, offset: int, limit: int) -> Sequence[Row]:
        return [_batch_row(batch) for batch in await self.workspace.history.batches(self._run_id, limit, offset)]

    async def _read_refused(self, offset: int, limit: int) -> Sequence[Row]:
        found = await self.workspace.history.rejections(self._run_id, None, limit, offset)
        return [
            Row(f"r{number}", (WORDS[r.direction], r.kind, r.value, r.text)) for number, r in enumerate(found, offset)
        ]

    async def _read_exchanges(self, offset: int, limit: int) -> Sequence[Row]:
        found = await self.workspace.support.exchanges(self._run_id, offset=offset, limit=limit)
        return [exchange_view.exchange_row(row) for row in found]

    def _show(self, *, focus: bool = True) -> None:
        assert self._progress is not None
        counted = [f"{name} {count:,}" for name, count in zip(PANES, self._counts, strict=True)]
        others, gap = (counted, "  ") if self.size.width >= NORMAL else (PANES, " ")
        names = [f"[{counted[n]}]" if n == self._pane else others[n] for n in range(len(PANES))]
        glyph, word = signs.RUN_SIGNS[self._progress.state]
        self.headline(f"Run {self._run_id} {glyph} {word}", gap.join(names))
        for number in range(len(PANES)):
            table = self.query_one(f"#pane-{number}")
            table.display = number == self._pane
            table.set_class(number == self._pane, "-current")
        if focus and not self.query("#filter:focus"):
            self.go_home()
        self.say(arithmetic(self._progress), idle=True)
        self._detail()

    @on(RecordTable.Highlighted)
    @work(group="run-exchange", exclusive=True, exit_on_error=True, description="read one exchange")
    async def _detail(self) -> None:
        row = self._table.row
        facts, title, verdict = self.explained(self._desk) if self._desk else [], "What happened", ""
        self._shown = None
        if row is not None and row.key.startswith("x"):
            try:
                self._shown = await self.workspace.support.exchange(int(row.key[1:]))
                sent = await self.workspace.support.request_of(*self._shown, with_people=self._with_ids)
                meaning = await self.workspace.support.meaning(*self._shown)
            except HeaptuiError as error:
                facts = [("", str(error))]
            else:
                facts = exchange_view.exchange_facts(*self._shown, sent, meaning)
                title, verdict = (
                    f"Exchange {row.key[1:]}",
                    "keys masked" if self._with_ids else "keys and people masked",
                )
        elif row is not None and self._pane in (BATCHES, REFUSED):
            title = "In full"
            facts = [(column.title, cell) for column, cell in zip(self._table.columns, row.cells, strict=True) if cell]
        if self.alive:
            self.query_one("#detail-rule", RuleLine).tell(title, verdict)
            self.query_one("#run-facts", FactsPane).tell(facts or [("", self._no_trouble())])

    def _no_trouble(self) -> str:
        if self._pane == REFUSED:
            return "Braze refused nobody."
        if self._progress is None or self._progress.closed:
            return sent_again(self._progress) or "Everything went well."
        return f"Still running, {self._progress.percent}."

    def traced_by_default(self) -> str:
        """The refused person under the cursor."""
        row = self._table.row
        return row.cells[2] if row is not None and self._pane == REFUSED else ""

    def why_disabled(self, command_id: str) -> str:
        """What needs an exchange, and what the run does not allow."""
        if command_id in ("run.curl", "run.ids") and self._shown is None:
            return "This needs an exchange: tab goes to Exchanges."
        return ""

    def action_pane(self) -> None:
        """The next pane."""
        if self._progress is not None:
            self._pane = (self._pane + 1) % len(PANES)
            self._show()
            self.filter_changed()

    def filter_changed(self) -> None:
        """The ledger looks through exchanges, also in what was sent and answered; a table through its own rows."""
        for number in range(len(PANES)):
            table = self.query_one(f"#pane-{number}", RecordTable)
            table.filter(self.filter_text if number == self._pane != EXCHANGES else "")
        self.load()

    @property
    def export_name(self) -> str:
        """The run and the pane."""
        return f"run-{self._run_id}-{PANES[self._pane].casefold()}"

    def matching(self) -> str:
        """How many match in the pane."""
        if self._pane == EXCHANGES:
            return f"{self._counts[EXCHANGES]:,} of {self._exchanges:,} match"
        return super().matching()

    def action_ids(self) -> None:
        """Show the people of requests, or mask them again."""
        self._with_ids = not self._with_ids
        self._detail()

    @work(group="dialog", exclusive=True, exit_on_error=True, description="copy a request")
    async def action_curl(self) -> None:
        """Copy the request as a shell command with variables for the keys."""
        if self._shown is not None:
            curl = await self.workspace.support.curl(self._shown[0].exchange_id)
            await self.copy(curl, "as curl, without keys and people")

    def why_not_copied(self) -> str:
        """There is always something in the lower half."""
        return ""

    async def to_copy(self) -> tuple[str, str]:
        """What the lower half shows."""
        return self.query_one("#run-facts", FactsPane).text, ""

    def explanation(self) -> Sequence[str]:
        """How the run goes or went."""
        return run_meaning(self._progress.state) if self._progress else ()

    @work(group="dialog", exclusive=True, exit_on_error=True, description="save a receipt")
    async def action_save(self) -> None:
        """Save the receipt."""
        await self.saved(self.workspace.history.save_receipt(self._run_id))


def _batch_row(batch: BatchRow) -> Row:
    return Row(
        f"b{batch.batch_id}",
        (
            str(batch.batch_id),
            WORDS[batch.direction],
            f"{batch.size:,}",
            STATES[batch.state],
            str(batch.attempts),
            str(batch.status or "–"),
            batch.answer,
        ),
        tone="bad" if batch.state in (BatchState.REJECTED, BatchState.IN_DOUBT) else "",
    )


def _reader(rows: Sequence[Row]) -> Reader:
    async def read(offset: int, limit: int) -> Sequence[Row]:
        return rows[offset : offset + limit]

    return read
