"""The command palette and the help of a screen, both from the table of commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textual.screen import Screen

from heaptui.ui.commands import EVERYWHERE, MOVES, commands_of


def palette_of(screen: Screen[Any]) -> Iterator[tuple[str, str, str]]:
    """(title, what it does or why it is off, action) of every command of a screen."""
    for command in commands_of(getattr(screen, "SCOPE", EVERYWHERE)):
        why = screen.why_disabled(command.command_id) if hasattr(screen, "why_disabled") else ""
        told = f"{command.help} (now not: {why})" if why else command.help
        yield f"{command.label}  {command.shown_key}  ({command.command_id})", told, command.action


def help_lines(screen: Screen[Any]) -> list[str]:
    """The keys of a screen with what they do, and how to move."""
    commands = commands_of(getattr(screen, "SCOPE", EVERYWHERE))
    return [*(f"{command.shown_key:<7}{command.help}" for command in commands), "", MOVES]
