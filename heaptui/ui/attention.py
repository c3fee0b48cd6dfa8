"""What the terminal shows outside of the dashboard: its title while a sync runs, a call when a long one is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heaptui.model.runs import RunProgress
    from heaptui.ui.app import HeaptuiApp

LONG_SECONDS = 10
"""Runs that took longer call for somebody who looks elsewhere."""

_KEEP_TITLE, _RESTORE_TITLE = "\x1b[22;2t", "\x1b[23;2t"


class Attention:
    """Speaks to the terminal itself; terminals that do not know these sequences ignore them."""

    def __init__(self, app: HeaptuiApp) -> None:
        self._app = app
        self._title = ""
        self._watched: dict[int, RunProgress] = {}

    def look(self) -> None:
        """Bring the title up to date, and tell of runs that ended since."""
        live = self._app.live_runs
        planned = sum(run.planned for run in live)
        share = 100 * sum(run.total("submitted") for run in live) // planned if planned else 0
        self._set_title(f"{share} % heaptui" if live else "heaptui")
        self._watched.update({run.run_id: run for run in live})
        for run in [run for run in self._watched.values() if run.closed]:
            del self._watched[run.run_id]
            self._ended(run)

    def _ended(self, run: RunProgress) -> None:
        self._app.bell()
        if not self._app.app_focus and (run.ended_at or 0) - run.started_at > LONG_SECONDS:
            from heaptui.ui import run_text

            # OSC 9 is the notification of iTerm2, kitty, WezTerm, Windows Terminal and others.
            self._write(f"\x1b]9;heaptui: run {run.run_id} {run_text.result_verdict(run)}\x07")

    def leave(self) -> None:
        """Give the title back."""
        if self._title:
            self._write(_RESTORE_TITLE)

    def _set_title(self, title: str) -> None:
        if title != self._title:
            if not self._title:
                self._write(_KEEP_TITLE)
            self._title = title
            self._write(f"\x1b]2;{title}\x07")

    def _write(self, sequence: str) -> None:
        # Textual has no public way to send these; its driver is what bell() uses, too.
        if self._app._driver is not None and not self._app.is_headless:
            self._app._driver.write(sequence)
