"""The command palette and the help of a screen, both from the table of commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from rich.cells import cell_len
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.markup import escape
from textual.screen import Screen

from heaptui.ui.commands import EVERYWHERE, MOVES, Command, commands_of
from heaptui.ui.screens.page import Page
from heaptui.ui.signs import fit

NOT_IN_FOOTER = 99
"""Behind everything that has a place in a footer."""


class CommandsHere(Provider):
    """The palette: the commands of the screen first, in the order of its footer, and Textual's own last."""

    async def discover(self) -> Hits:
        """All of them, while nothing is typed."""
        for title, told, callback in self._commands():
            yield DiscoveryHit(title, callback, help=told)

    async def search(self, query: str) -> Hits:
        """Those whose name, key or id holds what is typed."""
        matcher = self.matcher(query)
        for title, told, callback in self._commands():
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), callback, help=told)

    def _commands(self) -> Iterator[tuple[str, str, Callable[[], Any]]]:
        for title, told, command_id in palette_of(self.screen):
            action = f"screen.do('{command_id}')"
            # Textual takes this for markup, and a reason may hold the name of a cohort.
            yield title, escape(told), partial(self.app.call_later, self.screen.run_action, action)
        # Of Textual's own, those that have no key here.
        for own in self.app.get_system_commands(self.screen):
            if own.title in ("Theme", "Screenshot"):
                yield own.title, own.help, own.callback


def palette_of(screen: Screen[Any]) -> Iterator[tuple[str, str, str]]:
    """(title, what it does or why it is off, its id) of every command of a screen, in the order of its footer."""
    if not isinstance(screen, Page):
        return
    for command in sorted(commands_of(screen.SCOPE), key=_as_in_footer):
        why = screen.why_off(command.command_id)
        told = _told(screen, command)
        yield (
            f"{command.label}  {command.shown_key}  ({command.command_id})",
            f"{told} (now not: {why})" if why else told,
            command.command_id,
        )


def _as_in_footer(command: Command) -> tuple[bool, int]:
    """The screen's own commands before those of everywhere, and first what its footer shows."""
    return command.scope == EVERYWHERE, command.footer or NOT_IN_FOOTER


def help_lines(screen: Screen[Any]) -> list[str]:
    """What is highlighted, the keys of the screen, and those of everywhere."""
    if not isinstance(screen, Page):
        return [MOVES]
    commands = commands_of(screen.SCOPE)
    own = [command for command in commands if command.scope != EVERYWHERE]
    # Two blanks: so what goes on below stands under the words, not under the key.
    width = 2 + max(cell_len(command.shown_key) for command in commands)
    parts = [
        list(screen.explanation()),
        [_line(screen, command, width) for command in own],
        [_line(screen, command, width) for command in commands if command not in own],
        [MOVES],
    ]
    lines = [line for part in parts if part for line in (*part, "")]
    return lines[:-1]


def _line(screen: Page, command: Command, width: int) -> str:
    return f"{fit(command.shown_key, width)}{_told(screen, command)}"


def _told(screen: Page, command: Command) -> str:
    """What a command does, in the words of the screen where it has some."""
    match command.command_id:
        case "pane.copy":
            return f"Copy {screen.COPIES}."
        case "pane.export":
            return f"Write {screen.EXPORTS} to a file."
    return command.help
