"""What people did, as Braze's engagement events tell it: reached, opened, clicked, converted."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

SLOT = 600
"""Seconds in which deeds are noted together."""


class Deed(StrEnum):
    """One step of engagement."""

    REACHED = "reached"
    OPENED = "opened"
    CLICKED = "clicked"
    CONVERTED = "converted"


_BY_END = {
    "Send": Deed.REACHED,
    "Delivery": Deed.REACHED,
    "CarrierSend": Deed.REACHED,
    "Impression": Deed.REACHED,
    "IosForeground": Deed.REACHED,
    "Open": Deed.OPENED,
    "Read": Deed.OPENED,
    "Click": Deed.CLICKED,
    "ShortLinkClick": Deed.CLICKED,
}
"""By the last word of `users.messages.<channel>.<word>`."""


class Properties(msgspec.Struct):
    """The properties that matter here; all others are skipped unread."""

    campaign_id: Any = None
    campaign_name: Any = None
    canvas_id: Any = None
    canvas_name: Any = None
    canvas_step_id: Any = None
    canvas_step_name: Any = None
    machine_open: Any = None
    is_suspected_bot_click: Any = None


class User(msgspec.Struct):
    """Who did it."""

    external_user_id: Any = None


class Engagement(msgspec.Struct):
    """One event as far as it is looked at here."""

    event_type: str = ""
    time: Any = None
    user: User | None = None
    properties: Properties | None = None


def deed_of(event: Engagement) -> Deed | None:
    """What the event says somebody did. What machines open and bots click is nobody's deed."""
    given = event.properties or Properties()
    parts = event.event_type.split(".")
    if event.event_type.startswith("users.messages."):
        deed = _BY_END.get(parts[-1])
        if deed is Deed.OPENED and _true(given.machine_open):
            return None
        return None if deed is Deed.CLICKED and _true(given.is_suspected_bot_click) else deed
    if parts[-1] == "Conversion" and event.event_type.startswith(("users.campaigns.", "users.canvas.")):
        return Deed.CONVERTED
    return None


def _true(value: Any) -> bool:
    # Braze writes machine_open as text.
    return value is True or (isinstance(value, str) and value.casefold() == "true")


def names_in(event: Engagement) -> list[tuple[str, str, str]]:
    """(kind, id, name) of what the event belongs to, where it carries both."""
    given = event.properties
    if given is None:
        return []
    pairs = (
        ("campaign", given.campaign_id, given.campaign_name),
        ("canvas", given.canvas_id, given.canvas_name),
        ("canvas step", given.canvas_step_id, given.canvas_step_name),
    )
    return [
        (kind, one, name)
        for kind, one, name in pairs
        if isinstance(one, str) and isinstance(name, str) and one and name
    ]
