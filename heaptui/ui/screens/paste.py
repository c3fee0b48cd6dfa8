"""Somebody else's keys: a whole message is pasted, sorted and checked. Nothing is saved, and leaving forgets all."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from heaptui.errors import HeaptuiError
from heaptui.services.given import known_partner_keys
from heaptui.services.paste_check import Sorting, given_of_paste, with_others
from heaptui.services.pasted import Pasted, PastedKey, plain_values, read_paste
from heaptui.services.profiles import ProfileService
from heaptui.services.verification import Given, Verification
from heaptui.ui.check_text import COLUMNS, can_lines, headline_of, remedy_lines, rows_of
from heaptui.ui.commands import PASTE
from heaptui.ui.keeping import ask_label, ask_name, keep_key, take_over_or_new
from heaptui.ui.screens.verdict import VerdictScreen
from heaptui.ui.widgets.dialogs import Question, Told
from heaptui.ui.widgets.frame import HeaderLine, RuleLine, TextPane
from heaptui.ui.widgets.record_table import RecordTable

NOTHING_YET = "Nothing is pasted yet."


class PasteField(Input):
    """Takes several lines at once and shows none of them."""

    class Came(Message):
        """Text was pasted."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def _on_paste(self, event: events.Paste) -> None:
        """All lines of it; a one-line field would keep only the first."""
        event.stop()
        event.prevent_default()
        self.post_message(self.Came(event.text))


class PasteScreen(VerdictScreen):
    """Check only."""

    SENT_KEYS = "The keys"
    MANAGER = "the Heap account manager"

    SCOPE: ClassVar[str] = PASTE
    AUTO_FOCUS = "PasteField"

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self._tried: list[PastedKey] = []
        self._refused: list[PastedKey] = []
        self._given: Given | None = None

    def compose_top(self) -> ComposeResult:
        """What becomes of what is pasted."""
        yield HeaderLine()

    def compose_body(self) -> ComposeResult:
        """Verdict first, then the findings, then the field."""
        yield TextPane(id="remedy")
        yield RecordTable(*COLUMNS, id="check-table")
        yield RuleLine("So you can", id="can-rule")
        yield TextPane(id="can")
        yield RuleLine("Paste a URL, a key, or a whole message")
        yield PasteField(password=True, placeholder="nothing that is pasted here is shown", id="paste")

    def on_mount(self) -> None:
        """An empty desk."""
        self.query_one(HeaderLine).tell("check only · only w saves", "keys never appear here")
        self._show()
        self.say(NOTHING_YET)

    def _show(self) -> None:
        if not self.alive:
            return
        waiting = self._report is None and not self._checks
        title, verdict = ("Are these keys right?", "") if waiting else headline_of(self._report, len(self._checks))
        self.headline(title, verdict)
        remedy = self.query_one("#remedy", TextPane)
        remedy.tell(remedy_lines(self._report))
        remedy.display = bool(remedy.lines)
        self.query_one(RecordTable).show(rows_of(self._checks))
        self.query_one("#can", TextPane).tell(can_lines(self._report) or ["? known after the check"])

    def on_paste_field_came(self, event: PasteField.Came) -> None:
        """Something was pasted: check at once."""
        self._take(event.text)

    @on(Input.Submitted, "#paste")
    def _typed(self, event: Input.Submitted) -> None:
        self._take(event.value)

    def _take(self, text: str) -> None:
        self.query_one(PasteField).value = ""
        self._text += f"\n{text}"
        self.action_check()

    @work(group="check", exclusive=True, exit_on_error=True, description="check pasted keys")
    async def action_check(self, find: bool = False) -> None:
        """Sort and check everything that was pasted so far."""
        self._checks, self._report, self._given = {}, None, None
        pasted = read_paste(self._text)
        self.say(f"Found: {pasted.summary()}.")
        pasted = await self._with_others(pasted)
        opening = self.dashboard.opening
        try:
            partner_keys, notes = await known_partner_keys(opening.home, opening.environ, read_only=opening.read_only)
        except HeaptuiError as error:
            self.app.push_screen(Told(error.title, [error.detail, error.hint]))
            return
        partner_name = opening.environ.get("HEAPTUI_PARTNER_NAME") or "heap"
        self._given, more = await given_of_paste(pasted, Sorting(partner_keys, partner_name, find=find))
        await self._follow(Verification(self._given, find=find, notes=[*notes, *more]))
        self.say(f"Found: {pasted.summary()}. y copies the verdict without keys.")

    async def _with_others(self, pasted: Pasted) -> Pasted:
        """Words that are not shaped like Braze's keys are tried only when somebody says so."""
        for other in pasted.others:
            if any(other.key == known.key for known in (*self._tried, *self._refused)):
                continue
            lines = [f"{other.key.describe()}: Braze's keys have another shape. Shall it be sent to Braze, too?"]
            yes = await self.app.push_screen_wait(Question("Is this a key?", lines, yes="Try it", no="Leave it out"))
            (self._tried if yes else self._refused).append(other)
        chosen = [other for other in pasted.others if any(other.key == known.key for known in self._tried)]
        return with_others(pasted, chosen)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="save as a profile")
    async def action_save(self) -> None:
        """Keep endpoint and keys as a profile, because the user says so."""
        if self._report is None or self._given is None:
            return
        given, opening = self._given, self.dashboard.opening
        service = ProfileService(opening.home, opening.environ)
        name = await ask_name(self.app, service)
        label = await ask_label(self.app) if name else None
        if not name or label is None:
            return
        own = next((key for key in given.partner_keys.values() if key.source == "pasted"), None)
        named = {"partner_api_key": own, "data_import_key": given.data_import_key, "rest_api_key": given.rest_key}
        settings = {"endpoint": self._report.endpoint, "label": label, "heap_app_id": given.heap_app_id}
        try:
            await service.change(name, settings)
            await keep_key(self.app, service, name, plain_values(self._text, named))
            profile = await service.profile(name)
        except HeaptuiError as error:
            self.app.push_screen(Told(error.title, [error.detail, error.hint]))
            return
        await take_over_or_new(self.app, opening.home, profile)
        self.app.call_later(self.dashboard.open_profile, profile, then="credentials")

    def why_disabled(self, command_id: str) -> str:
        """What cannot be done yet."""
        if command_id == "paste.check":
            return ""
        if not self._text.strip():
            return NOTHING_YET
        why = self._why_no_report(command_id)
        if not why and command_id == "paste.save" and self._report and not self._report.endpoint:
            return "Without an endpoint there is nothing to connect to."
        return why

    def why_not_copied(self) -> str:
        """There must be something to check, and a verdict."""
        return super().why_not_copied() if self._text.strip() else NOTHING_YET

    def home(self) -> Widget | None:
        """Out of the field, letters are commands."""
        return self.query_one(RecordTable)

    async def action_back(self) -> None:
        """Out of the field first, where letters are no commands."""
        leaves_field = self.query_one(PasteField).has_focus
        await super().action_back()
        if leaves_field:
            self.say("Letters are commands now; tab goes back to the field, esc leaves and forgets all.")

    def leave(self) -> None:
        """Everything that was pasted is forgotten."""
        self._text, self._checks, self._report, self._given = "", {}, None, None
        self._tried, self._refused = [], []
        super().leave()
