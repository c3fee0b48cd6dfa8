"""The report of an error that nobody expected: where it happened, with what versions; no values of variables."""

from __future__ import annotations

import platform
import time
import traceback
from pathlib import Path

from heaptui import __version__


def write_report(folder: Path, error: BaseException, command: str) -> Path | None:
    """Write the report and return where it is; None when that cannot be done."""
    lines = [
        f"heaptui {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {command}",
        "",
        *traceback.format_exception(error),
    ]
    path = folder / time.strftime("crash-%Y%m%d-%H%M%S.txt")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text("\n".join(lines), encoding="utf-8", errors="backslashreplace")
    except OSError:
        return None
    return path
