"""Profiles in a file: honest about mistakes, never half-written, never losing the old one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from heaptui.config import Config, Home, NoProfile, Profile, load_config, resolve_profile, save_config
from heaptui.errors import UsageError
from heaptui.model.instances import check_host, instance_of, normal_endpoint


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.find(str(tmp_path / "home"), {})


def write(home: Home, text: str) -> Path:
    home.config_dir.mkdir(parents=True, exist_ok=True)
    home.config_file.write_text(text, encoding="utf-8")
    return home.config_file


def test_what_was_saved_is_read_back_and_private(home: Home) -> None:
    profile = Profile(name="acme", endpoint="https://rest.jp-01.braze.com", label="PRODUCTION", guard_share=0.4)
    save_config(home, Config({"acme": profile}, ("tee", "x")))
    assert load_config(home) == Config({"acme": profile}, ("tee", "x"))
    assert home.config_file.stat().st_mode & 0o777 == 0o600
    assert home.config_dir.stat().st_mode & 0o777 == 0o700


def test_an_unknown_setting_names_the_file_the_setting_and_the_nearest_known_one(home: Home) -> None:
    path = write(home, '[profiles.acme]\nendpont = "x"\n')
    with pytest.raises(UsageError) as told:
        load_config(home)
    assert str(path) in told.value.title
    assert "profiles.acme.endpont" in told.value.title
    assert "endpoint" in told.value.hint


@pytest.mark.parametrize(
    "line", ["max_in_flight = 9", 'max_in_flight = "4"', 'label = "PROD"', 'kind = "alias"', 'resend_unproven = "soon"']
)
def test_a_wrong_value_is_refused_by_name(home: Home, line: str) -> None:
    write(home, f"[profiles.acme]\n{line}\n")
    with pytest.raises(UsageError) as told:
        load_config(home)
    assert "acme" in told.value.title


def test_a_broken_file_is_told_and_left_as_it_is(home: Home) -> None:
    path = write(home, "[profiles\n")
    with pytest.raises(UsageError, match="not valid TOML"):
        load_config(home)
    assert path.read_text() == "[profiles\n"


def test_a_linked_config_is_replaced_where_it_really_is(home: Home, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "heaptui.toml"
    real.parent.mkdir()
    real.write_text('[profiles.old]\nlabel = "STAGING"\n')
    home.config_dir.mkdir(parents=True)
    home.config_file.symlink_to(real)
    old = load_config(home)
    save_config(home, Config({**old.profiles, "new": Profile(name="new")}))
    assert home.config_file.is_symlink()
    assert set(load_config(home).profiles) == {"old", "new"}


def test_a_save_that_fails_leaves_the_old_file(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    save_config(home, Config({"acme": Profile(name="acme")}))
    before = home.config_file.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UsageError, match="cannot be written"):
        save_config(home, Config({}))
    assert home.config_file.read_bytes() == before
    assert [path.name for path in home.config_dir.iterdir() if not path.name.endswith(".lock")] == ["config.toml"]


def test_no_profile_of_several_is_silently_the_default(home: Home) -> None:
    config = Config({"a": Profile(name="a"), "b": Profile(name="b")})
    with pytest.raises(UsageError, match="several profiles"):
        resolve_profile(config, None, {})
    assert resolve_profile(config, "b", {}).name == "b"
    with pytest.raises(UsageError, match="no profile 'c'"):
        resolve_profile(config, "c", {})


def test_the_environment_is_a_profile_and_overrides_one() -> None:
    environ = {"HEAPTUI_BRAZE_ENDPOINT": "dashboard-03.braze.com", "HEAPTUI_SETTLE_SECONDS": "2"}
    alone = resolve_profile(Config(), None, environ)
    assert (alone.from_environment, alone.endpoint, alone.settle_seconds) == (
        True,
        "https://rest.iad-03.braze.com",
        2.0,
    )
    over = resolve_profile(Config({"a": Profile(name="a", settle_seconds=9)}), None, environ)
    assert (over.name, over.settle_seconds, over.instance_name) == ("a", 2.0, "US-03")
    with pytest.raises(NoProfile):
        resolve_profile(Config(), None, {})


@pytest.mark.parametrize(
    ("pasted", "endpoint"),
    [
        ("https://dashboard-01.braze.eu/engagement", "https://rest.fra-01.braze.eu"),
        ("dashboard.jp-01.braze.com", "https://rest.jp-01.braze.com"),
        ("'https://rest.us-10.braze.com/'", "https://rest.us-10.braze.com"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
    ],
)
def test_what_people_paste_becomes_the_rest_endpoint(pasted: str, endpoint: str) -> None:
    assert normal_endpoint(pasted) == endpoint


def test_keys_go_to_brazes_hosts_to_allowed_ones_and_to_this_machine_only() -> None:
    check_host("https://rest.iad-01.braze.com")
    check_host("http://127.0.0.1:9")
    check_host("https://braze.proxy.example", ("braze.proxy.example",))
    for wrong in ("http://rest.iad-01.braze.com", "https://rest.iad-01.braze.com.evil.example", "https://10.0.0.1"):
        with pytest.raises(UsageError):
            check_host(wrong)
    found = instance_of("https://rest.fra-02.braze.eu")
    assert found is not None
    assert found.region == "EU"
