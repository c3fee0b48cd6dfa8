"""Notices what any process writes to the ledger, so that screens read anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from heaptui.errors import HeaptuiError

if TYPE_CHECKING:
    from heaptui.ui.app import HeaptuiApp

LOOK_EVERY = 0.4
"""Seconds between two looks whether somebody wrote to the ledger."""


class LedgerChanged(Message):
    """Something was written, here or by another process."""


class LedgerWatch:
    """Asks the ledger for its version now and then, one question at a time."""

    def __init__(self, app: HeaptuiApp) -> None:
        self._app = app
        self._version = -1
        self._looking = False

    def another(self) -> None:
        """Another ledger is open now."""
        self._version = -1

    async def look(self) -> None:
        """Tell the screen in front where something was written since the last look."""
        workspace = self._app.workspace
        if self._looking or workspace is None:
            return
        self._looking = True
        try:
            version = await workspace.ledger.version()
        except HeaptuiError:
            # Whatever ails the ledger, the screens say so.
            return
        finally:
            self._looking = False
        # The last screen may have been taken down while the ledger was asked.
        if version != self._version and self._app.screen_stack:
            self._version = version
            self._app.screen.post_message(LedgerChanged())
