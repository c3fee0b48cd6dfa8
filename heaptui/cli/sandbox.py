"""`heaptui sandbox`: the stand-in for Braze and Heap alone, for other programs."""

from __future__ import annotations

import asyncio

import click


@click.command()
@click.option("--port", default=0, help="Port of the Braze side. Default: a free one.")
@click.option("--heap-port", default=0, help="Port of the Heap side. Default: a free one.")
@click.option("--seed", type=int, help="Make the same keys every time.")
@click.option("--latency-ms", default=0.0, help="How long answers take.")
@click.option("--partner", default="heap", show_default=True, help="The partner name in the path.")
@click.option("--everyone-known", is_flag=True, help="Take every external id as somebody Braze knows.")
def sandbox(
    *, port: int, heap_port: int, seed: int | None, latency_ms: float, partner: str, everyone_known: bool
) -> None:
    """Serve the sandbox until Ctrl-C; the first line is JSON with its addresses and keys.

    \b
    Example:
      heaptui sandbox --seed 7 --latency-ms 150
    """
    from heaptui.sandbox.server import serve_until_told

    asyncio.run(
        serve_until_told(
            click.echo,
            port=port,
            heap_port=heap_port,
            seed=seed,
            latency_ms=latency_ms,
            partner_name=partner,
            everyone_known=everyone_known,
        )
    )
