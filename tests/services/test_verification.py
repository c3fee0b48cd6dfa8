"""Each way in which credentials can be wrong has a verdict of its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heaptui.clients import http
from heaptui.model.checks import Check, CheckState, Outcome, VerdictState, outcome
from heaptui.model.secret import Secret
from heaptui.sandbox.server import running_sandbox
from heaptui.services.cluster_finder import Cluster
from heaptui.services.key_checks import Given
from heaptui.services.verification import Verification

OTHER = "11111111-2222-4333-8444-555555555555"


def given(sandbox: Any, **changes: Any) -> Given:
    keys = sandbox.keys
    right = Given(
        sandbox.braze_url,
        partner_key=Secret(keys.partner_api_key),
        data_import_key=Secret(keys.data_import_key),
        rest_api_key=Secret(keys.rest_api_key),
    )
    return replace(right, **changes)


async def checked(what: Given, **options: Any) -> tuple[dict[str, Check], Outcome]:
    found = {check.check_id: check async for check in Verification(what, **options).checks()}
    return found, outcome(list(found.values()))


async def test_everything_right_is_ready_and_says_what_works(sandbox: Any) -> None:
    checks, told = await checked(given(sandbox))
    assert told.state is VerdictState.READY
    assert told.routes == {"cohort_import": True, "attribute": True, "export": True, "compare": True}
    assert all(check.latency_ms is not None for name, check in checks.items() if "." in name)


SITUATIONS: dict[str, tuple[Callable[[Any], dict[str, Any]], str, str]] = {
    "wrong partner key": (lambda _: {"partner_key": Secret(OTHER)}, "partner_key", "refuses the partner key"),
    "wrong data import key": (lambda _: {"data_import_key": Secret(OTHER)}, "data_import_key", "regenerated"),
    "two keys swapped": (
        lambda sandbox: {
            "data_import_key": Secret(sandbox.keys.rest_api_key),
            "rest_api_key": Secret(sandbox.keys.data_import_key),
        },
        "data_import_key",
        "swapped",
    ),
    "partner key of the other region": (
        lambda sandbox: {"partner_key": Secret(OTHER), "other_partner_key": Secret(sandbox.keys.partner_api_key)},
        "partner_key",
        "other region",
    ),
    "plain http": (lambda _: {"endpoint": "http://rest.iad-03.braze.com"}, "endpoint", "not HTTPS"),
    "a host that is not Braze's": (
        lambda _: {"endpoint": "https://rest.iad-03.braze.example"},
        "endpoint",
        "known hosts",
    ),
    "does not resolve": (
        lambda _: {"endpoint": "https://braze.invalid", "allowed_hosts": ("braze.invalid",)},
        "dns",
        "does not resolve",
    ),
    "no endpoint": (lambda _: {"endpoint": ""}, "endpoint", "No Braze endpoint"),
    "wrong partner name": (lambda _: {"partner_name": "heep"}, "partner_key", "partner name heep"),
    "wrong REST key": (lambda _: {"rest_api_key": Secret(OTHER)}, "rest_key", "refuses the REST key"),
    "wrong app id": (lambda _: {"heap_app_id": "12a"}, "heap_app_id", "digits"),
}


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_a_wrong_credential_is_named_with_who_mends_it(sandbox: Any, situation: str) -> None:
    changes, check_id, words = SITUATIONS[situation]
    checks, told = await checked(given(sandbox, **changes(sandbox)))
    assert told.state is VerdictState.NOT_READY
    assert checks[check_id].state is CheckState.FAILED
    assert words in checks[check_id].detail
    assert words in told.headline
    assert told.remedy is not None


async def test_the_verdicts_differ_from_each_other(sandbox: Any) -> None:
    headlines = [
        (await checked(given(sandbox, **changes(sandbox))))[1].headline for changes, _, _ in SITUATIONS.values()
    ]
    assert len(set(headlines)) == len(headlines)


async def test_a_partner_that_is_not_enabled_is_told_although_both_keys_are_right(sandbox: Any) -> None:
    sandbox.braze.partner_enabled = False
    checks, told = await checked(given(sandbox))
    assert (told.state, checks["data_import_key"].state) == (VerdictState.NOT_READY, CheckState.OK)
    assert "not enabled" in told.headline
    assert sandbox.keys.data_import_key not in str(checks)


async def test_missing_permissions_switch_off_what_needs_them_and_nothing_else(sandbox: Any) -> None:
    sandbox.braze.rest.permissions -= {"users.export.segment", "segments.details"}
    checks, told = await checked(given(sandbox))
    missing = {name for name, check in checks.items() if check.state is CheckState.WARNING}
    assert missing == {"users.export.segment", "segments.details"}
    assert told.state is VerdictState.READY
    assert told.routes["attribute"]
    assert not told.routes["compare"]


async def test_without_a_partner_key_the_data_import_key_is_never_called_right(sandbox: Any) -> None:
    checks, told = await checked(given(sandbox, partner_key=None))
    assert checks["data_import_key"].state is CheckState.SKIPPED
    assert "only Heap's partner key can" in checks["data_import_key"].detail
    assert told.state is VerdictState.HANDED_OVER


async def test_keys_of_another_cluster_are_found_there_only_with_consent(sandbox: Any) -> None:
    async with running_sandbox(seed=9) as home:
        keys = home.keys
        foreign = given(
            sandbox,
            partner_key=Secret(keys.partner_api_key),
            data_import_key=Secret(keys.data_import_key),
            rest_api_key=Secret(keys.rest_api_key),
        )
        _, alone = await checked(foreign)
        assert "refuses" in alone.headline
        clusters = [Cluster("XX-01", sandbox.braze_url, "US"), Cluster("JP-01", home.braze_url, "US")]
        checks, told = await checked(foreign, clusters=clusters)
        assert "Wrong cluster: JP-01" in told.headline
        rest_only = replace(foreign, partner_key=None, data_import_key=None)
        checks, told = await checked(rest_only, clusters=clusters)
        assert "Wrong cluster: JP-01" in checks["rest_key"].detail


async def test_a_clock_ten_minutes_off_is_told_and_everything_else_is_ready(sandbox: Any) -> None:
    checks, told = await checked(given(sandbox), now=lambda: time.time() + 600)
    assert "10 min ahead" in checks["clock"].detail
    assert told.state is VerdictState.READY
    assert "clock" in told.headline.lower()


async def test_a_host_that_never_answers_is_a_result_and_not_a_wait(sandbox: Any) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        checks, told = await checked(given(sandbox, endpoint=endpoint), seconds=0.2)
    assert checks["reach"].unreachable
    assert "No answer within" in told.headline
    assert checks["partner_key"].state is CheckState.SKIPPED
    assert checks["rest_key"].state is CheckState.SKIPPED


async def test_a_certificate_nobody_signed_is_told_apart_from_a_dead_host(sandbox: Any, tmp_path: Path) -> None:
    async with _self_signed(tmp_path) as endpoint:
        checks, told = await checked(given(sandbox, endpoint=endpoint))
    assert checks["tls"].state is CheckState.FAILED
    assert "certificate" in told.headline.lower()


@asynccontextmanager
async def _self_signed(folder: Path) -> AsyncIterator[str]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    await asyncio.to_thread(
        subprocess.run, [*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_no_check_changes_anything_on_the_other_side(sandbox: Any) -> None:
    sandbox.know(["a"])
    await checked(given(sandbox))
    world = sandbox.world
    assert (world.cohorts, world.attributes, world.created, world.known) == ({}, {}, set(), {"a"})
    assert not world.export_files


def test_one_context_serves_every_client() -> None:
    assert http.tls_context() is http.tls_context()
