"""Events as Braze Currents would send them: every type of its documents, over the people of the sandbox."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any

from msgspec import Struct

_SETS = {
    "CAMP": ("campaign_id", "campaign_name", "message_variation_id", "message_variation_name"),
    "CANV": (
        "canvas_id", "canvas_name", "canvas_variation_id", "canvas_variation_name", "canvas_step_id",
        "canvas_step_name",
    ),
    "DEV": ("platform", "os_version", "device_model"),
    "AD": ("ad_id", "ad_id_type", "ad_tracking_enabled"),
}  # fmt: skip
_USER = {"u": "user_id", "e": "external_user_id", "d": "device_id", "t": "timezone"}
_OBJECTS = ("custom_properties", "purchase_properties")
_LISTS = ("media_urls", "suspected_bot_click_reason")
_NUMBERS = (
    "duration", "price", "latitude", "longitude", "altitude", "ll_accuracy", "alt_accuracy", "time_ms",
    "attempt_count", "retry_count", "content_length", "http_status_code", "webhook_duration", "prompt_tokens",
    "completion_tokens", "total_tokens", "cache_tokens", "reasoning_tokens", "push_token_created_at",
    "push_token_updated_at",
)  # fmt: skip
_FLAGS = (
    "is_amp", "is_drop", "is_error", "cache_hit", "llm_owned_by_customer", "is_suspected_bot_click", "in_control_group",
    "is_canvas_entry", "is_terminal", "is_sms_fallback", "ad_tracking_enabled", "push_token_foreground_push_disabled",
    "push_token_provisionally_opted_in",
)  # fmt: skip
CAMPAIGNS = ("Spring sale", "Cart reminder", "Welcome back", "新作のお知らせ")
CANVASES = ("Onboarding", "Win-back", "Trial ending")
_CHOICES: dict[str, Sequence[str]] = {
    "platform": ("ios", "android", "web"),
    "ad_id_type": ("ios_idfa", "google_ad_id"),
    "timezone": ("Asia/Tokyo", "Europe/Berlin", "America/Chicago"),
    "subscription_status": ("Subscribed", "Unsubscribed", "Opted In"),
    "state_change_source": ("REST API", "SDK", "Dashboard"),
    "channel": ("email", "push"),
    "currency": ("JPY", "EUR", "USD"),
    "url": ("https://shop.example/carts", "https://shop.example/sale?utm=braze"),
    "device_model": ("iPhone 16", "Pixel 9"),
    "os_version": ("18.1", "15"),
    "machine_open": ("false", "false", "true"),
    "name": ("checkout_started", "report_exported"),
    "product_id": ("sku-1", "sku-2"),
}


class EventType(Struct, frozen=True):
    """One type: the keys of its user and the names of its properties."""

    name: str
    user: tuple[str, ...]
    properties: tuple[str, ...]


@cache
def event_types() -> dict[str, EventType]:
    """All types by name."""
    types = {}
    text = (resources.files("heaptui.sandbox") / "currents_types.txt").read_text("utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, user, *parts = line.split()
        missing = {part[1:] for part in parts if part.startswith("-")}
        names = ["app_group_id"]
        for part in parts:
            names += _SETS.get(part, () if part.startswith("-") else (part,))
        kept = tuple(name for name in dict.fromkeys(names) if name not in missing)
        types[name] = EventType(name, tuple(_USER[key] for key in user if key in _USER), kept)
    return types


class EventMaker:
    """Makes events for some people; the same seed makes the same ones."""

    def __init__(self, people: Sequence[str], seed: int, now: float | None = None, spread: float = 0.0) -> None:
        """Things happen now, or at `now`, or up to `spread` seconds before."""
        self._rng = random.Random(seed)  # noqa: S311 - sample data
        self._people = people
        self._at = now
        self._spread = spread

    @property
    def _now(self) -> float:
        return time.time() if self._at is None else self._at

    def all_types(self) -> Iterator[dict[str, Any]]:
        """One event of each type, filled with placeholders of the right kind, as Send Test Events does."""
        for event_type in event_types().values():
            event = self.event(event_type.name, self._person(), self._now)
            if "timezone" in event["user"]:
                # The values of test events are known to be unlike real ones.
                event["user"]["timezone"] = self._uuid()
            yield event

    def stream(self) -> Iterator[dict[str, Any]]:
        """What goes on in a shop, for ever: mails are sent, some are opened, fewer clicked; people come and buy."""
        rare = [name for name in event_types() if not name.startswith("users.messages.email.")]
        while True:
            person, at = self._person(), self._now - self._rng.uniform(0, self._spread)
            if self._rng.random() < 0.45:
                yield from self._mail(person, at)
            elif self._rng.random() < 0.5:
                yield self.event("users.messages.pushnotification.Send", person, at)
                if self._rng.random() < 0.1:
                    yield self.event("users.messages.pushnotification.Open", person, at + 60)
            elif self._rng.random() < 0.8:
                yield self.event("users.behaviors.app.SessionStart", person, at)
            else:
                yield self.event(self._rng.choice(rare), person, at)

    def _mail(self, person: str, at: float) -> Iterator[dict[str, Any]]:
        campaign = self._rng.randrange(len(CAMPAIGNS))
        # Who has an even number is the keener customer, so that the comparisons of the demo differ.
        keen = 1.4 if person[-1:] in "02468" else 1.0
        steps = (("Send", 1.0), ("Delivery", 0.97), ("Open", 0.3 * keen), ("Click", 0.18 * keen))
        for word, chance in steps:
            if self._rng.random() > chance:
                return
            at += self._rng.uniform(5, 1800)
            yield self.event(f"users.messages.email.{word}", person, at, campaign)
        if self._rng.random() < 0.3 * keen:
            yield self.event("users.campaigns.Conversion", person, at + 600, campaign)

    def event(self, name: str, person: str, at: float, campaign: int | None = None) -> dict[str, Any]:
        """One event of a type about somebody."""
        event_type = event_types()[name]
        user = {key: self._user(key, person) for key in event_type.user}
        properties = {key: self._value(key) for key in event_type.properties}
        self._belong(properties, self._rng.randrange(len(CAMPAIGNS)) if campaign is None else campaign)
        moment = int(min(at, self._now))
        return {"event_type": name, "id": self._uuid(), "time": moment, "user": user, "properties": properties}

    def _belong(self, properties: dict[str, Any], campaign: int) -> None:
        """An event belongs to a campaign or to a Canvas, never to both."""
        has_campaign, has_canvas = "campaign_id" in properties, "canvas_id" in properties
        if has_campaign and (not has_canvas or self._rng.random() < 0.7):
            for key in _SETS["CANV"]:
                properties.pop(key, None)
            values = (self._fixed("campaign", campaign), CAMPAIGNS[campaign], self._fixed("variation", campaign))
            for key, value in zip(("campaign_id", "campaign_name", "message_variation_id"), values, strict=True):
                if key in properties:
                    properties[key] = value
        elif has_canvas:
            for key in _SETS["CAMP"]:
                properties.pop(key, None)
            canvas = campaign % len(CANVASES)
            properties["canvas_id"] = self._fixed("canvas", canvas)
            if "canvas_name" in properties:
                properties["canvas_name"] = CANVASES[canvas]

    @staticmethod
    def _fixed(kind: str, number: int) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}-{number}"))

    def _person(self) -> str:
        return self._rng.choice(self._people) if self._people else f"u{self._rng.randrange(10**6):06d}"

    def _user(self, key: str, person: str) -> str:
        if key == "external_user_id":
            return person
        if key == "user_id":
            return uuid.uuid5(uuid.NAMESPACE_OID, person).hex[:24]
        return self._value(key) if key == "timezone" else self._uuid()

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def _value(self, key: str) -> Any:
        if key in _CHOICES:
            return self._rng.choice(_CHOICES[key])
        if key in _OBJECTS:
            return {"plan": "trial", "items": self._rng.randrange(5), "first": self._rng.random() < 0.5}
        if key in _LISTS:
            return [f"{key}-{number}" for number in range(self._rng.randrange(1, 3))]
        if key in _NUMBERS:
            return round(self._rng.uniform(1, 1000), 2)
        if key in _FLAGS:
            return key != "is_suspected_bot_click" and self._rng.random() < 0.3
        if key == "email_address":
            return f"person{self._rng.randrange(10**5)}@example.jp"
        return self._uuid() if key.endswith("_id") else f"{key} {self._rng.randrange(1000)}"
