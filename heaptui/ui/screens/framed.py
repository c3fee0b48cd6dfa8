"""What all tabs share: the frame, the sentence, the keys, the filter, and why a command is off."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from heaptui.errors import HeaptuiError
from heaptui.model.reception import ListenerFacts
from heaptui.model.routes import way_title
from heaptui.model.runs import DeliveryState
from heaptui.ui import signs
from heaptui.ui.commands import bindings_of, footer_of
from heaptui.ui.from_heap import freshness
from heaptui.ui.widgets.dialogs import Told
from heaptui.ui.widgets.frame import HeaderLine, KeyLine, Line, RuleLine, TabLine
from heaptui.ui.widgets.tour import TourPane

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace
    from heaptui.ui.app import HeaptuiApp, LedgerChanged

ANSWER_STAYS = 4.0
"""Seconds in which the answer to a key is not replaced by a hint."""


TOUR_EVERY = 0.25
"""Seconds between two looks whether a step of the tour was done."""


class FramedScreen(Screen[None]):
    """One tab."""

    SCOPE: ClassVar[str] = ""
    TAB: ClassVar[str] = ""
    AUTO_FOCUS = "RecordTable"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls.BINDINGS = bindings_of(cls.SCOPE)
        super().__init_subclass__(**kwargs)

    def __init__(self) -> None:
        super().__init__()
        self.filter_text = ""
        self._answer_until = 0.0
        self._where = ""
        self.heap_facts: ListenerFacts | None = None

    @property
    def dashboard(self) -> HeaptuiApp:
        """The app with its own type."""
        return cast("HeaptuiApp", self.app)

    @property
    def workspace(self) -> Workspace:
        """The opened profile."""
        return self.dashboard.opened

    @property
    def alive(self) -> bool:
        """Whether there is still something to show on: a read may come home after the screen was taken down."""
        return self.is_running and bool(self.query(HeaderLine)) and self.dashboard.workspace is not None

    def compose(self) -> ComposeResult:
        """The frame around the screen's body."""
        yield HeaderLine()
        yield TabLine(self.TAB)
        yield RuleLine(id="title-rule")
        with Vertical(id="body"):
            yield from self.compose_body()
        yield Input(id="filter", placeholder="filter, esc clears")
        yield TourPane()
        yield RuleLine(id="bottom-rule")
        yield Line(id="status-line")
        yield KeyLine()

    def compose_body(self) -> ComposeResult:
        """What the screen is about."""
        yield from ()

    def on_mount(self) -> None:
        """Show the frame and load."""
        self._frame()
        self.load()
        if self.dashboard.tour is not None:
            self.set_interval(TOUR_EVERY, self._tour)

    def _tour(self) -> None:
        """Show where the tour is, if there is one."""
        if not self.alive:
            return
        tour = self.dashboard.tour
        if tour is not None and self.is_current and not tour.look(self.dashboard):
            self.dashboard.action_end_tour()
        self.query_one(TourPane).show(self.dashboard.tour)

    def on_screen_resume(self) -> None:
        """Back on this tab: what is shown may be old."""
        self._frame()
        self.load()

    def load(self) -> None:
        """Read anew what the screen shows."""

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
        self._tell_freshness()
        self.query_one(TabLine).mark(self._marks())

    @work(group="header", exclusive=True, exit_on_error=True, description="look how fresh Heap's data is")
    async def _tell_freshness(self) -> None:
        try:
            self.heap_facts = await self.workspace.heap.listener()
        except HeaptuiError:
            # Whatever ails the ledger, the screen itself says so.
            return
        if self.alive:
            zone = time.strftime("%Z", time.localtime())
            fresh = freshness(self.heap_facts, self.size.width, starting=self.dashboard.listener.starting)
            self.query_one(HeaderLine).tell(self._where, " · ".join(part for part in (fresh, zone) if part))
            self.heap_looked()

    def heap_looked(self) -> None:
        """How fresh Heap's data is has just been looked up."""

    def _marks(self) -> dict[str, str]:
        app = self.dashboard
        if live := app.live_runs:
            waiting = all(progress.state is DeliveryState.WAITING for progress in live)
            return {"sync": "⏸" if waiting else "▶"}
        waiting = bool(app.planned) and app.plan_sends and app.current_run is None
        return {"sync": str(len(app.planned))} if waiting else {}

    def say(self, text: str, *, idle: bool = False) -> None:
        """One sentence in the line above the keys; an idle one leaves the result of a key its few seconds."""
        now = time.monotonic()
        if idle and now < self._answer_until:
            return
        self._answer_until = 0.0 if idle else now + ANSWER_STAYS
        self.query_one("#status-line", Line).update(signs.sign(f" {signs.safe(text)}"))
        self.show_keys()

    def show_keys(self) -> None:
        """The keys that work now."""
        keys = footer_of(self.SCOPE, self.size.width - 2, lambda command_id: not self.why_disabled(command_id))
        self.query_one(KeyLine).tell(keys)

    def headline(self, text: str, verdict: str = "") -> None:
        """The rule above the main pane."""
        self.query_one("#title-rule", RuleLine).tell(text, verdict)

    def told(self, error: HeaptuiError) -> None:
        """Show an error that people can act on."""
        lines = [line for line in (error.detail, error.hint) if line]
        self.app.push_screen(Told(error.title, lines))

    async def saved(self, writing: Awaitable[Path]) -> None:
        """Say where a file was saved, or show why it was not."""
        try:
            self.say(f"Saved: {await writing}")
        except HeaptuiError as error:
            self.told(error)

    def why_disabled(self, command_id: str) -> str:
        """Why a command does nothing just now; empty when it works."""
        del command_id
        return ""

    def refuses(self, command_id: str) -> bool:
        """Say why a command is off; False when it is on."""
        why = self.why_disabled(command_id)
        if why:
            self.say(why)
        return bool(why)

    def home(self) -> Widget:
        """What has the focus when nothing is typed."""
        return self.query_one(self.AUTO_FOCUS)

    def action_way(self) -> None:
        """Choose how people get into Braze."""
        from heaptui.ui.screens.way import WayScreen

        self.app.push_screen(WayScreen(self.workspace))

    def action_filter(self) -> None:
        """Open the filter field."""
        field = self.query_one("#filter", Input)
        field.add_class("-open")
        field.focus()

    def traced_by_default(self) -> str:
        """The id of the highlighted person, where the screen shows people."""
        return ""

    def action_trace(self) -> None:
        """Trace a person."""
        from heaptui.ui.screens.trace import TraceScreen

        self.app.push_screen(TraceScreen(self.traced_by_default()))

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        self.filter_text = event.value.casefold()
        self.load()

    @on(Input.Submitted, "#filter")
    def _keep_filter(self) -> None:
        self.home().focus()

    def key_escape(self) -> None:
        """Clear the filter, or go back to the table."""
        field = self.query_one("#filter", Input)
        if field.has_class("-open"):
            field.value = ""
            field.remove_class("-open")
        self.home().focus()
