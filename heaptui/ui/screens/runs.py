"""The history: what went wrong, who can mend it, and what happens to the people meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from heaptui.errors import HeaptuiError
from heaptui.model.clicks import segment_path
from heaptui.model.runs import DeliveryState, RunProgress, RunSummary, need_attention
from heaptui.model.words import counted
from heaptui.ui import run_text, signs
from heaptui.ui.command_keys import with_keys
from heaptui.ui.commands import RUNS
from heaptui.ui.meanings import run_meaning
from heaptui.ui.screens.framed import COMPLETE, FramedScreen
from heaptui.ui.widgets.dialogs import Question
from heaptui.ui.widgets.facts import FactsPane
from heaptui.ui.widgets.frame import RuleLine
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

ORDERS = ("what needs somebody", "time", "people accepted", "reason")


class RunsScreen(FramedScreen):
    """Tab 4."""

    SCOPE: ClassVar[str] = RUNS
    COPIES: ClassVar[str] = "a message for the customer, without keys and ids; of a run that went well, its line"
    TAB: ClassVar[str] = "runs"

    def __init__(self) -> None:
        super().__init__()
        self.runs: Sequence[RunSummary] = ()
        self._order = 0
        self._explained = False
        self._taken_over: tuple[int, int | None] = (0, None)
        """The run whose details are shown, and the one that took over what it left."""
        self._went_to: int | None = None
        self._landed_on: int | None = None
        """The run to which the cursor was put last; whoever moved it since, or opened that run, stays there."""
        self._newest = 0
        self._opening = False

    def compose_body(self) -> ComposeResult:
        """The list, and what happened in the highlighted run."""
        yield RecordTable(
            Column("Run", 5, right=True),
            Column("When", 13, drop=1),
            Column("By", 12, drop=3),
            Column("Cohorts", 0),
            Column("Result", 14),
            Column("Accepted", 9, right=True, drop=2),
            Column("Why", 14),
            id="runs-table",
        )
        yield RuleLine(id="detail-rule")
        with VerticalScroll(classes="grow", can_focus=False):
            yield FactsPane(id="facts")

    @property
    def table(self) -> RecordTable:
        """The list."""
        return self.query_one("#runs-table", RecordTable)

    @property
    def current(self) -> int | None:
        """The highlighted run."""
        return int(self.table.row.key) if self.table.row else None

    def on_screen_resume(self) -> None:
        """Whoever opens the history may want to see the run that ended meanwhile."""
        self._opening = True

    @work(group="runs", exclusive=True, exit_on_error=True, description="read the runs")
    async def load(self) -> None:  # type: ignore[override]
        """Read the history; what needs somebody comes first."""
        try:
            self.runs = await self.workspace.history.list()
        except HeaptuiError as error:
            self.unread(error)
            return
        if not self.alive:
            return
        urgent = need_attention(self.runs)
        self._show(urgent)
        self._go_to_new_run()
        if not self.runs:
            self.query_one("#facts", FactsPane).tell(
                [("", "No run yet."), ("", ""), ("", "1 Cohorts: space marks, s plans, enter sends.")]
            )
            self.say("Runs of all processes appear here: of this terminal, of the command line and of cron.", idle=True)
        self._detail()

    def _show(self, urgent: set[int]) -> None:
        rows = [
            Row(
                str(run.run_id),
                run_text.history_cells(run, self.filter_text),
                tone=signs.RUN_TONES.get(run.state, ""),
                also=" ".join(run.cohorts),
            )
            for run in sorted(self.runs, key=lambda run: _key(run, self._order, urgent))
        ]
        self.table.show(rows)
        newest = f"newest first, {time.strftime('%Z')}"
        sorted_by = ORDERS[self._order] if self._order else f"needed first, then {newest}" if urgent else newest
        verdict = self.counted(len(self.runs), "run")
        if urgent and not self.filter_text:
            need = "1 needs" if len(urgent) == 1 else f"{len(urgent)} need"
            verdict = f"{need} attention, {counted(len(self.runs) - len(urgent), 'other')}"
        self.headline(verdict, sorted_by)

    def filter_changed(self) -> None:
        """A run of several cohorts names the one for which it is found."""
        super().filter_changed()
        self._show(need_attention(self.runs))

    def _go_to_new_run(self) -> None:
        """Once to each run that was sent from here: whoever comes from it wants it. On opening, to a newer one."""
        run_id, newest = self.dashboard.current_run, max((run.run_id for run in self.runs), default=0)
        first, stayed = not self._newest, self.current == self._landed_on
        if run_id != self._went_to and self.table.go_to(str(run_id)):
            self._went_to = self._landed_on = run_id
        elif first or (stayed and self._opening and newest > self._newest and self.table.go_to(str(newest))):
            self._landed_on = self.current
        if self._opening:
            self._newest, self._opening = newest, False

    @on(RecordTable.Highlighted, "#runs-table")
    @work(group="run-detail", exclusive=True, exit_on_error=True, description="read one run")
    async def _detail(self) -> None:
        run_id = self.current
        if run_id is None:
            self.query_one("#detail-rule", RuleLine).tell("")
            if self.runs:
                self.query_one("#facts", FactsPane).tell([])
            return
        try:
            run = (await self.workspace.history.show(run_id)).summary
            progress = await self.workspace.history.progress(run_id)
            desk = await self.workspace.support.desk(run_id)
        except HeaptuiError as error:
            self.unread(error)
            return
        if not self.alive or self.current != run_id:
            return
        self.query_one("#detail-rule", RuleLine).tell(
            f"Run {run_id}", f"{run.by}@{run.host}, {run.origin}, pid {run.pid}, heaptui {run.version}"
        )
        self.query_one("#facts", FactsPane).tell([*self.explained(desk), *self._facts(run, progress)])
        self._explained = bool(desk.explanations)
        self._taken_over = (run_id, desk.taken_over_by)
        self.say(signs.utc(run.started_at) or "enter opens it: its story, its batches, and every request.", idle=True)

    def _facts(self, run: RunSummary, progress: RunProgress) -> list[tuple[str, str]]:
        lines = [("Counts", run_text.arithmetic(progress))]
        if again := run_text.sent_again(progress):
            lines.append(("Again", f"{again} enter opens it."))
        lines += [
            (
                "Cohorts" if number == 0 else " ",
                f"{delivery.name}: {delivery.adds:,} join, {delivery.removes:,} leave,"
                f" accepted {delivery.submitted:,}, {run_text.delivery_state(delivery)}",
            )
            for number, delivery in enumerate(progress.deliveries.values())
        ]
        for delivery in progress.deliveries.values():
            if delivery.unsettled_until:
                until = signs.clock(delivery.unsettled_until)
                lines.append(
                    ("Late", f"{delivery.name}: a late answer may undo a change until {until}; sync again after that.")
                )
        ways = [
            segment_path(delivery.name, self.workspace.profile.endpoint, attribute=delivery.attribute)
            for delivery in progress.deliveries.values()
            if delivery.submitted and not delivery.old_way
        ]
        lines += [("In Braze" if number == 0 else " ", way) for number, way in enumerate(ways)]
        if run.continues:
            lines.append(("Continues", f"run {run.continues}"))
        return lines

    def why_disabled(self, command_id: str) -> str:
        """What the list or the profile does not allow."""
        if self.current is None:
            return "There is no run yet."
        if command_id in ("runs.continue", "runs.undo") and self.workspace.read_only:
            return "This is open read-only: its owner can do it."
        if command_id == "runs.continue" and (why := self._why_over()):
            return why
        if command_id == "runs.undo" and self.dashboard.live_runs:
            return "A sync is running: 3 shows it."
        return ""

    def _why_over(self) -> str:
        """Why there is nothing to continue in the highlighted run."""
        state = next(run.state for run in self.runs if run.run_id == self.current)
        if state is DeliveryState.FINISHED:
            return COMPLETE
        if not state.closed:
            return "This run is still going."
        run_id, later = self._taken_over
        return f"Run {later} took over what was left." if later and run_id == self.current else ""

    async def action_open(self) -> None:
        """One run in detail; a live one of this process in its own tab."""
        run_id = self.current
        if run_id is None:
            return
        if any(progress.run_id == run_id for progress in self.dashboard.live_runs):
            self.dashboard.current_run = run_id
            await self.dashboard.action_tab("sync")
            return
        from heaptui.ui.screens.run_detail import RunScreen

        self._landed_on = None
        await self.app.push_screen(RunScreen(run_id))

    @work(group="dialog", exclusive=True, exit_on_error=True, description="plan a run again")
    async def action_again(self) -> None:
        """Plan the cohorts of this run anew."""
        if self.current is not None:
            await self.plan_again(self.current)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="save a receipt")
    async def action_save(self) -> None:
        """Save the receipt."""
        run_id = self.current
        if run_id is not None:
            await self.saved(self.workspace.history.save_receipt(run_id))

    async def to_copy(self) -> tuple[str, str]:
        """A message for the customer, without keys or ids; a run that went well needs none."""
        run_id = self.current
        if run_id is None or not self._explained:
            return await super().to_copy()
        letter = await self.workspace.support.letter(run_id)
        if self.dashboard.is_demo:
            # No command in another shell would find this run.
            letter = with_keys(letter)
        return letter, "the customer's message; run letter prints it"

    def explanation(self) -> Sequence[str]:
        """How the run ended."""
        run = next((run for run in self.runs if run.run_id == self.current), None)
        return run_meaning(run.state) if run else ()

    @work(group="dialog", exclusive=True, exit_on_error=True, description="bundle a run")
    async def action_bundle(self) -> None:
        """Pack the run into one file."""
        run_id = self.current
        if run_id is None:
            return
        try:
            self.say_written(f"No keys, ids hashed: {await self.workspace.bundles.make(run_id)}")
        except HeaptuiError as error:
            self.told(error)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="undo a run")
    async def action_undo(self) -> None:
        """Show what an undo would send, and send it when somebody says so."""
        run_id = self.current
        if run_id is None:
            return
        app = self.dashboard
        try:
            plans = await self.workspace.undo.plan(run_id)
        except HeaptuiError as error:
            self.told(error)
            return
        lines = [f"{plan.name}: {plan.adds:,} join again, {plan.removes:,} leave" for plan in plans]
        agreed = await app.push_screen_wait(
            Question(
                f"Undo run {run_id}?",
                [
                    *lines,
                    f"Data points in Braze, at most {sum(plan.points for plan in plans):,}.",
                    "The cohorts go on hold, so that no sync brings anybody back before you release them.",
                ],
                yes="Send the undo",
                no="Leave it",
            )
        )
        if not agreed or not await self.workspace_is_sure():
            return
        try:
            progress = await self.workspace.undo.start(run_id)
        except HeaptuiError as error:
            self.told(error)
            return
        app.planned, app.continues, app.current_run = [], None, progress.run_id
        await app.action_tab("sync")

    def action_order(self) -> None:
        """Sort by the next column."""
        self._order = (self._order + 1) % len(ORDERS)
        self.load()
        self.say(f"Sorted by {ORDERS[self._order]}.")


def _key(run: RunSummary, order: int, urgent: set[int]) -> tuple[bool | int | str, int]:
    """What a run is sorted by; always the newest first among equals."""
    keys = (run.run_id not in urgent, 0, -run.accepted, run.reason.value or "~")
    return keys[order], -run.run_id
