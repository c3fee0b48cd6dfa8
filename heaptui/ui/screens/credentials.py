"""The profile and its keys: where each comes from, what they allow, and changing them."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from heaptui.config import load_config, resolve_profile
from heaptui.errors import HeaptuiError
from heaptui.model.routes import WAYS
from heaptui.services.profiles import ProfileFacts, ProfileService, SecretName
from heaptui.ui.commands import CREDENTIALS
from heaptui.ui.screens.framed import FramedScreen
from heaptui.ui.widgets.dialogs import Asked, Question
from heaptui.ui.widgets.frame import RuleLine, TextPane
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

SETTINGS = {
    "endpoint": ("Endpoint", "Braze's REST endpoint, or the address of your dashboard"),
    "label": ("Label", "PRODUCTION, STAGING, SANDBOX, or nothing; in PRODUCTION a first sync asks twice"),
    "partner_name": ("Partner name", "the name in the path of Braze's partner calls; Heap's is assumed to be heap"),
    "max_in_flight": ("At once", "requests of one cohort in flight, 1 to 8"),
    "settle_seconds": ("Settle time", "seconds after a time-out in which a request may still be applied"),
    "read_only": ("Read-only", "true: look, never send"),
}
KEYS = {
    SecretName.PARTNER_API_KEY: ("Partner key", "Braze gives it to Heap; most customers do not hold it"),
    SecretName.REST_API_KEY: ("REST key", "Braze: Settings › API Keys, with users.track, users.export.ids, segments"),
    SecretName.DATA_IMPORT_KEY: ("Data Import Key", "Braze: Partner Integrations › Technology Partners › Heap"),
    SecretName.WEBHOOK_SECRET: ("Webhook secret", "Heap: Developer Hub › your integration › Reveal webhook secret"),
}


class CredentialsScreen(FramedScreen):
    """Tab 6."""

    SCOPE: ClassVar[str] = CREDENTIALS
    TAB: ClassVar[str] = "credentials"

    def __init__(self) -> None:
        super().__init__()
        self._facts: ProfileFacts | None = None

    def compose_body(self) -> ComposeResult:
        """Settings and keys in one table."""
        yield RecordTable(Column("What", 18), Column("Value", 0), Column("From", 14, drop=1), id="setting-table")
        yield RuleLine(id="detail-rule")
        with VerticalScroll(classes="grow", can_focus=False):
            yield TextPane(id="facts")

    @property
    def table(self) -> RecordTable:
        """Settings and keys."""
        return self.query_one("#setting-table", RecordTable)

    @property
    def _service(self) -> ProfileService:
        return ProfileService(self.dashboard.opening.home, self.dashboard.opening.environ)

    @work(group="credentials", exclusive=True, exit_on_error=True, description="read the profile")
    async def load(self) -> None:  # type: ignore[override]
        """Show the profile that is open."""
        profile = self.workspace.profile
        try:
            self._facts = facts = await self._service.show(profile)
        except HeaptuiError as error:
            self.told(error)
            return
        if not self.alive:
            return
        rows = [
            Row(setting, (title, _shown(getattr(profile, setting)), "profile"))
            for setting, (title, _) in SETTINGS.items()
        ]
        for name, (title, _) in KEYS.items():
            origin = facts.keys.get(name)
            source = origin.split(",")[0] if origin else ""
            tone = "good" if origin else "attention"
            rows.append(Row(name, (title, f"✓ {origin}" if origin else "✗ not given", source), tone=tone))
        self.table.show(rows)
        can = "   ".join(f"{'✓' if way.route in facts.ways else '✗'} {way.title}" for way in WAYS)
        self.headline(f"Profile {profile.name}", can)
        self._detail()
        self.say("Keys are never shown: only their origin, length and last four characters.", idle=True)

    def on_record_table_highlighted(self) -> None:
        """Explain the highlighted line."""
        self._detail()

    def _detail(self) -> None:
        row = self.table.row
        if row is None or self._facts is None:
            return
        title, note = SETTINGS.get(row.key) or KEYS[SecretName(row.key)]
        self.query_one("#detail-rule", RuleLine).tell(title)
        lines = [note, ""]
        lines += ["So you can", "  ✓ import, count and export cohorts"]
        for way in WAYS:
            open_way = way.route in self._facts.ways
            lines.append(f"  ✓ sync by {way.title}" if open_way else f"  ✗ sync by {way.title}: needs {way.needs}")
        lines.append("  W chooses the way into Braze")
        lines += ["", *self._facts.notes]
        self.query_one("#facts", TextPane).tell(lines)

    def why_disabled(self, command_id: str) -> str:
        """What cannot be changed here."""
        profile = self.workspace.profile
        row = self.table.row
        if profile.from_environment:
            return "This profile is the environment: change the HEAPTUI_… variables."
        if row is None:
            return "There is nothing here yet."
        origin = (self._facts.keys.get(row.key) or "") if self._facts else ""
        if origin.startswith(("environment", "command")):
            return f"This key comes from the {origin.split(',')[0]}; change it there."
        if command_id == "credentials.forget" and not origin:
            return "Only stored keys can be forgotten."
        return ""

    @work(group="dialog", exclusive=True, exit_on_error=True, description="edit a setting")
    async def action_edit(self) -> None:
        """Ask for another value; a key is typed hidden."""
        row = self.table.row
        if self.refuses("credentials.edit") or row is None:
            return
        profile = self.workspace.profile
        try:
            if row.key in SETTINGS:
                title, note = SETTINGS[row.key]
                value = await self.app.push_screen_wait(
                    Asked(title, [note], value=_shown(getattr(profile, row.key)).replace("–", ""))
                )
                if value is None:
                    return
                await self._service.change(profile.name, {row.key: value.strip()})
            else:
                title, note = KEYS[SecretName(row.key)]
                value = await self.app.push_screen_wait(Asked(title, [note, "It is not shown."], secret=True))
                if not value or not await self._keep(SecretName(row.key), value):
                    return
        except HeaptuiError as error:
            self.told(error)
            return
        await self._reopen()

    async def _keep(self, name: SecretName, value: str) -> bool:
        """Keep a key; where there is no keyring, only the user chooses a file."""
        profile = self.workspace.profile
        try:
            await self._service.keep_key(profile.name, name, value)
        except HeaptuiError as error:
            if profile.secret_store:
                raise
            lines = [error.title, "It can be kept in a file that only you can read (0600), beside the configuration."]
            if not await self.app.push_screen_wait(
                Question("Where shall the key be kept?", lines, yes="In a private file", no="Do not keep it")
            ):
                return False
            await self._service.keep_key(profile.name, name, value, store="file")
        return True

    @work(group="dialog", exclusive=True, exit_on_error=True, description="forget a key")
    async def action_forget(self) -> None:
        """Remove a stored key."""
        row = self.table.row
        if row is None or row.key not in KEYS or self.refuses("credentials.forget"):
            self.say("Highlight a stored key to forget it.")
            return
        title = KEYS[SecretName(row.key)][0]
        lines = ["It is removed from the keyring or the private file. Braze is not told."]
        if await self.app.push_screen_wait(Question(f"Forget the {title}?", lines, yes="Forget it", no="Keep it")):
            await self._service.forget_key(self.workspace.profile.name, SecretName(row.key))
            await self._reopen()

    async def _reopen(self) -> None:
        """The profile has changed: open it anew, unless a sync is running on it."""
        if self.dashboard.live_runs:
            self.say("Kept. It is used when the running sync is over and heaptui is opened again.")
            return
        name, opening = self.workspace.profile.name, self.dashboard.opening
        profile = resolve_profile(load_config(opening.home), name, opening.environ)
        self.app.call_later(self.dashboard.open_profile, profile, then="credentials")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value) or "–"
