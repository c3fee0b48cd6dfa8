"""What is to be checked, gathered from a profile and its ledger, or for keys of somebody else from all partner keys."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec

from heaptui.config import Home, Profile, load_config
from heaptui.errors import HeaptuiError, LedgerError
from heaptui.model.instances import instance_of
from heaptui.model.secret import Secret
from heaptui.services.verification import Given
from heaptui.services.workspace import ledger_path
from heaptui.store.database import Database
from heaptui.store.last_page import last_page
from heaptui.store.secrets import SecretName, lookup_secrets

REGIONS = ("US", "EU")


async def given_of_profile(
    home: Home, profile: Profile, environ: Mapping[str, str], *, read_only: bool = False
) -> tuple[Given, list[str]]:
    """A profile with its keys, and sentences about what could not be asked.

    Raises:
        UsageError: a command for a key failed, or the secrets file can be read by others.
    """
    secrets = await lookup_secrets(home, profile, environ, read_only=read_only)
    partner_keys = _from_environment(environ)
    own = secrets.partner_api_key
    if own is not None and own not in partner_keys.values():
        partner_keys[""] = own
    page = None
    if secrets.webhook_secret is not None:
        page = await asyncio.to_thread(_last_page, ledger_path(home, profile, secrets))
    given = Given(
        # As it was written: an address that is corrected silently could not be called wrong.
        endpoint=environ.get("HEAPTUI_BRAZE_ENDPOINT") or profile.endpoint,
        partner_name=profile.partner_name,
        partner_keys=partner_keys,
        data_import_key=secrets.data_import_key,
        rest_key=secrets.rest_api_key,
        heap_app_id=profile.heap_app_id,
        webhook_secret=secrets.webhook_secret,
        last_page=page,
        currents_token=secrets.currents_token,
        allowed_hosts=profile.allowed_hosts,
    )
    return given, secrets.notes


async def known_partner_keys(
    home: Home, environ: Mapping[str, str], *, read_only: bool = False
) -> tuple[dict[str, Secret], list[str]]:
    """Partner keys by region, for checking the keys of somebody else: from the environment, then from all profiles.

    Commands of profiles are not run: whoever pastes did not ask for them.
    """
    keys = _from_environment(environ)
    if environ.get("HEAPTUI_PARTNER_API_KEY"):
        keys[""] = Secret(environ["HEAPTUI_PARTNER_API_KEY"], "environment")
    profiles = [
        msgspec.structs.replace(profile, **{f"{name}_command": () for name in SecretName})
        for profile in (await asyncio.to_thread(load_config, home)).profiles.values()
    ]
    found = await asyncio.gather(
        *(lookup_secrets(home, profile, {}, read_only=read_only) for profile in profiles), return_exceptions=True
    )
    notes: list[str] = []
    for profile, secrets in zip(profiles, found, strict=True):
        if isinstance(secrets, HeaptuiError):
            notes.append(str(secrets))
        elif isinstance(secrets, BaseException):
            raise secrets
        else:
            notes += secrets.notes
            instance = instance_of(profile.endpoint)
            if secrets.partner_api_key is not None:
                keys.setdefault(instance.region if instance else "US", secrets.partner_api_key)
    return keys, list(dict.fromkeys(notes))


def _from_environment(environ: Mapping[str, str]) -> dict[str, Secret]:
    named = {region: environ.get(f"HEAPTUI_PARTNER_API_KEY_{region}") for region in REGIONS}
    return {region: Secret(value, f"environment {region}") for region, value in named.items() if value}


def _last_page(path: Path) -> float | None:
    if not path.exists():
        return None
    try:
        ledger = Database.open(path, read_only=True)
    except LedgerError:
        # Keys can be checked while the ledger is in trouble; other commands say what is wrong with it.
        return None
    try:
        return ledger.read_now(last_page)
    finally:
        ledger.close()
