"""One Braze event becomes one Heap event: every type, every field, whatever else is in it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaptui.model.currents import (
    SHARED_IDENTITIES,
    Fate,
    Filtered,
    Rules,
    Unforwardable,
    decode,
    translate,
    user_properties,
    wanted,
)

TABLE = {
    name: (users, fields.split())
    for name, users, fields in (
        line.split("\t")
        for line in (Path(__file__).parent.parent / "data" / "currents_fields.tsv").read_text("utf-8").splitlines()
    )
}
"""Every event type of Braze's samples: its user keys, and all its properties."""

USER_KEYS = {"u": "user_id", "e": "external_user_id", "d": "device_id", "t": "timezone"}
EVENT_ID = "0f6b1c1e-7f63-4d8b-9a53-54f2a4f6f0aa"


def event(name: str, properties: dict[str, Any], /, **user: Any) -> dict[str, Any]:
    return {"event_type": name, "id": EVENT_ID, "time": 1_477_502_783, "user": user, "properties": properties}


def leaves(value: Any, path: str) -> list[str]:
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in leaves(inner, f"{path}.{key}")]
    return [path]


def all_leaves(data: dict[str, Any]) -> list[str]:
    """Leaves with their whole path; an empty properties or user object holds nothing to account for."""
    return sorted(
        leaf
        for key, value in data.items()
        if value != {} or key not in ("properties", "user")
        for leaf in leaves(value, key)
    )


def heap_takes(properties: dict[str, Any]) -> bool:
    """Heap's own rules, written a second time."""
    return all(
        len(name) < 1024
        and name.lower() != "id"
        and not isinstance(value, bool)
        and isinstance(value, str | int | float)
        and (not isinstance(value, str) or 0 < len(value) < 1024)
        for name, value in properties.items()
    )


def sample(field: str) -> Any:
    if field in ("custom_properties", "purchase_properties"):
        return {"plan": "trial", "nested": {"deep": 1}, "list": [1, "two", True]}
    if field in ("media_urls", "suspected_bot_click_reason"):
        return ["a", "b"]
    return True if field.startswith("is_") else f"value of {field}"


def test_the_table_is_whole() -> None:
    assert len(TABLE) == 93


@pytest.mark.parametrize("prefix", [True, False])
@pytest.mark.parametrize("name", TABLE)
def test_every_type_passes_with_every_field_accounted_for(name: str, prefix: bool) -> None:
    users, fields = TABLE[name]
    user = {USER_KEYS[key]: f"some {USER_KEYS[key]}" for key in users if key in USER_KEYS}
    data = event(name, {field: sample(field) for field in fields}, **user)
    if "external_user_id" not in user:
        with pytest.raises(Filtered, match="no external_user_id"):
            translate(data, Rules(prefix=prefix))
        return
    heap, accounts = translate(data, Rules(prefix=prefix))
    lead = "braze-" if prefix else ""
    assert (heap.event, heap.identity) == (f"{lead}{name}", "some external_user_id")
    assert (heap.timestamp, heap.idempotency_key) == ("2016-10-26T17:26:23+00:00", EVENT_ID)
    assert sorted(account.field for account in accounts) == all_leaves(data)
    assert not [account for account in accounts if account.fate is Fate.DROPPED]
    went = {account.to for account in accounts} - {"event", "idempotency_key", "timestamp", "identity"}
    assert went == set(heap.properties)
    assert heap_takes(dict(heap.properties))
    for field in fields:
        if isinstance(sample(field), str):
            assert heap.properties[f"{lead}{field}"] == sample(field)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.just("x" * 1500)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["id", "ID", "user_id", "url", "a.b", "a", "", "campaign_id"]) | st.text(max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(list(TABLE)),
    st.dictionaries(names, values, max_size=6),
    st.dictionaries(names, values, max_size=4),
    st.dictionaries(names, values, max_size=3),
    st.sets(st.sampled_from(["campaign_id", "send_id", "device_id", "app_group_id"])),
    st.booleans(),
    st.booleans(),
)
def test_extra_and_missing_fields_lose_nothing_unaccounted(
    name: str, extra: dict, more_user: dict, top: dict, missing: set[str], prefix: bool, cut: bool
) -> None:
    users, fields = TABLE[name]
    properties = {field: sample(field) for field in fields if field not in missing} | extra
    user = {USER_KEYS[key]: key for key in users if key in USER_KEYS} | more_user | {"external_user_id": "kim-7"}
    data = {**top, **event(name, properties, **user)}
    rules = Rules(prefix=prefix, cut=cut)
    if not cut and "x" * 1500 in str(data):
        # Only such a long text may keep an event here, and only where it is not cut.
        with contextlib.suppress(Unforwardable):
            translate(data, rules)
        return
    heap, accounts = translate(data, rules)
    assert heap_takes(dict(heap.properties))
    assert heap.identity == "kim-7"
    fates = [account.fate for account in accounts]
    # Nothing is merged: as many properties as fields that were not dropped and have no place of their own.
    assert len(heap.properties) == len(accounts) - fates.count(Fate.DROPPED) - 4
    assert all(account.reason for account in accounts if account.fate is Fate.DROPPED)
    assert sorted(account.field for account in accounts) == all_leaves(data)


@pytest.mark.parametrize("shared", [*sorted(SHARED_IDENTITIES), "NULL", " Guest ", "", "  ", None, True, ["a"]])
def test_an_identity_that_many_share_is_never_used(shared: Any) -> None:
    data = event("users.messages.email.Open", {}, external_user_id=shared, user_id=shared)
    for rules in (Rules(), Rules(anonymous="user_id"), Rules(identity="user_id")):
        with pytest.raises(Filtered):
            translate(data, rules)


def test_the_profile_says_who_is_meant() -> None:
    both = event("users.messages.email.Open", {}, external_user_id="e1", user_id="b1")
    anonymous = event("users.messages.email.Open", {}, user_id="b1")
    assert translate(both, Rules())[0].identity == "e1"
    heap, _ = translate(both, Rules(identity="user_id"))
    assert (heap.identity, heap.properties) == ("b1", {"braze-external_user_id": "e1"})
    assert translate(anonymous, Rules(anonymous="user_id"))[0].identity == "b1"
    with pytest.raises(Filtered, match="no external_user_id"):
        translate(anonymous, Rules())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"time": None}, "time is missing"),
        ({"time": True}, "time is missing"),
        ({"time": "yesterday"}, "time is missing"),
        ({"time": 10**15}, "not in seconds"),
        ({"id": ""}, "no id"),
        ({"event_type": None}, "no event_type"),
        ({"user": {"external_user_id": "x" * 256}}, "256 characters"),
        ({"properties": {"url": "x" * 1312}}, "property url has 1,312 characters, Heap takes 1,023"),
    ],
)
def test_what_heap_would_not_take_is_named(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unforwardable, match=reason):
        translate({**event("users.messages.email.Click", {}, external_user_id="e1"), **change}, Rules())


def test_types_are_chosen_by_patterns() -> None:
    click, session = "users.messages.email.Click", "users.behaviors.app.SessionStart"
    assert wanted(click, ())
    assert wanted(click, ("email.*",))
    assert not wanted(session, ("email.*",))
    assert wanted(click, ("!app.Session*",))
    assert not wanted(session, ("!app.Session*",))
    assert not wanted(click, ("users.messages.*", "!*.Click"))


def test_text_that_is_no_event_is_told() -> None:
    for body in (b"[1]", b'"x"', b"{", b'{"a":"\xff"}', b"[" * 100_000):
        with pytest.raises(Unforwardable):
            decode(body)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_however_deep_an_event_is_it_passes_or_the_reason_is_told(opening: str, closing: str) -> None:
    reasons = set()
    body = json.dumps(event("users.x", {"x": "?"}, external_user_id="e1"))
    for deep in range(700, 1000):
        deeper = body.replace('"?"', opening * deep + "1" + closing * deep).encode()
        with contextlib.suppress(Unforwardable):
            translate(decode(deeper), Rules(cut=True))
            continue
        with pytest.raises(Unforwardable) as why:
            translate(decode(deeper), Rules(cut=True))
        reasons.add(str(why.value).removeprefix("it cannot be read: "))
    assert reasons <= {"it is nested too deeply"}  # how deep is too deep, each Python decides


def test_subscriptions_and_custom_attributes_stand_on_the_person_too() -> None:
    state = event(
        "users.behaviors.subscription.GlobalStateChange", {"subscription_status": "Opted In", "channel": "email"}
    )
    assert user_properties(state, Rules()) == {"braze-email_subscription": "Opted In"}
    update = event(
        "users.profile.Update", {"custom_attributes": msgspec.json.encode({"plan": {"name": "pro"}, "id": 1}).decode()}
    )
    assert user_properties(update, Rules(prefix=False)) == {"plan.name": "pro", "braze_id": 1}
    assert user_properties(event("users.profile.Update", {"custom_attributes": "{"}), Rules()) == {}
