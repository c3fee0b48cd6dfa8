"""Which credentials a profile gives to the checks, and which partner keys are kept for the keys of others."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from heaptui.config import Home, Profile
from heaptui.model.secret import Secret
from heaptui.services.key_checks import Given
from heaptui.services.workspace import ledger_path
from heaptui.store import segments
from heaptui.store.database import Database
from heaptui.store.secrets import Secrets, lookup_secrets

REGIONS = ("US", "EU")


async def given_of_profile(home: Home, profile: Profile, environ: Mapping[str, str]) -> Given:
    """Everything a profile has.

    Raises:
        UsageError: a key cannot be looked up.
    """
    secrets = await lookup_secrets(home, profile, environ)
    regional = kept_partner_keys(environ)
    bare = Given(
        profile.endpoint,
        profile.partner_name,
        profile.allowed_hosts,
        partner_key=secrets.partner_api_key,
        data_import_key=secrets.data_import_key,
        rest_api_key=secrets.rest_api_key,
        heap_app_id=profile.heap_app_id,
        webhook_secret=secrets.webhook_secret,
        currents_token=secrets.currents_token,
        last_page_at=await _last_page_at(home, profile, secrets),
    )
    other = regional.get("EU" if bare.region == "US" else "US")
    return bare if other is None or other == bare.partner_key else replace(bare, other_partner_key=other)


def kept_partner_keys(environ: Mapping[str, str]) -> dict[str, Secret]:
    """The partner keys of the environment by region, for somebody who checks the keys of many customers."""
    found = {region: environ.get(f"HEAPTUI_PARTNER_API_KEY_{region}") for region in REGIONS}
    plain = environ.get("HEAPTUI_PARTNER_API_KEY")
    return {region: Secret(value or plain or "", "environment") for region, value in found.items() if value or plain}


async def _last_page_at(home: Home, profile: Profile, secrets: Secrets) -> float | None:
    """When Heap last sent a page with a right signature, as far as the ledger of the profile tells."""
    path = ledger_path(home, profile, secrets)
    if not await asyncio.to_thread(path.exists):
        return None
    ledger = await asyncio.to_thread(Database.open, path, read_only=True)
    try:
        return await ledger.read(segments.last_page_at)
    except sqlite3.OperationalError:
        # A ledger from before pages were kept, opened without bringing it up to date.
        return None
    finally:
        await asyncio.to_thread(ledger.close)
