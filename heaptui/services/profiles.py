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
from heaptui.model.routes import WAYS, way_facts, ways_open
from heaptui.model.setting_facts import LABELS, Shape, facts_of
from heaptui.model.settings import SettingNow, settings_of
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
    def route(self) -> str:
        """The way in use; empty for none."""
        return self.profile.route or next(iter(self.ways), "")

    @property
    def may_send(self) -> bool:
        """Whether the way in use has its keys; whether they are right, only Braze knows."""
        return self.route in self.ways

    @property
    def way(self) -> str:
        """The way in use, in words, with what it still needs."""
        if not self.route:
            return "none yet: " + "; ".join(f"{way.title} needs {way.needs}" for way in WAYS)
        facts = way_facts(self.route)
        missing = [name for name in facts.keys if name not in self.keys]
        return f"{facts.title} ({self.route})" + (f": {', '.join(missing)} is missing" if missing else "")


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
        profile = changed(config.profiles.get(name, Profile(name=name)), settings)
        save_config(self._home, replace(config, profiles={**config.profiles, name: profile}))
        return profile

    async def settings(self, profile: Profile) -> list[SettingNow]:
        """Every setting of an opened profile as it would be read now: its value, and where that comes from.

        Raises:
            UsageError: the file or the environment is wrong, or the profile is gone.
        """
        kept, now = await asyncio.to_thread(self._kept_and_now, profile)
        return settings_of(kept, now, self._environ)

    async def kept(self, name: str) -> Profile:
        """A profile as the file has it, without what the environment changes."""
        return (await asyncio.to_thread(load_config, self._home)).profiles.get(name, Profile(name=name))

    def _kept_and_now(self, profile: Profile) -> tuple[Profile, Profile]:
        config = load_config(self._home)
        if profile.from_environment:
            return Profile(), resolve_profile(config, None, self._environ)
        now = resolve_profile(config, profile.name, self._environ)
        return config.profiles[profile.name], now

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


def changed(profile: Profile, settings: Mapping[str, str]) -> Profile:
    """The profile with other values, given as texts; an empty text means the default.

    Raises:
        UsageError: an unknown setting or a wrong value.
    """
    values: dict[str, Any] = msgspec.structs.asdict(profile)
    defaults = msgspec.structs.asdict(Profile(name=profile.name))
    for setting, text in settings.items():
        if setting not in SETTINGS:
            raise UsageError(f"There is no setting {setting!r}.", f"There are: {', '.join(SETTINGS)}.")
        values[setting] = _value(setting, text) if text else defaults[setting]
    try:
        found = msgspec.convert(values, Profile, strict=False)
    except msgspec.ValidationError as error:
        wrong = next((setting for setting in settings if f"$.{setting}" in str(error)), "")
        if not wrong:
            raise UsageError("A setting has a wrong value.", f"{error}.", "Nothing was changed.") from error
        told = f"profile {profile.name}: {wrong} must be {facts_of(wrong).allowed}."
        raise UsageError(told, f"It is {settings[wrong]!r}.", "Nothing was changed.") from error
    check_profile(found, f"profile {profile.name}")
    return found


def setting_problem(profile: Profile, setting: str, text: str) -> str:
    """Why a setting of a profile cannot be this; empty when it can."""
    try:
        changed(profile, {setting: text.strip()})
    except UsageError as error:
        return f"{error.title.removeprefix(f'profile {profile.name}: ')} {error.detail}"
    return ""


def _value(setting: str, text: str) -> Any:
    if setting == "endpoint":
        return normal_endpoint(text)
    shape = facts_of(setting).shape
    if shape is Shape.LIST:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if shape is Shape.FILE_ONLY:
        raise UsageError(f"{setting} is set in the configuration file.", "", "heaptui doctor says where it is.")
    return text
