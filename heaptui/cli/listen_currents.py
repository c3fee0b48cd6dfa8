"""The Currents part of `heaptui listen`: receive, keep the tables small, and forward when that is wanted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from heaptui.cli.output import say
from heaptui.errors import UsageError
from heaptui.model.commands import giving

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from heaptui.services.door_notes import DoorNotes
    from heaptui.services.workspace import Workspace


@asynccontextmanager
async def currents_received(
    workspace: Workspace, notes: DoorNotes, *, forward: bool
) -> AsyncIterator[BaseRoute | None]:
    """The path for Braze Currents and all that happens behind it; nothing without the Currents token.

    Raises:
        UsageError: forwarding is wanted, and the token or the Heap app id is missing.
        Unreachable: another process forwards.
    """
    forward = forward or workspace.profile.currents_forward
    if workspace.secrets.currents_token is None:
        if forward:
            raise UsageError(
                "Forwarding needs a Currents token.",
                "Without one nothing is received that could be forwarded.",
                giving(workspace.profile, ["currents_token"]),
            )
        yield None
        return
    from heaptui.receiver.currents import currents_route
    from heaptui.services.background import behind
    from heaptui.services.currents_upkeep import upkeep

    service = workspace.currents
    intake = await service.intake()
    async with AsyncExitStack() as stack:
        forwarder = await stack.enter_async_context(service.forwarding(intake.arrived, say)) if forward else None
        work = {"upkeep": upkeep(await service.events(), can_forward=bool(workspace.profile.heap_app_id))}
        if forwarder is not None:
            work["forwarding"] = forwarder.carry_out()
            say(f"forwarding Currents events to Heap app {workspace.profile.heap_app_id}")
        async with behind(work):
            yield currents_route(intake, notes)
