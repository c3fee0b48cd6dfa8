"""What all tabs share: where we are, the tabs, how fresh Heap's data is, and reading anew."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult

from heaptui.errors import HeaptuiError
from heaptui.model.reception import ListenerFacts
from heaptui.model.routes import way_title
from heaptui.model.runs import DeliveryState, need_attention
from heaptui.model.words import counted
from heaptui.ui.command_keys import by_keys
from heaptui.ui.from_heap import freshness
from heaptui.ui.screens.page import Page
from heaptui.ui.widgets.dialogs import Question
from heaptui.ui.widgets.frame import HeaderLine, TabLine

if TYPE_CHECKING:
    from heaptui.services.support import Desk
    from heaptui.ui.ledger_watch import LedgerChanged

COMPLETE = "This run is complete: it left nothing over. s in 1 Cohorts plans another one."

NEWEST_RUNS = 50
"""Runs among which is looked for some that need somebody."""


class FramedScreen(Page):
    """One tab, or a screen that belongs to one."""

    TAB: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self._where = ""
        self._unread = ""
        self.heap_facts: ListenerFacts | None = None

    @property
    def alive(self) -> bool:
        """Whether there is still something to show on, and a profile to show."""
        return super().alive and self.dashboard.workspace is not None

    async def read_first(self) -> None:
        """Read what the first picture shows; nothing of the screen is there yet."""

    def compose_top(self) -> ComposeResult:
        """Where we are, and the tabs."""
        yield HeaderLine()
        # What is opened from everywhere has no tab of its own: the one below stays the active one.
        yield TabLine(self.TAB or getattr(self.app.screen_stack[1], "TAB", ""))

    def on_screen_resume(self) -> None:
        """On this tab, or back on it: what is shown may be old."""
        self.load()
        self._frame()

    def on_screen_suspend(self) -> None:
        """Whoever comes back to the tab is told anew what keeps it from being read."""
        if self not in self.app.screen_stack:
            self._unread = ""

    def unread(self, error: HeaptuiError) -> None:
        """Show once what keeps it from being read: the end of the dialog reads again, and would bring it back."""
        if str(error) == self._unread:
            self.say(f"✗ {error.title}")
            return
        self._unread = str(error)
        self.told(error)

    def on_ledger_changed(self, _: LedgerChanged) -> None:
        """Something was written somewhere."""
        self._frame()
        self.load()

    def _frame(self) -> None:
        if not self.alive:
            return
        profile = self.workspace.profile
        way = way_title(self.workspace.route) or "no way into Braze yet"
        label = "read-only" if self.workspace.read_only else profile.label
        where = " · ".join(part for part in (profile.name, label, profile.instance_name, way) if part)
        self._where = where
        self._look_around()
        self.query_one(TabLine).mark(self._marks())

    @work(group="header", exclusive=True, exit_on_error=True, description="look at Heap's data and at the last runs")
    async def _look_around(self) -> None:
        try:
            self.heap_facts = await self.workspace.heap.listener()
            self.dashboard.urgent = len(need_attention(await self.workspace.history.list(NEWEST_RUNS)))
        except HeaptuiError:
            # Whatever ails the ledger, the screen itself says so.
            return
        if self.alive:
            zone = time.strftime("%Z", time.localtime())
            fresh = freshness(self.heap_facts, self.size.width, starting=self.dashboard.listener.starting)
            self.query_one(HeaderLine).tell(self._where, " · ".join(part for part in (fresh, zone) if part))
            self.query_one(TabLine).mark(self._marks())
            self.heap_looked()

    def heap_looked(self) -> None:
        """How fresh Heap's data is has just been looked up."""

    def _marks(self) -> dict[str, str]:
        app = self.dashboard
        marks = {"runs": f"✗{app.urgent}"} if app.urgent else {}
        if live := app.live_runs:
            waiting = all(progress.state is DeliveryState.WAITING for progress in live)
            marks["sync"] = "⏸" if waiting else "▶"
        elif app.planned and app.plan_sends and app.current_run is None:
            marks["sync"] = str(len(app.planned))
        return marks

    def explained(self, desk: Desk) -> list[tuple[str, str]]:
        """Why a run ended as it did; how to go on with keys where they work."""
        # The demo's home is its own: no command in another shell would find it.
        shell = not self.dashboard.is_demo
        keys = None if self.workspace.read_only else partial(by_keys, scope=self.SCOPE, shell=shell)
        lines = desk.lines(keys, shell=shell)
        if lines and self.dashboard.fault:
            place = max(
                (number for number, (name, _) in enumerate(lines, 1) if name == "Who mends"), default=len(lines)
            )
            lines.insert(
                place, ("Demo", f"--fault {self.dashboard.fault} asked for this: heaptui demo, without it, sends")
            )
        return lines

    async def plan_again(self, run_id: int) -> None:
        """Plan the cohorts of a run anew; where only refused ids are left over, they are offered again if wanted."""
        progress, app = await self.workspace.history.progress(run_id), self.dashboard
        if app.live_runs:
            self.say("A sync is running: 3 shows it.")
            return
        refused = progress.total("rejected")
        if progress.state is DeliveryState.FINISHED_WITH_REJECTIONS and not await self._offered_again(run_id, refused):
            return
        app.planned, app.continues, app.current_run = progress.cohort_ids, run_id, None
        await app.action_tab("sync")

    async def _offered_again(self, run_id: int, refused: int) -> bool:
        """Ask whether Braze gets the ids that it refused once more; whether to go on."""
        ids, them = counted(refused, "refused id"), "it" if refused == 1 else "them"
        lines = [f"Braze refused {them} in run {run_id}. The plan shows {them} first; nothing is sent by itself."]
        if not await self.app.push_screen_wait(Question(f"Offer {ids} again?", lines, yes="Plan it", no="No")):
            return False
        try:
            await self.workspace.sync.recover(run_id, forget_refusals=True)
        except HeaptuiError as error:
            self.told(error)
            return False
        return True

    async def workspace_is_sure(self) -> bool:
        """Ask, where the key is another one than before, whether its workspace is the same; whether to go on."""
        try:
            changed = await self.workspace.sync.key_changed()
            if changed is None:
                return True
            same = await self.app.push_screen_wait(
                Question(
                    "Is it the same workspace?",
                    [changed.title, changed.detail, "The plan counts on what the earlier workspace holds."],
                    yes="The same: go on",
                    no="Send nothing",
                )
            )
            if same:
                await self.workspace.sync.same_workspace()
        except HeaptuiError as error:
            self.told(error)
            return False
        return same
