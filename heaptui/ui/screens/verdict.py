"""What every screen does that checks keys and shows a verdict: follow the checks, find the cluster, copy the result."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any, ClassVar

from textual import work
from textual.screen import Screen

from heaptui.model.checks import Check, Overall, Report
from heaptui.model.verdict_text import handover_note, verdict_text
from heaptui.services.verification import Verification
from heaptui.ui.widgets.dialogs import Question


class VerdictScreen(Screen[None]):
    """The checks so far, the report in the end, and the commands that need it."""

    COMMANDS_OF: ClassVar[str]
    """The first part of its commands' ids."""

    SENT_KEYS: ClassVar[str]
    """What goes to every cluster when it is to be found."""

    MANAGER: ClassVar[str]
    """Who gets the note."""

    def __init__(self) -> None:
        super().__init__()
        self._checks: dict[str, Check] = {}
        self._report: Report | None = None

    def say(self, text: str) -> None:
        """Show a sentence above the keys."""
        raise NotImplementedError

    def refuses(self, command_id: str) -> bool:
        """Whether a command cannot run just now; says why."""
        raise NotImplementedError

    def action_check(self, find: bool = False) -> Any:
        """Check the keys, asking every cluster where it must be found."""
        raise NotImplementedError

    def _show(self) -> None:
        raise NotImplementedError

    async def _follow(self, verification: Verification) -> None:
        """Show each finding when it is there, and the verdict in the end."""
        async with aclosing(verification.checks()) as checks:
            async for check in checks:
                self._checks[check.check_id] = check
                self._show()
        self._report = verification.report
        self._show()

    def _why_no_report(self, command_id: str) -> str:
        """Why a command that needs the report cannot run; empty when it can."""
        if self._report is None:
            return "The checks are still running."
        if command_id.endswith(".note") and self._report.overall is not Overall.CAN_BE_HANDED_OVER:
            return "The note is for when only Heap's partner key is missing."
        return ""

    @work(group="dialog", exclusive=True, exit_on_error=True, description="ask before finding the cluster")
    async def action_find(self) -> None:
        """Ask every cluster, once the user says that the keys may go there."""
        if self.refuses(f"{self.COMMANDS_OF}.find"):
            return
        lines = [f"{self.SENT_KEYS} are sent to every cluster of Braze, to find the one that accepts them."]
        if await self.app.push_screen_wait(Question("Ask every cluster?", lines, yes="Ask them", no="No")):
            self.action_check(find=True)

    def action_copy(self) -> None:
        """Copy the verdict without any part of a key."""
        if not self.refuses(f"{self.COMMANDS_OF}.copy") and self._report is not None:
            self.app.copy_to_clipboard(verdict_text(self._report))
            self.say("The verdict is sent to the terminal's clipboard. It holds no keys.")

    def action_note(self) -> None:
        """Copy the note for the Heap account manager."""
        if not self.refuses(f"{self.COMMANDS_OF}.note") and self._report is not None:
            self.app.copy_to_clipboard(handover_note(self._report))
            self.say(f"The note for {self.MANAGER} is sent to the terminal's clipboard.")
