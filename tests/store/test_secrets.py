"""Keys: where they are looked for, and that they never show."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from heaptui.config import Home, Profile
from heaptui.errors import UsageError
from heaptui.model.secret import Secret
from heaptui.store import secrets as store
from heaptui.store.secrets import SecretName, lookup_secrets, secrets_file, store_secret


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.find(str(tmp_path / "home"), {})


async def test_the_environment_comes_before_a_command_and_a_command_before_a_file(home: Home) -> None:
    profile = Profile(
        name="acme", secret_store="file", data_import_key_command=(sys.executable, "-c", "print('from-command')")
    )
    await store_secret(home, profile, SecretName.DATA_IMPORT_KEY, "from-file")
    await store_secret(home, profile, SecretName.REST_API_KEY, "rest-from-file")
    found = await lookup_secrets(home, profile, {"HEAPTUI_PARTNER_API_KEY": "from-environment"})
    assert found.partner_api_key is not None
    assert found.data_import_key is not None
    assert found.rest_api_key is not None
    assert found.partner_api_key.matches("from-environment")
    assert found.data_import_key.matches("from-command")
    assert found.rest_api_key.matches("rest-from-file")
    assert [found.get(name).source for name in list(SecretName)[:3]] == ["environment", "command", "file"]


async def test_the_partner_key_follows_the_region_of_the_endpoint(home: Home) -> None:
    environ = {"HEAPTUI_PARTNER_API_KEY_US": "us-key", "HEAPTUI_PARTNER_API_KEY_EU": "eu-key"}
    for endpoint, key in (("https://rest.iad-01.braze.com", "us-key"), ("https://rest.fra-01.braze.eu", "eu-key")):
        found = await lookup_secrets(home, Profile(name="a", endpoint=endpoint), environ)
        assert found.partner_api_key is not None
        assert found.partner_api_key.matches(key)


async def test_a_command_that_fails_is_told_without_its_output(home: Home) -> None:
    code = "import sys; print('half-a-secret'); sys.exit(3)"
    profile = Profile(name="acme", rest_api_key_command=(sys.executable, "-c", code))
    with pytest.raises(UsageError) as told:
        await lookup_secrets(home, profile, {})
    assert "half-a-secret" not in str(told.value)


async def test_a_secrets_file_that_others_can_read_is_refused_with_the_command_that_mends_it(home: Home) -> None:
    profile = Profile(name="acme", secret_store="file")
    await store_secret(home, profile, SecretName.REST_API_KEY, "key")
    assert secrets_file(home).stat().st_mode & 0o777 == 0o600
    secrets_file(home).chmod(0o640)
    with pytest.raises(UsageError) as told:
        await lookup_secrets(home, profile, {})
    assert "chmod 600" in told.value.hint


async def test_a_linked_secrets_file_is_replaced_where_it_really_is(home: Home, tmp_path: Path) -> None:
    profile = Profile(name="acme", secret_store="file")
    real = tmp_path / "dotfiles" / "secrets.toml"
    real.parent.mkdir()
    secrets_file(home).parent.mkdir(parents=True)
    secrets_file(home).symlink_to(real)
    await store_secret(home, profile, SecretName.REST_API_KEY, "key")
    assert secrets_file(home).is_symlink()
    assert "key" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600


async def test_a_secrets_file_that_cannot_be_written_is_told_and_leaves_nothing_half(
    home: Home, tmp_path: Path
) -> None:
    profile = Profile(name="acme", secret_store="file")
    secrets_file(home).parent.mkdir(parents=True)
    secrets_file(home).symlink_to(tmp_path / "gone" / "secrets.toml")
    with pytest.raises(UsageError, match="cannot be written"):
        await store_secret(home, profile, SecretName.REST_API_KEY, "new")
    assert not [path for path in secrets_file(home).parent.iterdir() if path.name.startswith(".secrets.")]


async def test_a_key_can_be_forgotten(home: Home) -> None:
    profile = Profile(name="acme", secret_store="file")
    await store_secret(home, profile, SecretName.REST_API_KEY, "key")
    await store_secret(home, profile, SecretName.REST_API_KEY, None)
    assert (await lookup_secrets(home, profile, {})).given() == {}


async def test_a_keyring_that_hangs_delays_nothing_for_long_and_says_so(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEYRING_SECONDS", 0.1)
    monkeypatch.setattr(store, "_all_from_keyring", lambda *_: time.sleep(1.5))
    found = await lookup_secrets(home, Profile(name="acme", secret_store="keyring"), {})
    assert "did not answer" in found.notes[0]
    monkeypatch.setattr(store, "KEYRING_SECONDS", 60.0)
    again = await lookup_secrets(home, Profile(name="acme", secret_store="keyring"), {})
    assert again.notes == found.notes


def test_a_secret_never_shows_itself() -> None:
    secret = Secret("0123456789abcdefghij-tail", "keyring")
    shown = f"{secret!r} {secret} {secret:>40} {[secret]} {secret.describe()}"
    assert "0123456789" not in shown
    assert secret.describe() == "keyring, 25 chars, ends tail"
    assert Secret("short").describe() == "given, 5 chars"
    assert secret.redact("key=0123456789abcdefghij-tail!") == "key=‹secret›!"
