"""Heap's signature and body: what is taken, what is refused, and with which status."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaptui.model.secret import Secret
from heaptui.model.segment_sync import Action, HeapHash, Unacceptable, Verified, read_header, read_page, verify

SECRET = Secret("whsec_example")
STAMP = "1700000000000"
BODY = (
    '{"id_token":"00000000-0000-4000-8000-000000000001","action_type":"segment.users.sync",'
    '"customer_config":{"fields":[]},"data":{"segment":{"id":42,"name":"Café users"},'
    '"sync_info":{"page_number":1,"total_pages":1,"sync_task_id":"00000000-0000-4000-8000-000000000002"},'
    '"add":[{"id":"u-1"}]}}'
).encode()
GOOD = "Y5GaiY82wX3zAA8DHMRLDTuJ1+Sw5Y+8OeWwGILSiAQ="
ASCII_TWIN = "ImkCZIk4JnWGi5XrKq+VsViGG4NzsZ5RkRy+VcwtXhc="


def body(**changes: Any) -> bytes:
    data = {"segment": {"id": 42, "name": "Café users"}, **changes}
    return json.dumps({"action_type": "segment.users.sync", "data": data}, ensure_ascii=False).encode()


def test_the_known_vector_is_right_and_its_twin_is_not() -> None:
    assert verify(SECRET, HeapHash(STAMP, GOOD), BODY) is Verified.RAW
    assert verify(SECRET, HeapHash(STAMP, ASCII_TWIN), BODY) is None
    assert verify(SECRET, HeapHash(STAMP, ASCII_TWIN), BODY, fallback=True) is None


def test_a_body_serialised_anew_is_taken_only_when_that_is_switched_on() -> None:
    spaced = json.dumps(json.loads(BODY), indent=1, ensure_ascii=False).encode()
    assert verify(SECRET, HeapHash(STAMP, GOOD), spaced) is None
    assert verify(SECRET, HeapHash(STAMP, GOOD), spaced, fallback=True) is Verified.RESERIALISED


def test_the_fallback_does_not_read_large_bodies() -> None:
    padded = BODY + b" " * 1024 * 1024
    assert verify(SECRET, HeapHash(STAMP, GOOD), padded, fallback=True) is None


@given(st.binary(max_size=60), st.integers(0, 500))
def test_any_changed_byte_breaks_the_signature(noise: bytes, at: int) -> None:
    changed = BODY[:at] + noise + BODY[at + len(noise) :]
    assert (verify(SECRET, HeapHash(STAMP, GOOD), changed) is Verified.RAW) is (changed == BODY)


@pytest.mark.parametrize(
    "header",
    [f"ts:{STAMP},hmac:{GOOD}", f"hmac:{GOOD},ts:{STAMP}", f" HMAC: {GOOD} , ts : {STAMP} ,v:2"],
)
def test_the_parts_of_the_header_come_in_any_order(header: str) -> None:
    assert read_header([header]) == HeapHash(STAMP, GOOD)


@pytest.mark.parametrize(
    "header",
    ["", "ts:1", f"hmac:{GOOD}", f"ts:1,ts:2,hmac:{GOOD}", f"ts:-5,hmac:{GOOD}", f"ts:１２,hmac:{GOOD}", "ts:1,hmac:é"],
)
def test_a_malformed_header_is_400(header: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        read_header([header])
    assert refused.value.status == 400


def test_the_time_is_told_from_seconds_by_its_size() -> None:
    assert HeapHash("1700000000", "").signed_at == HeapHash("1700000000000", "").signed_at == 1_700_000_000


def test_joins_leaves_both_or_neither_are_read() -> None:
    both = read_page(body(add=[{"id": "a"}], remove=[{"id": "b"}]))
    assert (both.adds, both.removes) == (("a",), ("b",))
    assert read_page(body(remove=[{"id": "b"}])).adds == ()
    empty = read_page(body())
    assert (empty.adds, empty.removes, empty.task_id, empty.total) == ((), (), "", None)


def test_numbers_are_kept_as_they_are_written() -> None:
    page = read_page(
        b'{"action_type":"segment.users.sync","data":{"segment":{"id":7},"add":[{"id":12345678901234567890},{"id":1.0}]}}'
    )
    assert page.segment_id == "7"
    assert page.name == "Heap segment 7"
    assert page.adds == ("12345678901234567890", "1.0")


def test_entries_without_a_usable_id_are_counted_and_left_out() -> None:
    page = read_page(body(add=[{"id": "a"}, {"id": None}, {}, {"id": ""}, {"id": "x\u0007"}, {"id": True}]))
    assert (page.adds, page.invalid) == (("a",), 5)


def test_half_a_surrogate_pair_is_no_id_and_no_name() -> None:
    page = read_page(
        rb'{"action_type":"segment.users.sync","data":{"segment":{"id":7,"name":"a\ud800"},"add":[{"id":"\ud800"}]}}'
    )
    assert (page.adds, page.invalid, page.name) == ((), 1, "a?")


def test_a_drain_carries_only_the_segment() -> None:
    page = read_page(b'{"action_type":"segment.users.drain","data":{"segment":{"id":"9","name":"x"}}}')
    assert page.action is Action.DRAIN


@pytest.mark.parametrize(
    "info",
    [{"page_number": 0, "total_pages": 1}, {"page_number": 10**12, "total_pages": 10**12}, {"page_number": "one"}, {}],
)
def test_page_numbers_that_make_no_sense_are_none(info: dict[str, Any]) -> None:
    page = read_page(body(sync_info={"sync_task_id": "t", **info}))
    assert (page.task_id, page.number, page.total) == ("t", None, None)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (BODY[:-1], 400),
        (b"\xff\xfe", 400),
        (b"[]", 400),
        (b"[" * 200_000, 400),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
        (b'{"action_type":"segment.users.sync","action_type":"x","data":{"segment":{"id":1}}}', 400),
        (b'{"action_type":"segment.users.sync","data":{"segment":{"id":1},"add":[{"id":"a","id":"b"}]}}', 400),
        (b'{"action_type":"segment.users.sync","data":{"segment":{"id":NaN}}}', 400),
        (b'{"data":{"segment":{"id":1}}}', 400),
        (b'{"action_type":"segment.users.burn","data":{"segment":{"id":1}}}', 405),
        (b'{"action_type":["segment.users.sync"],"data":{"segment":{"id":1}}}', 405),
        (b'{"action_type":"segment.users.sync","data":{}}', 400),
        (b'{"action_type":"segment.users.sync","data":{"segment":{"id":null}}}', 400),
        (b'{"action_type":"segment.users.sync","data":{"segment":{"id":"a b"}}}', 400),
        (b'{"action_type":"segment.users.sync","data":{"segment":{"id":1},"add":{"id":"a"}}}', 400),
        (b'{"action_type":"segment.users.sync","data":{"segment":{"id":1},"add":["a"]}}', 400),
        (b'{"action_type":"segment.users.sync","data":{"segment":{"id":' + b"9" * 5000 + b"}}}", 400),
    ],
)  # fmt: skip
def test_what_is_not_heaps_form_is_refused(raw: bytes, status: int) -> None:
    with pytest.raises(Unacceptable) as refused:
        read_page(raw)
    assert refused.value.status == status


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_any_json_is_read_or_refused(value: Any) -> None:
    envelope = {"action_type": "segment.users.sync", "data": {"segment": value, "add": value}}
    for raw in (json.dumps(value), json.dumps(envelope)):
        with contextlib.suppress(Unacceptable):
            assert read_page(raw.encode()).segment_id


def test_the_signature_is_base64_of_the_digest() -> None:
    assert base64.b64encode(SECRET.hmac(STAMP.encode() + BODY)).decode() == GOOD
