"""The tabs with their fixed numbers, and the screen of each, imported when it is first shown."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from heaptui.ui.screens.framed import FramedScreen


class Tab(Struct, frozen=True):
    """One tab; `module` and `screen` name its class in heaptui/ui/screens."""

    number: int
    name: str
    title: str
    module: str
    screen: str


TABS = (
    Tab(1, "cohorts", "Cohorts", "cohorts", "CohortsScreen"),
    Tab(2, "segments", "Segments", "segments", "SegmentsScreen"),
    Tab(3, "sync", "Sync", "sync", "SyncScreen"),
    Tab(4, "runs", "Runs", "runs", "RunsScreen"),
    Tab(5, "currents", "Currents", "currents", "CurrentsScreen"),
    Tab(6, "credentials", "Credentials", "credentials", "CredentialsScreen"),
)

_hidden: set[str] = set()


def hide(names: Iterable[str]) -> None:
    """Leave these tabs out of the line of tabs; their numbers still open them."""
    _hidden.clear()
    _hidden.update(names)


def shown_tabs(active: str) -> list[Tab]:
    """The tabs that are not hidden, and the active one."""
    return [tab for tab in TABS if tab.name == active or tab.name not in _hidden]


async def make_screen(name: str) -> FramedScreen:
    """A new screen for a tab, which has read what its first picture shows."""
    tab = next((tab for tab in TABS if tab.name == name), TABS[0])
    screen: FramedScreen = getattr(importlib.import_module(f"heaptui.ui.screens.{tab.module}"), tab.screen)()
    await screen.read_first()
    return screen
