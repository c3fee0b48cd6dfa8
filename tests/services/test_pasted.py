"""A chat message with somebody's keys: what is found in it, and what each key turns out to be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaptui.model.checks import CheckId, CheckState, Overall
from heaptui.model.remedies import Cause
from heaptui.model.secret import Secret
from heaptui.services.cluster_finder import Cluster
from heaptui.services.key_roles import Role
from heaptui.services.paste_check import Sorting, given_of_paste
from heaptui.services.pasted import read_paste
from heaptui.services.verification import Verification

ONE, TWO = "3c0f4b1e-9f52-4a8f-8a0e-0f1d2c3b4a59", "a7d1c2b3-0000-4bcd-9def-001122334455"


async def verdict_on(text: str, sandbox: Any, *, partner: bool = True, find: bool = False, **more: Any) -> Any:
    keys = {"US": Secret(sandbox.keys.partner_api_key, "keyring")} if partner else {}
    clusters = [Cluster("US-03", "US", sandbox.braze_url)]
    given_keys, notes = await given_of_paste(read_paste(text), Sorting(keys, clusters=clusters, find=find, **more))
    return await Verification(given_keys, clusters=clusters, find=find, notes=notes).result()


def test_addresses_keys_and_their_names_are_found_in_a_message() -> None:
    found = read_paste(
        f"Hi! We are on https://dashboard-03.braze.com/engagement/x?y=1, see also https://docs.example.com/{ONE}.\n"
        f"Data Import Key:\n{ONE}\nREST API key = '{TWO}'; app id: 2763421842"
    )
    assert found.endpoint == "https://dashboard-03.braze.com/engagement/x?y=1"
    assert found.clusters == ["US-03"]
    assert [(each.key.matches(value), each.claimed) for each, value in zip(found.keys, (ONE, TWO), strict=True)] == [
        (True, Role.DATA_IMPORT),
        (True, Role.REST),
    ]
    assert found.app_id == "2763421842"


def test_a_bare_host_is_an_address_and_a_mail_address_is_none() -> None:
    assert read_paste("it is rest.fra-02.braze.eu.").clusters == ["EU-02"]
    assert read_paste("write to me@rest.fra-02.braze.eu").addresses == ()


def test_words_that_may_be_keys_are_set_apart() -> None:
    found = read_paste("token: sk_live_4242AbCdEfGhIjKlMnOp and a-very-long-word-without-any-digits-in-it")
    assert found.keys == ()
    assert [each.key.matches("sk_live_4242AbCdEfGhIjKlMnOp") for each in found.others] == [True]


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_pasted(text: str) -> None:
    found = read_paste(text + f" {ONE} ")
    assert len(found.keys) <= 12
    assert isinstance(found.endpoint, str)


async def test_keys_under_each_others_name_are_sorted_and_named(sandbox: Any) -> None:
    keys = sandbox.keys
    text = f"{sandbox.braze_url} Data Import Key: {keys.rest_api_key} REST key: {keys.data_import_key}"
    report = await verdict_on(text, sandbox)
    assert report.overall is Overall.READY
    assert "What you gave as Data Import Key is a REST key." in report.notes
    assert report.check(CheckId.PARTNER_KEY).given.startswith("keyring")


async def test_a_pasted_partner_key_is_recognised(sandbox: Any) -> None:
    keys = sandbox.keys
    text = f"{sandbox.braze_url}\n{keys.data_import_key}\n{keys.rest_api_key}\n{keys.partner_api_key}"
    report = await verdict_on(text, sandbox, partner=False)
    assert report.overall is Overall.READY
    assert report.routes["cohort_import"]


async def test_a_key_that_fits_nowhere_is_refused_under_its_name(sandbox: Any) -> None:
    text = f"{sandbox.braze_url} data import key {ONE} rest api key {sandbox.keys.rest_api_key}"
    report = await verdict_on(text, sandbox)
    assert report.cause is Cause.DATA_IMPORT_REFUSED


async def test_without_a_partner_key_the_rest_can_be_handed_over(sandbox: Any) -> None:
    text = f"{sandbox.braze_url} {sandbox.keys.data_import_key} {sandbox.keys.rest_api_key}"
    report = await verdict_on(text, sandbox, partner=False)
    assert report.overall is Overall.CAN_BE_HANDED_OVER
    assert report.check(CheckId.DATA_IMPORT_KEY).state is CheckState.SKIPPED


async def test_without_an_address_clusters_are_asked_only_after_consent(sandbox: Any) -> None:
    text = f"here are the keys: {sandbox.keys.data_import_key} {sandbox.keys.rest_api_key}"
    report = await verdict_on(text, sandbox)
    assert report.cause is Cause.NO_ENDPOINT
    assert not sandbox.world.requests
    report = await verdict_on(text, sandbox, find=True)
    assert (report.overall, report.instance) == (Overall.READY, "US-03")


@pytest.mark.parametrize("text", ["", "hello", "https://example.com"])
async def test_a_message_without_anything_says_so(text: str, sandbox: Any) -> None:
    report = await verdict_on(text, sandbox, partner=False)
    assert report.overall is Overall.NOT_READY
    assert report.notes


def test_the_name_of_a_cluster_is_an_address() -> None:
    assert read_paste(f"we are on jp-01, key {ONE}").clusters == ["JP-01"]
    assert read_paste("ticket JP-012, see US-99").addresses == ()


async def test_secrets_of_heaps_side_are_not_shown_to_braze(sandbox: Any) -> None:
    first = sandbox.first_line()
    found = read_paste(first)
    keys = sandbox.keys
    mine = (keys.partner_api_key, keys.data_import_key, keys.rest_api_key)
    assert [each.key.matches(value) for each, value in zip(found.keys, mine, strict=True)] == [True] * 3
    report = await verdict_on(first, sandbox, partner=False)
    assert report.overall is Overall.READY
    assert report.notes == ()
