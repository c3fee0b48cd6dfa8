"""Files of keys and profiles that are damaged, linked, or cut off while they are written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KEY = "0a1b2c3d-0000-4000-8000-00000000c0de"


def heaptui(*words: str, stdin: str = "", before: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    script = f"import os, sys\n{before}\nfrom heaptui.cli.main import main\nsys.exit(main({list(words)!r}))"
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environ},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def home() -> Path:
    """A home with one profile whose key is in a private file."""
    done = heaptui("profile", "set", "acme", "label=STAGING", "rest_api_key", "--store", "file", stdin=f"{KEY}\n")
    assert done.returncode == 0, done.stderr
    return Path(os.environ["HEAPTUI_HOME"])


@pytest.mark.parametrize("damage", ["[acme\n", 'acme = "no table"\n', "[acme]\nrest_api_key = 5\n"])
def test_a_damaged_secrets_file_is_told_without_what_is_in_it(home: Path, damage: str) -> None:
    file = home / "config" / "secrets.toml"
    file.write_text(f"# {KEY}\n{damage}")
    done = heaptui("profile", "show")
    assert done.returncode == 2
    assert "secrets.toml cannot be read" in done.stderr
    assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
def test_a_linked_file_is_changed_where_it_really_is(home: Path, tmp_path: Path, name: str) -> None:
    real, link = tmp_path / "dotfiles" / name, home / "config" / name
    real.parent.mkdir()
    real.write_bytes(link.read_bytes())
    real.chmod(0o600)
    link.unlink()
    link.symlink_to(real)
    done = heaptui("profile", "set", "acme", "read_only=true", "data_import_key", stdin="another-key\n")
    assert done.returncode == 0, done.stderr
    assert link.is_symlink()
    shown = heaptui("profile", "show").stdout
    assert "read-only" in shown
    assert "rest_api_key" in shown
    assert "data_import_key" in shown


@pytest.mark.parametrize("cut", ["os.replace", "os.fsync"])
def test_a_process_that_dies_while_writing_leaves_the_old_files(home: Path, cut: str) -> None:
    done = heaptui("profile", "set", "acme", "label=PRODUCTION", before=f"{cut} = lambda *_: os._exit(9)")
    assert done.returncode == 9
    done = heaptui("profile", "remove", "acme", "rest_api_key", "--yes", before=f"{cut} = lambda *_: os._exit(9)")
    assert done.returncode == 9
    shown = heaptui("profile", "show").stdout
    assert "STAGING" in shown
    assert "rest_api_key" in shown
