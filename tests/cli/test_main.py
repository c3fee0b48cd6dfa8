"""The root command: what it loads, how it fails, which exit codes it promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from heaptui.cli import main as root
from heaptui.cli.main import COMMANDS, cli, main
from heaptui.errors import CohortLocked, CredentialRefused, ExitCode, LedgerError, Refused, Unreachable, UsageError

HEAVY = {"textual", "httpx", "keyring", "starlette", "uvicorn", "msgspec", "rich", "pyroaring", "sqlite3", "asyncio"}


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules that one invocation imports, in a process of its own."""
    script = (
        "import sys\nfrom heaptui.cli.main import main\n"
        f"code = main({list(arguments)!r})\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stderr.split("\n")[-2].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_load_nothing_heavy(arguments):
    assert not loaded_by(*arguments) & HEAVY


def test_commands_load_neither_the_screens_nor_what_they_do_not_need():
    assert not loaded_by("cohort", "import", "--help") & {"textual", "httpx", "keyring", "starlette", "uvicorn", "rich"}


def test_every_command_of_the_help_exists_and_explains_itself():
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.help


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in COMMANDS)


def test_without_a_terminal_and_a_command_one_sentence_is_printed():
    done = subprocess.run(
        [sys.executable, "-m", "heaptui"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == ExitCode.USAGE
    assert done.stdout == ""
    assert done.stderr.strip().splitlines() == [
        "heaptui needs a terminal; without one use its commands: heaptui --help"
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["cohort"],
        ["cohort", "frobnicate"],
        ["cohort", "list", "--wrong"],
        ["--wrong"],
        ["cohort", "show"],
    ],
)
def test_a_wrong_command_line_exits_2(arguments, capsys):
    assert main(arguments) == ExitCode.USAGE
    assert capsys.readouterr().out == ""


def test_a_misspelt_command_brings_the_nearest(capsys):
    main(["cohrt", "list"])
    assert "Did you mean cohort?" in capsys.readouterr().err


def test_without_a_profile_the_way_to_one_is_told(capsys):
    assert main(["cohort", "list"]) == ExitCode.USAGE
    assert "heaptui demo" in capsys.readouterr().err


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def probe(settings: Any, *, as_json: bool) -> None:
    """Shows what it was given, or fails as `probe.failure` says."""
    if failure is not None:
        raise failure
    click.echo([settings.profile, str(settings.home.config_dir), settings.read_only, as_json or settings.json])


failure: BaseException | None = None


@pytest.fixture
def probed(monkeypatch, capsys):
    """A command that fails as it is told."""

    def call(*arguments: str, fails: BaseException | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys.modules[__name__], "failure", fails)
        code = main(arguments or ["probe"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    module = type(sys)("heaptui.cli.probe")
    module.probe = probe
    monkeypatch.setitem(sys.modules, "heaptui.cli.probe", module)
    monkeypatch.setitem(root.COMMANDS, "probe", "A command for tests.")
    return call


@pytest.mark.parametrize(
    ("kind", "code"),
    [(UsageError, 2), (CredentialRefused, 3), (Unreachable, 4), (CohortLocked, 4), (LedgerError, 4), (Refused, 5)],
)
def test_an_expected_failure_is_three_lines_and_its_exit_code(probed, kind, code):
    exit_code, out, err = probed(fails=kind("Title.", "Detail.", "Hint."))
    assert (exit_code, out, err) == (code, "", "Title.\n  Detail.\n  Hint.\n")


def test_an_expected_failure_among_tasks_is_told_as_it_is(probed):
    group = ExceptionGroup("tasks", [ValueError("x"), ExceptionGroup("more", [Refused("Held.")])])
    assert probed(fails=group) == (5, "", "Held.\n")


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_exits_130(probed, failure):
    assert probed(fails=failure)[0] == ExitCode.INTERRUPTED


@pytest.mark.parametrize("code", [0, 1, 3, 5])
def test_the_exit_code_of_a_command_is_passed_on(probed, code):
    assert probed(fails=SystemExit(code))[0] == code


def test_a_bug_shows_no_traceback_and_leaves_a_private_report(probed):
    secret = "sesame-" + "0048213"
    code, out, err = probed(fails=RuntimeError("no such luck"))
    assert (code, out) == (2, "")
    assert "This is a bug in heaptui." in err
    assert "Traceback" not in err
    (report,) = (Path(os.environ["HEAPTUI_HOME"]) / "logs").glob("crash-*.txt")
    assert str(report) in err
    text = report.read_text()
    assert "RuntimeError: no such luck" in text
    assert "command: probe" in text
    assert secret not in text
    assert report.stat().st_mode & 0o077 == 0


def test_a_bug_is_told_even_where_no_report_can_be_written(probed, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    code, _, err = probed("--home", str(blocked), "probe", fails=RuntimeError("x"))
    assert code == 2
    assert "No report could be written" in err


def test_control_characters_of_others_do_not_reach_the_terminal(probed):
    _, _, err = probed(fails=UsageError("There is no cohort “\x1b[2Jevil\u202e”."))
    assert err == "There is no cohort “␛[2Jevil␛”.\n"


@pytest.mark.parametrize("after", [False, True])
def test_global_options_stand_before_or_after_the_command(probed, tmp_path, after):
    options = ["--profile", "acme", "--home", str(tmp_path / "other"), "--read-only", "--json"]
    code, out, _ = probed(*(["probe", *options] if after else [*options, "probe"]))
    assert (code, out.strip()) == (0, str(["acme", str(tmp_path / "other/config"), True, True]))


def test_a_closed_pipe_is_no_failure(tmp_path):
    script = (
        "import sys\nfrom heaptui.cli.main import main\n"
        "sys.stdout.reconfigure(line_buffering=True)\nsys.stdin.readline()\nsys.exit(main(['--help']))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    child.stdout.close()
    child.stdin.write(b"\n")
    child.stdin.close()
    errors = child.stderr.read()
    child.stderr.close()
    assert (child.wait(30), errors) == (0, b"")


def test_what_heaptui_writes_is_its_owners_only(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "heaptui", "profile", "set", "acme", "endpoint=http://127.0.0.1:9"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    home = Path(os.environ["HEAPTUI_HOME"])
    assert home.exists()
    assert not [path for path in home.rglob("*") if path.stat().st_mode & 0o077]


def test_a_shell_completes_commands_and_options() -> None:
    asked = {**os.environ, "_HEAPTUI_COMPLETE": "bash_complete"}
    commands = subprocess.run(
        [sys.executable, "-m", "heaptui"],
        env={**asked, "COMP_WORDS": "heaptui co", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
    )
    assert {"plain,cohort", "plain,completion"} <= set(commands.stdout.split())
    options = subprocess.run(
        [sys.executable, "-m", "heaptui"],
        env={**asked, "COMP_WORDS": "heaptui sync --dr", "COMP_CWORD": "2"},
        capture_output=True,
        text=True,
    )
    assert "plain,--dry-run" in options.stdout


def test_the_completion_script_is_printed_for_each_shell() -> None:
    for shell in ("bash", "zsh", "fish"):
        told = subprocess.run([sys.executable, "-m", "heaptui", "completion", shell], capture_output=True, text=True)
        assert "_HEAPTUI_COMPLETE" in told.stdout
