"""The sandbox from the command line: a profile that leads to it, and failures on request."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import HEAPTUI

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "HEAPTUI_HOME": str(tmp_path / "home")}


@pytest.fixture
def run(environ: dict[str, str]) -> Run:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*HEAPTUI, *words], env=environ, capture_output=True, text=True, timeout=60)

    return run


@pytest.fixture
def serve(environ: dict[str, str]) -> Iterator[Callable[..., str]]:
    """Start a sandbox; returns what it says when it is there."""
    started: list[subprocess.Popen[str]] = []

    def serve(*words: str) -> str:
        stop()
        command = [*HEAPTUI, "sandbox", "--everyone-known", *words]
        started.append(subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True))
        said = ""
        while "Ctrl-C" not in said:
            line = started[-1].stderr.readline()  # type: ignore[union-attr]
            assert line, said
            said += line
        return said

    def stop() -> None:
        while started:
            process = started.pop()
            process.terminate()
            assert process.wait(10) == 0
            process.stderr.close()  # type: ignore[union-attr]

    yield serve
    stop()


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "people.csv"
    path.write_text("user_id\n" + "".join(f"p{number:04d}\n" for number in range(30)))
    return str(path)


def test_a_file_gets_into_the_sandbox_with_three_commands(serve: Callable[..., str], run: Run, file: str) -> None:
    said = serve("--profile", "try")
    assert "heaptui --profile try" in said
    assert run("--profile", "try", "cohort", "import", file, "--name", "My people").returncode == 0
    done = run("--profile", "try", "sync", "My people", "--yes")
    assert done.returncode == 0, done.stderr
    assert "My people finished: 30 join" in done.stderr


def test_its_keys_are_in_a_private_file_and_nowhere_else(
    serve: Callable[..., str], run: Run, environ: dict[str, str]
) -> None:
    said = serve("--profile", "try")
    secrets = Path(environ["HEAPTUI_HOME"]) / "config" / "secrets.toml"
    assert secrets.stat().st_mode & 0o777 == 0o600
    keys = [line.split('"')[1] for line in secrets.read_text().splitlines() if "=" in line]
    assert len(keys) == 5
    shown = run("profile", "show", "try").stdout
    assert not [key for key in keys if key in said + shown]


def test_the_next_sandbox_of_the_profile_has_the_same_keys_and_says_that_it_is_empty(
    serve: Callable[..., str], run: Run, file: str
) -> None:
    serve("--profile", "try")
    run("--profile", "try", "cohort", "import", file, "--name", "My people")
    run("--profile", "try", "sync", "My people", "--yes")
    assert "--full" in serve("--profile", "try")
    done = run("--profile", "try", "sync", "My people", "--yes", "--full")
    assert done.returncode == 0, done.stderr
    assert "My people finished: 30 join" in done.stderr


def test_a_profile_that_leads_to_braze_is_left_alone(run: Run) -> None:
    run("profile", "set", "acme", "endpoint=https://rest.iad-03.braze.com")
    before = run("profile", "show", "acme").stdout
    done = run("sandbox", "--profile", "acme")
    assert done.returncode == 2
    assert "leads to Braze" in done.stderr
    assert run("profile", "show", "acme").stdout == before


def test_a_failure_is_had_by_its_name(serve: Callable[..., str], run: Run, file: str) -> None:
    serve("--profile", "try", "--fault", "401")
    run("--profile", "try", "cohort", "import", file, "--name", "My people")
    assert run("--profile", "try", "sync", "My people", "--yes").returncode == 3
    assert "client_secret is invalid" in run("--profile", "try", "run", "exchange", "1").stdout
