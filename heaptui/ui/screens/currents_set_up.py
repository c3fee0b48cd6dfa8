"""Setting Currents up from the dashboard: a token, the Heap app id, the clicks in Braze; and hiding the tab."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from heaptui.errors import HeaptuiError
from heaptui.services.profiles import ProfileService, SecretName
from heaptui.ui.keeping import use_profile
from heaptui.ui.tabs import hide
from heaptui.ui.widgets.dialogs import Asked, Question, Told

if TYPE_CHECKING:
    from heaptui.ui.screens.currents import CurrentsScreen

ENDPOINT = "https://your-host/braze/currents"
TOKEN_BYTES = 24


async def set_up(screen: CurrentsScreen) -> None:
    """Ask for what is missing, then show what to enter in Braze."""
    dashboard, workspace = screen.dashboard, screen.workspace
    service = ProfileService(dashboard.opening.home, dashboard.opening.environ)
    profile = workspace.profile
    token, changed = "", False
    try:
        if not profile.heap_app_id:
            lines = [
                "A number: Heap, Account › Manage › Projects. Leave it empty to receive only, and forward later.",
                "Heap takes events for a wrong app id without a word.",
            ]
            app_id = await screen.app.push_screen_wait(Asked("Your Heap app id", lines))
            if app_id is None:
                return
            if app_id.strip():
                await service.change(profile.name, {"heap_app_id": app_id.strip()})
                changed = True
        if workspace.secrets.currents_token is None:
            token = secrets.token_urlsafe(TOKEN_BYTES)
            if not await _kept(screen, service, token):
                return
            changed = True
    except HeaptuiError as error:
        screen.told(error)
        return
    lines = [
        "In Braze: Partner Integrations › Data Export › Create New Current › Heap Export",
        f"Endpoint   {ENDPOINT}",
        f"Token      {token or 'the one that is kept already'}",
        "",
        *(["The token is shown this once; y copies it with the rest.", ""] if token else []),
        "Then, on the machine that Braze reaches:",
        f"heaptui --profile {profile.name} listen --forward",
    ]
    await screen.app.push_screen_wait(Told("Enter this in Braze", lines))
    if changed:
        try:
            await use_profile(screen, then="currents")
        except HeaptuiError as error:
            screen.told(error)


async def _kept(screen: CurrentsScreen, service: ProfileService, token: str) -> bool:
    """Keep the token; where there is no keyring, only the user chooses a file."""
    profile = screen.workspace.profile
    try:
        await service.keep_key(profile.name, SecretName.CURRENTS_TOKEN, token)
    except HeaptuiError as error:
        if profile.secret_store:
            raise
        lines = [error.title, "It can be kept in a file that only you can read (0600), beside the configuration."]
        question = Question("Where shall the token be kept?", lines, yes="In a private file", no="Do not make one")
        if not await screen.app.push_screen_wait(question):
            return False
        await service.keep_key(profile.name, SecretName.CURRENTS_TOKEN, token, store="file")
    return True


async def hide_or_show(screen: CurrentsScreen) -> None:
    """Take the tab out of the line of tabs, or put it back."""
    preferences = screen.dashboard.preferences
    if screen.TAB in preferences.hidden:
        preferences.hidden = [name for name in preferences.hidden if name != screen.TAB]
        hide(preferences.hidden)
        screen.say("5 Currents is back among the tabs.")
        screen.load()
        return
    preferences.hidden = [*preferences.hidden, screen.TAB]
    hide(preferences.hidden)
    preferences.tab = "cohorts"
    await screen.dashboard.action_tab("cohorts")
    screen.app.notify("5 Currents is hidden. Pressing 5 still opens it, and h there brings it back.", markup=False)
