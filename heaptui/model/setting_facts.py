"""What each setting of a profile means, in the words that screens, commands, errors and the README share."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from heaptui.model.routes import WAYS

LABELS = ("", "PRODUCTION", "STAGING", "SANDBOX")
ROUTES = ("", *(way.route for way in WAYS))
STORES = ("", "keyring", "file")
SWITCH = "true or false"
ANOTHER_WORKSPACE = "Another workspace needs another profile: the ledger of this one tells what is in Braze."


class Shape(StrEnum):
    """How a value is written."""

    TEXT = "text"
    LIST = "list"
    """Parts with commas between them."""
    FILE_ONLY = "file only"
    """More than fits on a line."""


class SettingFacts(Struct, frozen=True):
    """One setting of a profile, as people read it."""

    name: str
    title: str
    means: str
    allowed: str
    """What it may be, after "must be"."""
    unit: str = ""
    empty: str = ""
    """What holds where it has no value."""
    variable: str = ""
    """The environment variable that overrides it."""
    instead: str = ""
    """How it is changed, where just another value could do harm."""
    shape: Shape = Shape.TEXT

    @property
    def told(self) -> str:
        """What it means and may be, in one paragraph."""
        unit = f" Unit: {self.unit}." if self.unit else ""
        return f"{self.means} May be: {self.allowed}.{unit}"

    @property
    def receiver(self) -> bool:
        """Whether only the receiver reads it, when it starts."""
        return self.name.startswith(("listen_", "currents_", "heap_")) and self.name not in (
            "heap_app_id",
            "heap_quiet_hours",
            "listen_with_dashboard",
        )


def _command(key: str, title: str) -> SettingFacts:
    return SettingFacts(
        f"{key}_command",
        f"{title[0].upper()}{title[1:]} command",
        f"A program of yours that prints the {title}, such as that of a password manager.",
        "a list of words",
        empty="none",
        shape=Shape.FILE_ONLY,
    )


SETTING_FACTS: tuple[SettingFacts, ...] = (
    SettingFacts(
        "endpoint",
        "Endpoint",
        "Braze's REST endpoint, or the address of your dashboard.",
        "an address such as https://rest.iad-03.braze.com",
        empty="none: nothing can be sent",
        variable="HEAPTUI_BRAZE_ENDPOINT",
        instead=f"6 Credentials changes it and checks it at once. {ANOTHER_WORKSPACE}",
    ),
    SettingFacts(
        "label",
        "Label",
        "Shown on every screen. In PRODUCTION the first sync of a cohort asks twice.",
        f"{', '.join(LABELS[1:])}, or empty",
        empty="none",
    ),
    SettingFacts(
        "route",
        "Way into Braze",
        "How people get into Braze.",
        f"{', '.join(ROUTES[1:])}, or empty",
        empty="the first that the keys open",
        variable="HEAPTUI_ROUTE",
        instead="W changes it, and asks where people leave Braze by the old way first.",
    ),
    SettingFacts(
        "partner_name",
        "Partner name",
        "The name in the path of Braze's partner calls. Heap's is assumed to be heap.",
        "a name",
        variable="HEAPTUI_PARTNER_NAME",
        instead=f"6 Credentials changes it and checks it at once. {ANOTHER_WORKSPACE}",
    ),
    SettingFacts("read_only", "Read-only", "With true: look, never send.", SWITCH),
    SettingFacts(
        "max_in_flight",
        "At once",
        "Requests of one cohort that are under way together.",
        "from 1 to 8",
        unit="requests",
    ),
    SettingFacts(
        "attribute_limit",
        "Attribute batch",
        "People in one request of the way Custom attribute. Some Braze contracts say 50.",
        "from 1 to 75",
        unit="people",
    ),
    SettingFacts(
        "settle_seconds",
        "Settle time",
        "How long after a time-out a request may still be applied.",
        "0 or more",
        unit="seconds",
        variable="HEAPTUI_SETTLE_SECONDS",
    ),
    SettingFacts(
        "wait_seconds",
        "Longest wait",
        "The longest wait for Braze before a run ends incomplete.",
        "0 or more",
        unit="seconds",
    ),
    SettingFacts(
        "read_timeout_seconds",
        "Answer within",
        "How long an answer may take before the request counts as unanswered.",
        "more than 0, at most 30",
        unit="seconds",
        variable="HEAPTUI_READ_TIMEOUT_SECONDS",
    ),
    SettingFacts(
        "backoff_seconds",
        "Pause after failures",
        "The first pause before a request is tried again, at most. It doubles with every failure.",
        "0 or more",
        unit="seconds",
        variable="HEAPTUI_BACKOFF_SECONDS",
    ),
    SettingFacts(
        "guard_min",
        "Guard, from",
        "A sync is held where at least so many people would leave, and more than the guard's share.",
        "0 or more",
        unit="people",
    ),
    SettingFacts(
        "guard_share",
        "Guard, share",
        "A sync is held where more than this part of a cohort would leave. 0.5 is half of it.",
        "from 0 to 1",
    ),
    SettingFacts(
        "resend_unproven",
        "Send again after",
        "Everybody is sent again after so many days, for people whom Braze met after they were accepted. One data"
        " point each.",
        "days, like 7d, or empty",
        empty="never",
    ),
    SettingFacts(
        "ids_per_minute",
        "Look-ups",
        "Look-ups of ids in Braze a minute, at most. Older Braze contracts allow 2500.",
        "from 1 to 2500",
        unit="look-ups a minute",
    ),
    SettingFacts(
        "kind",
        "Kind of id",
        "Which identifier of Braze the ids of new cohorts are.",
        "external_id, device_id, alias or email",
    ),
    SettingFacts(
        "alias_label",
        "Label of aliases",
        "The label under which Braze knows the aliases.",
        "given when kind is alias",
        empty="none",
    ),
    SettingFacts(
        "allowed_hosts",
        "Allowed hosts",
        "Hosts besides those of Braze and Heap that keys and events may be sent to.",
        "names of hosts",
        empty="none",
        shape=Shape.LIST,
    ),
    SettingFacts(
        "secret_store",
        "Keys are kept in",
        "Where keys that are given here are kept: the keyring, or a private file beside the configuration.",
        "keyring, file, or empty",
        empty="not chosen yet",
        instead="Keys that are kept already do not move with it. Give them anew, to the other place: "
        "heaptui profile set NAME KEY --store file",
    ),
    SettingFacts(
        "heap_endpoint",
        "Heap endpoint",
        "Where Heap takes events: US, EU, or an address.",
        "US, EU, or an address",
        empty="US",
        variable="HEAPTUI_HEAP_ENDPOINT",
        instead="Events that wait would go to the new place. Stop the receiver first, then: "
        "heaptui profile set NAME heap_endpoint=EU",
    ),
    SettingFacts(
        "heap_app_id",
        "Heap app id",
        "The number of your environment in Heap. Nobody can verify more than its shape, and Heap's API key is never"
        " asked for.",
        "digits",
        empty="none: nothing goes to Heap",
        variable="HEAPTUI_HEAP_APP_ID",
        instead="6 Credentials changes it. Heap takes events for a wrong one without a word: look at Live data there.",
    ),
    SettingFacts(
        "listen_port", "Port", "The port at which the receiver listens.", "from 0 to 65535; 0 takes a free one"
    ),
    SettingFacts(
        "listen_with_dashboard", "Receiver", "With true, the dashboard starts the receiver when it opens.", SWITCH
    ),
    SettingFacts("heap_path", "Path for Heap", "The path at which Heap calls.", "a path that begins with /"),
    SettingFacts(
        "heap_signature_fallback",
        "Rewritten pages",
        "With true, a page that a proxy has written anew is taken, too, where its signature fits the body as JavaScript"
        " would write it. Mending the proxy is better.",
        SWITCH,
    ),
    SettingFacts(
        "heap_max_age_seconds",
        "Oldest signature",
        "How old the signature of a page may be.",
        "more than 0",
        unit="seconds",
    ),
    SettingFacts(
        "heap_max_skew_seconds",
        "Clock difference",
        "How far ahead of the clock here the signature of a page may be.",
        "0 or more",
        unit="seconds",
    ),
    SettingFacts(
        "heap_quiet_hours",
        "Quiet after",
        "After so long without a page a cohort is quiet.",
        "more than 0",
        unit="hours",
    ),
    SettingFacts(
        "currents_identity",
        "Identity in Heap",
        "Which id of an event is the identity in Heap. user_id is Braze's own.",
        "external_user_id or user_id",
    ),
    SettingFacts(
        "currents_anonymous",
        "Without an id",
        "What becomes of events without an external id: skip leaves them out, user_id takes Braze's own id.",
        "skip or user_id",
    ),
    SettingFacts(
        "currents_prefix",
        "Prefix",
        "With true, braze- stands before the names of events and properties.",
        SWITCH,
    ),
    SettingFacts(
        "currents_cut",
        "Long texts",
        "With true, texts that are too long for Heap (1,023 characters) are cut. Otherwise such an event is a dead"
        " letter.",
        SWITCH,
    ),
    SettingFacts(
        "currents_types",
        "Types of events",
        "Patterns of the types that go to Heap, such as email.*; ! before one leaves it out.",
        "patterns",
        empty="all",
        shape=Shape.LIST,
    ),
    SettingFacts(
        "currents_user_properties",
        "User properties",
        "With true, subscriptions and changed attributes are set on Heap's users, too.",
        SWITCH,
    ),
    SettingFacts(
        "currents_forward",
        "Events to Heap",
        "With true, the receiver sends Currents events on to Heap, which bills events.",
        SWITCH,
    ),
    _command("partner_api_key", "partner key"),
    _command("data_import_key", "Data Import Key"),
    _command("rest_api_key", "REST key"),
    _command("webhook_secret", "webhook secret"),
    _command("currents_token", "Currents token"),
    SettingFacts(
        "cohorts",
        "Files that come again",
        "For a cohort: the pattern of its files, how often a new one is due, and the column with the ids.",
        'tables whose every is a number with h, d or w, like "1d"',
        empty="none",
        shape=Shape.FILE_ONLY,
    ),
)
"""In the order in which people read them."""

_BY_NAME = {facts.name: facts for facts in SETTING_FACTS}


def facts_of(name: str) -> SettingFacts:
    """The facts of a setting."""
    return _BY_NAME[name]
