"""Copying says what is known: only a tool on this computer can confirm that a clipboard took it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from textual.app import App

from heaptui.ui import clipboard
from heaptui.ui.clipboard import SENT, copied


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desktop whose only tools are those in this folder."""
    for variable in ("SSH_TTY", "SSH_CONNECTION", "WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    return tools


def a_tool(folder: Path, name: str, does: str) -> None:
    """A program in the folder, in Python."""
    program = folder / name
    program.write_text(f"#!{sys.executable}\nimport pathlib, sys, time\n{does}\n")
    program.chmod(0o700)


def keeps(folder: Path) -> str:
    return f"pathlib.Path({str(folder / 'kept')!r}).write_bytes(sys.stdin.buffer.read())"


async def test_a_tool_that_took_it_confirms_it(at_home: Path) -> None:
    a_tool(at_home, "pbcopy", keeps(at_home))
    app: App[None] = App()
    assert await copied(app, "カート放棄", "the name") == "Copied: the name"
    assert (at_home / "kept").read_text("utf-8") == app.clipboard == "カート放棄"


async def test_windows_reads_its_own_encoding(at_home: Path) -> None:
    a_tool(at_home, "clip.exe", keeps(at_home))
    assert await copied(App(), "カート放棄") == "Copied: カート放棄"
    assert (at_home / "kept").read_bytes().decode("utf-16-le") == "カート放棄"


@pytest.mark.parametrize("does", ["sys.exit(1)", "time.sleep(60)"], ids=["fails", "hangs"])
async def test_a_tool_that_does_not_take_it_confirms_nothing(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    monkeypatch.setattr(clipboard, "TOOL_SECONDS", 0.2)
    a_tool(at_home, "pbcopy", does)
    app: App[None] = App()
    assert await copied(app, "a name") == f"{SENT}: a name"
    assert app.clipboard == "a name"


async def test_without_a_tool_it_is_only_sent(at_home: Path) -> None:
    assert await copied(App(), "a name") == f"{SENT}: a name"


async def test_a_tool_without_its_display_is_not_asked(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_tool(at_home, "wl-copy", keeps(at_home))
    assert await copied(App(), "a name") == f"{SENT}: a name"
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert await copied(App(), "a name") == "Copied: a name"


@pytest.mark.parametrize("variable", ["SSH_CONNECTION", "SSH_TTY"])
async def test_over_ssh_no_tool_of_the_other_computer_is_used(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    a_tool(at_home, "pbcopy", keeps(at_home))
    monkeypatch.setenv(variable, "here")
    assert await copied(App(), "a name") == f"{SENT}: a name"
    assert not (at_home / "kept").exists()


async def test_a_text_of_several_lines_is_told_on_one() -> None:
    told = await copied(App(), "Cart abandoners\t3900\n\n● to sync\n" + "long " * 10_000)
    assert told.startswith(f"{SENT}: Cart abandoners 3900 ● to sync long")
    assert len(told) < 300
