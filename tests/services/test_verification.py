"""Every way in which keys and endpoint can be wrong has a verdict of its own, on real servers."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, field
from msgspec.structs import replace

from heaptui.errors import ExitCode
from heaptui.model.checks import FEATURES, CheckId, CheckState, Overall, Report
from heaptui.model.lexicon import entry_of
from heaptui.model.remedies import REMEDIES, Cause
from heaptui.model.secret import Secret
from heaptui.sandbox.server import Sandbox, running_sandbox
from heaptui.services.cluster_finder import Cluster
from heaptui.services.verification import Given, Verification

SOMETHING = "00000000-0000-4000-8000-0000000000{:02d}"


class Braze(Struct):
    """Two clusters of the US and one of the EU on loopback. US-01 and US-02 know the same partner key."""

    us: Sandbox
    us2: Sandbox
    eu: Sandbox
    given: Given
    clusters: list[Cluster] = field(default_factory=list)

    async def verdict(self, **options: Any) -> Report:
        given = options.pop("given", self.given)
        return await Verification(given, clusters=self.clusters, **options).result()


@asynccontextmanager
async def sandboxes(*seeds: int) -> AsyncIterator[list[Sandbox]]:
    """Several at once, so that their ends are waited for together."""
    over = asyncio.Event()

    async def one(seed: int, up: asyncio.Future[Sandbox]) -> None:
        async with running_sandbox(seed=seed) as sandbox:
            up.set_result(sandbox)
            await over.wait()

    ups = [asyncio.get_running_loop().create_future() for _ in seeds]
    async with asyncio.TaskGroup() as tasks:
        for seed, up in zip(seeds, ups, strict=True):
            tasks.create_task(one(seed, up))
        yield [await up for up in ups]
        over.set()


@pytest.fixture
async def braze() -> AsyncIterator[Braze]:
    async with sandboxes(1, 2, 3) as (us, us2, eu):
        us2.braze.keys = us2.keys = replace(us2.keys, partner_api_key=us.keys.partner_api_key)
        given = Given(
            us.braze_url,
            partner_keys={"": Secret(us.keys.partner_api_key)},
            data_import_key=Secret(us.keys.data_import_key),
            rest_key=Secret(us.keys.rest_api_key),
        )
        clusters = [
            Cluster("US-01", "US", us.braze_url),
            Cluster("US-02", "US", us2.braze_url),
            Cluster("EU-01", "EU", eu.braze_url),
        ]
        yield Braze(us, us2, eu, given, clusters)


async def good(braze: Braze, _: Path) -> Report:
    return await braze.verdict()


async def wrong_partner_key(braze: Braze, _: Path) -> Report:
    keys = {"": Secret(SOMETHING.format(1))}
    return await braze.verdict(given=replace(braze.given, partner_keys=keys), find=True)


async def wrong_data_import_key(braze: Braze, _: Path) -> Report:
    return await braze.verdict(given=replace(braze.given, data_import_key=Secret(SOMETHING.format(2))), find=True)


async def partner_not_enabled(braze: Braze, _: Path) -> Report:
    braze.us.braze.partner_enabled = False
    return await braze.verdict()


async def wrong_cluster(braze: Braze, _: Path) -> Report:
    return await braze.verdict(given=replace(braze.given, endpoint=braze.us2.braze_url), find=True)


async def two_permissions_missing(braze: Braze, _: Path) -> Report:
    braze.us.braze.rest.permissions -= {"users.track", "users.export.segment"}
    return await braze.verdict()


async def rest_key_of_another_cluster(braze: Braze, _: Path) -> Report:
    return await braze.verdict(given=replace(braze.given, rest_key=Secret(braze.us2.keys.rest_api_key)), find=True)


async def does_not_resolve(braze: Braze, _: Path) -> Report:
    return await braze.verdict(given=replace(braze.given, endpoint="https://rest.nowhere.invalid"))


@asynccontextmanager
async def listening(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], **options: Any
) -> AsyncIterator[int]:
    server = await asyncio.start_server(talk, "127.0.0.1", 0, **options)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def times_out(braze: Braze, _: Path) -> Report:
    over = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with listening(silent) as port:
        given = replace(braze.given, endpoint=f"http://127.0.0.1:{port}")
        report = await braze.verdict(given=given, seconds=0.2)
        over.set()
    return report


async def self_signed(braze: Braze, folder: Path) -> Report:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *words.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(nothing, ssl=context) as port:
        return await braze.verdict(given=replace(braze.given, endpoint=f"https://127.0.0.1:{port}"))


async def http_instead_of_https(braze: Braze, _: Path) -> Report:
    return await braze.verdict(given=replace(braze.given, endpoint="http://rest.iad-01.braze.com"))


async def clock_off(braze: Braze, _: Path) -> Report:
    return await braze.verdict(now=lambda: time.time() + 600)


async def swapped(braze: Braze, _: Path) -> Report:
    given = replace(braze.given, data_import_key=braze.given.rest_key, rest_key=braze.given.data_import_key)
    return await braze.verdict(given=given)


async def partner_key_absent(braze: Braze, _: Path) -> Report:
    return await braze.verdict(given=replace(braze.given, partner_keys={}))


async def partner_key_of_the_other_region(braze: Braze, _: Path) -> Report:
    keys = {"": Secret(braze.eu.keys.partner_api_key)}
    return await braze.verdict(given=replace(braze.given, partner_keys=keys), find=True)


SITUATIONS: dict[Callable[[Braze, Path], Awaitable[Report]], tuple[Overall, Cause | None, ExitCode]] = {
    good: (Overall.READY, None, ExitCode.DONE),
    wrong_partner_key: (Overall.NOT_READY, Cause.PARTNER_REFUSED, ExitCode.CREDENTIALS),
    wrong_data_import_key: (Overall.NOT_READY, Cause.DATA_IMPORT_REFUSED, ExitCode.CREDENTIALS),
    partner_not_enabled: (Overall.NOT_READY, Cause.NOT_ENABLED, ExitCode.CREDENTIALS),
    wrong_cluster: (Overall.NOT_READY, Cause.WRONG_CLUSTER, ExitCode.CREDENTIALS),
    two_permissions_missing: (Overall.READY, Cause.PERMISSION, ExitCode.DONE),
    rest_key_of_another_cluster: (Overall.NOT_READY, Cause.REST_ELSEWHERE, ExitCode.CREDENTIALS),
    does_not_resolve: (Overall.NOT_READY, Cause.DOES_NOT_RESOLVE, ExitCode.UNREACHABLE),
    times_out: (Overall.NOT_READY, Cause.NO_ANSWER, ExitCode.UNREACHABLE),
    self_signed: (Overall.NOT_READY, Cause.CERTIFICATE, ExitCode.UNREACHABLE),
    http_instead_of_https: (Overall.NOT_READY, Cause.NOT_HTTPS, ExitCode.USAGE),
    clock_off: (Overall.READY, Cause.CLOCK, ExitCode.DONE),
    swapped: (Overall.NOT_READY, Cause.SWAPPED, ExitCode.CREDENTIALS),
    partner_key_absent: (Overall.CAN_BE_HANDED_OVER, Cause.PARTNER_ABSENT, ExitCode.DONE),
    partner_key_of_the_other_region: (Overall.NOT_READY, Cause.PARTNER_REGION, ExitCode.CREDENTIALS),
}


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
async def test_each_situation_has_its_verdict(
    situation: Callable[[Braze, Path], Awaitable[Report]], braze: Braze, tmp_path: Path
) -> None:
    report = await situation(braze, tmp_path)
    assert (report.overall, report.cause, report.exit_code) == SITUATIONS[situation], report
    if report.cause is not None:
        assert REMEDIES[report.cause].lines()


async def test_the_lines_of_all_situations_differ(braze: Braze, tmp_path: Path) -> None:
    told = {}
    for situation in SITUATIONS:
        braze.us.braze.partner_enabled = True
        braze.us.braze.rest.permissions |= set(FEATURES)
        told[situation.__name__] = (await situation(braze, tmp_path)).headline
    assert len(SITUATIONS) == len(set(told.values())) == 15, told


@pytest.mark.parametrize("path", ["/cohorts/users", "/segments/list"])
async def test_a_call_without_an_answer_is_never_ready(path: str, braze: Braze) -> None:
    braze.us.fault(effect="timeout_before", match={"path": path})
    report = await braze.verdict(seconds=0.5)
    assert (report.overall, report.exit_code) == (Overall.NOT_READY, ExitCode.UNREACHABLE)


async def test_no_check_changes_anything_in_braze(braze: Braze) -> None:
    await braze.verdict()
    world = braze.us.world
    assert (world.cohorts, world.known, world.attributes, world.running_exports) == ({}, set(), {}, {})


async def test_no_key_goes_to_another_cluster_without_consent(braze: Braze) -> None:
    given = replace(braze.given, data_import_key=Secret(SOMETHING.format(3)), rest_key=Secret(SOMETHING.format(4)))
    report = await braze.verdict(given=given)
    assert report.cause is Cause.WRONG_CLUSTER
    assert not braze.us2.world.requests
    assert not braze.eu.world.requests


async def test_only_the_keys_are_enough_to_find_the_cluster(braze: Braze) -> None:
    report = await braze.verdict(given=replace(braze.given, endpoint=""), find=True)
    assert (report.overall, report.instance, report.endpoint) == (Overall.READY, "US-01", braze.us.braze_url)


async def test_keys_never_go_to_a_host_that_is_not_known(braze: Braze) -> None:
    given = replace(braze.given, endpoint="https://rest.iad-03.braze.co")
    report = await Verification(given, seconds=0.2).result()
    assert report.check(CheckId.ENDPOINT).cause is Cause.UNKNOWN_HOST
    assert "rest.iad-03.braze.com" in report.check(CheckId.ENDPOINT).detail
    assert report.check(CheckId.PARTNER_KEY).state is CheckState.SKIPPED


async def test_a_missing_permission_names_what_it_switches_off(braze: Braze) -> None:
    braze.us.braze.rest.permissions -= {"users.export.ids"}
    report = await braze.verdict()
    assert "match rate" in report.check("users.export.ids").detail
    assert report.routes == {
        "cohort_import": True,
        "attribute": True,
        "export": True,
        "match_rate": False,
        "compare": True,
    }


async def test_without_a_partner_key_the_data_import_key_is_never_called_right(braze: Braze) -> None:
    report = await braze.verdict(given=replace(braze.given, partner_keys={}))
    check = report.check(CheckId.DATA_IMPORT_KEY)
    assert check.state is CheckState.SKIPPED
    assert "only Heap's partner key" in check.detail


async def test_two_partner_keys_in_each_others_place_are_named(braze: Braze) -> None:
    keys = {"US": Secret(braze.eu.keys.partner_api_key), "EU": Secret(braze.us.keys.partner_api_key)}
    report = await braze.verdict(given=replace(braze.given, partner_keys=keys))
    assert report.cause is Cause.PARTNER_REGION
    assert "EU" in report.check(CheckId.PARTNER_KEY).detail


async def test_an_answer_that_echoes_the_keys_shows_none_of_them(braze: Braze) -> None:
    braze.us.fault(effect="echo_secret")
    report = await braze.verdict()
    shown = repr(report)
    keys = braze.us.keys
    for key in (keys.partner_api_key, keys.data_import_key, keys.rest_api_key):
        assert key not in shown


async def test_checks_come_one_by_one_and_leaving_early_leaves_nothing_behind(braze: Braze) -> None:
    braze.us.braze.faults.base_latency(200)
    verification = Verification(braze.given, clusters=braze.clusters)
    checks = verification.checks()
    first = await anext(checks)
    assert first.check_id == CheckId.ENDPOINT
    await checks.aclose()
    assert not [task for task in asyncio.all_tasks() if task.get_name() in ("verification", "partner", "rest", "reach")]


async def test_a_full_limit_is_never_called_ready_and_beside_a_way_only_a_remark(braze: Braze) -> None:
    braze.us.fault(effect="status", status=429)
    report = await braze.verdict()
    assert (report.overall, report.cause, report.exit_code) == (Overall.NOT_READY, Cause.WAIT, ExitCode.UNREACHABLE)
    braze.us.fault(effect="status", status=429, match={"path": "/users/export/ids"})
    report = await braze.verdict()
    assert (report.overall, report.cause, report.exit_code) == (Overall.READY, Cause.WAIT, ExitCode.DONE)
    assert not report.routes["match_rate"]


async def test_a_host_that_denies_everybody_says_nothing_about_whose_key_is_whose(braze: Braze) -> None:
    braze.us.fault(effect="status", status=403)
    report = await braze.verdict()
    assert (report.overall, report.cause, report.exit_code) == (Overall.NOT_READY, Cause.DENIED, ExitCode.CREDENTIALS)


async def test_a_refusal_that_does_not_look_at_the_keys_is_not_told_as_keys_in_each_others_place(braze: Braze) -> None:
    braze.us.fault(
        effect="status", status=401, body={"message": "client_secret is invalid"}, match={"path": "/cohorts/users"}
    )
    assert (await braze.verdict()).cause is Cause.DATA_IMPORT_REFUSED


@pytest.mark.parametrize("cause", [cause for cause, remedy in REMEDIES.items() if remedy.entry])
def test_the_causes_of_a_refused_key_are_those_of_the_lexicon(cause: Cause) -> None:
    causes = entry_of(REMEDIES[cause].entry).causes
    assert REMEDIES[cause].lines()[-1] == "Causes: " + "; ".join(f"{n}. {told}" for n, told in enumerate(causes, 1))


async def test_right_keys_that_deliver_nobody_are_not_ready(braze: Braze) -> None:
    alone = replace(braze.given, data_import_key=None, rest_key=None)
    report = await braze.verdict(given=alone)
    assert (report.overall, report.cause, report.exit_code) == (Overall.NOT_READY, Cause.NO_WAY, ExitCode.USAGE)
    braze.us.braze.rest.permissions -= {"users.track"}
    rest_only = replace(braze.given, partner_keys={}, data_import_key=None)
    assert (await braze.verdict(given=rest_only)).cause is Cause.NO_WAY
    braze.us.braze.rest.permissions |= {"users.track"}
    assert (await braze.verdict(given=rest_only)).overall is Overall.READY


async def test_a_data_import_key_of_another_cluster_does_not_put_the_endpoint_in_doubt(braze: Braze) -> None:
    given = replace(braze.given, data_import_key=Secret(braze.us2.keys.data_import_key))
    report = await braze.verdict(given=given, find=True)
    assert report.cause is Cause.DATA_IMPORT_ELSEWHERE
    assert "US-02" in report.check(CheckId.DATA_IMPORT_KEY).detail
    assert report.check(CheckId.REST_KEY).state is CheckState.OK


async def test_plain_http_behind_https_is_not_called_a_wrong_certificate(braze: Braze) -> None:
    report = await braze.verdict(given=replace(braze.given, endpoint=braze.us.braze_url.replace("http", "https")))
    assert report.cause is Cause.NOT_HTTPS
    assert "certificate" not in report.check(CheckId.REACH).detail
