"""Looks the keys of a profile up: environment, then command, then keyring, then a private file."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from heaptui.config import Home, Profile, private_dir, replace_toml
from heaptui.errors import UsageError
from heaptui.model.instances import instance_of
from heaptui.model.secret import Secret

KEYRING_SERVICE = "heaptui"
KEYRING_SECONDS = 2.0
_THREAD_THAT_HANGS = "keyring, hanging"
COMMAND_SECONDS = 10.0

T = TypeVar("T")


class SecretName(StrEnum):
    """The keys a profile may have."""

    PARTNER_API_KEY = "partner_api_key"
    DATA_IMPORT_KEY = "data_import_key"
    REST_API_KEY = "rest_api_key"
    WEBHOOK_SECRET = "webhook_secret"
    CURRENTS_TOKEN = "currents_token"


class Secrets(Struct):
    """The keys that were found, and sentences about what could not be asked."""

    partner_api_key: Secret | None = None
    data_import_key: Secret | None = None
    rest_api_key: Secret | None = None
    webhook_secret: Secret | None = None
    currents_token: Secret | None = None
    notes: list[str] = field(default_factory=list)

    def get(self, name: SecretName) -> Secret | None:
        """One of them by name."""
        found: Secret | None = getattr(self, name)
        return found

    def given(self) -> dict[str, Secret]:
        """Those that were found, by name."""
        return {str(name): secret for name in SecretName if (secret := self.get(name))}


async def lookup_secrets(
    home: Home, profile: Profile, environ: Mapping[str, str], *, read_only: bool = False
) -> Secrets:
    """Find every key of a profile. The keyring is not asked when nothing may be touched.

    Raises:
        UsageError: a command failed, or the secrets file can be read by others.
    """
    secrets = Secrets()
    missing = []
    for name in SecretName:
        value = _from_environment(name, profile, environ)
        if value is not None:
            setattr(secrets, name, Secret(value, "environment"))
        elif command := getattr(profile, f"{name}_command"):
            setattr(secrets, name, Secret(await asyncio.to_thread(_from_command, name, command), "command"))
        else:
            missing.append(name)
    if profile.from_environment or not missing:
        return secrets
    if profile.secret_store == "keyring" and not read_only:
        found, note = await _guarded(lambda: _all_from_keyring(profile.name, missing))
        for name, value in (found or {}).items():
            setattr(secrets, name, Secret(value, "keyring"))
        if note:
            secrets.notes.append(note)
    if profile.secret_store == "file":
        stored = await asyncio.to_thread(read_secrets_file, secrets_file(home))
        for name in missing:
            if value := stored.get(profile.name, {}).get(name):
                setattr(secrets, name, Secret(value, "file"))
    return secrets


def _from_environment(name: SecretName, profile: Profile, environ: Mapping[str, str]) -> str | None:
    variables = [f"HEAPTUI_{name.upper()}"]
    if name is SecretName.PARTNER_API_KEY:
        # Two partner keys can be kept; the region of the endpoint chooses.
        instance = instance_of(profile.endpoint)
        variables.insert(0, f"HEAPTUI_PARTNER_API_KEY_{instance.region if instance else 'US'}")
    return next((environ[variable] for variable in variables if environ.get(variable)), None)


def _from_command(name: SecretName, command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the user's own argument list, no shell
            command, capture_output=True, timeout=COMMAND_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = "it took longer than 10 s" if isinstance(error, subprocess.TimeoutExpired) else str(error)
        raise UsageError(f"The command for {name} did not run.", f"{command[0]}: {why}.", "Try it by hand.") from None
    value = done.stdout.decode("utf-8", "replace").strip("\r\n")
    if done.returncode or not value:
        raise UsageError(
            f"The command for {name} gave no key.", f"{command[0]} ended with {done.returncode}.", "Try it by hand."
        )
    return value


async def _guarded(job: Callable[[], T]) -> tuple[T | None, str]:
    """Ask the keyring in a thread, for two seconds: over SSH and in containers it may hang or be absent.

    While an earlier question still hangs, nobody waits again.
    """
    import threading

    silent = "The keyring did not answer."
    if any(thread.name == _THREAD_THAT_HANGS for thread in threading.enumerate()):
        return None, silent
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[T | None, str]] = loop.create_future()

    def finish(outcome: tuple[T | None, str]) -> None:
        if not future.done():
            future.set_result(outcome)

    def ask() -> None:
        try:
            outcome: tuple[T | None, str] = job(), ""
        except Exception as error:  # noqa: BLE001 - keyring backends raise whatever their platform raises
            outcome = None, f"The keyring cannot be used here: {str(error).rstrip('.') or type(error).__name__}."
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish, outcome)

    # A daemon thread, because a keyring that hangs must not keep the process from ending.
    thread = threading.Thread(target=ask, name="keyring", daemon=True)
    thread.start()
    try:
        return await asyncio.wait_for(future, KEYRING_SECONDS)
    except TimeoutError:
        thread.name = _THREAD_THAT_HANGS
        return None, silent


def _all_from_keyring(profile: str, names: list[SecretName]) -> dict[SecretName, str]:
    import keyring

    return {name: value for name in names if (value := keyring.get_password(KEYRING_SERVICE, f"{profile}/{name}"))}


async def keyring_works() -> str:
    """Empty when the keyring can keep a key; otherwise why not."""

    def probe() -> str:
        import keyring
        from keyring.backends.fail import Keyring as NoKeyring
        from keyring.backends.null import Keyring as NullKeyring

        backend = keyring.get_keyring()
        return "There is no keyring here." if isinstance(backend, NoKeyring | NullKeyring) else ""

    found, note = await _guarded(probe)
    return note or found or ""


async def store_secret(home: Home, profile: Profile, name: SecretName, value: str | None) -> None:
    """Keep a key where the profile keeps them, or forget it when the value is None.

    Raises:
        UsageError: the keyring cannot keep it, or the file cannot be written.
    """
    if profile.secret_store == "keyring":

        def keep() -> None:
            import keyring
            from keyring.errors import PasswordDeleteError

            entry = f"{profile.name}/{name}"
            if value is not None:
                keyring.set_password(KEYRING_SERVICE, entry, value)
                return
            try:
                keyring.delete_password(KEYRING_SERVICE, entry)
            except PasswordDeleteError:
                # It was not there, which is what was asked for.
                return

        _, note = await _guarded(keep)
        if note:
            raise UsageError(note, "The key was not kept.", "Keep it in a private file instead: --store file")
        return
    await asyncio.to_thread(_store_in_file, secrets_file(home), profile.name, name, value)


def secrets_file(home: Home) -> Path:
    """The file of those who chose a file."""
    return home.config_dir / "secrets.toml"


def read_secrets_file(path: Path) -> dict[str, dict[str, str]]:
    """profile → name → value.

    Raises:
        UsageError: others can read it, or it is damaged.
    """
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(
                f"{path} can be read by others.", "Keys in it are not used until that is mended.", f"chmod 600 '{path}'"
            )
        # The messages of both name places in the file, never a value.
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), dict[str, dict[str, str]])
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(
            f"{path} cannot be read.", f"{error}.", "Mend it, or remove it and enter the keys anew."
        ) from None


def _store_in_file(path: Path, profile: str, name: SecretName, value: str | None) -> None:
    from filelock import FileLock

    try:
        private_dir(path.parent)
        with FileLock(f"{path}.lock", mode=0o600):
            stored = read_secrets_file(path)
            kept = stored.setdefault(profile, {})
            if value is None:
                kept.pop(name, None)
            else:
                kept[str(name)] = value
            replace_toml(path, {key: table for key, table in stored.items() if table})
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written.", f"{error.strerror or error}. The old file is as it was.", "Check its rights."
        ) from error
