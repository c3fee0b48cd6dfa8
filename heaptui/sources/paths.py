"""Paths as people give them: pasted by a terminal, or as a pattern whose newest file is meant."""

from __future__ import annotations

import glob
import re
import shlex
from pathlib import Path
from urllib.parse import unquote, urlsplit

from heaptui.errors import UsageError

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_WINDOWS_IN_URL = re.compile(r"/[A-Za-z]:/")


def pasted_path(text: str) -> Path:
    r"""The path meant by what a terminal pastes when a file is dropped on it.

    Understands surrounding blanks, single and double quotes, ``\ `` escapes, ``file://`` addresses with ``%20``, and
    ``~``. Windows paths keep their backslashes. A path typed by hand, with plain blanks or an apostrophe, is taken as
    it is.

    Raises:
        UsageError: nothing was given.
    """
    bare = text.strip()
    if not bare:
        raise UsageError("No file was named.", hint="Type a path, or drop a file on the terminal.")
    meant = bare if _is_file_url(bare) else _unquoted(bare)
    if _is_file_url(meant):
        meant = unquote(urlsplit(meant.replace("#", "%23").replace("?", "%3F")).path)
        if _WINDOWS_IN_URL.match(meant):
            meant = meant[1:]
    return _at_home(meant)


def newest(pattern: str) -> Path:
    """The file that matches the pattern (``*``, ``?``, ``[…]``, ``**``, ``~``) and was changed last.

    Raises:
        UsageError: no file matches.
    """
    literal = _at_home(pattern)
    if literal.is_file():
        return literal
    files = [path for path in map(Path, glob.glob(str(literal), recursive=True)) if path.is_file()]
    if not files:
        raise UsageError(
            "No file matches.", f"Nothing like {pattern} exists.", "Export the file again, or choose another one."
        )
    return max(files, key=lambda path: (path.stat().st_mtime_ns, path.name))


def _is_file_url(text: str) -> bool:
    return text[:7].lower() == "file://"


def _unquoted(text: str) -> str:
    if _WINDOWS.match(text.lstrip("\"'")):
        return text.strip("\"'")
    try:
        words = shlex.split(text)
    except ValueError:  # an apostrophe in a name typed by hand
        return text
    return words[0] if len(words) == 1 else text


def _at_home(text: str) -> Path:
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:  # "~name" where nobody is called so
        return path
