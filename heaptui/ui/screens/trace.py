"""One person: the answer first, then what happened in each cohort, step by step."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Input

from heaptui.errors import HeaptuiError
from heaptui.model.trace import Answer, Verdict
from heaptui.services.trace import Traced, steps
from heaptui.ui import signs
from heaptui.ui.command_keys import with_keys
from heaptui.ui.commands import TRACE
from heaptui.ui.screens.framed import FramedScreen
from heaptui.ui.widgets.facts import FactsPane
from heaptui.ui.widgets.frame import RuleLine
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

_WELL = {Answer.FINE, Answer.JUST_ACCEPTED, Answer.LEFT, Answer.WAITING}


class TraceScreen(FramedScreen):
    """Opened with t from everywhere; what is typed here is kept nowhere."""

    SCOPE: ClassVar[str] = TRACE
    COPIES: ClassVar[str] = "the answer"
    AUTO_FOCUS = "#who"

    def __init__(self, who: str = "") -> None:
        super().__init__()
        self._who = who
        self._found: Traced | None = None

    def compose_body(self) -> ComposeResult:
        """The question, the answer, the cohorts, and the steps in one of them."""
        yield Input(self._who, id="who", placeholder="id, alias, device id, or e-mail (needs a REST key)", compact=True)
        yield FactsPane(id="answer")
        yield RecordTable(
            Column("Cohort", 0), Column("Now", 9), Column("Accepted by Braze", 26), Column("Came in by", 32, drop=1),
            id="trace-table",
        )  # fmt: skip
        yield RuleLine(id="detail-rule")
        with VerticalScroll(classes="grow", can_focus=False):
            yield FactsPane(id="steps")

    def on_mount(self) -> None:
        """Ask at once when it is known who is meant."""
        self.headline("Trace a person", "kept in no history")
        self.query_one("#trace-table").display = False
        self.say("The search is kept in no history.", idle=True)
        if self._who:
            self._ask(self._who)

    @on(Input.Submitted, "#who")
    def _submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._ask(event.value)

    @work(group="trace", exclusive=True, exit_on_error=True, description="trace a person")
    async def _ask(self, who: str) -> None:
        answer = self.query_one("#answer", FactsPane)
        answer.tell([("", "Looking…")])
        try:
            found = await self.workspace.people.trace(who)
        except HeaptuiError as error:
            answer.tell([("", line) for line in (error.title, error.detail, error.hint) if line])
            self.query_one("#trace-table").display = False
            self.query_one("#steps", FactsPane).tell([])
            return
        if self.alive:
            self._found = found
            self._show(who, found)

    def _show(self, who: str, found: Traced) -> None:
        meant = "" if found.looked_for == (who,) else f" → {', '.join(found.looked_for)}"
        lines = [("", f"{found.first.sentence}"), ("To do", with_keys(found.first.do))]
        if meant:
            lines.insert(0, ("Looked up", meant.removeprefix(" → ")))
        lines += [("Note", note) for note in found.notes]
        self.query_one("#answer", FactsPane).tell(lines)
        table = self.query_one("#trace-table", RecordTable)
        table.show([_row(number, verdict) for number, verdict in enumerate(found.verdicts)])
        table.display = bool(found.verdicts)
        if found.verdicts:
            table.focus()
        self._steps()

    @on(RecordTable.Highlighted, "#trace-table")
    def _steps(self) -> None:
        row = self.query_one("#trace-table", RecordTable).row
        if self._found is None or row is None or not self._found.verdicts:
            self.query_one("#detail-rule", RuleLine).tell("")
            self.query_one("#steps", FactsPane).tell([])
            return
        verdict = self._found.verdicts[int(row.key)]
        assert verdict.facts is not None
        self.query_one("#detail-rule", RuleLine).tell(f"{verdict.facts.name}, step by step", time.strftime("%Z"))
        told = [(signs.day_and_time(at), text) for at, text in steps(verdict.facts)]
        lines = [("", f"{when:<14} {text}") for when, text in told]
        if verdict is not self._found.first:
            lines = [("", verdict.sentence), ("To do", with_keys(verdict.do)), *lines]
        self.query_one("#steps", FactsPane).tell(lines)

    def home(self) -> Widget | None:
        """The cohorts, once there are some."""
        return self.query_one("#trace-table") if self._found and self._found.verdicts else super().home()

    def why_not_copied(self) -> str:
        """There must be an answer."""
        return "" if self._found is not None else "Nobody was traced yet: type an id, then enter."

    async def to_copy(self) -> tuple[str, str]:
        """The answer, and what to do."""
        assert self._found is not None
        return f"{self._found.first.sentence}\n{with_keys(self._found.first.do)}", "the answer, and what to do"

    def action_again(self) -> None:
        """Ask again."""
        self._ask(self.query_one("#who", Input).value)

    def action_edit(self) -> None:
        """Type another id."""
        self.query_one("#who", Input).focus()


def _row(number: int, verdict: Verdict) -> Row:
    facts = verdict.facts
    assert facts is not None
    now = "✓ in" if facts.member else "✗ left"
    accepted = [one for one in facts.carried if one.accepted]
    last = accepted[-1] if accepted else None
    told = "–"
    if last is not None:
        word = "✓" if last.direction == "add" else "✓ taken out,"
        told = f"{word} run {last.run_id}, {signs.day_and_time(last.answered_at or 0)}"
    entered = [arrival for arrival in facts.arrivals if arrival.joined is not False]
    came = f"{entered[-1].text}, {signs.day_and_time(entered[-1].at)}" if entered else "?"
    return Row(str(number), (facts.name, now, told, came), tone="" if verdict.answer in _WELL else "attention")
