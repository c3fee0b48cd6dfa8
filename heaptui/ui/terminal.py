"""What this terminal can show: how wide it draws lines and signs, asked once before the dashboard starts."""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import time
from typing import Any

from textual.driver import Driver
from textual.events import Key
from textual.message import Message

from heaptui.ui import signs

ANSWER_SECONDS = 0.2
"""A terminal answers in a few milliseconds; over SSH in some tens."""

_REPORT = re.compile(rb"\x1b\[\d+;(\d+)R")

WIDE_LINES = (
    "This terminal draws lines and signs two cells wide, so plain ones are used. "
    "In iTerm2: Profiles › Text › Treat ambiguous-width characters as double width, off."
)


def choose_signs() -> str:
    """Use plain signs where the terminal's own would break the frames; a sentence about it, or nothing."""
    if signs.plain_signs():
        return ""
    if os.environ.get("TERM") in ("linux", "dumb"):
        signs.use_plain_signs()
        return ""
    if _measured_width("─") in (None, 1):
        return ""
    signs.use_plain_signs()
    return WIDE_LINES


def _measured_width(character: str) -> int | None:
    """How many cells the cursor moves for a character; None where nobody answers."""
    try:
        import termios
        import tty
    except ImportError:
        # Windows: its terminals draw these signs one cell wide.
        return None
    descriptor = sys.stdin.fileno()
    try:
        before = termios.tcgetattr(descriptor)
    except termios.error:
        return None
    try:
        tty.setcbreak(descriptor)
        # At the start of the line, so that the column is the width plus one.
        sys.stdout.write(f"\r{character}\x1b[6n")
        sys.stdout.flush()
        answer = _read_report(descriptor)
        sys.stdout.write("\r\x1b[K")
        sys.stdout.flush()
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
    found = _REPORT.search(answer)
    return int(found[1]) - 1 if found else None


def _read_report(descriptor: int) -> bytes:
    answer = b""
    deadline = time.monotonic() + ANSWER_SECONDS
    while not _REPORT.search(answer):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            break
        answer += os.read(descriptor, 64)
    return answer


class _Closable:
    """A terminal that may be closed while it is written to: what is written afterwards goes nowhere."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()


ENDS = {"ctrl+c", "ctrl+q"}
"""Keys that mean the same whatever is shown."""


def outliving(driver: type[Driver]) -> type[Driver]:
    """The same driver, able to end after its terminal, and deaf until there is a screen that keys could be meant for.

    Textual's own writes in a thread, which dies of the first write to a closed terminal; its queue then fills up and
    stops the dashboard for good, with whatever it had in flight.
    """

    class Outliving(driver):  # type: ignore[valid-type,misc]
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            file: Any = getattr(self, "_file", None)
            if file is not None:
                self._file = _Closable(file)

        def send_message(self, message: Message) -> None:
            if isinstance(message, Key) and len(self._app.screen_stack) < 2 and message.key not in ENDS:
                return
            super().send_message(message)

    return Outliving
