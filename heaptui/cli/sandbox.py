"""`heaptui sandbox`: the stand-in for Braze and Heap alone, for a profile of one's own or for other programs."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from msgspec.structs import asdict

from heaptui.cli.context import Settings
from heaptui.cli.output import say
from heaptui.config import Profile, load_config
from heaptui.errors import UsageError
from heaptui.sandbox.failures import FAILURES

if TYPE_CHECKING:
    from heaptui.sandbox.server import Sandbox

SETTLE_SECONDS, READ_TIMEOUT_SECONDS = 2.0, 3.0
"""Shorter than for Braze itself, so that nobody who looks at a failure waits for long."""

fault_option = click.option(
    "--fault",
    type=click.Choice(list(FAILURES)),
    help="Let requests fail. " + ", ".join(f"{name}: {what}" for name, what in FAILURES.items()) + ".",
)


@click.command()
@click.option("--profile", metavar="NAME", help="Make a profile that leads here, with its keys in a private file.")
@fault_option
@click.option("--port", default=0, help="Port of the Braze side. Default: a free one.")
@click.option("--heap-port", default=0, help="Port of the Heap side. Default: a free one.")
@click.option("--seed", type=int, help="Make the same keys every time.")
@click.option("--latency-ms", default=0.0, help="How long answers take.")
@click.option("--partner", default="heap", show_default=True, help="The partner name in the path.")
@click.option("--everyone-known", is_flag=True, help="Take every external id as somebody Braze knows.")
@click.pass_obj
def sandbox(
    settings: Settings,
    *,
    profile: str | None,
    fault: str | None,
    port: int,
    heap_port: int,
    seed: int | None,
    latency_ms: float,
    partner: str,
    everyone_known: bool,
) -> None:
    """Serve the sandbox until Ctrl-C.

    With --profile, commands in another terminal send there: heaptui --profile NAME ... Without it, the first line is
    JSON with addresses and keys, for other programs.

    \b
    Examples:
      heaptui sandbox --profile try --everyone-known
      heaptui sandbox --profile try --everyone-known --fault 500
      heaptui sandbox --seed 7 --latency-ms 150
    """
    from heaptui.sandbox.server import serve_until_told

    name = profile or settings.profile
    before = _led_before(settings, name) if name else None
    if name and seed is None:
        # The keys of a profile stay the same, and its port: its ledger belongs to one workspace.
        seed = zlib.crc32(name.encode())
    if before and not port:
        port = urlsplit(before.endpoint).port or 0

    async def announce(running: Sandbox) -> None:
        if name:
            await _lead_here(settings, name, running)
            say(f"The profile {name} leads here. In another terminal: heaptui --profile {name} …")
            if before:
                say("The sandbox begins empty. What was synced before goes out again with: heaptui sync COHORT --full")
            if fault:
                say(f"--fault {fault}: {FAILURES[fault]}, until it is started again without.")
            say(f"Ctrl-C ends it. Then, if you like: heaptui profile remove {name}")
        else:
            click.echo(running.first_line())

    asyncio.run(
        serve_until_told(
            announce,
            port=port,
            heap_port=heap_port,
            seed=seed,
            latency_ms=latency_ms,
            partner_name=partner,
            everyone_known=everyone_known,
            fault=fault or "",
        )
    )


def _led_before(settings: Settings, name: str) -> Profile | None:
    """The profile as an earlier sandbox left it; None when there is none yet.

    Raises:
        UsageError: the profile leads somewhere else.
    """
    before = load_config(settings.home).profiles.get(name)
    if before is not None and before.host not in ("", "127.0.0.1"):
        raise UsageError(
            f"The profile {name} leads to Braze.", "It was not changed.", "Choose another name: --profile try"
        )
    return before


async def _lead_here(settings: Settings, name: str, running: Sandbox) -> None:
    """Make the profile, or change it, so that it leads to this sandbox."""
    from heaptui.services.profiles import ProfileService, SecretName

    service = ProfileService(settings.home, {})
    where = {
        "endpoint": running.braze_url,
        "partner_name": running.keys.partner_name,
        "heap_endpoint": running.heap_url,
        "heap_app_id": running.keys.heap_app_id,
        "label": "SANDBOX",
        "settle_seconds": str(SETTLE_SECONDS),
        "read_timeout_seconds": str(READ_TIMEOUT_SECONDS),
    }
    await service.change(name, where)
    keys = asdict(running.keys)
    for secret in SecretName:
        await service.keep_key(name, secret, keys[secret], store="file")
