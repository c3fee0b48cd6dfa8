"""The lexicon: every documented failure can be found by what the other side says."""

from __future__ import annotations

import pytest

from heaptui.model.lexicon import entries, entry_of, recognise, search
from heaptui.model.runs import Reason


def test_every_entry_says_what_it_means_who_mends_it_and_how() -> None:
    for entry in entries():
        assert entry.title, entry.code
        assert entry.meaning, entry.code
        assert entry.who, entry.code
        assert entry.how, entry.code
    codes = [entry.code for entry in entries()]
    assert len(codes) == len(set(codes))


def test_every_reason_of_a_delivery_has_an_entry() -> None:
    explained = {entry.reason for entry in entries()}
    assert set(Reason) - {Reason.NONE} <= explained


@pytest.mark.parametrize(
    ("status", "words", "path", "code", "sure"),
    [
        (401, "client secret is invalid", "/partners/heap/cohorts/users", "braze.401.data_import_key", True),
        (401, "Invalid API key", "/segments/list", "braze.401.rest_key", False),
        (401, "no", "/partners/heap/cohorts", "braze.401.unauthorized", False),
        (403, "Access Denied", "/users/export/segment", "braze.403.permission", True),
        (403, "Invalid signature", "/heap/segment-sync", "heap.webhook.403", True),
        (400, "The max number of external_ids and aliases per request was exceeded", "/users/export/ids",
         "braze.400.ids_per_request", True),
        (400, "Error while parsing request body. Please check your syntax.", "/partners/heap/cohorts",
         "braze.400.json", True),
        (415, "", "/partners/heap/cohorts", "braze.415", False),
        (504, "", "/partners/heap/cohorts/users", "braze.5xx", False),
        (None, "no answer: ReadTimeout", "/partners/heap/cohorts/users", "braze.no_answer", True),
        (None, "not sent: Its name does not resolve.", "/x", "braze.unreachable.name", True),
        (None, "not sent: Its TLS certificate was not accepted.", "/x", "braze.unreachable.tls", True),
        (302, "", "/x", "braze.not_braze", True),
    ],
)  # fmt: skip
def test_an_answer_is_recognised(status: int | None, words: str, path: str, code: str, sure: bool) -> None:
    found = recognise(status, words, path)
    assert found is not None
    assert (found.entry.code, found.sure) == (code, sure)


def test_a_plain_success_needs_no_explanation() -> None:
    assert recognise(201, '{"message": "success"}', "/partners/heap/cohorts/users") is None


def test_search_takes_statuses_codes_pasted_answers_and_words() -> None:
    assert search("braze.423")[0] is entry_of("braze.423")
    for status in ("404", "415", "423", "429"):
        assert search(status)[0].code == f"braze.{status}"
    assert search('401 {"message": "client_secret is invalid"}')[0].code == "braze.401.data_import_key"
    assert "heap.silence" in {entry.code for entry in search("recurring sync switched off")}
    assert search("zebra crossing") == []
    assert len(search("")) == len(entries())
