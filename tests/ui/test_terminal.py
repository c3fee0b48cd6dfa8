"""The width of signs is asked from a real terminal: here a pseudo-terminal that answers as the real ones do."""

from __future__ import annotations

import os
import pty
import select
import sys

import pytest

PROGRAM = "from heaptui.ui import signs, terminal; print(bool(terminal.choose_signs()), signs.sign('✓ ─'))"


def _asked(answer: bytes | None, **environ: str) -> str:
    """What the program prints on a terminal that answers the cursor report so."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-c", PROGRAM], {**os.environ, "TERM": "xterm", **environ})
    seen = b""
    answered = False
    while True:
        ready, _, _ = select.select([terminal], [], [], 20)
        try:
            chunk = os.read(terminal, 4096) if ready else b""
        except OSError:
            chunk = b""
        if not chunk:
            break
        seen += chunk
        if answer and not answered and b"\x1b[6n" in seen:
            answered = True
            os.write(terminal, answer)
    os.close(terminal)
    os.waitpid(pid, 0)
    return seen.decode().replace("\r\n", "\n").rsplit("\x1b[K", 1)[-1].strip()


def test_lines_one_cell_wide_keep_the_signs() -> None:
    assert _asked(b"\x1b[1;2R") == "False ✓ ─"


def test_lines_two_cells_wide_bring_plain_signs_and_a_sentence() -> None:
    assert _asked(b"\x1b[1;3R") == "True ok -"


def test_a_terminal_that_does_not_answer_keeps_the_signs() -> None:
    assert _asked(None) == "False ✓ ─"


@pytest.mark.parametrize("environ", [{"TERM": "linux"}, {"HEAPTUI_ASCII": "1"}])
def test_some_terminals_get_plain_signs_unasked(environ: dict[str, str]) -> None:
    assert _asked(None, **environ).endswith("ok -")
