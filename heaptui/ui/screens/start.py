"""The first screen of somebody who has nothing set up: what can I do here with what I have?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from heaptui.errors import HeaptuiError
from heaptui.services.profiles import ProfileService
from heaptui.ui.widgets.dialogs import Asked, Told
from heaptui.ui.widgets.frame import HeaderLine, KeyLine, RuleLine, TextPane
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

if TYPE_CHECKING:
    from heaptui.ui.app import HeaptuiApp

DOORS = (
    ("1", "Look around", "a sandbox with sample people; nothing leaves here"),
    ("3", "Connect", "one Braze workspace"),
    ("4", "I only have a file", "count, compare and export ids; no keys needed"),
)


class StartScreen(Screen[None]):
    """Three doors."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", show=False),
        Binding("1,１", "door('1')", show=False),
        Binding("3,３", "door('3')", show=False),
        Binding("4,４", "door('4')", show=False),
        Binding("q,ｑ,escape", "app.ask_quit", show=False),
    ]
    AUTO_FOCUS = "RecordTable"

    def compose(self) -> ComposeResult:
        """Doors, and what is needed to deliver."""
        yield HeaderLine()
        yield RuleLine()
        yield TextPane(id="intro")
        yield RecordTable(Column("", 1), Column("What would you like to do?", 26), Column("", 0))
        yield RuleLine("To deliver people into Braze")
        yield TextPane(id="needs")
        yield KeyLine("↑↓ choose · enter open · q quit")

    def on_mount(self) -> None:
        """Fill in the words."""
        self.query_one(HeaderLine).tell("heaptui", "nothing set up yet")
        self.query_one("#intro", TextPane).tell(
            ["Takes groups of people from Heap into Braze: a plan before, a proof after.", ""]
        )
        self.query_one(RecordTable).show([Row(key, (key, title, note)) for key, title, note in DOORS])
        self.query_one("#needs", TextPane).tell(
            [
                "Heap Cohorts      a partner key (Heap holds it) and your Data Import Key",
                "",
                "Without keys, cohorts can be imported, counted, compared and exported.",
            ]
        )

    async def action_open(self) -> None:
        """Open the highlighted door."""
        row = self.query_one(RecordTable).row
        if row is not None:
            self.action_door(row.key)

    @work(group="door", exclusive=True, exit_on_error=True, description="open a door")
    async def action_door(self, key: str) -> None:
        """Look around, connect, or work with files only."""
        app = cast("HeaptuiApp", self.app)
        if key == "1":
            app.exit("demo")
            return
        service = ProfileService(app.opening.home, app.opening.environ)
        settings = {}
        if key == "3":
            note = "Its REST endpoint, or the address of your dashboard, like https://dashboard-03.braze.com"
            endpoint = await app.push_screen_wait(Asked("Which Braze workspace?", [note]))
            if not endpoint:
                return
            settings["endpoint"] = endpoint
        name = await app.push_screen_wait(Asked("How shall this profile be called?", ["Letters, digits, - and _."]))
        if not name:
            return
        try:
            profile = await service.change(name.strip(), settings)
        except HeaptuiError as error:
            app.push_screen(Told(error.title, [error.detail, error.hint]))
            return
        # By the app: opening a profile closes this screen, and with it everything that runs here.
        app.call_later(app.open_profile, profile, then="credentials" if key == "3" else "cohorts")
