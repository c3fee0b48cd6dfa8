"""How commands print: data on stdout, narration on stderr, columns aligned by cells."""

from __future__ import annotations

from collections.abc import Sequence

import click


def say(text: str) -> None:
    """One line of narration."""
    click.echo(text, err=True)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, to_stderr: bool = False) -> None:
    """Aligned columns; those of numbers stand right."""
    from rich.cells import cell_len

    lines = [headings, *rows]
    widths = [max(cell_len(line[column]) for line in lines) for column in range(len(headings))]
    numeric = [
        bool(rows) and all(row[column][:1].isdigit() or row[column] in ("", "·", "?") for row in rows)
        for column in range(len(headings))
    ]
    for line in lines:
        cells = []
        for text, width, right in zip(line, widths, numeric, strict=True):
            gap = " " * (width - cell_len(text))
            cells.append(gap + text if right else text + gap)
        click.echo("  ".join(cells).rstrip(), err=to_stderr)
