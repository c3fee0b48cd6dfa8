"""Make, show, change and remove profiles and their keys."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from heaptui.config import SETTINGS, Home, Profile, check_profile, load_config, resolve_profile, save_config
from heaptui.errors import UsageError
from heaptui.model.instances import normal_endpoint
from heaptui.model.profile import LABELS
from heaptui.model.routes import WAYS, way_facts, ways_open
from heaptui.store.secrets import SecretName, Secrets, keyring_works, lookup_secrets, secrets_file, store_secret

__all__ = ["NoKeyring", "ProfileFacts", "ProfileService", "SecretName", "secrets_file"]


class NoKeyring(UsageError):
    """Keys cannot be kept in a keyring here; a private file is the other place."""


class ProfileFacts(Struct, frozen=True):
    """A profile with where its keys come from; holds no key."""

    profile: Profile
    keys: Mapping[str, str]
    """Name of a key → its source, length and last characters."""
    notes: tuple[str, ...]

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways into Braze that these keys open."""
        return ways_open(self.keys.keys())

    @property
    def way(self) -> str:
        """The way in use, in words, with what it still needs."""
        route = self.profile.route or next(iter(self.ways), "")
        if not route:
            return "none yet: " + "; ".join(f"{way.title} needs {way.needs}" for way in WAYS)
        facts = way_facts(route)
        missing = [name for name in facts.keys if name not in self.keys]
        return f"{facts.title} ({route})" + (f": {', '.join(missing)} is missing" if missing else "")


class ProfileService:
    """The profiles of one home."""

    def __init__(self, home: Home, environ: Mapping[str, str]) -> None:
        self._home = home
        self._environ = environ

    async def names(self) -> list[str]:
        """All profiles."""
        return sorted((await asyncio.to_thread(load_config, self._home)).profiles)

    async def all(self) -> list[Profile]:
        """All profiles by name."""
        profiles = (await asyncio.to_thread(load_config, self._home)).profiles
        return [profiles[name] for name in sorted(profiles)]

    async def profile(self, name: str) -> Profile:
        """One of them, with what the environment changes.

        Raises:
            UsageError: there is no such profile.
        """
        return resolve_profile(await asyncio.to_thread(load_config, self._home), name, self._environ)

    async def show(self, profile: Profile) -> ProfileFacts:
        """A profile and the origin of its keys."""
        secrets = await lookup_secrets(self._home, profile, self._environ)
        keys = {name: secret.describe() for name, secret in secrets.given().items()}
        return ProfileFacts(profile, keys, tuple(secrets.notes))

    async def change(self, name: str, settings: Mapping[str, str]) -> Profile:
        """Set some settings, making the profile when it is new; an empty text means the default.

        Raises:
            UsageError: an unknown setting or a wrong value; nothing is changed then.
        """
        if problem := name_problem(name):
            raise UsageError(problem, "", "Use letters, digits, - and _.")
        return await asyncio.to_thread(self._change, name, settings)

    def _change(self, name: str, settings: Mapping[str, str]) -> Profile:
        config = load_config(self._home)
        before = config.profiles.get(name, Profile(name=name))
        values: dict[str, Any] = msgspec.structs.asdict(before)
        defaults = msgspec.structs.asdict(Profile(name=name))
        for setting, text in settings.items():
            if setting not in SETTINGS:
                raise UsageError(f"There is no setting {setting!r}.", f"There are: {', '.join(SETTINGS)}.")
            values[setting] = _value(setting, text) if text else defaults[setting]
        try:
            profile = msgspec.convert(values, Profile, strict=False)
        except msgspec.ValidationError as error:
            raise UsageError("A setting has a wrong value.", f"{error}.", "Nothing was changed.") from error
        check_profile(profile, f"profile {name}")
        save_config(self._home, replace(config, profiles={**config.profiles, name: profile}))
        return profile

    async def remove(self, name: str) -> None:
        """Forget a profile and its stored keys; its ledger stays.

        Raises:
            UsageError: there is no such profile.
        """
        config = await asyncio.to_thread(load_config, self._home)
        profile = config.profiles.get(name)
        if profile is None:
            raise UsageError(f"There is no profile {name!r}.", "", "See them: heaptui profile list")
        if profile.secret_store:
            for secret in SecretName:
                await store_secret(self._home, profile, secret, None)
        rest = {other: kept for other, kept in config.profiles.items() if other != name}
        await asyncio.to_thread(save_config, self._home, replace(config, profiles=rest))

    async def keep_key(self, name: str, secret: SecretName, value: str, *, store: str = "") -> Profile:
        """Keep a key in the keyring, or in a private file when the user chose that.

        Raises:
            UsageError: the key is empty, or cannot be kept there.
        """
        value = value.strip()
        if not value:
            raise UsageError(f"No {secret} was given.", "Nothing was changed.")
        config = await asyncio.to_thread(load_config, self._home)
        store = await self.place_for_keys(name, store)
        profile = config.profiles.get(name) or await self.change(name, {})
        if profile.secret_store != store:
            profile = await self.change(name, {"secret_store": store})
        await store_secret(self._home, profile, secret, value)
        return profile

    async def place_for_keys(self, name: str, store: str = "") -> str:
        """Where keys of a profile will be kept: as asked, else as before, else the keyring.

        Raises:
            NoKeyring: nobody chose, and there is no keyring.
        """
        config = await asyncio.to_thread(load_config, self._home)
        before = config.profiles.get(name)
        if chosen := store or (before.secret_store if before else ""):
            return chosen
        if why := await keyring_works():
            raise NoKeyring(why, "The key was not kept.", "Keep it in a private file instead: --store file")
        return "keyring"

    async def forget_key(self, name: str, secret: SecretName) -> None:
        """Remove a stored key.

        Raises:
            UsageError: there is no such profile.
        """
        config = await asyncio.to_thread(load_config, self._home)
        profile = config.profiles.get(name)
        if profile is None:
            raise UsageError(f"There is no profile {name!r}.", "", "See them: heaptui profile list")
        await store_secret(self._home, profile, secret, None)

    async def secrets(self, profile: Profile) -> Secrets:
        """The keys themselves, masked."""
        return await lookup_secrets(self._home, profile, self._environ)


def name_problem(name: str) -> str:
    """Why this cannot name a profile; empty when it can."""
    right = bool(name) and all(part.isalnum() for part in name.replace("-", " ").replace("_", " ").split())
    return "" if right else f"{name!r} cannot name a profile."


def endpoint_problem(text: str) -> str:
    """Why this is no endpoint; empty when it is one."""
    try:
        normal_endpoint(text)
    except UsageError as error:
        return f"{error.title} {error.detail}"
    return ""


def label_problem(text: str) -> str:
    """Why this is no label; empty when it is one."""
    return "" if text.strip().upper() in LABELS else f"A label is one of {', '.join(LABELS[1:])}, or nothing."


def _value(setting: str, text: str) -> Any:
    if setting == "endpoint":
        return normal_endpoint(text)
    if setting in ("allowed_hosts", "currents_types"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if setting == "cohorts" or setting.endswith("_command"):
        raise UsageError(f"{setting} is set in the configuration file.", "", "heaptui doctor says where it is.")
    return text
