"""The profile and its keys: whether they are right, what they open, where each comes from, and changing them."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult

from heaptui.config import Profile
from heaptui.errors import HeaptuiError
from heaptui.model.checks import CheckId
from heaptui.model.routes import way_title
from heaptui.model.secret import Secret
from heaptui.model.setting_facts import facts_of
from heaptui.model.settings import value_text
from heaptui.services.given import given_of_profile
from heaptui.services.profiles import ProfileFacts, ProfileService, SecretName
from heaptui.services.verification import Verification
from heaptui.ui.check_text import COLUMNS, can_lines, check_lines, headline_of, remedy_lines, rows_of, short_origin
from heaptui.ui.commands import CREDENTIALS
from heaptui.ui.keeping import edit_setting, keep_key, use_profile, why_profile_stays
from heaptui.ui.screens.framed import FramedScreen
from heaptui.ui.screens.verdict import VerdictScreen
from heaptui.ui.widgets.dialogs import Asked, Question
from heaptui.ui.widgets.frame import RuleLine, TextPane
from heaptui.ui.widgets.record_table import RecordTable, Row
from heaptui.ui.widgets.split_pane import Section, SplitPane

SETTINGS = ("endpoint", "label", "partner_name", "heap_app_id", "max_in_flight", "settle_seconds", "read_only")
"""The settings that matter for the verdict, or are changed often; the others are among the settings."""
KEYS = {
    SecretName.PARTNER_API_KEY: ("Partner key", "Braze gives it to Heap; most customers do not hold it"),
    SecretName.DATA_IMPORT_KEY: ("Data Import Key", "Braze: Partner Integrations › Technology Partners › Heap"),
    SecretName.REST_API_KEY: ("REST key", "Braze: Settings › API Keys; with users.track it is enough to deliver"),
    SecretName.WEBHOOK_SECRET: ("Webhook secret", "Heap signs its pages with it; only a page that comes can prove it"),
    SecretName.CURRENTS_TOKEN: ("Currents token", "Braze shows it to the listener with every batch of events"),
}
_NAMES: dict[str, str] = {CheckId.PARTNER_KEY: SecretName.PARTNER_API_KEY}
"""Rows of keys are called as the profile calls the key."""


class CredentialsScreen(FramedScreen, VerdictScreen):
    """Tab 6."""

    CHECK_IDS: ClassVar[dict[str, str]] = {name: check_id for check_id, name in _NAMES.items()}
    SENT_KEYS = "The keys of this profile"
    MANAGER = "your Heap account manager"

    SCOPE: ClassVar[str] = CREDENTIALS
    TAB: ClassVar[str] = "credentials"

    def __init__(self) -> None:
        super().__init__()
        self._facts: ProfileFacts | None = None
        self._overridden: set[str] = set()
        """Settings that the environment says."""
        self._checked: tuple[Profile, object] | None = None

    def compose_body(self) -> ComposeResult:
        """What mends the verdict, then findings and settings in one table."""
        yield TextPane(id="remedy")
        yield RecordTable(*COLUMNS, id="setting-table")
        yield RuleLine(id="detail-rule")
        yield SplitPane(id="finding")

    @property
    def table(self) -> RecordTable:
        """Findings and settings."""
        return self.query_one("#setting-table", RecordTable)

    @property
    def _service(self) -> ProfileService:
        return ProfileService(self.dashboard.opening.home, self.dashboard.opening.environ)

    @work(group="credentials", exclusive=True, exit_on_error=True, description="read the profile")
    async def load(self) -> None:  # type: ignore[override]
        """Show the profile that is open; one that was not checked yet, or has changed, is checked."""
        profile = self.workspace.profile
        try:
            self._facts = facts = await self._service.show(profile)
            self._overridden = {one.facts.name for one in await self._service.settings(profile) if one.overridden}
        except HeaptuiError as error:
            self.unread(error)
            return
        if not self.alive:
            return
        now = (profile, tuple(facts.keys.items()))
        if now != self._checked:
            self._checked = now
            self.action_check()
        self._show()
        self.say("Of a key only origin, length and last four are shown.", idle=True)

    def _show(self) -> None:
        profile, facts = self.workspace.profile, self._facts
        if facts is None or not self.alive:
            return
        rows = rows_of(self._checks, names=_NAMES)
        have = {row.key for row in rows}
        for name, (title, _) in KEYS.items():
            if name not in have:
                origin = facts.keys.get(name, "")
                rows.append(
                    Row(name, (title, short_origin(origin), "· not given" if not origin else "·", ""), tone="quiet")
                )
        for setting in map(facts_of, SETTINGS):
            if setting.name not in have:
                value = value_text(setting, getattr(profile, setting.name))
                origin = "environment" if setting.name in self._overridden else "profile"
                rows.append(Row(setting.name, (setting.title, origin, value or "–", "")))
        self.table.show(rows)
        self.headline(*headline_of(self._report, len(self._checks)))
        remedy = self.query_one("#remedy", TextPane)
        remedy.tell(remedy_lines(self._report))
        remedy.display = bool(remedy.lines)
        self._detail()

    def on_record_table_highlighted(self) -> None:
        """Explain the highlighted line."""
        self._detail()

    def _detail(self) -> None:
        row = self.table.row
        if row is None or self._facts is None:
            return
        title, note = self._text_of(row.key) or (row.cells[0].strip(), "")
        self.query_one("#detail-rule", RuleLine).tell(title)
        lines = [*([note] if note else []), *check_lines(self.highlighted_check)]
        can = can_lines(self._report)
        opened = [part for line in can for part in line.split("   ")]
        way = f"Way into Braze now: {way_title(self.workspace.route) or 'none yet'}; W chooses another"
        more = "All settings of the profile: , (comma)"
        sections = [
            Section("So you can", opened, brief=["", "So you can", *can] if can else []),
            Section("Way into Braze", [way, more], brief=["", way, more]),
        ]
        self.query_one("#finding", SplitPane).tell(lines, sections, self._facts.notes)

    @staticmethod
    def _text_of(name: str) -> tuple[str, str] | None:
        if name in SETTINGS:
            return facts_of(name).title, facts_of(name).told
        return KEYS[SecretName(name)] if name in set(SecretName) else None

    @work(group="check", exclusive=True, exit_on_error=True, description="check the keys")
    async def action_check(self, find: bool = False) -> None:
        """Check endpoint and keys; findings appear as they come. Nothing is changed in Braze."""
        opening, profile = self.dashboard.opening, self.workspace.profile
        self._checks, self._report = {}, None
        self._show()
        try:
            given, notes = await given_of_profile(
                opening.home, profile, opening.environ, read_only=self.workspace.read_only
            )
        except HeaptuiError as error:
            self.told(error)
            return
        await self._follow(Verification(given, find=find, notes=notes))

    def action_paste(self) -> None:
        """Check somebody else's keys, which are not saved."""
        from heaptui.ui.screens.paste import PasteScreen

        self.app.push_screen(PasteScreen())

    def action_switch(self) -> None:
        """Choose another profile."""
        from heaptui.ui.screens.start import ProfileScreen

        self.app.push_screen(ProfileScreen())

    def why_disabled(self, command_id: str) -> str:
        """What cannot be done here just now."""
        if command_id in ("credentials.find", "credentials.note"):
            return self._why_no_verdict(command_id)
        if command_id == "credentials.switch":
            return "A sync is running on this profile." if self.dashboard.live_runs else ""
        return self._why_fixed(command_id) if command_id in ("credentials.edit", "credentials.forget") else ""

    def _why_fixed(self, command_id: str) -> str:
        row = self.table.row
        if why := why_profile_stays(self.dashboard):
            return why
        if row is None:
            return "There is nothing here yet."
        if row.key not in SETTINGS and row.key not in set(SecretName):
            return "This is a finding; r checks again."
        origin = (self._facts.keys.get(row.key) or "") if self._facts else ""
        if origin.startswith("environment") and self.dashboard.is_demo:
            return "The demo's keys are fixed; a 401 in it is from --fault. q, then: heaptui demo"
        if origin.startswith(("environment", "command")):
            return f"This key comes from the {origin.split(',')[0]}; change it there."
        if command_id == "credentials.forget" and (not origin or row.key in SETTINGS):
            return "Highlight a stored key to forget it."
        return ""

    def _why_no_verdict(self, command_id: str) -> str:
        why = self._why_no_report(command_id)
        if not why and command_id == "credentials.find" and not (self._facts and self._facts.keys):
            return "Without keys no cluster can be found."
        return why

    @work(group="dialog", exclusive=True, exit_on_error=True, description="edit a setting")
    async def action_edit(self) -> None:
        """Ask for another value; a key is typed hidden."""
        row = self.table.row
        if row is None:
            return
        try:
            if row.key in SETTINGS:
                if not await edit_setting(self, self._service, row.key):
                    return
            else:
                title, note = KEYS[SecretName(row.key)]
                value = await self.app.push_screen_wait(Asked(title, [note, "It is not shown."], secret=True))
                name = self.workspace.profile.name
                if not value or not await self._wanted(row.key, Secret(value.strip(), "typed")):
                    return
                if not await keep_key(self.app, self._service, name, {row.key: value}):
                    return
            await use_profile(self, then=CREDENTIALS)
        except HeaptuiError as error:
            self.told(error)

    async def _wanted(self, name: str, typed: Secret) -> bool:
        """Whether a key is to be kept that takes the place of another one, or looks like none."""
        title = KEYS[SecretName(name)][0]
        origin = self._facts.keys.get(name, "") if self._facts else ""
        doubt = [f"! The typed one {typed.doubt}"] if typed.doubt else []
        if origin:
            lines = [*doubt, f"Kept now: {origin}", f"Typed: {typed.describe().partition(', ')[2]}"]
            question = Question(f"Replace the {title}?", lines, yes="Replace it", no="Leave it as it is")
        elif doubt:
            question = Question(f"Is this the {title}?", doubt, yes="Keep it all the same", no="Do not keep it")
        else:
            return True
        return await self.app.push_screen_wait(question)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="forget a key")
    async def action_forget(self) -> None:
        """Remove a stored key."""
        row = self.table.row
        assert row is not None
        title = KEYS[SecretName(row.key)][0]
        lines = ["It is removed from the keyring or the private file. Braze is not told."]
        if await self.app.push_screen_wait(Question(f"Forget the {title}?", lines, yes="Forget it", no="Keep it")):
            try:
                await self._service.forget_key(self.workspace.profile.name, SecretName(row.key))
                await use_profile(self, then=CREDENTIALS)
            except HeaptuiError as error:
                self.told(error)
