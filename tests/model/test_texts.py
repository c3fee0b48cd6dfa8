"""Texts of the support desk: nothing private stays in a scrubbed text, a curl command is what was sent, lines fit."""

from __future__ import annotations

import json
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from heaptui.model.clicks import upload_clicks
from heaptui.model.exchange_text import as_curl, rebuilt
from heaptui.model.identifiers import EXTERNAL_ID, Identifier, Kind, Space
from heaptui.model.lexicon import entries, for_reason
from heaptui.model.runs import DeliveryState, Reason
from heaptui.model.scrub import SHORTEST_INSIDE, Scrubber
from heaptui.model.secret import Secret
from heaptui.model.words import counted, headcount, joining
from heaptui.ui.signs import RUN_SIGNS

PEOPLE = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=SHORTEST_INSIDE), max_size=5)


@given(PEOPLE, st.lists(st.text(), min_size=1, max_size=6))
def test_no_known_person_and_no_secret_stays_in_a_scrubbed_text(people: list[str], between: list[str]) -> None:
    people = [person for person in people if person not in "id-0123456789abcdef‹partner key›"]
    key = Secret("0a1b2c3d-key-key-key-key")
    text = key.reveal().join(part + person for part, person in zip(between, [*people, *between], strict=False))
    clean = Scrubber(b"salt", [("partner key", key)]).text(text, people, lambda _: ())
    assert key.reveal() not in clean
    hashed = {Scrubber(b"salt", []).id(person) for person in people}
    for one in hashed:
        clean = clean.replace(one, "")
    assert not any(person in clean and person not in "".join(between) for person in people)


def test_a_short_id_is_taken_out_as_a_word_and_not_out_of_numbers() -> None:
    scrub = Scrubber(b"salt", [])
    clean = scrub.text("401: 42 is invalid, a@b.jp too (142)", ["42"], lambda words: {"42"} & set(words))
    assert clean.startswith("401: id-")
    assert "(142)" in clean
    assert "a@b.jp" not in clean


def test_a_curl_command_sends_the_body_with_the_keys_of_the_shell() -> None:
    body = rebuilt(
        '{"partner_api_key":"‹partner key, from keyring, ends 9d02›","name":"50 $ `off` \\\\ \'now\'"}',
        "remove",
        2,
        [Identifier(EXTERNAL_ID, "u1"), Identifier(Space(Kind.ALIAS, "crm"), "a1")],
    )
    command = as_curl("POST", "https://x/partners/heap/cohorts/users", body)
    script = f"curl() {{ cat; }}; PARTNER_API_KEY=secret; {command}\n"
    sent = json.loads(subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout)
    assert sent == {
        "partner_api_key": "secret",
        "name": "50 $ `off` \\ 'now'",
        "cohort_changes": [
            {"user_ids": ["u1"], "aliases": [{"alias_name": "a1", "alias_label": "crm"}], "should_remove": True}
        ],
    }


def test_one_is_told_as_one_and_nobody_without_a_sign() -> None:
    assert (headcount(1), headcount(1204), counted(1, "request")) == ("1 person", "1,204 people", "1 request")
    assert (joining(1204, 310), joining(5, 0), joining(0, 0)) == (
        "+1,204 join, -310 leave",
        "+5 join, 0 leave",
        "0 join, 0 leave",
    )
    assert any("It should say 1 row." in step for step in upload_clicks(1, ""))


def test_a_state_has_one_word_on_screens_in_commands_and_in_receipts() -> None:
    assert {state: word for state, (_, word) in RUN_SIGNS.items()} == {state: state.word for state in DeliveryState}
    assert not any("_" in state.word for state in DeliveryState)


def test_no_entry_is_cut_in_a_name_or_points_to_nothing() -> None:
    entry = for_reason(Reason.REST_PERMISSION)
    assert entry is not None
    assert "users.track" in entry.title
    assert not [entry.code for entry in entries() if "stands below" in entry.text]
