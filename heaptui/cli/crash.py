"""The report of an error that nobody expected: where it happened, with what versions; no values of variables."""

from __future__ import annotations

import platform
import re
import time
import traceback
from pathlib import Path

from heaptui import __version__

_KEY = re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")
_TOKEN = re.compile(r"(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+/=-]{20,}")


def _masked(lines: str) -> str:
    """Without what looks like a key: the message of an error may hold one. Places in the code stay as they are."""
    told = []
    for line in lines.splitlines(keepends=True):
        masked = _KEY.sub("‹key›", line)
        told.append(masked if line.startswith("  ") else _TOKEN.sub("‹key›", masked))
    return "".join(told)


def write_report(folder: Path, error: BaseException, command: str) -> Path | None:
    """Write the report and return where it is; None when that cannot be done."""
    lines = [
        f"heaptui {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {command}",
        "",
        *(_masked(line) for line in traceback.format_exception(error)),
    ]
    path = folder / time.strftime("crash-%Y%m%d-%H%M%S.txt")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text("\n".join(lines), encoding="utf-8", errors="backslashreplace")
    except OSError:
        return None
    return path
