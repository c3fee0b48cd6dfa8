"""A program on a pseudo-terminal, and the screen that it draws: enough of a terminal to see when a key was answered."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence

from rich.cells import cell_len

WIDTH, HEIGHT = 120, 36
WITHIN = 30.0
"""Seconds after which whatever is waited for counts as missing."""

MORE_WITHIN = 0.001
"""Seconds without anything new after which what was written is looked at."""

TICKS = os.sysconf("SC_CLK_TCK")
_CONTROL = re.compile(
    r"\x1b\[(?P<words>[0-9;?<=>]*)[ $]?(?P<final>[@-~])|\x1b\][^\x07\x1b]*\x07|\x1b.|[\x00-\x1f]|[^\x00-\x1f]+"
)
_UNFINISHED = re.compile(r"\x1b(\[[0-9;?<=>]*[ $]?|\][^\x07\x1b]*)?$")


class Screen:
    """The cells that were drawn. Knows how to move the cursor, to clear, and nothing about colours."""

    def __init__(self) -> None:
        self._rows = [[" "] * WIDTH for _ in range(HEIGHT)]
        self._x = self._y = 0
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return ["".join(row) for row in self._rows]

    def draw(self, written: bytes) -> None:
        """Take what the program wrote."""
        text = self._rest + self._decoder.decode(written)
        cut = _UNFINISHED.search(text)
        self._rest = cut[0] if cut else ""
        for found in _CONTROL.finditer(text, 0, cut.start() if cut else len(text)):
            if found["final"]:
                self._control(found["words"], found["final"])
            elif found[0] == "\n":
                self._y = min(HEIGHT - 1, self._y + 1)
            elif found[0] == "\r":
                self._x = 0
            elif found[0] >= " ":
                self._write(found[0])

    def _control(self, words: str, final: str) -> None:
        if final == "H":
            y, x = ([int(word or 1) for word in words.split(";")] if words else []) or (1, 1)
            self._x, self._y = x - 1, y - 1
        elif final == "J":
            self._rows = [[" "] * WIDTH for _ in range(HEIGHT)]

    def _write(self, text: str) -> None:
        for character in text:
            width = 1 if character.isascii() else cell_len(character)
            if self._x + width <= WIDTH and width:
                self._rows[self._y][self._x : self._x + width] = [character] + [""] * (width - 1)
            self._x += width


class Terminal:
    """One program on a pseudo-terminal. It is read whenever something is waited for, so somebody always has to wait."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        # As it is installed: with modules that are compiled once and kept.
        rest = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        given = {**rest, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **(environ or {})}
        self.screen = Screen()
        self.ended = False
        self.started = time.perf_counter()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], list(words), given)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        """Let it end, if need be by force."""
        if not self.ended:
            os.kill(self.pid, signal.SIGTERM)
        if not self._until(lambda: self.ended, WITHIN):
            os.kill(self.pid, signal.SIGKILL)
        os.close(self._terminal)
        os.waitpid(self.pid, 0)

    def until(self, holds: Callable[[list[str]], object], seconds: float = WITHIN) -> float:
        """Wait until the screen is as it should be; returns when that was drawn."""
        at = self._until(lambda: holds(self.screen.lines), seconds)
        assert at, "\n".join(["this was not drawn in time:", *self.screen.lines])
        return at

    def shows(self, text: str, seconds: float = WITHIN) -> float:
        """Wait until a text is on the screen."""
        return self.until(lambda lines: any(text in line for line in lines), seconds)

    def ends(self) -> float:
        """Wait until the program ends by itself."""
        at = self._until(lambda: self.ended, WITHIN)
        assert at, "it did not end"
        return at

    def rest(self, seconds: float) -> None:
        """Read for a while, whatever comes."""
        self._until(lambda: False, seconds)

    def press(self, key: str, holds: Callable[[list[str]], object]) -> float:
        """Seconds from a key until the screen is as it should be after it."""
        assert not holds(self.screen.lines), f"{key!r} changes nothing"
        pressed = time.perf_counter()
        os.write(self._terminal, key.encode())
        return self.until(holds) - pressed

    @property
    def cpu(self) -> float:
        """Seconds of processor time that the program itself has used, without its children."""
        return cpu_of(self.pid)

    def _until(self, holds: Callable[[], object], seconds: float) -> float:
        """When it held; 0 if it never did."""
        end = time.perf_counter() + seconds
        at = time.perf_counter()
        while not holds():
            left = end - time.perf_counter()
            if left <= 0 or (self.ended and not holds()):
                return 0.0
            if select.select([self._terminal], [], [], left)[0]:
                at = self._read()
        return at

    def _read(self) -> float:
        """Take all that comes now, and only then look at it: a slow terminal would hold the program up."""
        chunks, at = [], 0.0
        while not at or select.select([self._terminal], [], [], MORE_WITHIN)[0]:
            try:
                chunks.append(os.read(self._terminal, 1 << 16))
            except OSError:
                # The program closed its side.
                chunks.append(b"")
            at = time.perf_counter()
            if not chunks[-1]:
                self.ended = True
                break
        written = b"".join(chunks)
        if b"\x1b[6n" in written:
            # It asks how wide a line was drawn: one cell.
            os.write(self._terminal, b"\x1b[1;2R")
        self.screen.draw(written)
        return at


def cpu_of(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
