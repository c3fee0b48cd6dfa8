"""Keys from a chat message: whatever they were called, each is told by what it opens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as given_text
from hypothesis import strategies as st

from heaptui.errors import UsageError
from heaptui.model.checks import VerdictState, outcome
from heaptui.model.secret import Secret
from heaptui.services.cluster_finder import Cluster
from heaptui.services.pasted import find_address, read_message, sort_out
from heaptui.services.verification import Verification


def message(sandbox: Any, **words: str) -> str:
    keys = {
        "first": f"Data Import Key: {sandbox.keys.data_import_key}",
        "second": f"REST API key {sandbox.keys.rest_api_key}",
        **words,
    }
    return f"Hi!\nhere is what you need for {sandbox.braze_url}\n" + "\n".join(keys.values()) + "\nthanks"


async def test_a_whole_message_is_sorted_by_trying(sandbox: Any) -> None:
    found = read_message(message(sandbox, third=f"partner: {sandbox.keys.partner_api_key}"))
    assert found.summary == "1 address, 3 keys"
    known = await sort_out(found, partner_keys={})
    checks = [check async for check in Verification(known.given).checks()]
    assert outcome(checks).state is VerdictState.READY
    assert known.notes == ()


async def test_a_key_that_is_called_something_else_is_named(sandbox: Any) -> None:
    text = f"{sandbox.braze_url}\nData Import Key {sandbox.keys.rest_api_key}"
    known = await sort_out(read_message(text), partner_keys={})
    assert known.notes == ("What you gave as Data Import Key is a REST key.",)
    assert known.given.rest_api_key == Secret(sandbox.keys.rest_api_key)


async def test_a_kept_partner_key_checks_the_import_key_of_others(sandbox: Any) -> None:
    kept = {"US": Secret(sandbox.keys.partner_api_key)}
    known = await sort_out(read_message(message(sandbox)), partner_keys=kept)
    assert known.given.data_import_key == Secret(sandbox.keys.data_import_key)
    checks = [check async for check in Verification(known.given).checks()]
    assert outcome(checks).routes["cohort_import"]


async def test_without_an_address_the_cluster_that_takes_a_key_is_found(sandbox: Any) -> None:
    found = read_message(f"REST key {sandbox.keys.rest_api_key}")
    assert found.endpoint == ""
    clusters = [Cluster("XX-01", sandbox.heap_url, "US"), Cluster("JP-01", sandbox.braze_url, "US")]
    assert (await find_address(found, clusters, partner_keys={})).endpoint == sandbox.braze_url


async def test_keys_never_go_to_a_host_that_is_not_brazes(sandbox: Any) -> None:
    found = read_message(f"https://braze.example.com {sandbox.keys.rest_api_key}")
    with pytest.raises(UsageError, match="known hosts"):
        await sort_out(found, partner_keys={})


def test_a_dashboard_address_gives_the_cluster() -> None:
    assert (
        read_message("see https://dashboard-03.braze.com/engagement/x?y=1").endpoint == "https://rest.iad-03.braze.com"
    )
    assert read_message("we are on dashboard-01.braze.eu, ok?").endpoint == "https://rest.fra-01.braze.eu"


def test_long_words_are_no_keys_unless_somebody_says_so(sandbox: Any) -> None:
    found = read_message("token abcdefghijklmnopqrstuvwxyz0123 and a-word")
    assert (len(found.tokens), len(found.others)) == (0, 1)


@given_text(st.text(max_size=300))
def test_any_message_can_be_read(text: str) -> None:
    found = read_message(text)
    assert found.endpoint == "" or found.endpoint.startswith("http")
