"""`heaptui explain`: the lexicon of failures, searched without a network."""

from __future__ import annotations

import click

from heaptui.cli.context import Settings, emit
from heaptui.cli.output import say
from heaptui.errors import UsageError
from heaptui.model.lexicon import Entry, search


@click.command()
@click.argument("words", nargs=-1, metavar="CODE|TEXT")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def explain(settings: Settings, words: tuple[str, ...], *, as_json: bool) -> None:
    """Explain a failure of Braze or Heap: what it means, its likely causes, who mends it and how.

    CODE is a status or the code of an entry; TEXT is any part of an answer, or words. Without either, all are listed.

    \b
    Examples:
      heaptui explain 401
      heaptui explain "client_secret is invalid"
      heaptui explain heap.silence
    """
    found = search(" ".join(words))
    if as_json or settings.json:
        emit({"entries": [entry_json(entry) for entry in found]})
        return
    if not words:
        for entry in found:
            click.echo(f"{entry.code:<28}{entry.title}")
        return
    if not found:
        raise UsageError(f"The lexicon has nothing about “{' '.join(words)}”.", "", "See all entries: heaptui explain")
    if len(found) > 6:
        say(f"{len(found)} entries; the first six are told whole.")
    for entry in found[:6]:
        click.echo("\n".join(entry_lines(entry)) + "\n")
    for entry in found[6:]:
        click.echo(f"{entry.code:<28}{entry.title}")


def entry_lines(entry: Entry) -> list[str]:
    """One entry as text."""
    lines = [f"{entry.title}  ({entry.code})", f"  Means      {entry.meaning}"]
    lines += [f"  {'Causes' if n == 1 else '':<11}{n}. {cause}" for n, cause in enumerate(entry.causes, 1)]
    lines += [f"  Who mends  {entry.who}", f"  How        {entry.how}"]
    if entry.command:
        lines.append(f"  Then       {entry.command}")
    return lines


def entry_json(entry: Entry) -> dict[str, object]:
    """One entry as other programs read it."""
    return {
        "code": entry.code,
        "title": entry.title,
        "meaning": entry.meaning,
        "causes": entry.causes,
        "who": entry.who,
        "how": entry.how,
        "status": entry.status,
        "command": entry.command or None,
    }
