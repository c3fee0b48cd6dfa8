"""The custom attribute that stands for a cohort in Braze: what it may be called, and what is proposed."""

from __future__ import annotations

import re
import unicodedata

from heaptui.model.cohorts import Origin

LONGEST = 255
PREFIX = "heap_"

_ALLOWED = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

RESERVED = frozenset({
    "alias_label", "alias_name", "apps", "attributed_ad", "attributed_adgroup", "attributed_campaign",
    "attributed_source", "braze_id", "country", "created_at", "current_location", "custom_attributes",
    "custom_events", "date_of_first_session", "date_of_last_session", "devices", "dob", "email",
    "email_click_tracking_disabled", "email_open_tracking_disabled", "email_subscribe", "external_id", "facebook",
    "first_name", "gender", "home_city", "image_url", "language", "last_coordinates", "last_name",
    "marked_email_as_spam_at", "phone", "purchases", "push_subscribe", "push_tokens", "random_bucket",
    "sms_subscribe", "subscription_groups", "time_zone", "total_revenue", "twitter", "uninstalled_at", "user_alias",
    "user_aliases",
})  # fmt: skip
"""Fields that Braze keeps for itself: a value of this name would change a person's profile (Braze docs: standard
attributes)."""


def name_problem(name: str) -> str:
    """Why Braze or heaptui does not take this name for an attribute; empty when it is good.

    Braze trims names and refuses `$` in front; letters, digits and _ alone are our choice: nothing needs quotes.
    """
    if not _ALLOWED.fullmatch(name):
        return "It begins with a letter and has letters a to z, digits and _ only."
    if len(name) > LONGEST:
        return f"It has at most {LONGEST} characters."
    if name.lower() in RESERVED:
        return "Braze keeps this name for a field of its own."
    return ""


def proposed_name(name: str, cohort_id: str, origin: Origin) -> str:
    """The name to propose: from the cohort's name, or its Heap number when the name has too few such letters.

    A name is taken only when nearly all of it can be written with such letters; half of a Japanese name tells nobody
    anything.
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    slug = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    letters = [character for character in plain if character.isalnum()]
    written = [character for character in letters if character.isascii()]
    if not slug or len(written) * 2 <= len(letters):
        slug = cohort_id.removeprefix("heaptui-seg-") if origin is Origin.HEAP else cohort_id.rsplit("-", 1)[-1]
        slug = re.sub(r"[^a-z0-9]+", "_", slug.lower()).strip("_")
    slug = slug.removeprefix(PREFIX)
    return f"{PREFIX}{slug}"[:LONGEST].rstrip("_")
