"""`heaptui listen`: the receiver that Heap and Braze call."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import click

from heaptui.cli.context import Settings, run
from heaptui.cli.output import say
from heaptui.errors import UsageError

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from heaptui.services.workspace import Workspace

DEFAULT_PORT = 8765


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.pass_obj
def listen(settings: Settings, *, host: str, port: int) -> None:
    """Receive what Heap and Braze send, until Ctrl-C. A path without its secret is off.

    \b
    Example:
      heaptui --profile acme-jp listen --port 8765
    """
    run(_listen(settings, host, port))


async def _listen(settings: Settings, host: str, port: int) -> None:
    from heaptui.receiver.app import receiver_app
    from heaptui.serving import bound_socket, serving

    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, told.set)
    async with settings.workspace("listener") as workspace:
        routes = _routes(workspace)
        bound = bound_socket(host, port, "Choose another: --port")
        address = f"http://{host}:{bound.getsockname()[1]}"
        async with serving(receiver_app(routes), bound, drain=True):
            for route in routes:
                say(f"listening on {address}{getattr(route, 'path', '')}")
            await told.wait()


def _routes(workspace: Workspace) -> list[BaseRoute]:
    """The paths whose secret is there.

    Raises:
        UsageError: none is.
    """
    raise UsageError(
        "There is nothing to listen for.",
        "Heap's webhook secret and the Currents token are both missing.",
        f"heaptui profile set {workspace.profile.name} webhook_secret",
    )
