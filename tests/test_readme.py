"""The README says what the code does."""

from __future__ import annotations

import plistlib
import re
import subprocess
import sys
from pathlib import Path

from heaptui.cli.main import COMMANDS
from heaptui.errors import ExitCode
from heaptui.model.settings import settings_table
from heaptui.ui.commands import COMMANDS as UI_COMMANDS
from heaptui.ui.commands import EVERYWHERE, footer_of, key_table

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_key_table_is_the_one_of_the_program() -> None:
    shown = re.search(r"<!-- keys:.*?-->\n(.*?)\n<!-- end of keys -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1] == key_table()


def test_the_table_of_settings_is_the_one_of_the_program() -> None:
    shown = re.search(r"<!-- settings:.*?-->\n(.*?)\n<!-- end of settings -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1] == settings_table()


def test_every_exit_code_is_explained() -> None:
    for code in ExitCode:
        assert f"| {code.value} |" in README


def test_every_picture_exists() -> None:
    for picture in re.findall(r"\((screenshots/[^)]+)\)", README):
        assert (Path(__file__).parent.parent / picture).is_file(), picture


def test_every_command_has_help_with_an_example() -> None:
    for command in COMMANDS:
        told = subprocess.run(
            [sys.executable, "-m", "heaptui", command, "--help"], capture_output=True, text=True, check=True
        ).stdout
        assert "heaptui" in told


def test_no_key_means_two_things_on_one_screen_and_footers_are_short() -> None:
    scopes = {command.scope for command in UI_COMMANDS} - {EVERYWHERE}
    for scope in scopes:
        keys = [key for c in UI_COMMANDS if c.scope in (scope, EVERYWHERE) for key in c.key.split(",")]
        assert len(keys) == len(set(keys)), scope
        for width in (60, 80, 120):
            footer = footer_of(scope, width)
            assert len(footer) <= width
            assert footer.count("·") <= 7


def test_cron_systemd_and_launchd_run_the_same_command_that_exists() -> None:
    plist = plistlib.loads(re.search(r"```xml\n(.*?)```", README, re.DOTALL)[1].encode())  # type: ignore[index]
    lines = re.findall(r"^(?:10 3 \* \* \* +|ExecStart=)(/\S+/heaptui .* sync .*)$", README, re.MULTILINE)
    commands = [plist["ProgramArguments"], *(line.split() for line in lines)]
    assert len(commands) == 3
    assert {tuple(command[1:]) for command in commands} == {
        ("--profile", "acme", "sync", "--all", "--refresh", "--yes")
    }
    assert plist["StartCalendarInterval"] == {"Hour": 3, "Minute": 10}
    help_text = subprocess.run(
        [sys.executable, "-m", "heaptui", "sync", "--help"], capture_output=True, text=True
    ).stdout
    assert "--all" in help_text
    assert "--yes" in help_text
