"""The plan, the seconds while it runs, and the result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult

from heaptui.errors import HeaptuiError
from heaptui.model.clicks import segment_clicks
from heaptui.model.plans import Plan
from heaptui.model.runs import DeliveryState, RunProgress
from heaptui.model.words import counted, headcount
from heaptui.ui import plan_text, run_text, signs
from heaptui.ui.commands import SYNC
from heaptui.ui.exports import save_plan
from heaptui.ui.meanings import run_meaning
from heaptui.ui.screens.framed import FramedScreen
from heaptui.ui.sync_moments import READ_ONLY, WHERE_KEYS, why_off
from heaptui.ui.waiting import people_waiting
from heaptui.ui.widgets.dialogs import Asked, Question
from heaptui.ui.widgets.frame import RuleLine
from heaptui.ui.widgets.record_table import Column, RecordTable
from heaptui.ui.widgets.split_pane import Section, SplitPane

LOOK_EVERY = 0.22
"""Seconds between two looks at a live run: more often costs more than it shows."""


class SyncScreen(FramedScreen):
    """Tab 3."""

    SCOPE: ClassVar[str] = SYNC
    COPIES: ClassVar[str] = "the clicks for Braze after a run, before it the line of the plan"
    TAB: ClassVar[str] = "sync"

    def __init__(self) -> None:
        super().__init__()
        self.plans: Sequence[Plan] = ()
        self._planned_at = 0.0
        self._left_out: set[str] = set()
        self.let_through: set[str] = set()
        self._older_menu = False
        self._told_end = 0
        self._shown_plan: list[str] = []
        self._renewed = ""
        """When and why the plan that is shown was made anew."""
        self._people: list[Section] = []
        self._explained: list[tuple[str, str]] = []

    def compose_body(self) -> ComposeResult:
        """A table of cohorts, and below it what matters now."""
        yield RecordTable(
            Column("Cohort", 0),
            Column("", 12, drop=1),
            Column("Accepted", 9, right=True),
            Column("of", 9, right=True, drop=2),
            Column("Unsent", 8, right=True),
            Column("Refused", 7, right=True, drop=3),
            Column("In doubt", 8, right=True, drop=4),
            Column("State", 14),
            id="run-table",
        )
        yield RecordTable(
            Column("Cohort", 0),
            Column("Join", 8, right=True),
            Column("Leave", 8, right=True),
            Column("Stay", 8, right=True, drop=2),
            Column("Requests", 10, right=True, drop=1),
            Column("Points ≤", 9, right=True, drop=3),
            Column("State", 13),
            id="plan-table",
        )
        yield RuleLine(id="detail-rule")
        yield SplitPane(id="facts")

    def on_mount(self) -> None:
        """Start looking at the live run."""
        self.set_interval(LOOK_EVERY, self._tick)

    @property
    def run_progress(self) -> RunProgress | None:
        """The run that is shown, live or over."""
        run_id = self.dashboard.current_run
        return None if run_id is None else self.workspace.sync.runs.get(run_id)

    @property
    def table(self) -> RecordTable:
        """The table in use."""
        return self.query_one("#plan-table" if self.run_progress is None else "#run-table", RecordTable)

    @property
    def lacking(self) -> str:
        """What is missing to send with; who only looks does not miss it."""
        return "" if self.workspace.read_only else self.workspace.sync.lacking

    def load(self) -> None:
        """Plan anew, or show the run."""
        running = self.run_progress is not None
        self.query_one("#plan-table").display = not running
        self.query_one("#run-table").display = running
        if running:
            self._tick()
        else:
            self._plan()
        if self.focused is None or not self.focused.display:
            self.table.focus()

    @work(group="plan", exclusive=True, exit_on_error=True, description="plan")
    async def _plan(self) -> None:
        wanted = self.dashboard.planned
        if wanted != self._shown_plan:
            self._left_out, self.let_through, self._shown_plan = set(), set(), list(wanted)
            self.plans, self._renewed = (), ""
        try:
            plans = await self.workspace.sync.plan(wanted) if wanted else ()
        except HeaptuiError as error:
            self.unread(error)
            return
        self._planned_at = time.time()
        if why := plan_text.renewal(self.plans, plans):
            self._renewed = f"{signs.clock(self._planned_at)}: {why}"
        self.plans = plans
        if self.alive and self.run_progress is None:
            self._show_plan()

    def _show_plan(self) -> None:
        table = self.query_one("#plan-table", RecordTable)
        table.show([plan_text.plan_row(plan, self._left_out, self.let_through) for plan in self.plans])
        facts, rule = self.query_one("#facts", SplitPane), self.query_one("#detail-rule", RuleLine)
        if not self.plans:
            self.headline("Sync", "nothing planned")
            rule.tell("")
            facts.tell(
                ["Nothing is planned.", "", "Press 1 for the cohorts, space to mark some, s to plan a sync of them."]
            )
            self.say("A plan sends nothing by itself.", idle=True)
            return
        goes_on = f", continues run {self.dashboard.continues}" if self.dashboard.continues else ""
        self.headline(f"Plan, {signs.clock(self._planned_at)}{goes_on}", "nothing has been sent")
        rule.tell("What will be sent")
        self._tell_plan()
        self._plan_people()
        self._frame()

    def _tell_plan(self) -> None:
        """What is sent, as facts and as one sentence: both of the same plans."""
        target, host = self._target(), self.workspace.profile.host
        what = plan_text.what_is_sent(self.plans, self._left_out, self.let_through)
        top, remarks = plan_text.plan_parts(self.plans, self._left_out, self.let_through, target=target, host=host)
        top += [f"Renewed   {self._renewed}"] if self._renewed else []
        self.dashboard.plan_sends = bool(what)
        if not what:
            button, told = [], plan_text.why_nothing(self.plans, self.let_through)
        elif lacking := self.lacking:
            button, told = ["", *plan_text.without_a_way(lacking)], f"{lacking} {WHERE_KEYS}"
        elif self.workspace.read_only:
            button, told = [], READ_ONLY
        else:
            button, told = ["", f"[ enter  Start: {what} in {target} ]"], f"enter sends {what} to {target}"
        self.query_one("#facts", SplitPane).tell(top, [*remarks, *self._people], button)
        self.say(told, idle=True)

    @work(group="plan-people", exclusive=True, exit_on_error=True, description="read who would join and leave")
    async def _plan_people(self) -> None:
        """Some of the people whom the highlighted cohort's plan is about."""
        plan = self._planned_here()
        lines = self.size.height - 2 * len(self.plans) - 16
        people: list[Section] = []
        if plan is not None:
            counts = (plan.adds, plan.removes)
            people = await people_waiting(self.workspace, plan.cohort_id, counts, lines, of=f": {plan.name}")
        self._people = people
        if self.alive and self.run_progress is None and self.plans:
            self._tell_plan()

    def _planned_here(self) -> Plan | None:
        row = self.query_one("#plan-table", RecordTable).row
        return next((plan for plan in self.plans if row and plan.cohort_id == row.key), None)

    def _target(self) -> str:
        profile = self.workspace.profile
        return " ".join(part for part in (profile.name, profile.label) if part)

    def _tick(self) -> None:
        """Show the live run; does nothing once its end has been shown."""
        progress = self.run_progress if self.alive else None
        if progress is None or not self.is_current or self._told_end == progress.run_id:
            return
        self._show_run(progress)
        if progress.closed:
            self._told_end = progress.run_id
            self._end(progress)

    def _show_run(self, progress: RunProgress) -> None:
        now = time.time()
        self.query_one("#run-table", RecordTable).show([run_text.run_row(d) for d in progress.deliveries.values()])
        rule, facts = self.query_one("#detail-rule", RuleLine), self.query_one("#facts", SplitPane)
        if progress.closed:
            self.headline(f"Run {progress.run_id} {run_text.result_verdict(progress)}", "counts add up")
            rule.tell("Result")
            facts.tell(*run_text.result(progress, self._explained, *self.clicks(progress)))
            self.say("4 Runs keeps this run; 1 Cohorts plans another sync.", idle=True)
            return
        left = run_text.remaining(progress, now)
        about = f", about {signs.duration(left)} left" if left else ""
        stopping = ", stopping" if progress.stopping else ""
        self.headline(
            f"Run {progress.run_id} ▶ {signs.duration(now - progress.started_at)}{about}{stopping}",
            "you can leave this screen",
        )
        rule.tell("What happens")
        facts.tell(
            [*run_text.wait_lines(progress, now), run_text.arithmetic(progress)],
            run_text.live_sections(progress, facts.side_width),
            ["", *run_text.story_lines(progress)],
        )
        self.say("Quitting asks, lets what is in flight finish, and keeps the rest for later.", idle=True)

    def clicks(self, progress: RunProgress) -> tuple[str, list[str]]:
        """The way in Braze to the highlighted cohort, or to the first that is there, with a title."""
        sent = [delivery for delivery in progress.deliveries.values() if not delivery.old_way]
        done = [d for d in sent if d.submitted or d.state is DeliveryState.FINISHED]
        row = self.query_one("#run-table", RecordTable).row
        chosen = next((d for d in done if row and d.key == row.key), done[0] if done else None)
        if chosen is None:
            return "", []
        endpoint = self.workspace.profile.endpoint
        clicks = segment_clicks(chosen.name, endpoint, older=self._older_menu, attribute=chosen.attribute)
        return f"Now in Braze{', older menu' * self._older_menu}: {chosen.name}", clicks

    @work(group="receipt", exclusive=True, exit_on_error=True, description="save the receipt")
    async def _end(self, progress: RunProgress) -> None:
        """The run is over: keep the receipt and tell, also when nobody looks."""
        receipt = None
        try:
            self._explained = self.explained(await self.workspace.support.desk(progress.run_id, progress))
            receipt = await self.workspace.history.save_receipt(progress.run_id)
        except HeaptuiError as error:
            self.told(error)
        if not self.alive:
            return
        self._frame()
        self._show_run(progress)
        if receipt:
            self.say_written(f"Receipt saved: {signs.short_path(receipt)}")
        else:
            self.say("r plans what is left over.")

    def on_record_table_highlighted(self) -> None:
        """The people and the clicks are those of the highlighted cohort."""
        progress = self.run_progress
        if progress is None:
            self._plan_people()
        elif progress.closed:
            self._show_run(progress)

    def why_disabled(self, command_id: str) -> str:
        """What the moment does not allow."""
        return why_off(self, command_id)

    @property
    def taken_in(self) -> list[Plan]:
        """The plans that were not left out."""
        return [plan for plan in self.plans if plan.cohort_id not in self._left_out and not plan.on_hold]

    def action_leave_out(self) -> None:
        """Leave the highlighted cohort out, or take it in again."""
        row = self.table.row
        if row is not None:
            self._left_out ^= {row.key}
            self._show_plan()

    @work(group="dialog", exclusive=True, exit_on_error=True, description="let a held cohort through")
    async def action_let_through(self) -> None:
        """Ask for the name of the held cohort."""
        plan = self._planned_here()
        if plan is None:
            return
        if not plan.held:
            self.say(f"“{plan.name}” is not held.")
            return
        leaves = [f"These {headcount(plan.removes)} leave the cohort in Braze."] if plan.removes else []
        leaves += [str(leave) for leave in plan.before]
        lines = [plan.held, *leaves]
        if await self.app.push_screen_wait(Asked(f"Let “{plan.name}” through?", lines, must_be=plan.name)):
            self.let_through.add(plan.cohort_id)
            self._show_plan()

    @work(group="dialog", exclusive=True, exit_on_error=True, description="start a sync")
    async def action_start(self) -> None:
        """Send the plan; in production the first sync of a cohort asks twice."""
        chosen = [plan for plan in self.taken_in if not plan.sending]
        sent = [p for p in chosen if plan_text.is_sent(p, self._left_out, self.let_through)]
        first = [plan.name for plan in sent if plan.first_time]
        if self.workspace.profile.label == "PRODUCTION" and first:
            lines = [f"Never synced before: {', '.join(first)}.", f"Target: {self._target()}"]
            if not await self.app.push_screen_wait(
                Question("First sync in PRODUCTION", lines, yes="Send to PRODUCTION", no="Not now")
            ):
                return
        if not await self.workspace_is_sure():
            return
        try:
            progress = await self.workspace.sync.start(
                [plan.cohort_id for plan in chosen],
                let_through=frozenset(self.let_through),
                origin="tui",
                continues=self.dashboard.continues,
                settle=True,
            )
        except HeaptuiError as error:
            self.told(error)
            return
        # The plan that comes after it is another one, and not this one renewed.
        self._explained, self.plans, self._renewed = [], (), ""
        self.dashboard.current_run, self.dashboard.continues = progress.run_id, None
        self.load()
        self._frame()

    def action_pause(self) -> None:
        """Pause, or go on."""
        progress = self.run_progress
        if progress is None:
            return
        service = self.workspace.sync
        (service.go_on if progress.paused else service.pause)(progress.run_id)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="cancel a sync")
    async def action_cancel(self) -> None:
        """Ask, then stop after the requests in flight."""
        progress = self.run_progress
        if progress is None:
            return
        in_flight = sum(delivery.at_once for delivery in progress.deliveries.values())
        lines = [f"Stop after the {counted(in_flight, 'request')} in flight? What is accepted stays, the rest waits."]
        question = Question("Cancel the sync", lines, yes="Stop", no="Go on", is_over=lambda: progress.closed)
        if await self.app.push_screen_wait(question):
            self.workspace.sync.cancel(progress.run_id)

    def action_clicks(self) -> None:
        """The other menu."""
        progress = self.run_progress
        if progress is not None:
            self._older_menu = not self._older_menu
            self._show_run(progress)

    async def to_copy(self) -> tuple[str, str]:
        """The clicks of a finished run, for a message or a ticket."""
        progress = self.run_progress
        if progress is None or not progress.closed:
            return await super().to_copy()
        title, clicks = self.clicks(progress)
        return "\n".join([title, *clicks]), "the clicks for Braze"

    def explanation(self) -> Sequence[str]:
        """What holds a planned cohort back, or how the run goes."""
        row, progress = self.table.row, self.run_progress
        if row is None:
            return ()
        if progress is not None:
            return run_meaning(next(d.state for d in progress.deliveries.values() if d.key == row.key))
        plan = next(plan for plan in self.plans if plan.cohort_id == row.key)
        held = plan.cohort_id not in self.let_through
        return [line for part in plan_text.remarks(plan, let_through=not held) for line in (part.title, *part.lines)]

    @work(group="dialog", exclusive=True, exit_on_error=True, description="plan a run again")
    async def action_again(self) -> None:
        """Plan what the run left over."""
        progress = self.run_progress
        if progress is not None:
            await self.plan_again(progress.run_id)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="save")
    async def action_save(self) -> None:
        """The plan as CSV, or the receipt again."""
        progress = self.run_progress
        receipts = self.workspace.history
        await self.saved(receipts.save_receipt(progress.run_id) if progress else save_plan(self.workspace, self.plans))

    @property
    def lies_over(self) -> bool:
        """A plan belongs to the cohorts, or to the run that it continues."""
        return True

    def leave(self) -> None:
        """Back to where it was planned."""
        self.app.call_later(self.dashboard.action_tab, "runs" if self.dashboard.continues else "cohorts")
