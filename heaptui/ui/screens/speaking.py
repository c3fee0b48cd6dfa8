"""What a screen says: one sentence above the keys, an error that people can act on, where a file was written."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from heaptui.errors import HeaptuiError
from heaptui.model.commands import addressed
from heaptui.ui.command_keys import given_here, with_keys
from heaptui.ui.signs import short_path
from heaptui.ui.widgets.dialogs import Told
from heaptui.ui.widgets.frame import KeyLine, StatusLine

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace
    from heaptui.ui.app import HeaptuiApp

ANSWER_STAYS = 4.0
"""Seconds in which the answer to a key is not replaced by a hint."""


class SpeakingScreen(Screen[None]):
    """A screen with a line to speak in; who derives from it shows its keys."""

    def __init__(self) -> None:
        super().__init__()
        self._answer_until = 0.0
        self._idle_text = ""

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
        return self.is_running and bool(self.query(KeyLine))

    def say(self, text: str, *, idle: bool = False) -> None:
        """One sentence in the line above the keys.

        An idle one leaves the result of a key its few seconds, and gives way to what stands there.
        """
        now = time.monotonic()
        if idle:
            self._idle_text = text
        if idle and now < self._answer_until:
            return
        self._answer_until = 0.0 if idle else now + ANSWER_STAYS
        self.query_one(StatusLine).tell((idle and self.stands()) or text)
        self.show_keys()

    def refuse(self, why: str) -> None:
        """Say why a key does nothing just now; that is no news for long."""
        self.say(why)
        self.set_timer(ANSWER_STAYS, lambda: self._hint_again(why))

    def _hint_again(self, why: str) -> None:
        if self.alive and self.query_one(StatusLine).text == why:
            self.hint()

    def told(self, error: HeaptuiError) -> None:
        """Show an error that people can act on."""
        opened = self.dashboard.workspace
        told = [with_keys(line) for line in (error.detail, given_here(error.hint), error.hint) if line]
        lines = [addressed(line, opened.profile) if opened else line for line in told]
        self.app.push_screen(Told(error.title, lines))

    async def saved(self, writing: Awaitable[Path]) -> None:
        """Say where a file was saved, or show why it was not."""
        try:
            path = await writing
        except HeaptuiError as error:
            self.told(error)
        else:
            self.say_written(f"Saved: {path.name} in {short_path(path.parent)}")

    def say_written(self, text: str) -> None:
        """Say what was written and where; before that how long it is there, where that is not for ever."""
        self.say(f"Kept until the demo ends. {text}" if self.dashboard.is_demo else text)

    def hint(self) -> None:
        """Say the hint of the moment again."""
        self.answered()
        self.say(self._idle_text, idle=True)

    def answered(self) -> None:
        """The answer to a key has been read: a hint may replace it."""
        self._answer_until = 0.0

    def show_keys(self) -> None:
        """The keys that work now."""

    def stands(self) -> str:
        """What is said instead of hints while it holds."""
        return ""
