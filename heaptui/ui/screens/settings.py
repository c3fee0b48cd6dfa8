"""Settings of the opened profile and keys of the dashboard: what holds now, where it comes from, and changing it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll

from heaptui.config import Profile
from heaptui.errors import HeaptuiError
from heaptui.model.commands import addressed
from heaptui.model.setting_facts import SettingFacts, Shape
from heaptui.model.settings import SettingNow, default_text, value_text
from heaptui.services.profiles import ProfileService
from heaptui.ui.commands import SETTINGS, Command, KeyNow, keys_now
from heaptui.ui.keeping import edit_setting, use_profile, why_profile_stays
from heaptui.ui.screens.page import Page
from heaptui.ui.theme import DARK
from heaptui.ui.widgets.dialogs import Told
from heaptui.ui.widgets.frame import RuleLine, TextPane
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

THEME = SettingFacts(
    "theme", "Theme", "The colours of the dashboard, on this computer.", "one of those that enter lists"
)
ROUTE = "route"
VIEWS = ("Settings", "Keys")
_COLUMNS = {
    "Settings": (Column("Setting", 23), Column("Now", 0), Column("From", 13), Column("Name", 24, drop=1)),
    "Keys": (Column("Does", 0), Column("Key", 9), Column("From", 13), Column("Id", 30, drop=1)),
}
_IN_FILE = "Keys are chosen in the configuration file."
_ORIGINS = {"environment": "! environment"}


def _only_told(facts: SettingFacts) -> bool:
    """Whether a setting is not changed here, and only told how."""
    return bool(facts.instead) or facts.shape is Shape.FILE_ONLY


class SettingsScreen(Page):
    """Opened from anywhere; esc goes back. `at` is the setting to begin with, `told` what has just become of it."""

    SCOPE: ClassVar[str] = SETTINGS
    PANES: ClassVar[str] = "RecordTable, #setting-side"

    def __init__(self, at: str = "", told: str = "") -> None:
        super().__init__()
        self._at, self._news = at, told
        self._view = VIEWS[0]
        self._settings: dict[str, SettingNow] = {}
        self._keys: dict[str, KeyNow] = {}
        self._trouble: list[str] = []

    def compose_body(self) -> ComposeResult:
        """The table, and what the highlighted line means."""
        with Container(id="settings"):
            yield RecordTable(*_COLUMNS[self._view], id="settings-table")
            with VerticalScroll(can_focus=False, id="setting-side"):
                yield RuleLine(id="detail-rule")
                yield TextPane(id="setting-text")

    def on_mount(self) -> None:
        """A theme that is chosen in its own list is shown at once."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.load())

    def on_screen_resume(self) -> None:
        """What is shown may have been changed on the screen above."""
        self.load()

    @property
    def _service(self) -> ProfileService:
        return ProfileService(self.dashboard.opening.home, self.dashboard.opening.environ)

    @property
    def _setting(self) -> SettingNow | None:
        row = self.query_one(RecordTable).row
        return self._settings.get(row.key) if row else None

    @work(group="settings", exclusive=True, exit_on_error=True, description="read the settings")
    async def load(self) -> None:  # type: ignore[override]
        """Read what the file and the environment say now."""
        try:
            settings = await self._service.settings(self.workspace.profile)
        except HeaptuiError as error:
            # No dialog: its end would read the file again, and bring it back.
            self._trouble = [f"✗ {error.title}", *filter(None, (error.detail, error.hint))]
            if self.alive:
                self._detail()
            return
        if not self.alive:
            return
        self._trouble = []
        theme = self.app.theme
        own = SettingNow(THEME, theme, theme, "default" if theme == DARK.name else "remembered")
        self._settings = {setting.facts.name: setting for setting in [*settings, own]}
        self._keys = {key.command_id: key for key in keys_now()}
        self._show()

    def _show(self) -> None:
        table = self.query_one(RecordTable)
        names = "  ".join(f"[{view}]" if view == self._view else view for view in VIEWS)
        profile = self.workspace.profile
        self.headline(
            "Settings of the environment" if profile.from_environment else f"Settings of {profile.name}", names
        )
        table.columns = _COLUMNS[self._view]
        table.show(self._key_rows() if self._view == "Keys" else self._setting_rows())
        if self._at:
            table.go_to(self._at)
            self._at = ""
        self._detail()
        if self._news:
            self.say(self._news)
            self._news = ""
        self.say(self._sentence(), idle=True)

    def _setting_rows(self) -> list[Row]:
        return [
            Row(
                name,
                (one.facts.title, one.shown, _ORIGINS.get(one.origin, one.origin), name),
                tone="attention" if one.overridden else "",
            )
            for name, one in self._settings.items()
        ]

    def _key_rows(self) -> list[Row]:
        rows = []
        for command_id, key in self._keys.items():
            origin = "! not used" if key.problem else "default" if key.now == key.default else "file"
            rows.append(Row(command_id, (key.help, key.now, origin, command_id), tone="attention"))
        return rows

    def _sentence(self) -> str:
        if self._view == "Keys":
            refused = sum(bool(key.problem) for key in self._keys.values())
            return f"{refused} of the chosen keys not used." if refused else _IN_FILE
        origins = [setting.origin for setting in self._settings.values()]
        return (
            f"{origins.count('file')} from the file, {origins.count('environment')} from the environment,"
            f" {origins.count('default')} at default."
        )

    @on(RecordTable.Highlighted)
    def _detail(self) -> None:
        row = self.query_one(RecordTable).row
        if self._trouble:
            title, name, lines = "The settings cannot be read", "", self._trouble
        elif row is None:
            title, name, lines = "Nothing matches", "", [""]
        elif self._view == "Keys":
            title, name, lines = row.cells[0], row.key, self._key_lines(self._keys[row.key])
        else:
            setting = self._settings[row.key]
            title, name, lines = setting.facts.title, row.key, self._setting_lines(setting)
        self.query_one("#detail-rule", RuleLine).tell(title, name)
        self.query_one("#setting-text", TextPane).tell(lines)
        self.show_keys()

    def _setting_lines(self, setting: SettingNow) -> list[str]:
        facts = setting.facts
        lines = [facts.means]
        if setting.overridden:
            lines.append(f"! {facts.variable} overrides the file: changing the file changes nothing now.")
            lines.append(f"In the file  {setting.in_file or facts.empty}")
        if opened := self._still(setting):
            lines.append(f"! Until the profile is opened again: {opened}.")
        lines.append(f"May be       {facts.allowed}")
        lines += [f"Unit         {facts.unit}"] if facts.unit else []
        lines.append(f"Default      {DARK.name if facts is THEME else default_text(facts)}")
        lines += [f"Variable     {facts.variable}"] if facts.variable else []
        lines += [*self._how(facts)]
        return lines

    def _still(self, setting: SettingNow) -> str:
        """The value of the opened profile, where the file says something else by now."""
        if setting.facts is THEME:
            return ""
        opened = value_text(setting.facts, getattr(self.workspace.profile, setting.facts.name))
        return "" if opened == setting.value else opened or setting.facts.empty

    def _how(self, facts: SettingFacts) -> Sequence[str]:
        """How it is changed, and when that is heard, where that is not simple."""
        if facts.instead:
            return ["", addressed(facts.instead, self.workspace.profile)]
        if facts.shape is Shape.FILE_ONLY:
            return ["", "It is set in the configuration file; enter says where that is."]
        return ["", "The receiver takes it up when it starts."] if facts.receiver else []

    @staticmethod
    def _key_lines(key: KeyNow) -> list[str]:
        lines = [f"! {key.problem}"] if key.problem else []
        lines += [f"Where        {key.scope}", f"Default      {key.default}"] if key.scope else []
        how = ["", "To choose another, in the configuration file:", "[keys]", f'"{key.command_id}" = "{key.written}"']
        return [*lines, *(how if key.scope else []), "", "Chosen keys are read when heaptui starts."]

    def explanation(self) -> Sequence[str]:
        """What the highlighted setting means."""
        setting = self._setting
        return [setting.facts.title, setting.facts.told] if setting else []

    def label_of(self, command: Command) -> str:
        """Some settings are only explained."""
        setting = self._setting
        if command.command_id != "settings.edit" or setting is None or setting.facts.name == ROUTE:
            return command.label
        return "say how" if _only_told(setting.facts) else command.label

    def why_disabled(self, command_id: str) -> str:
        """What cannot be changed here."""
        if command_id == "settings.view":
            return ""
        if self._view == "Keys":
            return _IN_FILE
        setting = self._setting
        if setting is None:
            return "There is nothing here yet."
        facts = setting.facts
        if command_id == "settings.default":
            if _only_told(facts):
                return "enter says how this one is changed."
            if facts is not THEME and setting.in_file == value_text(facts, getattr(Profile(), facts.name)):
                return "The file has the default already."
        return "" if facts is THEME else why_profile_stays(self.dashboard)

    def action_view(self) -> None:
        """Settings, or keys."""
        self._view = VIEWS[1 - VIEWS.index(self._view)]
        self.query_one(RecordTable).action_go(0)
        self._show()

    @work(group="dialog", exclusive=True, exit_on_error=True, description="change a setting")
    async def action_edit(self) -> None:
        """Ask for another value, or say how this setting is changed."""
        setting = self._setting
        if setting is None:
            return
        facts = setting.facts
        if facts is THEME:
            self.app.action_change_theme()
        elif facts.name == ROUTE:
            self.action_way()
        elif facts.instead:
            self.app.push_screen(Told(facts.title, [facts.means, "", addressed(facts.instead, self.workspace.profile)]))
        elif facts.shape is Shape.FILE_ONLY:
            lines = [
                facts.means,
                "",
                "It is set in the configuration file:",
                str(self.dashboard.opening.home.config_file),
            ]
            self.app.push_screen(Told(facts.title, lines))
        else:
            await self._change(partial(edit_setting, self, self._service, facts.name), facts)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="bring a default back")
    async def action_default(self) -> None:
        """Bring the default back."""
        setting = self._setting
        if setting is None:
            return
        facts = setting.facts
        if facts is THEME:
            self.app.theme = DARK.name
        else:
            await self._change(partial(self._service.change, self.workspace.profile.name, {facts.name: ""}), facts)

    async def _change(self, change: Callable[[], Awaitable[object]], facts: SettingFacts) -> None:
        """Change the file, and use the profile as it is then."""
        try:
            if not await change():
                return
            settings = await self._service.settings(self.workspace.profile)
            now = next(one for one in settings if one.facts is facts)
            if now.overridden:
                self.say(f"Saved in the file. {facts.variable} overrides it, so nothing changes now.")
            else:
                told = f"{facts.title} is {now.shown} now."
                told += " The receiver takes it up when it starts." if facts.receiver else ""
                over = partial(SettingsScreen, facts.name, told)
                await use_profile(self, then=self.dashboard.preferences.tab or "cohorts", over=over)
        except HeaptuiError as error:
            self.told(error)
            return
        self.load()
