"""The first screen: what can I do here with what I have? And which profile, where there are several."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import Screen

from heaptui.config import Config, NoProfile
from heaptui.errors import HeaptuiError
from heaptui.model.words import counted
from heaptui.services.ledgers import inspect_ledger
from heaptui.services.profiles import ProfileService, endpoint_problem
from heaptui.ui.keeping import NoLedgerYet, ask_label, ask_name, take_over, take_over_or_new, typed_path
from heaptui.ui.widgets.dialogs import Asked, Told
from heaptui.ui.widgets.frame import HeaderLine, KeyLine, RuleLine, TextPane
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

if TYPE_CHECKING:
    from heaptui.ui.app import HeaptuiApp

DOORS = (
    ("1", "Look around", "a sandbox with sample people; nothing leaves here"),
    ("2", "Check some keys", "paste what you were given; nothing is saved"),
    ("3", "Connect", "one Braze workspace, and Heap if you have access"),
    ("4", "I only have a file", "count, compare and export ids; no keys needed"),
    ("5", "Take over", "go on from a colleague's ledger file"),
)


def way_in(config: Config, named: str | None, error: HeaptuiError) -> Screen[None]:
    """The screen to begin with where no profile could be opened: the doors, or the choice among several.

    Raises:
        HeaptuiError: `error`, where neither helps.
    """
    if isinstance(error, NoProfile):
        return StartScreen()
    if isinstance(error, NoLedgerYet):
        return ProfileScreen(error.name)
    if named is None and len(config.profiles) > 1:
        return ProfileScreen()
    raise error


class StartScreen(Screen[None]):
    """The doors."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", show=False),
        *(Binding(f"{key},{chr(ord(key) + 0xFEE0)}", f"door('{key}')", show=False) for key, _, _ in DOORS),
        Binding("question_mark,？", "help", show=False),
        Binding("q,ｑ", "app.ask_quit", show=False),
        Binding("escape", "leave", show=False),
    ]
    AUTO_FOCUS = "RecordTable"

    @property
    def _first(self) -> bool:
        """Whether nothing else was there before it."""
        return len(self.app.screen_stack) < 3

    def compose(self) -> ComposeResult:
        """Doors, and what is needed to deliver."""
        yield HeaderLine()
        yield RuleLine()
        yield TextPane(id="intro")
        yield RecordTable(Column("", 1), Column("", 18), Column("", 0))
        yield RuleLine("To deliver people into Braze, one of these is enough")
        with VerticalScroll(classes="grow", can_focus=False):
            yield TextPane(id="needs")
        yield RuleLine()
        yield KeyLine(f"↑↓ choose · enter open · {'' if self._first else 'esc back · '}? help · q quit")

    def on_mount(self) -> None:
        """Fill in the words."""
        self.query_one(HeaderLine).tell("heaptui", "nothing set up yet" if self._first else "another workspace")
        self.query_one("#intro", TextPane).tell(
            [
                "Takes groups of people from Heap into Braze: a plan before, a proof after.",
                "",
                "What would you like to do?",
            ]
        )
        self.query_one(RecordTable).show([Row(key, (key, title, note)) for key, title, note in DOORS])
        self.query_one("#needs", TextPane).tell(
            [
                "Heap Cohorts      a partner key (Heap holds it) and your Data Import Key",
                "Custom attribute  a Braze REST key with users.track; you can make one",
                "CSV upload        no key: a file is written here, you upload it in Braze",
                "",
                "Not sure? 2 tells in about five seconds which of them your keys allow.",
            ]
        )

    @property
    def _app(self) -> HeaptuiApp:
        return cast("HeaptuiApp", self.app)

    def action_help(self) -> None:
        """What the doors lead to."""
        lines = [f"{key}  {title}: {note}." for key, title, note in DOORS]
        self.app.push_screen(Told("Doors", [*lines, "", "The commands work without this screen: heaptui --help"]))

    def action_leave(self) -> None:
        """Back to where it was asked for; only q leads out."""
        if not self._first:
            self.app.pop_screen()

    async def action_open(self) -> None:
        """Open the highlighted door."""
        row = self.query_one(RecordTable).row
        if row is not None:
            self.action_door(row.key)

    @work(group="door", exclusive=True, exit_on_error=True, description="open a door")
    async def action_door(self, key: str) -> None:
        """Look around, check keys, connect, work with files only, or go on from somebody's ledger."""
        try:
            match key:
                case "1":
                    self.app.exit("demo")
                case "2":
                    from heaptui.ui.screens.paste import PasteScreen

                    await self.app.push_screen(PasteScreen())
                case "3":
                    await self._connect()
                case "4":
                    await self._make({}, then="cohorts")
                case "5":
                    await self._take_over()
        except HeaptuiError as error:
            self.app.push_screen(Told(error.title, [line for line in (error.detail, error.hint) if line]))

    async def _connect(self) -> None:
        note = "Its REST endpoint, or the address of your dashboard, like https://dashboard-03.braze.com"
        asked = Asked("Which Braze workspace?", [note], problem=endpoint_problem)
        endpoint = await self.app.push_screen_wait(asked)
        if not endpoint:
            return
        label = await ask_label(self.app)
        if label is not None:
            await self._make({"endpoint": endpoint, "label": label}, then="credentials")

    async def _make(self, settings: dict[str, str], *, then: str) -> None:
        opening = self._app.opening
        service = ProfileService(opening.home, opening.environ)
        name = await ask_name(self.app, service)
        if not name:
            return
        profile = await service.change(name, settings)
        await take_over_or_new(self.app, opening.home, profile)
        # By the app: opening a profile closes this screen, and with it everything that runs here.
        self.app.call_later(self._app.open_profile, profile, then=then)

    async def _take_over(self) -> None:
        """The ledger says which workspace it belongs to."""
        opening = self._app.opening
        note = "The file that heaptui ledger export wrote on the old computer. Stop its cron job and listener first."
        source = await self.app.push_screen_wait(Asked("Which ledger file?", [note]))
        if not source:
            return
        path = typed_path(source)
        facts = await inspect_ledger(path)
        service = ProfileService(opening.home, opening.environ)
        holds = f"The ledger holds {counted(facts.cohorts, 'cohort')} and {counted(facts.runs, 'run')}."
        name = await ask_name(self.app, service, [holds, facts.endpoint or "Never synced."])
        label = await ask_label(self.app) if name else None
        if not name or label is None:
            return
        profile = await service.change(name, {"endpoint": facts.endpoint, "label": label})
        if await take_over(self.app, opening.home, profile, path):
            self.app.call_later(self._app.open_profile, profile, then="credentials")


class ProfileScreen(Screen[None]):
    """Several profiles, and none is the default; `at_once` names one that is opened after its question."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", show=False),
        Binding("n,ｎ", "doors", show=False),
        Binding("q,ｑ", "app.ask_quit", show=False),
        Binding("escape", "leave", show=False),
    ]
    AUTO_FOCUS = "RecordTable"

    def __init__(self, at_once: str = "") -> None:
        super().__init__()
        self._at_once = at_once

    def compose(self) -> ComposeResult:
        """The profiles."""
        yield HeaderLine()
        yield RuleLine("Which workspace?")
        with Vertical(classes="grow"):
            yield RecordTable(
                Column("Profile", 0), Column("Label", 12), Column("Cluster", 12), Column("May send", 12, drop=1)
            )
        yield RuleLine()
        yield KeyLine("↑↓ choose · enter open · n new · q quit")

    async def on_mount(self) -> None:
        """Read them."""
        opening = cast("HeaptuiApp", self.app).opening
        profiles = await ProfileService(opening.home, opening.environ).all()
        self.query_one(HeaderLine).tell("heaptui", counted(len(profiles), "profile"))
        self.query_one(RecordTable).show(
            [
                Row(
                    profile.name,
                    (
                        profile.name,
                        profile.label or "·",
                        profile.instance_name or "no endpoint",
                        "read-only" if profile.read_only else "yes",
                    ),
                    tone="attention" if profile.label == "PRODUCTION" else "",
                )
                for profile in profiles
            ]
        )
        if self._at_once:
            self._open(self._at_once)

    def action_open(self) -> None:
        """Open the highlighted profile."""
        row = self.query_one(RecordTable).row
        if row is not None:
            self._open(row.key)

    @work(group="door", exclusive=True, exit_on_error=True, description="open a profile")
    async def _open(self, name: str) -> None:
        app = cast("HeaptuiApp", self.app)
        try:
            profile = await ProfileService(app.opening.home, app.opening.environ).profile(name)
        except HeaptuiError as error:
            app.push_screen(Told(error.title, [line for line in (error.detail, error.hint) if line]))
            return
        await take_over_or_new(app, app.opening.home, profile)
        app.call_later(app.open_profile, profile)

    def action_doors(self) -> None:
        """Another workspace."""
        self.app.push_screen(StartScreen())

    def action_leave(self) -> None:
        """Back to the profile that is open; only q leads out."""
        if cast("HeaptuiApp", self.app).workspace is not None:
            self.dismiss()
