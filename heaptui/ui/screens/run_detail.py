"""One run: its story, its batches, and the ids that Braze refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.screen import Screen

from heaptui.errors import HeaptuiError
from heaptui.ui import signs
from heaptui.ui.commands import RUN, bindings_of, footer_of
from heaptui.ui.run_text import arithmetic
from heaptui.ui.widgets.frame import Line, RuleLine
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

PANES = ("Story", "Batches", "Refused")
MOST = 10_000


class RunScreen(Screen[None]):
    """Opened from the history; esc goes back."""

    SCOPE: ClassVar[str] = RUN
    BINDINGS = bindings_of(RUN)

    def __init__(self, workspace: Workspace, run_id: int) -> None:
        super().__init__()
        self._workspace, self._run_id = workspace, run_id
        self._pane = 0

    def compose(self) -> ComposeResult:
        """One table for each pane, one visible."""
        yield RuleLine(id="title-rule")
        yield RecordTable(Column("Time", 10), Column("What", 0), id="pane-0")
        yield RecordTable(
            Column("Batch", 7, right=True),
            Column("Change", 6),
            Column("People", 8, right=True),
            Column("State", 11),
            Column("Tries", 5, right=True),
            Column("Answer", 6, right=True),
            Column("Braze says", 0),
            id="pane-1",
        )
        yield RecordTable(
            Column("Change", 6), Column("Kind", 11), Column("Id", 24), Column("Braze says", 0), id="pane-2"
        )
        yield RuleLine(id="bottom-rule")
        yield Line(id="status-line")
        yield Line(signs.sign(f" {footer_of(RUN, 78)}"), id="key-line")

    async def on_mount(self) -> None:
        """Read everything once."""
        history = self._workspace.history
        progress = await history.progress(self._run_id)
        batches = await history.batches(self._run_id, MOST)
        rejections = await history.rejections(self._run_id, limit=MOST)
        self._counts = (len(progress.story), len(batches), len(rejections))
        story = [Row(str(i), (signs.clock(m.at), m.text)) for i, m in enumerate(progress.story)]
        words = {"add": "join", "remove": "leave"}
        self.query_one("#pane-0", RecordTable).show(story)
        self.query_one("#pane-1", RecordTable).show(
            [
                Row(
                    str(batch.batch_id),
                    (
                        str(batch.batch_id),
                        words[batch.direction],
                        signs.people(batch.size),
                        batch.state.replace("_", " "),
                        str(batch.attempts),
                        str(batch.status or "–"),
                        batch.answer,
                    ),
                )
                for batch in batches
            ]
        )
        self.query_one("#pane-2", RecordTable).show(
            [Row(str(i), (words[r.direction], r.kind, r.value, r.text)) for i, r in enumerate(rejections)]
        )
        self.query_one("#status-line", Line).update(signs.sign(f" {arithmetic(progress)}"))
        for table in self.query(RecordTable):
            table.add_class("-main")
        self._show()

    def _show(self) -> None:
        names = [
            f"[{name} {count}]" if i == self._pane else f"{name} {count}"
            for i, (name, count) in enumerate(zip(PANES, self._counts, strict=True))
        ]
        self.query_one("#title-rule", RuleLine).tell(f"Run {self._run_id}", "  ".join(names))
        for index in range(len(PANES)):
            self.query_one(f"#pane-{index}").display = index == self._pane
        self.query_one(f"#pane-{self._pane}").focus()

    def action_pane(self) -> None:
        """The next pane."""
        self._pane = (self._pane + 1) % len(PANES)
        self._show()

    def action_back(self) -> None:
        """Back to the list."""
        self.app.pop_screen()

    async def action_save(self) -> None:
        """Save the receipt."""
        try:
            told = f"Saved: {await self._workspace.history.save_receipt(self._run_id)}"
        except HeaptuiError as error:
            told = str(error)
        self.query_one("#status-line", Line).update(signs.sign(f" {told}"))
