"""Keeping keys and taking over ledgers from any screen: the questions that come with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.screen import Screen

from heaptui.config import Config, Home, Profile, resolve_profile
from heaptui.errors import HeaptuiError, UsageError
from heaptui.model.settings import default_text
from heaptui.services.ledgers import import_ledger
from heaptui.services.profiles import ProfileService, SecretName, label_problem, name_problem, setting_problem
from heaptui.services.workspace import ledger_of
from heaptui.ui.widgets.dialogs import Asked, Question, Told

if TYPE_CHECKING:
    from heaptui.ui.app import HeaptuiApp
    from heaptui.ui.listener import Opening
    from heaptui.ui.screens.page import Page


async def keep_key(app: App[Any], service: ProfileService, profile: str, keys: Mapping[str, str]) -> bool:
    """Keep keys by name where the profile keeps them; where there is no keyring, only the user chooses a file.

    Raises:
        UsageError: a key cannot be kept where the profile keeps its keys.
    """
    store = ""
    for name, value in keys.items():
        try:
            kept = await service.keep_key(profile, SecretName(name), value, store=store)
        except HeaptuiError as error:
            lines = [error.title, "It can be kept in a file that only you can read (0600), beside the configuration."]
            if not await app.push_screen_wait(
                Question("Where shall the key be kept?", lines, yes="In a private file", no="Do not keep it")
            ):
                return False
            kept = await service.keep_key(profile, SecretName(name), value, store="file")
        store = kept.secret_store
    return True


def why_profile_stays(dashboard: HeaptuiApp) -> str:
    """Why nothing about the opened profile can be changed from here; empty where it can."""
    if dashboard.opening.read_only:
        return "heaptui was opened with --read-only: nothing is changed."
    if dashboard.opened.profile.from_environment:
        return "This profile is the environment: change the HEAPTUI_… variables."
    return ""


async def edit_setting(page: Page, service: ProfileService, name: str) -> bool:
    """Ask for another value of a setting, checked while it is typed, and keep it; whether it was changed.

    Raises:
        UsageError: the file cannot be read or written; it is as it was then.
    """
    profile = page.workspace.profile
    now = next(setting for setting in await service.settings(profile) if setting.facts.name == name)
    kept, facts = await service.kept(profile.name), now.facts
    lines = [facts.told, f"Left empty, it is the default: {default_text(facts)}."]
    if now.overridden:
        lines.append(f"{facts.variable} overrides the file: what is saved here changes nothing now.")
    value = await page.app.push_screen_wait(
        Asked(
            facts.title,
            lines,
            value=now.in_file,
            problem=lambda text: setting_problem(kept, name, text),
            while_typing=True,
        )
    )
    if value is None or value.strip() == now.in_file:
        return False
    await service.change(profile.name, {name: value.strip()})
    return True


async def use_profile(page: Page, *, then: str, over: Callable[[], Screen[Any]] | None = None) -> None:
    """The profile has changed: open it anew, unless a sync is running on it. `over` makes what lies over the tab.

    Raises:
        UsageError: the profile cannot be read any more.
    """
    dashboard = page.dashboard
    if dashboard.live_runs:
        page.say("Kept. It is used when the running sync is over and heaptui is opened again.")
        return
    opening = dashboard.opening
    profile = await ProfileService(opening.home, opening.environ).profile(page.workspace.profile.name)
    # By the app: opening a profile closes the page, and with it everything that runs there.
    page.app.call_later(_open_again, dashboard, profile, then, over)


async def _open_again(
    dashboard: HeaptuiApp, profile: Profile, then: str, over: Callable[[], Screen[Any]] | None
) -> None:
    received = dashboard.listener.running
    await dashboard.open_profile(profile, then=then)
    if dashboard.workspace is None:
        return
    if received and not dashboard.listener.starting and not dashboard.opened.read_only:
        dashboard.listener.starting = True
        dashboard.run_worker(dashboard.listener.begin(dashboard.notify), description="start the receiver again")
    if over is not None:
        await dashboard.push_screen(over())


def typed_path(text: str) -> Path:
    """The file that somebody typed."""
    return Path(text.strip()).expanduser()


async def ask_name(app: App[Any], service: ProfileService, lines: list[str] | None = None) -> str:
    """What a new profile is called; empty when nobody answers."""
    lines = [*(lines or []), "Letters, digits, - and _."]
    taken = await service.names()

    def problem(text: str) -> str:
        name = text.strip()
        return f"There is a profile {name} already." if name in taken else name_problem(name)

    return (
        await app.push_screen_wait(Asked("How shall this profile be called?", lines, problem=problem, needed=True))
        or ""
    ).strip()


async def ask_label(app: App[Any]) -> str | None:
    """How loud a profile is; None when nobody answers."""
    lines = ["PRODUCTION, STAGING, SANDBOX, or nothing. In PRODUCTION a first sync asks twice."]
    label = await app.push_screen_wait(Asked("Which label?", lines, problem=label_problem))
    return None if label is None else label.strip().upper()


class NoLedgerYet(UsageError):
    """The profile is of a PRODUCTION workspace, and there is no ledger on this computer."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has no ledger on this computer yet.")
        self.name = name


def _without_ledger(home: Home, profile: Profile) -> bool:
    return profile.label == "PRODUCTION" and not ledger_of(home, profile).exists()


def profile_to_open(config: Config, opening: Opening) -> Profile:
    """The profile to begin with; reads files.

    Raises:
        UsageError: none is set up, several are, or NoLedgerYet: somebody has to say where to go on from.
    """
    profile = resolve_profile(config, opening.profile, opening.environ)
    looks_only = opening.read_only or profile.read_only or profile.from_environment
    if not looks_only and _without_ledger(opening.home, profile):
        raise NoLedgerYet(profile.name)
    return profile


async def take_over_or_new(app: App[Any], home: Home, profile: Profile) -> None:
    """A PRODUCTION workspace without a ledger here: a colleague may have one, and nothing else knows the members."""
    if not await asyncio.to_thread(_without_ledger, home, profile):
        return
    lines = [
        "Braze has no call that lists a Heap cohort: what was sent stands only in the ledger. Without it, people who"
        " left in the meantime would stay there for ever.",
        "Was this workspace synced before, on another computer? There: heaptui ledger export FILE",
    ]
    while await app.push_screen_wait(
        Question("No ledger on this computer yet", lines, yes="Import a ledger file", no="Start a new one")
    ):
        if await take_over(app, home, profile):
            return


async def take_over(app: App[Any], home: Home, profile: Profile, source: Path | None = None) -> bool:
    """Go on from a ledger file, asking for it where none is given; False when nothing was taken over."""
    if source is None:
        note = "The file that heaptui ledger export wrote on the old computer. Stop its cron job and listener first."
        typed = await app.push_screen_wait(Asked("Which ledger file?", [note]))
        if not typed:
            return False
        source = typed_path(typed)
    try:
        await import_ledger(source, ledger_of(home, profile))
    except HeaptuiError as error:
        await app.push_screen_wait(Told(error.title, [line for line in (error.detail, error.hint) if line]))
        return False
    return True
