"""Choose one of a list in front of a screen, with a filter: a cohort for a row, or a draft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from heaptui.ui.signs import sign
from heaptui.ui.widgets.dialogs import Dialog
from heaptui.ui.widgets.fitted import Line
from heaptui.ui.widgets.record_table import Column, RecordTable, Row


class Picker(Dialog[str | None]):
    """Closes with the key of the chosen row; with `typed`, also with "typed:" and the text where no row fits."""

    AUTO_FOCUS = "#wanted"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, title: str, columns: Sequence[Column], rows: Sequence[Row], *, typed: str = "") -> None:
        super().__init__()
        self._title, self._columns, self._rows, self._typed = title, columns, rows, typed

    def compose(self) -> ComposeResult:
        """Title, filter, list."""
        with Vertical(classes="dialog picker"):
            yield Line(sign(self._title), classes="dialog-title")
            yield Input(id="wanted", placeholder="type to filter", compact=True)
            yield RecordTable(*self._columns, id="choices")
            yield Line(id="picker-note", classes="dialog-keys")

    def on_mount(self) -> None:
        """Everything is there at first."""
        self._filter("")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._filter(event.value.casefold())

    def _filter(self, text: str) -> None:
        shown = [row for row in self._rows if text in " ".join(row.cells).casefold()]
        self.query_one(RecordTable).show(shown)
        note = f"{len(shown)} of {len(self._rows)} · enter chooses · ↑↓ move · esc"
        if self._typed and not shown:
            note = self._typed
        self.query_one("#picker-note", Line).update(sign(note))

    def on_key(self, event: events.Key) -> None:
        """The list moves while the field keeps the focus."""
        if event.key in ("up", "down"):
            self.query_one(RecordTable).action_move(-1 if event.key == "up" else 1)
            event.stop()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        row = self.query_one(RecordTable).row
        if row is not None:
            self.dismiss(row.key)
        elif self._typed and event.value.strip():
            self.dismiss(f"typed:{event.value.strip()}")

    @on(RecordTable.Chosen)
    def _clicked(self, event: RecordTable.Chosen) -> None:
        self.dismiss(event.row.key)

    def action_leave(self) -> None:
        """Nothing is chosen."""
        self.dismiss(None)
