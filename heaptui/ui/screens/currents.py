"""Events from Braze: what happened to a cohort, what went on to Heap, and what could not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll

from heaptui.errors import HeaptuiError
from heaptui.model.aftermath import Aftermath
from heaptui.model.cohorts import Cohort
from heaptui.model.currents_facts import CurrentsStats, DeadLetter, StoredEvent
from heaptui.model.words import counted
from heaptui.ui import currents_text, signs
from heaptui.ui.commands import CURRENTS
from heaptui.ui.screens import currents_set_up
from heaptui.ui.screens.event_detail import EventScreen
from heaptui.ui.screens.framed import FramedScreen
from heaptui.ui.screens.picker import Picker
from heaptui.ui.widgets.dialogs import Question
from heaptui.ui.widgets.frame import RuleLine, TextPane
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

LOOK_EVERY = 1.0
QUIET_LOOKS = 5
"""Looks without news after which what is shown is counted anew: rates fall when nothing comes, too."""
FRESH = 3600.0
COMPARE_EVERY = 3.0
"""Seconds between two comparisons of a cohort: they look at everybody."""

NORMAL = 80
"""Columns from which there is room for everything but the widest."""

TOGETHER = "Together"
EVENTS_SHOWN = 200
LETTERS_SHOWN = 2


class CurrentsScreen(FramedScreen):
    """Tab 5."""

    SCOPE: ClassVar[str] = CURRENTS
    COPIES: ClassVar[str] = "the comparison, or the steps for Braze"
    PANES: ClassVar[str] = "#type-table, #loop, #dead, #set-up"
    TAB: ClassVar[str] = "currents"

    def __init__(self) -> None:
        super().__init__()
        self.stats = CurrentsStats(())
        self.cohorts: Sequence[Cohort] = ()
        self.found: Aftermath | None = None
        self.letters: Sequence[DeadLetter] = ()
        self._period: int | None = None
        self._compared_at = 0.0
        self._compared: tuple[str, int | None] = ("", -1)
        self._version, self._quiet = -1, 0

    def compose_body(self) -> ComposeResult:
        """The comparison, the flow, the dead letters; or what it all needs."""
        with Vertical(id="currents-flow"):
            yield TextPane(id="loop")
            yield RuleLine(id="flow-rule")
            yield RecordTable(
                Column("Event", 0),
                Column("/min", 6, right=True, drop=1),
                Column("Received", 9, right=True),
                Column("To Heap", 9, right=True),
                Column("Filtered", 8, right=True),
                Column("Twice", 6, right=True),
                Column("Dead", 5, right=True),
                Column("Waiting", 8, right=True, drop=2),
                id="type-table",
            )
            yield RuleLine(id="dead-rule")
            yield TextPane(id="dead")
        with VerticalScroll(id="set-up", can_focus=False):
            yield TextPane()

    def on_mount(self) -> None:
        """Look every second whether something came: events come into a database of their own."""
        self.set_interval(LOOK_EVERY, self._look)

    async def _look(self) -> None:
        if not self.is_current or not self.alive:
            return
        try:
            version = await self.workspace.currents.version()
        except HeaptuiError as error:
            # Not as a dialog, which would come again every second.
            self.say(error.title)
            return
        self._quiet = 0 if version != self._version else self._quiet + 1
        self._version = version
        if self._quiet % QUIET_LOOKS == 0:
            self.load()

    @property
    def table(self) -> RecordTable:
        """The event types."""
        return self.query_one("#type-table", RecordTable)

    @property
    def received(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.stats.types)

    @property
    def followed(self) -> Cohort | None:
        """The cohort that is looked at: the chosen one, else the one that was synced last."""
        chosen = self.dashboard.preferences.followed
        first = self.cohorts[0] if self.cohorts else None
        return next((cohort for cohort in self.cohorts if cohort.cohort_id == chosen), first)

    @work(group="currents", exclusive=True, exit_on_error=True, description="read what came from Braze")
    async def load(self) -> None:  # type: ignore[override]
        """Read the counts, and now and then compare the cohort."""
        try:
            self.stats = await self.workspace.currents.stats()
            if self.received:
                self.letters = await self.workspace.currents.dead_letters(LETTERS_SHOWN)
                await self._compare()
        except HeaptuiError as error:
            self.unread(error)
            return
        if self.alive:
            self._show()

    async def _compare(self) -> None:
        """Compare anew when another cohort or period is wanted, and now and then."""
        wanted = (self.dashboard.preferences.followed, self._period)
        if wanted == self._compared and time.monotonic() - self._compared_at < COMPARE_EVERY:
            return
        self.cohorts = await self.workspace.loop.cohorts()
        cohort = self.followed
        if self._period is None:
            # A sync of this very hour has no aftermath yet.
            fresh = cohort is not None and time.time() - (cohort.synced_at or 0) < FRESH
            self._period = 1 if fresh else 0
        hours = currents_text.PERIODS[self._period][1]
        since = time.time() - hours * 3600 if hours else None
        self.found = await self.workspace.loop.aftermath(cohort, since=since) if cohort else None
        self._compared, self._compared_at = (wanted[0], self._period), time.monotonic()

    def _show(self) -> None:
        self.query_one("#currents-flow").display = self.received
        self.query_one("#set-up").display = not self.received
        if not self.received:
            # What was hidden a moment ago has no width yet.
            self.call_after_refresh(self._show_set_up)
            return
        width = self.size.width
        if self.found:
            title, verdict = currents_text.loop_title(self.found, currents_text.PERIODS[self._period or 0][0])
            self.headline(title, verdict if width >= NORMAL else "")
            self.query_one("#loop", TextPane).tell(currents_text.loop_lines(self.found, width - 2))
        else:
            self.headline("What happened to a cohort", "none was synced yet")
            self.query_one("#loop", TextPane).tell(
                ["", " After a sync, its people are compared here with everybody else."]
            )
        self.query_one("#flow-rule", RuleLine).tell("Braze Currents → Heap", currents_text.flow_verdict(self.stats))
        room = max(24, self.table.layout_of(width)[0][1])
        rows = [
            Row(c.event_type, currents_text.row_cells(c, currents_text.short_type(c.event_type, room)),
                tone="attention" if c.dead else "", also=c.event_type)
            for c in self.stats.types
        ]  # fmt: skip
        # The sum comes first: there may be more types than lines.
        self.table.show([Row(TOGETHER, currents_text.row_cells(self.stats.together, TOGETHER), tone="accent"), *rows])
        dead = self.stats.together.dead
        self.query_one("#dead-rule").display = self.query_one("#dead").display = bool(dead)
        if dead:
            self.query_one("#dead-rule", RuleLine).tell(f"{dead:,} could not go to Heap", "kept for 30 days")
            self.query_one("#dead", TextPane).tell(currents_text.dead_lines(self.letters, LETTERS_SHOWN))
        self.say(self._hint(), idle=True)

    def _hint(self) -> str:
        if self.stats.together.waiting and not self.workspace.profile.heap_app_id:
            return "Nothing goes to Heap: the profile has no heap_app_id. s asks for it."
        if int(time.time() / 10) % 2:
            return currents_text.NOTE
        return "Heap answers 200 even to a wrong app id: look once at Live data in Heap."

    def _show_set_up(self) -> None:
        if not self.alive:
            return
        self.headline("Braze Currents → Heap", "not set up" if not self._has_token else "no event yet")
        lines = currents_text.set_up_lines(
            currents_set_up.ENDPOINT,
            has_token=self._has_token,
            app_id=self.workspace.profile.heap_app_id,
            hidden=self.TAB in self.dashboard.preferences.hidden,
        )
        self.query_one("#set-up TextPane", TextPane).tell(lines)
        self.say("Nothing is wrong. Cohort sync does not need Currents.", idle=True)

    @property
    def _has_token(self) -> bool:
        return self.workspace.secrets.currents_token is not None

    def why_disabled(self, command_id: str) -> str:
        """What needs events, or a profile that may be written."""
        needs_events = ("currents.cohort", "currents.period", "currents.dead", "currents.again")
        if command_id in needs_events and not self.received:
            return "Nothing was received yet."
        if command_id in ("currents.cohort", "currents.period") and not self.cohorts:
            return "No cohort was synced yet."
        if command_id in ("currents.dead", "currents.again") and not self.stats.together.dead:
            return "There are no dead letters."
        if command_id in ("currents.again", "currents.set_up") and self.workspace.read_only:
            return "This is open read-only."
        if command_id == "currents.set_up" and self.workspace.profile.from_environment:
            return "This profile is the environment: set HEAPTUI_CURRENTS_TOKEN and HEAPTUI_HEAP_APP_ID."
        return ""

    @work(group="dialog", exclusive=True, exit_on_error=True, description="show an event")
    async def action_open(self) -> None:
        """The newest events of the highlighted type."""
        if not self.received:
            await currents_set_up.set_up(self)
            return
        row = self.table.row
        event_type = row.key if row and row.key != TOGETHER else ""
        found = await self.workspace.currents.newest(EVENTS_SHOWN, event_type=event_type)
        if found:
            await self._show_events(list(reversed(found)))
        else:
            self.say("Its events are older than 30 days; only the counts are kept.")

    async def _show_events(self, events: Sequence[StoredEvent]) -> None:
        self.app.push_screen(EventScreen(events, await self.workspace.currents.names()))

    @work(group="dialog", exclusive=True, exit_on_error=True, description="choose a cohort")
    async def action_cohort(self) -> None:
        """Look at another cohort."""
        rows = [Row(c.cohort_id, (c.name, f"{c.delivered:,}", signs.age(c.synced_at))) for c in self.cohorts]
        columns = (Column("Cohort", 0), Column("Accepted", 9, right=True), Column("Synced", 8))
        chosen = await self.app.push_screen_wait(Picker("Whose people?", columns, rows))
        if chosen:
            self.dashboard.preferences.followed = chosen
            self.load()

    def action_period(self) -> None:
        """The next period."""
        self._period = ((self._period or 0) + 1) % len(currents_text.PERIODS)
        self.load()

    @work(group="dialog", exclusive=True, exit_on_error=True, description="show dead letters")
    async def action_dead(self) -> None:
        """Choose a dead letter and show it."""
        letters = await self.workspace.currents.dead_letters()
        rows = [
            Row(str(x.event_no), (signs.clock(x.died_at), currents_text.short_type(x.event_type, 24), x.reason))
            for x in letters
        ]
        columns = (Column("When", 8), Column("Event", 24), Column("Reason", 0))
        chosen = await self.app.push_screen_wait(Picker("What could not go to Heap", columns, rows))
        events = [
            StoredEvent(x.event_no, x.event_id, x.event_type, x.received_at, "dead letter", x.body, x.reason)
            for x in letters
            if chosen is not None and x.event_no <= int(chosen)
        ]
        if events:
            await self._show_events(events)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="send dead letters again")
    async def action_again(self) -> None:
        """Let all dead letters wait for Heap again."""
        count = self.stats.together.dead
        lines = ["What was the matter with them may be the matter still: then they are dead letters again."]
        question = Question(f"Send {counted(count, 'dead letter')} again?", lines, yes="Send again", no="Leave them")
        if await self.app.push_screen_wait(question):
            revived = await self.workspace.currents.revive()
            self.say(f"{revived:,} wait for Heap again. A listener with --forward sends them.")
            self.load()

    @work(group="dialog", exclusive=True, exit_on_error=True, description="set up Currents")
    async def action_set_up(self) -> None:
        """Make a token, ask for the app id, show the clicks."""
        await currents_set_up.set_up(self)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="open the demo")
    async def action_demo(self) -> None:
        """Leave this profile for the demo, where sample events flow."""
        lines = ["This profile is closed, and the demo opens on a sandbox. Nothing leaves this machine."]
        if await self.app.push_screen_wait(Question("Watch sample events?", lines, yes="Open the demo", no="Stay")):
            self.app.exit("demo")

    def why_not_copied(self) -> str:
        """There is a comparison, or there are steps."""
        return ""

    async def to_copy(self) -> tuple[str, str]:
        """The comparison, or the steps for Braze."""
        if self.received:
            title = f"{self.found.name}\n" if self.found else ""
            return title + "\n".join(self.query_one("#loop", TextPane).lines), "the comparison"
        return "\n".join(self.query_one("#set-up TextPane", TextPane).lines), "the steps for Braze"

    async def action_hide(self) -> None:
        """Hide the tab, or show it again."""
        await currents_set_up.hide_or_show(self)
