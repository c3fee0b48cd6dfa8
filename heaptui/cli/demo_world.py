"""What the demo is about: a sandbox with sample people, a home that leads to it, and segments that go on changing."""

from __future__ import annotations

import asyncio
import csv
import itertools
import json
import random
import socket
import sys
import threading
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from heaptui.cli.context import Settings
from heaptui.cli.output import say
from heaptui.cli.sandbox import READ_TIMEOUT_SECONDS, SETTLE_SECONDS
from heaptui.config import Config, Home, Profile, save_config
from heaptui.errors import HeaptuiError

if TYPE_CHECKING:
    from heaptui.sandbox.sample import SampleCohort, SampleWorld
    from heaptui.services.reception import Reception
    from heaptui.services.workspace import Workspace

DEMO_PROFILE = "acme-jp"
FIRST_CHANGE, NEXT_CHANGE = 10.0, 15.0
"""Seconds until people enter and leave Heap's segments for the first time, and again."""

EVENTS_BEFORE = 10_000
EVENTS_PER_SECOND = 6


class Demo(Struct, frozen=True):
    """A running sandbox, the settings that lead to it, its people, and where the dashboard receives."""

    settings: Settings
    sandbox: dict[str, Any]
    world: SampleWorld
    receiver_url: str


@asynccontextmanager
async def running_demo(folder: Path, settings: Settings, *, latency_ms: int, fault: str = "") -> AsyncIterator[Demo]:
    """Start the sandbox in a process of its own and let the sample cohorts arrive in a fresh home.

    From then on requests to it fail as `fault` says.
    """
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
        prepared, receiver_url = _prepared(folder, settings, sandbox)
        await _fill(prepared, folder, world, sandbox["heap_url"])
        await _build_segments(prepared, sandbox["braze_url"])
        await _let_events_flow(prepared, world, sandbox)
        if fault:
            await asyncio.to_thread(_let_fail, sandbox["braze_url"], fault)
        yield Demo(prepared, sandbox, world, receiver_url)
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


def _let_fail(url: str, fault: str) -> None:
    import msgspec

    from heaptui.sandbox.failures import failure
    from heaptui.sandbox.faults import FaultProfile

    rules = msgspec.json.encode(FaultProfile(failure(fault)))
    _send(urllib.request.Request(f"{url}/_sandbox/faults", rules, method="PUT"))  # noqa: S310 - loopback


def _send(request: urllib.request.Request) -> None:
    urllib.request.urlopen(request, timeout=60).close()  # noqa: S310 - loopback


def _prepared(folder: Path, settings: Settings, sandbox: dict[str, Any]) -> tuple[Settings, str]:
    """A home whose only profile leads to the sandbox, and where its receiver will listen."""
    home = Home.find(str(folder), {})
    profile = Profile(
        name=DEMO_PROFILE,
        endpoint=sandbox["braze_url"],
        label="SANDBOX",
        partner_name=sandbox["partner_name"],
        settle_seconds=SETTLE_SECONDS,
        read_timeout_seconds=READ_TIMEOUT_SECONDS,
        listen_port=_free_port(),
        listen_with_dashboard=True,
        heap_endpoint=sandbox["heap_url"],
        heap_app_id=sandbox["heap_app_id"],
        currents_forward=True,
        currents_types=("!app.Session*",),
    )
    save_config(home, Config({DEMO_PROFILE: profile}))
    keys = {
        "HEAPTUI_PARTNER_API_KEY": sandbox["partner_api_key"],
        "HEAPTUI_DATA_IMPORT_KEY": sandbox["data_import_key"],
        "HEAPTUI_REST_API_KEY": sandbox["rest_api_key"],
        "HEAPTUI_WEBHOOK_SECRET": sandbox["webhook_secret"],
        "HEAPTUI_CURRENTS_TOKEN": sandbox["currents_token"],
    }
    url = f"http://127.0.0.1:{profile.listen_port}{profile.heap_path}"
    return replace(settings, home=home, profile=DEMO_PROFILE, read_only=False, environ=keys), url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _fill(settings: Settings, folder: Path, world: SampleWorld, heap_url: str) -> None:
    """Let every cohort arrive; those that were synced before are synced as they were then, and have changed since."""
    from heaptui.sandbox.sample import PAYING

    exports = folder / "exports"
    exports.mkdir()
    async with settings.workspace("demo") as workspace, _receiving(workspace) as (reception, url):
        filling = _Filling(workspace, reception, heap_url, url, exports)
        ids = {cohort.name: await filling.arrived(cohort, cohort.before or cohort.now) for cohort in world.cohorts}
        synced = [ids[cohort.name] for cohort in world.cohorts if cohort.before is not None]
        progress = await workspace.sync.start(synced, origin="demo")
        await workspace.sync.finished(progress.run_id)
        for cohort in world.cohorts:
            if cohort.before not in (None, cohort.now):
                await filling.arrived(cohort, cohort.now)
        await workspace.heap.set_automatic(ids[PAYING], automatic=True)


async def _build_segments(settings: Settings, url: str) -> None:
    """What somebody built in the sandbox's dashboard before: one segment of ours, and others."""
    from heaptui.sandbox.sample import sample_segments

    async with settings.workspace("demo") as workspace:
        ids = {cohort.name: cohort.cohort_id for cohort in await workspace.cohorts.list()}
    for segment in sample_segments(ids):
        request = urllib.request.Request(f"{url}/_sandbox/segments", json.dumps(segment).encode())  # noqa: S310
        await asyncio.to_thread(_send, request)


async def _let_events_flow(settings: Settings, world: SampleWorld, sandbox: dict[str, Any]) -> None:
    """What Braze sent in the last day is there; from now on its Currents call the dashboard's receiver."""
    import msgspec

    from heaptui.sandbox.currents_events import EventMaker
    from heaptui.sandbox.sample import CARTS
    from heaptui.services.currents_files import replay_lines
    from heaptui.services.preferences import Preferences, save_preferences

    carts = next(cohort for cohort in world.cohorts if cohort.name == CARTS).now
    others = [person.external_id for person in itertools.islice(world.people(), 300_000, 300_000 + len(carts))]
    people = [*carts, *others]
    events = EventMaker(people, 5, spread=20 * 3600).stream()

    async def backlog() -> AsyncIterator[list[bytes]]:
        too_long = next(event for event in events if event["event_type"] == "users.messages.email.Click")
        too_long["properties"]["url"] = f"https://shop.example/carts?items={'sku-1,' * 213}"
        yield [msgspec.json.encode(too_long)]
        for _ in range(EVENTS_BEFORE // 500):
            yield [msgspec.json.encode(event) for event in itertools.islice(events, 500)]

    async with settings.workspace("demo") as workspace:
        await replay_lines(workspace.currents, backlog())
        cohorts = {cohort.name: cohort.cohort_id for cohort in await workspace.cohorts.list()}
        await save_preferences(settings.home, Preferences(followed=cohorts[CARTS]))
        port = workspace.profile.listen_port
    flow = {
        "url": f"http://127.0.0.1:{port}/braze/currents",
        "token": sandbox["currents_token"],
        "events": 10**6,
        "per_second": EVENTS_PER_SECOND,
        "people": people[:: len(people) // 2000],
        "seed": 6,
    }
    address = f"{sandbox['braze_url']}/_sandbox/currents"
    await asyncio.to_thread(_send, urllib.request.Request(address, json.dumps(flow).encode()))  # noqa: S310 - loopback


class _Filling(Struct, frozen=True):
    """Where sample cohorts arrive: a workspace, with a receiver that Heap calls for the time of the filling."""

    workspace: Workspace
    reception: Reception
    heap_url: str
    receiver_url: str
    exports: Path

    async def arrived(self, cohort: SampleCohort, people: list[str]) -> str:
        """Let a cohort hold these people, as a Heap segment or as a file; returns its id."""
        from heaptui.model.identifiers import Kind

        path = self.exports / cohort.file
        await asyncio.to_thread(_write_csv, path, cohort, people)
        if not cohort.heap_id:
            return await _imported(self.workspace, cohort, path)
        cohort_id = f"heaptui-seg-{cohort.heap_id}"
        await asyncio.to_thread(self._sent, cohort, people)
        await self.reception.apply_all()
        if cohort.alias_label:
            await self.workspace.heap.set_kind(cohort_id, Kind(cohort.kind), cohort.alias_label)
        return cohort_id

    def _sent(self, cohort: SampleCohort, people: list[str]) -> None:
        segment = f"segments/{cohort.heap_id}"
        before = set(heap_is_told(self.heap_url, segment, {"name": cohort.name})["members"])
        change = {"add": [one for one in people if one not in before], "remove": sorted(before.difference(people))}
        heap_is_told(self.heap_url, segment, change)
        size = 1000 if before else 20_000
        heap_is_told(self.heap_url, f"{segment}/sync", {"url": self.receiver_url, "page_size": size})


@asynccontextmanager
async def _receiving(workspace: Workspace) -> AsyncIterator[tuple[Reception, str]]:
    """A receiver and its address."""
    from heaptui.receiver.app import receiver_app
    from heaptui.receiver.segment_sync import segment_sync_route
    from heaptui.services.door_notes import DoorNotes
    from heaptui.services.reception import Reception
    from heaptui.serving import bound_socket, serving

    assert workspace.secrets.webhook_secret is not None
    reception = Reception(workspace, workspace.secrets.webhook_secret, DoorNotes(workspace.ledger))
    path = workspace.profile.heap_path
    bound = bound_socket("127.0.0.1", 0, "")
    async with serving(receiver_app([segment_sync_route(path, reception)]), bound, drain=True):
        yield reception, f"http://127.0.0.1:{bound.getsockname()[1]}{path}"


def heap_is_told(heap_url: str, path: str, data: dict[str, Any]) -> Any:
    """Change or ask something on the sandbox's Heap side."""
    request = urllib.request.Request(f"{heap_url}/_sandbox/{path}", json.dumps(data).encode())  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
        return json.load(answer)


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


class HeapLife(threading.Thread):
    """People go on entering and leaving Heap's segments while the dashboard is open, and a new segment arrives."""

    NEW = ("1338112", "Trial: invited nobody")

    def __init__(self, demo: Demo) -> None:
        super().__init__(name="Heap's life", daemon=True)
        self._demo = demo
        self._ended = threading.Event()
        self._rng = random.Random(len(demo.world.cohorts))  # noqa: S311 - sample data

    def stop(self) -> None:
        """End it and wait."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Change some segments every few seconds and let Heap call the receiver."""
        segments = [cohort for cohort in self._demo.world.cohorts if cohort.heap_id and not cohort.alias_label]
        taken = {person for segment in segments for person in segment.now}
        strangers = [person.external_id for person in self._demo.world.people() if person.external_id not in taken]
        wait = FIRST_CHANGE
        for turn in itertools.count():
            if self._ended.wait(wait):
                return
            wait = NEXT_CHANGE
            segment = segments[turn % len(segments)]
            joining = self._rng.sample(strangers, self._rng.randrange(3, 40))
            leaving = self._rng.sample(segment.now, self._rng.randrange(1, 12))
            try:
                self._changes(segment.heap_id, {"add": joining, "remove": leaving})
                if turn == 1:
                    self._changes(self.NEW[0], {"name": self.NEW[1], "add": strangers[:640]})
            except OSError:
                # The sandbox is going down, or too busy: the next turn tries again.
                continue

    def _changes(self, heap_id: str, change: dict[str, Any]) -> None:
        url = self._demo.sandbox["heap_url"]
        heap_is_told(url, f"segments/{heap_id}", change)
        heap_is_told(url, f"segments/{heap_id}/sync", {"url": self._demo.receiver_url, "retries": 2})
