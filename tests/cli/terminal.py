"""The real program in a real pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time


class Terminal:
    """A started `heaptui` whose keys are pressed and whose output is read."""

    def __init__(
        self, *words: str, environ: dict[str, str], columns: int = 80, rows: int = 24, term: str = "xterm-256color"
    ) -> None:
        self.seen = b""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, [sys.executable, "-m", "heaptui", *words], {**environ, "TERM": term})
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, text: str, seconds: float = 30) -> None:
        """Read until a text came."""
        deadline = time.monotonic() + seconds
        while text.encode() not in self.seen:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{text!r} did not come; the last output was {self.seen[-2000:]!r}")

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.descriptor, keys.encode())

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def end(self, seconds: float = 30) -> int:
        """Wait for the end; returns the exit code."""
        deadline = time.monotonic() + seconds
        while self._read(deadline - time.monotonic()):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(status)

    def close(self, seconds: float = 30) -> int:
        """Close the window under the program and wait for its end; returns the exit code."""
        os.close(self.descriptor)
        deadline = time.monotonic() + seconds
        while not (ended := os.waitpid(self.pid, os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise AssertionError("it lives on without its terminal")
            time.sleep(0.05)
        return os.waitstatus_to_exitcode(ended[1])

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.descriptor], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            chunk = os.read(self.descriptor, 65536)
        except OSError:
            # Linux says so when the last process has closed the terminal.
            return False
        if b"\x1b[6n" in chunk:
            self.press("\x1b[1;2R")
        self.seen += chunk
        return bool(chunk)
