"""The `heaptui` command: global options, commands loaded when they are needed, and errors told to people."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from heaptui import __version__
from heaptui.errors import ExitCode, HeaptuiError, UsageError

if TYPE_CHECKING:
    from heaptui.cli.context import Settings

COMMANDS = {
    "demo": "See it work on a sandbox with sample people; nothing leaves this machine.",
    "verify": "Check keys: right or wrong, what they open, who mends it.",
    "profile": "Braze workspaces and their keys.",
    "cohort": "Groups of people: import, look, export.",
    "preview": "Count a Braze segment over cohorts before anybody builds it.",
    "segment": "The segments that exist in Braze.",
    "sync": "Bring cohorts in Braze up to date.",
    "run": "Past and present syncs of all processes.",
    "trace": "Why a person is, or is not, in a Braze segment.",
    "compare": "What Braze holds, what is held here, why they differ, and how to mend it.",
    "explain": "What a failure means, who mends it and how; needs no network.",
    "listen": "Receive what Heap and Braze send.",
    "currents": "Engagement events from Braze, and their way into Heap.",
    "ledger": "Keep, move and check the record of what Braze holds.",
    "sandbox": "Serve a stand-in for Braze and Heap to other programs.",
    "doctor": "What a bug report needs.",
    "completion": "Complete commands with tab in your shell.",
}
"""Every command with its line in the help; the command `x` is `x` of heaptui/cli/x.py."""


class Commands(click.Group):
    """Loads a command when it is called, so that `--help` is there at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command, with the global options accepted after its name too."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"heaptui.cli.{cmd_name}"), cmd_name)
        _accept_global_options(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """From the table above: nothing is loaded for the help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Tell the nearest command when there is none of that name."""
        from difflib import get_close_matches

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, n=1)
            raise UsageError(
                f"There is no command “{args[0]}”.",
                f"Did you mean {near[0]}?" if near else "",
                "See them all: heaptui --help",
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what nobody expected becomes a report in the logs."""
        try:
            return super().invoke(ctx)
        except HeaptuiError as error:
            raise _as_it_works(error) from error.__cause__
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except ExceptionGroup as group:
            told = _first_told(group)
            if told is None:
                raise _bug(group, ctx) from group
            raise _as_it_works(told) from group
        except Exception as error:
            raise _bug(error, ctx) from error


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--profile", metavar="NAME", help="Which profile; needed where there are several.")
@click.option("--home", metavar="DIR", help="Keep everything under this directory.  [env: HEAPTUI_HOME]")
@click.option("--read-only", is_flag=True, help="Look without writing; works on a copied folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON where a command returns something.")
@click.version_option(__version__, prog_name="heaptui", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, *, profile: str | None, home: str | None, read_only: bool, as_json: bool) -> None:
    """Take groups of people from Heap into Braze: a plan before, a proof after.

    Without a command, heaptui opens in the terminal. The options below may also stand after a command.
    """
    in_the_terminal = ctx.invoked_subcommand is None
    if in_the_terminal:
        from heaptui.ui.garbage import pause_collecting

        pause_collecting()
    from heaptui.cli.bundle_home import home_of
    from heaptui.cli.context import Settings, need_terminal
    from heaptui.config import private_files

    private_files()
    ctx.obj = Settings(home_of(home, os.environ), profile, read_only, as_json, os.environ)
    if in_the_terminal:
        need_terminal("use its commands: heaptui --help")
        from heaptui.ui.app import run_app

        if run_app(ctx.obj) == "demo":
            ctx.invoke(ctx.command.get_command(ctx, "demo"), headless=False)  # type: ignore[attr-defined]


def _accept_global_options(command: click.Command) -> None:
    """Let --profile, --home and --read-only stand after the command's name too."""
    have = {name for parameter in command.params for name in parameter.opts}
    for option in (
        click.Option(["--profile"], hidden=True, expose_value=False, callback=_set_profile),
        click.Option(["--home"], hidden=True, expose_value=False, callback=_set_home),
        click.Option(["--read-only"], is_flag=True, hidden=True, expose_value=False, callback=_set_read_only),
    ):
        if option.opts[0] not in have:
            command.params.append(option)
    if isinstance(command, click.Group):
        if "--json" not in have:
            command.params.append(
                click.Option(["--json"], is_flag=True, hidden=True, expose_value=False, callback=_set_json)
            )
        for inner in command.commands.values():
            _accept_global_options(inner)


def _set_profile(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.obj.profile = value


def _set_home(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        from heaptui.cli.bundle_home import home_of

        ctx.obj.home = home_of(value, ctx.obj.environ)


def _set_read_only(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.obj.read_only = ctx.obj.read_only or value


def _set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.obj.json = ctx.obj.json or value


def _as_it_works(error: HeaptuiError) -> HeaptuiError:
    """The error, its commands as they work for the profile in use."""
    from heaptui.cli.output import for_this_profile

    error.detail, error.hint = for_this_profile(error.detail), for_this_profile(error.hint)
    return error


def _first_told(group: BaseExceptionGroup[BaseException]) -> HeaptuiError | None:
    """An error for people among those that concurrent tasks ended with."""
    for error in group.exceptions:
        if isinstance(error, HeaptuiError):
            return error
        if isinstance(error, BaseExceptionGroup) and (told := _first_told(error)) is not None:
            return told
    return None


def _bug(error: Exception, ctx: click.Context) -> HeaptuiError:
    """Keep what a bug report needs; the screen shows neither traceback nor values."""
    from heaptui.cli.crash import write_report
    from heaptui.config import Home

    settings: Settings | None = ctx.obj
    home = settings.home if settings is not None else Home.find(None, os.environ)
    kept = write_report(home.logs_dir, error, ctx.invoked_subcommand or "")
    return HeaptuiError(
        "This is a bug in heaptui.",
        f"{type(error).__name__}. " + (f"The report is {kept}." if kept else "No report could be written."),
        "Send it to whoever maintains heaptui; look through it first, it may name files of yours.",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    stdout = sys.stdout
    try:
        try:
            code = cli.main(None if arguments is None else list(arguments), "heaptui", standalone_mode=False)
        except SystemExit as end:
            # Where our reader closed the pipe, as `head` does, click has put other streams in place.
            code = end.code if sys.stdout is stdout else ExitCode.DONE
        sys.stdout.flush()
    except HeaptuiError as error:
        _tell(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Python must not try to flush to a closed pipe once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    return code if isinstance(code, int) else ExitCode.DONE


def _tell(error: HeaptuiError) -> None:
    from heaptui.cli.output import plain

    click.echo(plain(error.title), err=True)
    for line in (error.detail, error.hint):
        if line:
            click.echo(f"  {plain(line)}", err=True)
