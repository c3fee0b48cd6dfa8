"""How commands print: data on stdout, narration on stderr, columns aligned by cells."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Sequence

import click

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NUMBER = re.compile(r"[≈+−-]?\d[\d,. %+−-]*")
_NO_NUMBER = ("", "·", "?")


def plain(text: str) -> str:
    """The text with ␛ for what a terminal would obey instead of showing it."""
    return _CONTROL.sub("␛", text)


def say(text: str) -> None:
    """One line of narration."""
    click.echo(for_this_profile(text), err=True)


def for_this_profile(text: str) -> str:
    """The text, its commands as they work for the profile in use."""
    context = click.get_current_context(silent=True)
    opened = context.obj.opened if context is not None and context.obj is not None else None
    if opened is None:
        return text
    from heaptui.model.commands import addressed

    return addressed(text, opened)


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells, with … where some of it is missing."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else f"{set_cell_size(text, max(0, width - 1))}…"


def rows(count: int) -> str:
    """`1 row`, `12,389 rows`."""
    return "1 row" if count == 1 else f"{count:,} rows"


def waiting(adds: int, removes: int) -> str:
    """What a sync would change: `+1,204 −310`, `+5`, or `·`."""
    parts = ([f"+{adds:,}"] if adds else []) + ([f"−{removes:,}"] if removes else [])
    return " ".join(parts) or "·"


def moment(at: float | None) -> str:
    """Local date and time: `2025-12-03 14:33`, or `never`."""
    return "never" if at is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def table(headings: Sequence[str], lines: Sequence[Sequence[str]], *, to_stderr: bool = False) -> None:
    """Aligned columns; those of numbers stand right."""
    from rich.cells import cell_len

    shown = [[plain(cell).replace("\n", "␛") for cell in line] for line in lines]
    widths = [max(cell_len(line[column]) for line in (headings, *shown)) for column in range(len(headings))]
    numeric = [
        bool(shown) and all(cell in _NO_NUMBER or _NUMBER.fullmatch(cell) for cell in (line[column] for line in shown))
        for column in range(len(headings))
    ]
    for line in (headings, *shown):
        cells = []
        for text, width, right in zip(line, widths, numeric, strict=True):
            gap = " " * (width - cell_len(text))
            cells.append(gap + text if right else text + gap)
        click.echo("  ".join(cells).rstrip(), err=to_stderr)


def facts(lines: Sequence[tuple[str, str]]) -> None:
    """One line per fact: what it is, and the fact."""
    width = max(len(name) for name, _ in lines)
    for name, text in lines:
        click.echo(f"{name.ljust(width)}  {plain(for_this_profile(text))}")


def explained(lines: Sequence[tuple[str, str]]) -> None:
    """(name, text) lines of an explanation."""
    for name, text in lines:
        flow(f"  {name:<11}{text}" if name else f"  {text}", 13 if name else 4)


def flow(line: str, indent: int = 2) -> None:
    """A line of data; a terminal gets it broken between words, what goes on below indented."""
    pieces = [plain(line)]
    if sys.stdout.isatty():
        from heaptui.ui.signs import wrap

        pieces = wrap(pieces[0], shutil.get_terminal_size().columns, indent)
    for piece in pieces:
        click.echo(piece)
