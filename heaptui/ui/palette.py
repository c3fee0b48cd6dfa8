"""The command palette and the help of a screen, both from the table of commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textual.screen import Screen

from heaptui.ui.commands import EVERYWHERE, MOVES, Command, commands_of
from heaptui.ui.screens.page import Page


def palette_of(screen: Screen[Any]) -> Iterator[tuple[str, str, str]]:
    """(title, what it does or why it is off, its id) of every command of a screen."""
    if not isinstance(screen, Page):
        return
    for command in commands_of(screen.SCOPE):
        why = screen.why_off(command.command_id)
        told = _told(screen, command)
        yield (
            f"{command.label}  {command.shown_key}  ({command.command_id})",
            f"{told} (now not: {why})" if why else told,
            command.command_id,
        )


def help_lines(screen: Screen[Any]) -> list[str]:
    """What is highlighted, the keys of the screen, and those of everywhere."""
    if not isinstance(screen, Page):
        return [MOVES]
    commands = commands_of(screen.SCOPE)
    own = [command for command in commands if command.scope != EVERYWHERE]
    parts = [
        list(screen.explanation()),
        [_line(screen, command) for command in own],
        [_line(screen, command) for command in commands if command not in own],
        [MOVES],
    ]
    lines = [line for part in parts if part for line in (*part, "")]
    return lines[:-1]


def _line(screen: Page, command: Command) -> str:
    return f"{command.shown_key:<7}{_told(screen, command)}"


def _told(screen: Page, command: Command) -> str:
    """What a command does, in the words of the screen where it has some."""
    match command.command_id:
        case "pane.copy":
            return f"Copy {screen.COPIES}."
        case "pane.export":
            return f"Write {screen.EXPORTS} to a file."
    return command.help
