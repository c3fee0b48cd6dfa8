"""The terminal dashboard: opens a profile, holds the tabs, and owns the runs until they are home."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.driver import Driver
from textual.screen import Screen

from heaptui.config import Profile, load_config
from heaptui.errors import HeaptuiError, UsageError
from heaptui.services.preferences import load_preferences, save_preferences
from heaptui.ui.attention import Attention
from heaptui.ui.commands import choose_keys, chosen_keys
from heaptui.ui.garbage import SETTLED_AFTER, go_on_collecting
from heaptui.ui.keeping import profile_to_open
from heaptui.ui.ledger_watch import LOOK_EVERY, LedgerWatch
from heaptui.ui.listener import ListenerChild, Opening
from heaptui.ui.palette import CommandsHere, help_lines
from heaptui.ui.tabs import hide, make_screen
from heaptui.ui.terminal import choose_signs, outliving
from heaptui.ui.theme import DARK, LIGHT
from heaptui.ui.tour import Tour
from heaptui.ui.widgets.dialogs import Leaving, Told
from heaptui.ui.widths import WIDTHS

if TYPE_CHECKING:
    from heaptui.model.runs import RunProgress
    from heaptui.services.workspace import Workspace


class HeaptuiApp(App[str]):
    """heaptui in the terminal. Exits with "demo" when the user wants to look around."""

    CSS_PATH = "heaptui.tcss"
    TITLE = "heaptui"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {CommandsHere}
    HORIZONTAL_BREAKPOINTS = WIDTHS
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q,ctrl+c", "ask_quit", "quit", show=False)]

    def __init__(self, opening: Opening, note: str = "", *, demo: bool = False, fault: str = "") -> None:
        super().__init__()
        self.tour = Tour() if demo else None
        self.is_demo, self.fault = demo, fault
        self._attention = Attention(self)
        self.opening = opening
        self.preferences = load_preferences(opening.home)
        self._note = note
        self.workspace: Workspace | None = None
        self.crash: BaseException | None = None
        self._stack = AsyncExitStack()
        self._watch = LedgerWatch(self)
        self.urgent = 0
        """Runs that need somebody."""
        self.planned: list[str] = []
        self.plan_sends = True
        self.previewed: list[str] = []
        self.current_run: int | None = None
        self.continues: int | None = None
        hide(self.preferences.hidden)
        # Before anything is drawn: later, everything would be styled twice.
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        wanted = self.preferences.theme
        self.theme = wanted if wanted in self.available_themes else DARK.name

    def get_default_screen(self) -> Screen[Any]:
        """An empty screen while the profile opens."""
        return Screen(id="opening")

    async def on_mount(self) -> None:
        """Open the profile, or the start screen when there is none."""
        self.set_timer(SETTLED_AFTER, go_on_collecting)
        self.set_interval(LOOK_EVERY, self._look)
        for number in (signal.SIGTERM, signal.SIGHUP):
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                asyncio.get_running_loop().add_signal_handler(number, self.leave, number)
        config = await asyncio.to_thread(load_config, self.opening.home)
        for told in filter(None, (self._note, *choose_keys(config.keys))):
            self.notify(told, severity="warning", timeout=15, markup=False)
        self.set_keymap(chosen_keys())
        try:
            profile = await asyncio.to_thread(profile_to_open, config, self.opening)
        except UsageError as error:
            from heaptui.ui.screens.start import way_in

            await self.push_screen(way_in(config, self.opening.profile, error))
            return
        await self.open_profile(profile, then=self.preferences.tab or "cohorts")

    async def open_profile(self, profile: Profile, *, then: str = "cohorts") -> None:
        """Open a profile and show one of its tabs."""
        from heaptui.services.workspace import open_workspace

        # Nobody may still read the ledger that closes here.
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        self.workers.cancel_all()
        self.workspace = None
        await self._stack.aclose()
        self._stack = AsyncExitStack()
        read_only = self.opening.read_only or profile.read_only
        try:
            self.workspace = await self._stack.enter_async_context(
                open_workspace(self.opening.home, profile, self.opening.environ, read_only=read_only, what="dashboard")
            )
        except HeaptuiError as error:
            self.crash = error
            self.exit()
            return
        self._watch.another()
        self.urgent, self.planned, self.previewed, self.current_run, self.continues = 0, [], [], None, None
        self.listener = ListenerChild(self.opening, profile)
        self._stack.push_async_callback(self.listener.stop)
        self.listener.starting = profile.listen_with_dashboard and not read_only
        await self._show(then)
        if self.listener.starting:
            self.run_worker(self.listener.begin(self.notify), description="start the receiver")

    @property
    def opened(self) -> Workspace:
        """The workspace, on screens that exist only with one."""
        assert self.workspace is not None
        return self.workspace

    @property
    def live_runs(self) -> list[RunProgress]:
        """The runs of this process that are still going."""
        if self.workspace is None or "sync" not in self.workspace.__dict__:
            return []
        return [progress for progress in self.workspace.sync.runs.values() if not progress.closed]

    async def action_tab(self, name: str) -> None:
        """Go to a tab."""
        await self._show(name)

    async def _show(self, name: str) -> None:
        """Show the screen of a tab; screens are made once and stay."""
        if self.workspace is None:
            return
        if name != "sync":
            # What was planned is gone by then: an empty plan is no place to begin.
            self.preferences.tab = name
        if not self.is_screen_installed(name):
            self.install_screen(await make_screen(name), name)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        await self.push_screen(name)

    async def _look(self) -> None:
        self._attention.look()
        await self._watch.look()

    def action_end_tour(self) -> None:
        """No more tour."""
        self.tour = None

    def action_help(self) -> None:
        """The keys of this screen."""
        self.push_screen(Told("Keys", help_lines(self.screen)))

    async def action_quit(self) -> None:
        """Every way out asks first while a run is going."""
        self.action_ask_quit()

    @work(group="quit", exclusive=True, description="ask before quitting")
    async def action_ask_quit(self) -> None:
        """Quit; while a run is going, ask, let what is in flight finish, and keep the rest."""
        if self.live_runs:
            leave = await self.push_screen_wait(
                Leaving(
                    "A sync is running",
                    [
                        "What is in flight finishes, what is accepted stays, and the rest is kept for the next sync.",
                        "Ctrl-C again stops and quits, too.",
                    ],
                    yes="Stop and quit",
                    no="Go on",
                    is_over=lambda: not self.live_runs,
                )
            )
            if not leave:
                return
            self.notify("Waiting for the requests in flight…", markup=False)
        await self._leave()

    def leave(self, number: signal.Signals) -> None:
        """The terminal or the system ends this: no question."""
        from heaptui.services.sync import STOPPED_BY

        self.run_worker(self._leave(STOPPED_BY[number]), group="quit", exclusive=True, description="leave")

    async def _leave(self, why: str = "The dashboard was closed.") -> None:
        """Let what is in flight come home while the screens are still alive, then end."""
        if self.live_runs:
            await self.opened.sync.stop(why)
        self.exit()

    def get_driver_class(self) -> type[Driver]:
        """A driver that survives the end of its terminal, so that what is in flight comes home."""
        return outliving(super().get_driver_class())

    async def _shutdown(self) -> None:
        """Close the profile when the screens and everything that ran on them are gone."""
        self._attention.leave()
        await super()._shutdown()
        self.preferences.theme = self.theme
        if not self.opening.read_only:
            await save_preferences(self.opening.home, self.preferences)
        await self._stack.aclose()

    def _fatal_error(self) -> None:
        """Leave without printing: whoever started the dashboard writes the report, which holds no values."""
        self.crash = sys.exc_info()[1] or self.crash
        self._close_messages_no_wait()

    def _handle_exception(self, error: Exception) -> None:
        self.crash = error
        super()._handle_exception(error)


def run_app(opening: Opening, *, demo: bool = False, fault: str = "") -> str | None:
    """Run the dashboard until the user leaves; the demo has a guided tour, a home that is thrown away, perhaps a fault.

    Raises:
        HeaptuiError: the profile could not be opened.
        Exception: whatever crashed the dashboard.
    """
    app = HeaptuiApp(opening, choose_signs(), demo=demo, fault=fault)
    wish = app.run()
    if app.crash is not None:
        raise app.crash
    return wish
