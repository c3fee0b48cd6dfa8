"""One event in both shapes, side by side: what Braze sent, and what Heap is told of it, field by field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from heaptui.model.currents import Account, Fate
from heaptui.model.currents_facts import StoredEvent
from heaptui.ui.commands import EVENT
from heaptui.ui.screens.page import Page
from heaptui.ui.signs import clock
from heaptui.ui.widgets.facts import FactsPane
from heaptui.ui.widgets.frame import RuleLine, TextPane
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

ROOMY = 110
_TONES = {Fate.DROPPED: "attention"}
_OUTCOMES = {
    "to Heap": "✓ went to Heap",
    "waiting": "● waits for Heap",
    "filtered": "○ filtered",
    "dead letter": "✗ dead letter",
}


class EventScreen(Page):
    """Events of one kind, the newest first; left and right go through them."""

    SCOPE: ClassVar[str] = EVENT
    COPIES: ClassVar[str] = "both shapes as JSON; they hold personal data"

    def __init__(self, events: Sequence[StoredEvent], names: Mapping[str, str]) -> None:
        super().__init__()
        self._events, self._names = events, names
        self._at = 0

    def compose_body(self) -> ComposeResult:
        """Fields, and what happened to each."""
        with VerticalScroll(id="event-facts", can_focus=False):
            yield TextPane(id="facts")
        yield RecordTable(
            Column("Braze sent", 0), Column("Value", 0, ids=True), Column("Heap is told", 0),
            Column("What was done", 18, drop=1), id="event-table",
        )  # fmt: skip
        yield RuleLine(id="detail-rule")
        with VerticalScroll(id="field", can_focus=False):
            yield FactsPane(id="whole")

    def on_mount(self) -> None:
        """The newest."""
        self._show()

    def action_step(self, by: int) -> None:
        """An older or newer one."""
        self._at = max(0, min(len(self._events) - 1, self._at + by))
        self._show()

    def on_resize(self) -> None:
        """Longer names where there is room."""
        self._show()

    def why_disabled(self, command_id: str) -> str:
        """Where the events end."""
        if command_id == "event.older" and self._at == len(self._events) - 1:
            return "This is the oldest of those that are kept."
        return "This is the newest." if command_id == "event.newer" and self._at == 0 else ""

    def _show(self) -> None:
        event = self._events[self._at]
        place = f"{self._at + 1} of {len(self._events)}, newest first"
        self.headline(event.event_type, place)
        heap, accounts, why = self.workspace.currents.preview(event.body) if event.body else (None, (), "")
        went = _OUTCOMES.get(event.outcome, event.outcome) + (f": {event.reason}" if event.reason else "")
        lines = [f"Event       {event.event_id}, received {clock(event.received_at)}", f"State       {went}"]
        if heap:
            lines.append(f"In Heap     {heap.event} of {heap.identity}, {heap.timestamp}")
        elif event.body:
            lines.append(f"In Heap     nothing, by the settings of now: {why}")
        else:
            lines.append("The event itself was removed, 7 days after it was settled.")
        self.query_one("#facts", TextPane).tell(lines)
        sent = _leaves(self._data(event), "")
        values: Mapping[str, Any] = heap.properties if heap else {}
        places = {"event": heap.event, "identity": heap.identity, "timestamp": heap.timestamp} if heap else {}
        if accounts:
            told = {**values, **places}
            rows = [self._row(account, dict(sent), told) for account in accounts]
        else:
            rows = [Row(path, (path, self._told(path, value), "–", "")) for path, value in sent]
        self.query_one(RecordTable).show(rows)
        self._whole()

    @on(RecordTable.Highlighted)
    def _whole(self) -> None:
        """The highlighted field without anything cut off."""
        row = self.query_one(RecordTable).row
        self.query_one("#detail-rule", RuleLine).tell(row.key if row else "")
        names = ("Sent", "Heap gets", "Done")
        told = zip(names, row.cells[1:], strict=True) if row else ()
        self.query_one("#whole", FactsPane).tell([(name, text) for name, text in told if text])
        self.say("What Braze sent, and what Heap is told of it.", idle=True)

    def _row(self, account: Account, sent: Mapping[str, Any], values: Mapping[str, Any]) -> Row:
        value = sent.get(account.field, "")
        to = account.to or "–"
        if account.to in values and str(values[account.to]) != str(value):
            to = f"{to} = {values[account.to]}"
        name = account.field if self.size.width >= ROOMY else account.field.removeprefix("properties.")
        told = str(account.fate) + (f", {account.reason}" if account.reason else "")
        cells = (name, self._told(account.field, value), to, told)
        return Row(account.field, cells, tone=_TONES.get(account.fate, ""))

    def _told(self, field: str, value: Any) -> str:
        """A value as text; an id of a campaign or Canvas with its name, also where the event itself lacks that."""
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        name = self._names.get(text, "") if field.endswith("_id") else ""
        return f"{name} ({text})" if name else text

    @staticmethod
    def _data(event: StoredEvent) -> Any:
        try:
            data = json.loads(event.body)
            _leaves(data, "")
        except (ValueError, RecursionError):
            # A dead letter may be broken text, or nested too deeply to be taken apart.
            return {"text": event.body.decode("utf-8", "replace")} if event.body else {}
        return data

    async def to_copy(self) -> tuple[str, str]:
        """Both shapes as JSON."""
        event = self._events[self._at]
        heap, _, why = self.workspace.currents.preview(event.body) if event.body else (None, (), "removed")
        told = {"event": heap.event, "identity": heap.identity, "timestamp": heap.timestamp, "idempotency_key":
                heap.idempotency_key, "properties": dict(heap.properties)} if heap else {"not sent": why}  # fmt: skip
        both = json.dumps({"braze": self._data(event), "heap": told}, ensure_ascii=False, indent=2)
        return both, "both shapes, with personal data"


def _leaves(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{path}.{key}" if path else key)]
    return [(path, value)] if path else [("event", value)]
