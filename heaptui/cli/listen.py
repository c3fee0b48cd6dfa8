"""`heaptui listen`: the receiver that Heap and Braze call."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from heaptui.cli.context import Settings, run
from heaptui.cli.output import say
from heaptui.errors import Refused, UsageError
from heaptui.model.commands import giving

AT_ONCE = 64
"""Requests that are taken at the same time; more are answered 503 and sent again."""

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from heaptui.services.door_notes import DoorNotes
    from heaptui.services.reception import Reception
    from heaptui.services.workspace import Workspace


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one. Default: the profile's, 8765.")
@click.option("--sync", "deliver_all", is_flag=True, help="Deliver every complete Heap sync to Braze by itself.")
@click.option("--forward", is_flag=True, help="Send Currents events on to Heap, which bills them.")
@click.option("--with-parent", is_flag=True, hidden=True, help="End when standard input does.")
@click.pass_obj
def listen(
    settings: Settings, *, host: str, port: int | None, deliver_all: bool, forward: bool, with_parent: bool
) -> None:
    """Receive what Heap and Braze send, until Ctrl-C. A path without its secret is off.

    Cohorts whose automatic delivery is on go to Braze when a Heap sync of theirs is complete; with --sync, all do.

    \b
    Examples:
      heaptui --profile acme-jp listen --port 8765
      heaptui --profile acme-jp listen --sync --forward
    """
    run(_listen(settings, host, port, deliver_all=deliver_all, forward=forward, with_parent=with_parent))


async def _listen(
    settings: Settings, host: str, port: int | None, *, deliver_all: bool, forward: bool, with_parent: bool
) -> None:
    from heaptui.cli.listen_currents import currents_received
    from heaptui.receiver.app import receiver_app
    from heaptui.services.background import behind
    from heaptui.services.door_notes import DoorNotes
    from heaptui.serving import bound_socket, serving

    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, told.set)
    if with_parent:
        # Nothing is ever written there: it becomes readable when the other end is gone.
        loop.add_reader(0, told.set)
    async with settings.workspace("listener") as workspace:
        if workspace.read_only:
            raise Refused("This profile is read-only.", "What is received must be written.", "Use one that may write.")
        notes = DoorNotes(workspace.ledger, told=say)
        async with (
            behind({"notes of what was refused": notes.carry_out()}),
            _receiving(workspace, notes, deliver_all=deliver_all) as reception,
            currents_received(workspace, notes, forward=forward) as currents,
        ):
            routes = _routes(workspace, reception, currents)
            chosen = workspace.profile.listen_port if port is None else port
            bound = bound_socket(host, chosen, "Choose another: --port")
            address = f"http://{host}:{bound.getsockname()[1]}"
            async with serving(receiver_app(routes), bound, drain=True, limit_concurrency=AT_ONCE):
                for route in routes:
                    say(f"listening on {address}{getattr(route, 'path', '')}")
                await told.wait()
        if with_parent:
            loop.remove_reader(0)


@asynccontextmanager
async def _receiving(workspace: Workspace, notes: DoorNotes, *, deliver_all: bool) -> AsyncIterator[Reception | None]:
    """Apply and deliver what comes from Heap while the block runs; nothing without the webhook secret."""
    from heaptui.services.automatic import AutomaticDelivery
    from heaptui.services.background import behind
    from heaptui.services.reception import Reception

    secret = workspace.secrets.webhook_secret
    if secret is None:
        yield None
        return
    delivery = AutomaticDelivery(workspace, everything=deliver_all, told=say)
    reception = Reception(workspace, secret, notes, on_applied=delivery.look, told=say)
    async with behind({"reception": reception.carry_out(), "automatic delivery": delivery.carry_out()}):
        yield reception


def _routes(workspace: Workspace, reception: Reception | None, currents: BaseRoute | None) -> list[BaseRoute]:
    """The paths whose secret is there.

    Raises:
        UsageError: none is.
    """
    routes: list[BaseRoute] = []
    if reception is not None:
        from heaptui.receiver.segment_sync import segment_sync_route

        routes.append(segment_sync_route(workspace.profile.heap_path, reception))
    if currents is not None:
        routes.append(currents)
    if routes:
        return routes
    raise UsageError(
        "There is nothing to listen for.",
        "Heap's webhook secret and the Currents token are both missing.",
        giving(workspace.profile, ["webhook_secret"]),
    )
