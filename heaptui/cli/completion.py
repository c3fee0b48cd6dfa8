"""`heaptui completion`: what a shell needs to complete commands with tab."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from heaptui.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      eval "$(heaptui completion bash)"          (a line for ~/.bashrc)
      heaptui completion fish | source           (a line for config.fish)
    """
    source = get_completion_class(shell)
    if source is None or ctx.parent is None:
        raise UsageError(f"There is no completion for {shell}.", "", f"There is for: {', '.join(SHELLS)}.")
    click.echo(source(ctx.parent.command, {}, "heaptui", "_HEAPTUI_COMPLETE").source())
