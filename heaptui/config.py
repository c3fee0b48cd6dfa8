"""Profiles in one TOML file, and the directories heaptui uses."""

from __future__ import annotations

import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from heaptui.errors import UsageError
from heaptui.model.instances import normal_endpoint
from heaptui.model.profile import SETTINGS, CohortSettings, Profile, check_profile, every_seconds
from heaptui.model.setting_facts import SETTING_FACTS

__all__ = [
    "SECRET_VARIABLES",
    "SETTINGS",
    "CohortSettings",
    "Config",
    "Home",
    "NoProfile",
    "Profile",
    "check_profile",
    "every_seconds",
    "load_config",
    "private_dir",
    "private_files",
    "resolve_profile",
    "save_config",
]

CONFIG_NAME = "config.toml"
_OVERRIDES = {facts.variable: facts.name for facts in SETTING_FACTS if facts.variable}

SECRET_VARIABLES = (
    "HEAPTUI_PARTNER_API_KEY",
    "HEAPTUI_PARTNER_API_KEY_US",
    "HEAPTUI_PARTNER_API_KEY_EU",
    "HEAPTUI_DATA_IMPORT_KEY",
    "HEAPTUI_REST_API_KEY",
    "HEAPTUI_WEBHOOK_SECRET",
    "HEAPTUI_CURRENTS_TOKEN",
)


class NoProfile(UsageError):
    """Nothing is set up: no profile, and no environment that would be one."""


def private_files() -> None:
    """From now on every file of this process is readable by its owner only."""
    os.umask(0o077)


class Home(Struct, frozen=True):
    """Where config, data, state, receipts and logs are."""

    config_dir: Path
    data_dir: Path
    state_dir: Path
    receipts_dir: Path
    logs_dir: Path
    out_dir: Path

    @classmethod
    def find(cls, home_option: str | None, environ: Mapping[str, str]) -> Home:
        """Everything under `--home` or HEAPTUI_HOME, else the user directories of the platform."""
        chosen = home_option or environ.get("HEAPTUI_HOME")
        if chosen:
            root = Path(chosen).expanduser().absolute()
            return cls(*(root / name for name in ("config", "data", "state", "receipts", "logs", "out")))
        from platformdirs import PlatformDirs

        dirs = PlatformDirs("heaptui", appauthor=False)
        documents = Path.home() / "heaptui"
        return cls(
            dirs.user_config_path,
            dirs.user_data_path,
            dirs.user_state_path,
            documents / "receipts",
            dirs.user_log_path,
            documents / "out",
        )

    @property
    def root(self) -> Path | None:
        """The one directory of `--home`; None where the directories are those of the platform."""
        root = self.config_dir.parent
        return root if self.config_dir == root / "config" and self.data_dir == root / "data" else None

    @property
    def config_file(self) -> Path:
        """The profiles."""
        return self.config_dir / CONFIG_NAME

    @property
    def locks_dir(self) -> Path:
        """The locks of cohorts that are being delivered."""
        return self.state_dir / "locks"


def private_dir(path: Path) -> Path:
    """Make a directory that only its owner can read."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def replace_toml(path: Path, document: Mapping[str, Any]) -> None:
    """Write a file that only its owner can read: the new one whole and on the disk, or the old one as it was.

    Raises:
        OSError: it cannot be written.
    """
    import tomli_w

    # A linked file, as dotfile managers make them, is replaced where it really is, which may be on another disk.
    target = path.resolve()
    handle, half = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            tomli_w.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(half, target)
    except BaseException:
        Path(half).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Config(Struct, frozen=True):
    """All profiles by name, and the command that hears of every sync from the command line."""

    profiles: Mapping[str, Profile] = field(default_factory=dict)
    notify: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys of the dashboard that the user chose, by the id of their command."""


def load_config(home: Home) -> Config:
    """Read the profiles; none when there is no file.

    Raises:
        UsageError: not TOML, an unknown key, or a wrong value, named with file, key and the nearest known key.
    """
    path = home.config_file
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read.", f"{error}.", "Check the file and its rights.") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML.", f"{error}.", "Mend that line, or restore a copy.") from error
    _known(path, "", data, ["profiles", "notify", "keys"])
    profiles = data.get("profiles", {})
    if not isinstance(profiles, dict):
        raise UsageError(f"{path}: profiles must be tables.", "", "Write [profiles.NAME] and its settings below it.")
    keys = data.get("keys", {})
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise UsageError(
            f"{path}: keys must be a table of texts.", "", 'Write [keys] and below it "cohorts.sync" = "S".'
        )
    found = {name: _profile(path, name, table) for name, table in profiles.items()}
    return Config(found, _notify(path, data), keys)


def _notify(path: Path, data: Mapping[str, Any]) -> tuple[str, ...]:
    """The argument list of `[notify] command`; refused where others could write it."""
    table = data.get("notify", {})
    if not table:
        return ()
    _known(path, "notify", table, ["command"])
    command = table.get("command")
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        raise UsageError(f"{path}: notify.command must be a list of words.", "", 'command = ["program", "argument"]')
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError(f"{path} can be written by others.", "It names a command to run.", f"chmod 600 '{path}'")
    return tuple(command)


def _profile(path: Path, name: str, table: Any) -> Profile:
    where = f"profiles.{name}"
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {where} must be a table.", "", f"Write [{where}] and its settings below it.")
    _known(path, where, table, SETTINGS)
    try:
        profile = msgspec.convert({**table, "name": name}, Profile)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {where} has a wrong value.", f"{error}.", "Mend it in the file.") from error
    check_profile(profile, f"{path}: {where}")
    return profile


def _known(path: Path, where: str, table: Mapping[str, Any], allowed: list[str]) -> None:
    for key in table:
        if key not in allowed:
            near = get_close_matches(key, allowed, n=1, cutoff=0.5)
            place = f"{where}.{key}" if where else key
            hint = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(allowed)}."
            raise UsageError(f"{path} has an unknown setting: {place}.", "Nothing was changed.", hint)


def save_config(home: Home, config: Config) -> None:
    """Write the profiles atomically; a reader sees the old file or the new one, never half of one.

    Raises:
        UsageError: the file cannot be written; the old one is as it was.
    """
    from filelock import FileLock

    path = home.config_file
    try:
        private_dir(path.parent)
        with FileLock(f"{path}.lock", mode=0o600):
            tables = {name: msgspec.to_builtins(profile) for name, profile in sorted(config.profiles.items())}
            for table in tables.values():
                table.pop("name", None)
            notify = {"notify": {"command": list(config.notify)}} if config.notify else {}
            keys = {"keys": dict(config.keys)} if config.keys else {}
            replace_toml(path, {**notify, **keys, "profiles": tables})
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written.", f"{error.strerror or error}. The old file is as it was.", "Check its rights."
        ) from error


def resolve_profile(config: Config, name: str | None, environ: Mapping[str, str]) -> Profile:
    """The profile to work in: the named one, the only one, or the environment as one.

    Raises:
        NoProfile: nothing is set up.
        UsageError: there is no such profile, or there are several and none is named.
    """
    profiles = config.profiles
    if name is not None:
        if name not in profiles:
            near = get_close_matches(name, profiles, n=1, cutoff=0.4)
            detail = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(profiles) or 'none'}."
            raise UsageError(f"There is no profile {name!r}.", detail, "See them: heaptui profile list")
        return _overridden(msgspec.structs.replace(profiles[name], one_of_several=len(profiles) > 1), environ)
    if len(profiles) == 1:
        return _overridden(next(iter(profiles.values())), environ)
    if profiles:
        raise UsageError(
            "There are several profiles, and none is the default.",
            f"They are: {', '.join(sorted(profiles))}.",
            "Name one: heaptui --profile NAME …",
        )
    if any(environ.get(variable) for variable in (*_OVERRIDES, *SECRET_VARIABLES)):
        return _overridden(Profile(name="environment", from_environment=True), environ)
    raise NoProfile(
        "Nothing is set up yet.",
        "heaptui needs a profile, or the HEAPTUI_… variables of one.",
        "Look around without keys: heaptui demo. Set one up: heaptui profile set NAME endpoint=…",
    )


def _overridden(profile: Profile, environ: Mapping[str, str]) -> Profile:
    given = {setting: environ[variable] for variable, setting in _OVERRIDES.items() if environ.get(variable)}
    if not given:
        return profile
    if "endpoint" in given:
        given["endpoint"] = normal_endpoint(given["endpoint"])
    try:
        changed = msgspec.convert({**msgspec.structs.asdict(profile), **given}, Profile, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError("A HEAPTUI_… variable has a wrong value.", f"{error}.") from error
    check_profile(changed, "the environment")
    return changed
