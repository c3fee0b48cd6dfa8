"""The exact bytes of both cohort calls, as Braze documents them."""

from __future__ import annotations

import asyncio
import json
import socket

from heaptui.clients.braze import CohortImport, CohortName, Verdict, reason, verdict, wait_seconds
from heaptui.clients.braze_attribute import AttributeRoute
from heaptui.clients.http import Answer, Http, Request
from heaptui.model.belief import Direction
from heaptui.model.identifiers import EXTERNAL_ID, Identifier, Kind, Space
from heaptui.model.runs import Reason
from heaptui.model.secret import Secret

ROUTE = CohortImport("heap", Secret("partner-key"), Secret("import-key"))
COHORT = CohortName("heaptui-file-abc234", "カート放棄 “high”", 1_611_255_630.0)


async def sent(request: Request) -> tuple[str, dict[str, str], bytes]:
    """What a real server receives: request line, headers, body."""
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(
            next(line.split(b":")[1] for line in head.splitlines() if line.lower().startswith(b"content-length"))
        )
        received.set_result(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, family=socket.AF_INET)
    async with server, Http(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as http:
        assert (await http.send(request)).status == 201
        head, body = (await received).split(b"\r\n\r\n", 1)
    first, *rest = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in rest)
    return first, headers, body


async def test_the_name_call_is_exactly_as_documented() -> None:
    first, headers, body = await sent(ROUTE.naming(COHORT))
    assert first == "POST /partners/heap/cohorts HTTP/1.1"
    assert headers["content-type"] == "application/json"
    assert "authorization" not in headers
    assert body.decode() == (
        '{"partner_api_key":"partner-key","client_secret":"import-key","cohort_id":"heaptui-file-abc234",'
        '"name":"カート放棄 “high”","created_at":"2021-01-21T19:00:30.000+00:00"}'
    )


async def test_the_member_call_is_exactly_as_documented_for_joins() -> None:
    people = {
        EXTERNAL_ID: ["0048213"],
        Space(Kind.ALIAS, "email"): ["a@b.example"],
        Space(Kind.DEVICE_ID): ["d-1"],
    }
    first, _, body = await sent(ROUTE.membership(COHORT, Direction.ADD, people))
    assert first == "POST /partners/heap/cohorts/users HTTP/1.1"
    assert body.decode() == (
        '{"partner_api_key":"partner-key","client_secret":"import-key","cohort_id":"heaptui-file-abc234",'
        '"cohort_changes":[{"user_ids":["0048213"],"device_ids":["d-1"],'
        '"aliases":[{"alias_name":"a@b.example","alias_label":"email"}]}]}'
    )


async def test_a_leave_is_one_object_that_says_so() -> None:
    _, _, body = await sent(ROUTE.membership(COHORT, Direction.REMOVE, {EXTERNAL_ID: ["é"]}))
    assert json.loads(body)["cohort_changes"] == [{"user_ids": ["é"], "should_remove": True}]
    assert "é".encode() in body


async def test_the_probe_changes_nobody() -> None:
    _, _, body = await sent(ROUTE.probe(COHORT))
    assert json.loads(body)["cohort_changes"] == []


def answer(status: int, text: str = "{}", **headers: str) -> Answer:
    plain = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    return Answer(status, plain, text, data, 1.0, 0.0)


def test_every_answer_has_one_meaning() -> None:
    meanings = {
        201: Verdict.ACCEPTED, 202: Verdict.ACCEPTED, 302: Verdict.WRONG_PLACE, 400: Verdict.REFUSED,
        401: Verdict.CREDENTIALS, 403: Verdict.CREDENTIALS, 404: Verdict.WRONG_PLACE, 415: Verdict.REFUSED,
        423: Verdict.LOCKED, 429: Verdict.RATE_LIMITED, 500: Verdict.DOUBTFUL, 503: Verdict.DOUBTFUL,
    }  # fmt: skip
    assert {status: verdict(answer(status)) for status in meanings} == meanings
    assert verdict(answer(200, "<html>")) is Verdict.WRONG_PLACE


def test_a_401_says_which_key_as_far_as_its_text_tells() -> None:
    assert reason(answer(401, '{"message": "Partner API key is invalid"}')) is Reason.PARTNER_KEY
    assert reason(answer(401, '{"message": "client_secret is invalid"}')) is Reason.DATA_IMPORT_KEY
    assert reason(answer(401, '{"message": "unauthorized access"}')) is Reason.CREDENTIALS


def test_a_rate_limit_is_read_as_a_time_or_as_seconds_by_its_size() -> None:
    now = 1_800_000_000.0
    assert wait_seconds(answer(429, x_ratelimit_reset="1800000012"), now) == 12
    assert wait_seconds(answer(429, x_ratelimit_reset="12"), now) == 12
    assert wait_seconds(answer(429, retry_after="3"), now) == 3
    assert wait_seconds(answer(429, retry_after="Fri, 15 Jan 2027 08:00:05 GMT"), now) == 5
    assert wait_seconds(answer(429, x_ratelimit_reset="soon"), now) is None
    assert wait_seconds(answer(429, x_ratelimit_reset="inf", retry_after="3"), now) == 3
    assert wait_seconds(answer(429), now) is None


def test_a_rate_limit_is_read_by_the_clock_of_who_set_it() -> None:
    an_hour_ago = 1_700_000_000
    limited = answer(429, x_ratelimit_reset=str(an_hour_ago + 30), date="Tue, 14 Nov 2023 22:13:20 GMT")
    assert wait_seconds(limited) == 30


ATTRIBUTES = AttributeRoute(Secret("rest-key"), 75)
CARTS = CohortName("heaptui-file-abc234", "Carts", 1_611_255_630.0, "heap_carts")


async def test_the_attribute_call_is_exactly_as_documented() -> None:
    people = {
        EXTERNAL_ID: ["0048213"],
        Space(Kind.ALIAS, "crm"): ["c-1"],
        Space(Kind.EMAIL): ["a@b.example"],
    }
    first, headers, body = await sent(ATTRIBUTES.membership(CARTS, Direction.ADD, people))
    assert first == "POST /users/track HTTP/1.1"
    assert headers["authorization"] == "bearer rest-key"
    assert body.decode() == (
        '{"attributes":[{"external_id":"0048213","heap_carts":true,"_update_existing_only":true},'
        '{"user_alias":{"alias_name":"c-1","alias_label":"crm"},"heap_carts":true,"_update_existing_only":true},'
        '{"email":"a@b.example","heap_carts":true,"_update_existing_only":true}]}'
    )
    _, _, body = await sent(ATTRIBUTES.membership(CARTS, Direction.REMOVE, {EXTERNAL_ID: ["é"]}))
    assert json.loads(body) == {
        "attributes": [{"external_id": "é", "heap_carts": False, "_update_existing_only": True}]
    }
    _, _, body = await sent(ATTRIBUTES.probe(CARTS))
    assert json.loads(body) == {"attributes": []}
    assert ATTRIBUTES.naming(CARTS) is None


def test_indexed_errors_name_exactly_their_people_and_others_name_nobody() -> None:
    mail = Space(Kind.EMAIL)
    people = {EXTERNAL_ID: ["a", "b"], mail: ["c@d.example"]}
    entries = [
        {"index": 2, "input_array": "attributes", "type": "no such address"},
        {"index": 0, "input_array": "attributes"},
        {"index": 3, "input_array": "attributes", "type": "beyond the end"},
        {"index": True, "input_array": "attributes", "type": "no number"},
        {"index": 1, "input_array": "events", "type": "another array"},
        "words only",
    ]
    text = json.dumps({"message": "success", "errors": entries})
    refusals = ATTRIBUTES.refusals(answer(201, text), people)
    assert refusals.named == {
        Identifier(mail, "c@d.example"): "no such address",
        Identifier(EXTERNAL_ID, "a"): "refused",
    }
    assert "words only" in refusals.unplaced
    assert ATTRIBUTES.refusals(answer(201, '{"message": "success", "attributes_processed": 3}'), people).named == {}
    assert not ATTRIBUTES.refusals(answer(201, "{}"), people).unplaced
    assert ATTRIBUTES.refusals(answer(201, '{"errors": "odd"}'), people).unplaced


def test_a_rest_key_is_blamed_only_where_it_was_used() -> None:
    assert reason(answer(401, '{"message": "Invalid API key"}'), rest=True) is Reason.REST_KEY
    assert reason(answer(403), rest=True) is Reason.REST_PERMISSION
    assert reason(answer(403)) is Reason.FORBIDDEN
