"""No key comes out: distinctive keys, every command, every screen, echoes and crashes; then every byte is searched.

New commands, tabs and keys of the dashboard are covered without a change here: both tables are walked.
"""

from __future__ import annotations

import io
import os
import signal
import sqlite3
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from textual import events
from textual.screen import Screen
from textual.widgets import Input

from heaptui.cli.crash import write_report
from heaptui.cli.main import COMMANDS, cli, main
from heaptui.config import Config, Home, Profile, load_config, save_config
from heaptui.model.secret import Secret
from heaptui.store.exchanges import unpacked
from heaptui.store.secrets import SecretName, secrets_file
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.commands import COMMANDS as KEYS
from heaptui.ui.screens.paste import PasteField, PasteScreen
from heaptui.ui.screens.start import ProfileScreen, StartScreen
from heaptui.ui.tabs import TABS
from tests.cli.conftest import Desk as CommandDesk
from tests.cli.conftest import desk as command_desk
from tests.cli.terminal import Terminal
from tests.pictures import picture_of
from tests.ui.conftest import Desk, desk, shows, text_of, until

__all__ = ["command_desk", "desk"]

LONGEST = 4.0
"""Seconds after which a command that serves until it is told to stop is told to."""

EXTRA = {
    "demo": ["--headless"],
    "listen": ["--port", "0"],
    "sandbox": ["--seed", "77"],
    "cohort import": ["--name", "Carts"],
    "sync": ["--yes", "--json"],
    "verify": ["--paste"],
    "profile remove": ["--yes"],
}
"""What a command needs beyond its arguments to do its work."""


def pieces(keys: list[str]) -> list[str]:
    """Parts of each key: a line of a screen may be broken in the middle of it. The last four characters may show."""
    return [piece for key in keys for piece in (key[:8], key[9:23])]


def found_in(text: str, keys: list[str]) -> list[str]:
    return [piece for piece in pieces(keys) if piece in text]


def files_of(home: Home) -> str:
    paths = [path for path in home.config_dir.parent.rglob("*") if path.is_file() and path != secrets_file(home)]
    assert paths
    # All of them as they are before anything is opened: who closes a ledger last tidies up beside it.
    plain = [(path, path.read_bytes()) for path in paths]
    packed = [(path, part) for path, raw in plain for part in packed_in(path, raw)]
    return "\n".join(f"{path}\n{part.decode('latin-1')}" for path, part in (*plain, *packed))


def packed_in(path: Path, raw: bytes) -> Iterator[bytes]:
    """What is packed inside a file."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            yield from (packed.read(name) for name in packed.namelist())
    if raw.startswith(b"SQLite format 3"):
        with closing(sqlite3.connect(path)) as ledger:
            tables = [name for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            cells = [cell for table in tables for row in ledger.execute(f'SELECT * FROM "{table}"') for cell in row]
        yield from (unpacked_part for cell in cells if isinstance(cell, bytes) for unpacked_part in unpack(cell))


def unpack(cell: bytes) -> Iterator[bytes]:
    for way in (zlib.decompress, lambda packed: repr(unpacked(packed)).encode()):
        # Most cells are sets of numbers.
        with suppress(zlib.error, msgspec.DecodeError):
            yield way(cell)


def leaves(command: click.Command, path: list[str]) -> Iterator[tuple[list[str], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, [*path, name])


def every_command() -> list[tuple[list[str], click.Command]]:
    context = click.Context(cli)
    found = [leaf for name in COMMANDS for leaf in leaves(cli.get_command(context, name), [name])]
    # What removes the profile comes last, so that the others have one.
    return sorted(found, key=lambda leaf: leaf[0] == ["profile", "remove"])


def words_for(path: list[str], command: click.Command, file: str) -> list[str]:
    words = list(path)
    for parameter in command.params:
        if not isinstance(parameter, click.Argument):
            continue
        kind = parameter.type
        if isinstance(kind, click.Choice):
            words.append(str(kind.choices[0]))
        elif isinstance(kind, click.types.IntParamType):
            words.append("1")
        elif path[0] == "profile" and parameter.required:
            words.append("canary")
        elif parameter.required:
            words.append(file if "file" in str(kind).lower() or parameter.name in ("source", "file") else "Carts")
    return [*words, *EXTRA.get(" ".join(path), [])]


def test_no_command_lets_a_key_out(
    command_desk: CommandDesk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sandbox = command_desk.sandbox
    keys = {name: sandbox.get(str(name), "") for name in SecretName}
    secret = [value for value in keys.values() if value]
    assert len(secret) == len(SecretName)
    for name in ("BRAZE_ENDPOINT", "SETTLE_SECONDS", "READ_TIMEOUT_SECONDS", "BACKOFF_SECONDS"):
        monkeypatch.setenv(f"HEAPTUI_{name}", command_desk.environ[f"HEAPTUI_{name}"])
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    home = Home.find(None, {"HEAPTUI_HOME": command_desk.environ["HEAPTUI_HOME"]})
    file = command_desk.file([f"p{number:05d}" for number in range(50)])

    def run(words: list[str], stdin: str) -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        try:
            return main(words)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    # Some commands write where they are called.
    monkeypatch.chdir(command_desk.folder)
    message = f"{sandbox['braze_url']} Data Import Key {keys[SecretName.REST_API_KEY]} REST {keys[SecretName.DATA_IMPORT_KEY]}"
    try:
        assert run(["profile", "set", "canary", *keys, "--store", "file"], "\n".join(keys.values())) == 0
        assert keys[SecretName.DATA_IMPORT_KEY] in secrets_file(home).read_text()
        done = 0
        for echo in (False, True):
            if echo:
                assert run(["profile", "set", "canary", *keys, "--store", "file"], "\n".join(keys.values())) == 0
                command_desk.fault(effect="echo_secret")
                assert run(["cohort", "import", file, "--name", "Echo"], "") == 0
                assert run(["sync", "Echo", "--yes"], "") == 3
            for path, command in every_command():
                if echo and path[0] in ("demo", "sandbox", "listen", "completion"):
                    continue
                words = words_for(path, command, file)
                run(words, message)
                run([*path, "--help"], "")
                done += 1
                shown = capfd.readouterr()
                if path != ["sandbox"]:
                    assert not found_in(shown.out + shown.err, secret), words
            assert run(["verify"], "") in (0, 2, 3)
        assert done > 2 * len(COMMANDS)
    finally:
        signal.signal(signal.SIGALRM, before)
    shown = capfd.readouterr()
    assert not found_in(shown.out + shown.err, secret)
    assert not found_in(files_of(home), secret)


@pytest.mark.parametrize("echo", [False, True], ids=["answering", "echoing"])
async def test_no_screen_lets_a_key_out(
    echo: bool, sandbox: Any, desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    keys = sandbox.keys
    secret = [keys.partner_api_key, keys.data_import_key, keys.rest_api_key, keys.webhook_secret, keys.currents_token]
    given = dict(zip(SecretName, secret, strict=True))
    desk.opening.environ |= {f"HEAPTUI_{name.upper()}": value for name, value in given.items()}
    config = load_config(desk.opening.home)
    save_config(desk.opening.home, Config({**config.profiles, "other": Profile(name="other")}))
    desk.opening.profile = "test"
    if echo:
        sandbox.fault(effect="echo_secret")
    pictures: dict[str, str] = {}
    app = HeaptuiApp(desk.opening)

    def look(where: str) -> None:
        pictures[where] = picture_of(app) + text_of(app)

    async with app.run_test(size=(120, 36)) as pilot:
        await shows(pilot, "VIP 2024")
        for tab in TABS:
            await app.action_tab(tab.name)
            await pilot.pause(0.1)
            look(tab.name)
            scope = getattr(app.screen, "SCOPE", tab.name)
            for key in [] if echo else [command for command in KEYS if command.scope == scope]:
                await app.action_tab(tab.name)
                await pilot.press(key.key.split(",")[0])
                await pilot.pause(0.05)
                for field in app.screen.query(Input):
                    if field.password:
                        field.value = keys.data_import_key
                await pilot.pause()
                look(key.command_id)
                await leave(pilot)
        for screen in (StartScreen(), ProfileScreen(), PasteScreen()):
            await app.push_screen(screen)
            await pilot.pause(0.1)
            look(type(screen).__name__)
        app.screen.query_one(PasteField).post_message(
            events.Paste(f"{sandbox.braze_url}\n{keys.rest_api_key} REST {keys.data_import_key}")
        )
        await until(pilot, lambda: "verdict after" in text_of(app))
        look("pasted")
        for command in [command for command in KEYS if command.scope == "paste"]:
            await pilot.press("escape", command.key.split(",")[0])
            look(command.command_id)
            if not isinstance(app.screen, PasteScreen):
                await leave(pilot)
            if not isinstance(app.screen, PasteScreen):
                break
        copied = app.clipboard
    assert len(pictures) > len(TABS) + 3
    for where, picture in pictures.items():
        assert not found_in(picture, secret), where
    shown = capfd.readouterr()
    assert not found_in(shown.out + shown.err + copied, secret)
    assert not found_in(files_of(desk.opening.home), secret)


async def leave(pilot: Any) -> None:
    """Out of whatever a key opened, without answering it."""
    for _ in range(3):
        screen: Screen[Any] = pilot.app.screen
        if getattr(screen, "TAB", ""):
            return
        await pilot.press("escape")


@pytest.mark.parametrize("where", ["worker", "screen"])
async def test_no_crash_lets_a_key_out(
    where: str, sandbox: Any, desk: Desk, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    app = HeaptuiApp(desk.opening)

    def fails() -> None:
        plain = sandbox.keys.data_import_key
        kept = Secret(plain)
        raise RuntimeError(f"forced, with {kept} and {plain} at hand")

    async def fails_later() -> None:
        fails()

    async def crashed() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "VIP 2024")
            if where == "worker":
                app.screen.run_worker(fails_later(), exit_on_error=True)
            else:
                app.screen.call_later(fails)
            await until(pilot, lambda: not app.is_running, 5)

    with pytest.raises(Exception, match="forced"):
        await crashed()
    assert app.crash is not None
    report = write_report(desk.opening.home.logs_dir, app.crash, "dashboard")
    assert report is not None
    secret = [sandbox.keys.data_import_key, sandbox.keys.partner_api_key]
    shown = capfd.readouterr()
    assert "forced" in report.read_text()
    assert not found_in(shown.out + shown.err + files_of(desk.opening.home), secret)


CRASHING = """
import heaptui.ui.screens.runs as runs

def load(self):
    async def fail(key):
        raise RuntimeError(f"forced, with {{key}} at hand")
    self.run_worker(fail(KEY), name=KEY, description=KEY)

KEY = {key!r}
runs.RunsScreen.load = load
"""


def test_a_crash_in_a_real_terminal_shows_and_keeps_no_key(command_desk: CommandDesk, tmp_path: Path) -> None:
    key = command_desk.sandbox["data_import_key"]
    folder = tmp_path / "crashing"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CRASHING.format(key=key))
    paths = os.pathsep.join([str(folder), str(Path(__file__).parents[1])])
    terminal = Terminal(environ={**command_desk.environ, "PYTHONPATH": paths})
    terminal.until("No cohorts yet")
    terminal.press("4")
    assert terminal.end() == 2
    assert b"This is a bug in heaptui." in terminal.seen
    home = Home.find(command_desk.environ["HEAPTUI_HOME"], {})
    (report,) = home.logs_dir.glob("crash-*.txt")
    assert "forced, with ‹key› at hand" in report.read_text()
    assert not found_in(terminal.seen.decode("utf-8", "replace") + files_of(home), [key])
