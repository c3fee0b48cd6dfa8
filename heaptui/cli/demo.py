"""`heaptui demo`: the dashboard on the sandbox with sample cohorts, in a temporary home."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, need_terminal, run
from heaptui.cli.output import say
from heaptui.cli.sandbox import fault_option
from heaptui.config import Home
from heaptui.errors import ExitCode, HeaptuiError

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

LATENCY_MS = 40
HEADLESS_LATENCY_MS = 5


@click.command()
@click.option("--headless", is_flag=True, help="Run the main job once without a terminal and print the receipt.")
@fault_option
@click.pass_obj
def demo(settings: Settings, *, headless: bool, fault: str | None) -> None:
    """Look around: a sandbox with sample people. Nothing leaves this machine.

    Each demo starts as if it were the first, and keeps nothing when it ends.

    \b
    Examples:
      heaptui demo
      heaptui demo --fault 500
      heaptui demo --headless
    """
    if not headless:
        need_terminal("run the main job without one: heaptui demo --headless")
    with tempfile.TemporaryDirectory(prefix="heaptui-demo-") as folder:
        home = Path(folder)
        code = run(_headless(home, fault or "")) if headless else _dashboard(settings, home, fault or "")
    if code:
        raise SystemExit(code)


def _dashboard(settings: Settings, folder: Path, fault: str) -> int:
    from heaptui.cli.demo_world import HeapLife, running_demo
    from heaptui.ui.app import run_app
    from heaptui.ui.garbage import pause_collecting

    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        world = running_demo(folder, settings, latency_ms=LATENCY_MS, fault=fault)
        prepared = runner.run(world.__aenter__())
        life = HeapLife(prepared)
        try:
            life.start()
            pause_collecting()
            run_app(prepared.settings, demo=True, fault=fault)
            say("The demo is over. Its people, runs and receipts were only for it, and are thrown away.")
        finally:
            life.stop()
            runner.run(world.__aexit__(None, None, None))
    return ExitCode.DONE


async def _headless(folder: Path, fault: str) -> int:
    from heaptui.cli.demo_world import running_demo
    from heaptui.cli.sync import deliver, exit_code
    from heaptui.sandbox import sample

    bare = Settings(Home.find(str(folder), {}), None, read_only=False, json=False, environ={})
    async with (
        running_demo(folder, bare, latency_ms=HEADLESS_LATENCY_MS, fault=fault) as demo,
        demo.settings.workspace("demo") as workspace,
    ):
        wanted = {sample.CARTS, sample.DEAR_CARTS, sample.EXPORT_FAILED, sample.REPORTS}
        chosen = [cohort.cohort_id for cohort in await workspace.cohorts.list() if cohort.name in wanted]
        progress = await deliver(workspace, chosen, origin="demo")
        click.echo(await workspace.history.receipt(progress.run_id))
        # What Braze holds is what the cohorts hold only where nothing was made to fail.
        for cohort_id in [] if fault else chosen:
            members = {person.value async for person in _people(workspace, cohort_id)}
            held = await asyncio.to_thread(_held_by_braze, demo.sandbox["braze_url"], cohort_id)
            if not held <= members:
                raise HeaptuiError(f"The sandbox holds people who are not in {cohort_id}.")
            name = progress.deliveries[cohort_id].name
            click.echo(f"{name}: {len(members):,} here, the sandbox knows and holds {len(held):,} of them.")
        return exit_code(progress)


async def _people(workspace: Workspace, cohort_id: str) -> AsyncIterator[Any]:
    async for chunk in workspace.cohorts.export(cohort_id):
        for person in chunk:
            yield person


def _held_by_braze(url: str, cohort_id: str) -> set[str]:
    with urllib.request.urlopen(f"{url}/_sandbox/cohorts/{cohort_id}", timeout=30) as answer:  # noqa: S310 - loopback
        members = json.load(answer)["members"]
    aliases = {alias["alias_name"] for alias in members["alias"]}
    return aliases or set(members["external_id"])
