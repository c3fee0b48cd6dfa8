"""Profiles and their keys from the command line: kept, rotated, removed, and what happens without a keyring."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heaptui.config import SETTINGS
from tests.cli.conftest import Desk
from tests.cli.terminal import Terminal

KEY, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
SLEEPY = """
import time
from keyring.backend import KeyringBackend


class Keyring(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        time.sleep(600)

    set_password = delete_password = get_password
"""


@pytest.fixture
def bare(desk: Desk) -> Desk:
    """No keys in the environment."""
    for name in ("PARTNER_API_KEY", "DATA_IMPORT_KEY", "BRAZE_ENDPOINT"):
        del desk.environ[f"HEAPTUI_{name}"]
    return desk


def private(folder: Path) -> bool:
    return all(
        path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600) for path in (folder, *folder.rglob("*"))
    )


def test_keys_are_kept_rotated_and_removed_and_never_shown(bare: Desk, tmp_path: Path) -> None:
    endpoint = f"endpoint={bare.sandbox['braze_url']}"
    assert bare.run("profile", "set", "acme", endpoint, "rest_api_key", "--store", "file", stdin=KEY).returncode == 0
    assert "ends 1111" in bare.run("profile", "show", "acme").stdout
    assert bare.run("profile", "set", "acme", "rest_api_key", stdin=OTHER).returncode == 0
    shown = bare.run("profile", "show", "acme").stdout
    assert "file, 36 chars, ends 2222" in shown
    assert OTHER not in shown
    assert private(tmp_path / "home")
    assert bare.run("profile", "remove", "acme", "rest_api_key", "--yes").returncode == 0
    assert "ends" not in bare.run("profile", "show", "acme").stdout
    assert bare.run("profile", "remove", "acme", "no_such_key", "--yes").returncode == 2
    assert "There is no profile nope." in bare.run("profile", "remove", "nope").stderr


def test_a_key_that_looks_like_none_is_doubted_and_what_it_replaces_is_told(bare: Desk) -> None:
    done = bare.run("profile", "set", "acme", "data_import_key", "--store", "file", stdin=KEY)
    assert done.stderr == "acme is set.\ndata_import_key: file, 36 chars, ends 1111\n"
    done = bare.run("profile", "set", "acme", "data_import_key", stdin="abc")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "! data_import_key has only 3 characters; was all of it copied?",
        "acme is set.",
        "data_import_key: file, 3 chars (before: file, 36 chars, ends 1111)",
    ]
    terminal = Terminal("profile", "set", "acme", "data_import_key", environ=bare.environ)
    terminal.until("data_import_key:")
    terminal.press(f"{KEY} {OTHER}\n")
    terminal.until("has blanks in it")
    terminal.until("Keep it all the same?")
    terminal.seen = b""
    terminal.press("n\n")
    terminal.until("data_import_key:")
    terminal.press(f"{OTHER}\n")
    assert terminal.end() == 0
    assert "file, 36 chars, ends 2222" in bare.run("profile", "show", "acme").stdout


def test_an_endpoint_that_is_probably_mistyped_is_doubted_at_once(bare: Desk) -> None:
    told = bare.run("profile", "set", "acme", "endpoint=https://rest.iad-3.braze.com").stderr
    assert "Did you mean rest.iad-03.braze.com?" in told
    assert bare.run("profile", "set", "acme", "endpoint=https://rest.iad-03.braze.com").stderr == "acme is set.\n"


def test_a_key_in_the_arguments_is_refused(bare: Desk) -> None:
    done = bare.run("profile", "set", "acme", f"rest_api_key={KEY}")
    assert done.returncode == 2
    assert KEY not in done.stdout + done.stderr


def test_with_several_profiles_none_is_taken_silently(bare: Desk) -> None:
    for name in ("acme", "other"):
        bare.run("profile", "set", name, f"endpoint={bare.sandbox['braze_url']}")
    done = bare.run("verify")
    assert done.returncode == 2
    assert "none is the default" in done.stderr
    assert bare.run("--profile", "acme", "verify").returncode == 2


def test_a_keyring_that_hangs_holds_nothing_up_and_is_told(bare: Desk, tmp_path: Path) -> None:
    (tmp_path / "sleepy.py").write_text(SLEEPY)
    path = f"{tmp_path}:{bare.environ.get('PYTHONPATH', '')}"
    hanging = {"PYTHONPATH": path, "PYTHON_KEYRING_BACKEND": "sleepy.Keyring"}
    bare.run("profile", "set", "acme", f"endpoint={bare.sandbox['braze_url']}", "secret_store=keyring")
    done = bare.run("verify", HEAPTUI_REST_API_KEY=bare.sandbox["rest_api_key"], **hanging)
    assert done.returncode == 0
    assert "The keyring did not answer." in done.stdout
    done = bare.run("profile", "set", "acme", "rest_api_key", stdin=KEY, **hanging)
    assert done.returncode == 2
    assert "--store file" in done.stderr


def test_without_a_keyring_the_way_out_is_told(bare: Desk) -> None:
    absent = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    done = bare.run("profile", "set", "acme", "rest_api_key", stdin=KEY, **absent)
    assert done.returncode == 2
    assert "--store file" in done.stderr
    bare.run("profile", "set", "acme", "secret_store=keyring")
    assert "The keyring cannot be used here" in bare.run("profile", "show", "acme", **absent).stdout


def test_without_a_keyring_the_place_is_settled_before_a_key_is_typed(bare: Desk, tmp_path: Path) -> None:
    absent = {**bare.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    terminal = Terminal("profile", "set", "acme", "rest_api_key", environ=absent, columns=300)
    terminal.until("Keep the keys in a private file")
    assert b"rest_api_key" not in terminal.seen
    terminal.press("y\n")
    terminal.until("rest_api_key")
    terminal.press(f"{KEY}\n")
    assert terminal.end() == 0
    assert KEY.encode() not in terminal.seen
    assert "file, 36 chars, ends 1111" in bare.run("profile", "show", "acme").stdout


def test_a_secrets_file_that_others_can_read_is_refused_with_the_command(bare: Desk, tmp_path: Path) -> None:
    bare.run("profile", "set", "acme", "rest_api_key", "--store", "file", stdin=KEY)
    (tmp_path / "home" / "config" / "secrets.toml").chmod(0o644)
    done = bare.run("verify")
    assert done.returncode == 2
    assert "chmod 600" in done.stderr


def test_every_setting_is_shown_with_where_it_comes_from_and_explained_in_the_help(bare: Desk) -> None:
    bare.run("profile", "set", "acme", f"endpoint={bare.sandbox['braze_url']}", "guard_min=35")
    shown = bare.run("profile", "show", "acme", "--settings", HEAPTUI_BACKOFF_SECONDS="2").stdout
    lines = {line.split()[0]: line.split()[1:] for line in shown.splitlines()}
    assert lines["guard_min"] == ["35", "file"]
    assert lines["backoff_seconds"] == ["2", "HEAPTUI_BACKOFF_SECONDS"]
    assert lines["guard_share"] == ["0.5", "default"]
    assert set(lines) == {"setting", *SETTINGS}
    told = bare.run("profile", "set", "--help").stdout
    assert all(setting in told for setting in SETTINGS)
    as_json = json.loads(bare.run("profile", "show", "acme", "--settings", "--json").stdout)
    assert as_json["settings"]["guard_min"] == {"value": "35", "from": "file"}


def test_a_wrong_value_is_refused_with_what_it_may_be(bare: Desk) -> None:
    bare.run("profile", "set", "acme", "guard_min=35")
    done = bare.run("profile", "set", "acme", "guard_min=some")
    assert done.returncode == 2
    assert "guard_min must be 0 or more." in done.stderr
    assert "35" in bare.run("profile", "show", "acme", "--settings").stdout
