"""What every screen does that checks keys and shows a verdict: follow the checks, find the cluster, copy the result."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, ClassVar

from textual import work

from heaptui.model.checks import Check, Overall, Report
from heaptui.model.verdict_text import handover_note, verdict_text
from heaptui.services.verification import Verification
from heaptui.ui.meanings import check_meaning
from heaptui.ui.screens.page import Page
from heaptui.ui.widgets.dialogs import Question
from heaptui.ui.widgets.record_table import RecordTable


class VerdictScreen(Page):
    """The checks so far, the report in the end, and the commands that need it."""

    COPIES: ClassVar[str] = "the verdict without keys"

    CHECK_IDS: ClassVar[dict[str, str]] = {}
    """The findings of rows that are called otherwise."""

    SENT_KEYS: ClassVar[str]
    """What goes to every cluster when it is to be found."""

    MANAGER: ClassVar[str]
    """Who gets the note."""

    def __init__(self) -> None:
        super().__init__()
        self._checks: dict[str, Check] = {}
        self._report: Report | None = None

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
        self.show_keys()

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
        lines = [f"{self.SENT_KEYS} are sent to every cluster of Braze, to find the one that accepts them."]
        if await self.app.push_screen_wait(Question("Ask every cluster?", lines, yes="Ask them", no="No")):
            self.action_check(find=True)

    def why_not_copied(self) -> str:
        """There must be a verdict."""
        return self._why_no_report("")

    async def to_copy(self) -> tuple[str, str]:
        """The verdict without any part of a key."""
        assert self._report is not None
        return verdict_text(self._report), "the verdict, without keys"

    @work(group="copy", exclusive=True, exit_on_error=True, description="copy a note")
    async def action_note(self) -> None:
        """Copy the note for the Heap account manager."""
        assert self._report is not None
        await self.copy(handover_note(self._report), f"the note for {self.MANAGER}")

    def explanation(self) -> Sequence[str]:
        """What the sign of the highlighted check means."""
        check = self.highlighted_check
        return check_meaning(check.title, check.state) if check else ()

    @property
    def highlighted_check(self) -> Check | None:
        """The finding under the cursor."""
        row = self.query_one(RecordTable).row
        return self._checks.get(self.CHECK_IDS.get(row.key, row.key)) if row else None
