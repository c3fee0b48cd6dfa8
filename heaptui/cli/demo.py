"""`heaptui demo`: the dashboard on the sandbox with sample cohorts, in a temporary home."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, run
from heaptui.cli.output import say
from heaptui.config import Config, Home, Profile, save_config
from heaptui.errors import ExitCode, HeaptuiError, UsageError

if TYPE_CHECKING:
    from heaptui.sandbox.sample import SampleCohort, SampleWorld
    from heaptui.services.workspace import Workspace

DEMO_PROFILE = "acme-jp"
LATENCY_MS = 40
HEADLESS_LATENCY_MS = 5


@click.command()
@click.option("--headless", is_flag=True, help="Run the main job once without a terminal and print the receipt.")
@click.pass_obj
def demo(settings: Settings, *, headless: bool) -> None:
    """Look around: a sandbox with sample people. Nothing leaves this machine.

    \b
    Examples:
      heaptui demo
      heaptui demo --headless
    """
    if not headless and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("There is no terminal here.", "", "Run the main job without one: heaptui demo --headless")
    with tempfile.TemporaryDirectory(prefix="heaptui-demo-") as folder:
        code = run(_headless(Path(folder))) if headless else _dashboard(settings, Path(folder))
    if code:
        raise SystemExit(code)


@dataclass(frozen=True, slots=True)
class Demo:
    """A running sandbox and the settings that lead to it."""

    settings: Settings
    sandbox: dict[str, Any]


def _dashboard(settings: Settings, folder: Path) -> int:
    from heaptui.ui.app import run_app

    with contextlib.ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        world = running_demo(folder, settings, latency_ms=LATENCY_MS)
        prepared = runner.run(world.__aenter__())
        try:
            run_app(prepared.settings, tour=True)
        finally:
            runner.run(world.__aexit__(None, None, None))
    return ExitCode.DONE


async def _headless(folder: Path) -> int:
    from heaptui.cli.sync import deliver, exit_code
    from heaptui.sandbox import sample

    bare = Settings(Home.find(str(folder), {}), None, read_only=False, json=False, environ={})
    async with (
        running_demo(folder, bare, latency_ms=HEADLESS_LATENCY_MS) as demo,
        demo.settings.workspace("demo") as workspace,
    ):
        wanted = {sample.CARTS, sample.DEAR_CARTS, sample.EXPORT_FAILED, sample.REPORTS}
        chosen = [cohort.cohort_id for cohort in await workspace.cohorts.list() if cohort.name in wanted]
        progress = await deliver(workspace, chosen, origin="demo")
        click.echo(await workspace.history.receipt(progress.run_id))
        for cohort_id in chosen:
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


@asynccontextmanager
async def running_demo(folder: Path, settings: Settings, *, latency_ms: int) -> AsyncIterator[Demo]:
    """Start the sandbox in a process of its own and fill a fresh home with the sample cohorts."""
    from heaptui.sandbox.sample import sample_world

    say("Starting the sandbox and its sample people. Nothing leaves this machine.")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "heaptui",
        "sandbox",
        "--latency-ms",
        str(latency_ms),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        first = await asyncio.wait_for(process.stdout.readline(), 30)
        if not first:
            raise HeaptuiError("The sandbox did not start.", "", "Start it by hand to see why: heaptui sandbox")
        sandbox = json.loads(first)
        world = await asyncio.to_thread(sample_world)
        await asyncio.to_thread(_make_known, sandbox["braze_url"], world)
        prepared = _prepared(folder, settings, sandbox)
        await _fill(prepared, folder, world)
        await _build_segments(prepared, sandbox["braze_url"])
        yield Demo(prepared, sandbox)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _make_known(url: str, world: SampleWorld) -> None:
    lines = "\n".join(
        json.dumps({"external_id": person.external_id, "aliases": person.aliases}) for person in world.people()
    )
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{url}/_sandbox/people", lines.encode(), {"Content-Type": "application/x-ndjson"}
    )
    _send(request)


def _prepared(folder: Path, settings: Settings, sandbox: dict[str, Any]) -> Settings:
    home = Home.find(str(folder), {})
    profile = Profile(
        name=DEMO_PROFILE,
        endpoint=sandbox["braze_url"],
        label="SANDBOX",
        partner_name=sandbox["partner_name"],
        settle_seconds=2.0,
    )
    save_config(home, Config({DEMO_PROFILE: profile}))
    keys = {
        "HEAPTUI_PARTNER_API_KEY": sandbox["partner_api_key"],
        "HEAPTUI_DATA_IMPORT_KEY": sandbox["data_import_key"],
        "HEAPTUI_REST_API_KEY": sandbox["rest_api_key"],
    }
    return replace(settings, home=home, profile=DEMO_PROFILE, read_only=False, environ=keys)


async def _fill(settings: Settings, folder: Path, world: SampleWorld) -> None:
    """Import every cohort; those that were synced before are synced as they were then, and have changed since."""
    exports = folder / "exports"
    exports.mkdir()
    async with settings.workspace("demo") as workspace:
        synced = []
        for cohort in world.cohorts:
            path = exports / cohort.file
            await asyncio.to_thread(_write_csv, path, cohort, cohort.before or cohort.now)
            cohort_id = await _imported(workspace, cohort, path)
            if cohort.before is not None:
                synced.append(cohort_id)
        progress = await workspace.sync.start(synced, origin="demo")
        await workspace.sync.finished(progress.run_id)
        for cohort in world.cohorts:
            if cohort.before not in (None, cohort.now):
                path = exports / cohort.file
                await asyncio.to_thread(_write_csv, path, cohort, cohort.now)
                await _imported(workspace, cohort, path)


async def _build_segments(settings: Settings, url: str) -> None:
    """What somebody built in the sandbox's dashboard before: one segment of ours, and others."""
    from heaptui.sandbox.sample import sample_segments

    async with settings.workspace("demo") as workspace:
        ids = {cohort.name: cohort.cohort_id for cohort in await workspace.cohorts.list()}
    for segment in sample_segments(ids):
        request = urllib.request.Request(f"{url}/_sandbox/segments", json.dumps(segment).encode())  # noqa: S310
        await asyncio.to_thread(_send, request)


def _send(request: urllib.request.Request) -> None:
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310 - loopback


async def _imported(workspace: Workspace, cohort: SampleCohort, path: Path) -> str:
    from heaptui.model.identifiers import Kind
    from heaptui.services.imports import ImportRequest

    preview = await workspace.cohorts.preview_import(
        ImportRequest(
            path=str(path),
            name=cohort.name,
            into=None,
            id_column=cohort.column,
            kind=Kind(cohort.kind),
            alias_label=cohort.alias_label,
            expect=None,
        )
    )
    return (await workspace.cohorts.apply_import(preview)).cohort_id


def _write_csv(path: Path, cohort: SampleCohort, people: list[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([cohort.column])
        writer.writerows([person] for person in people)
