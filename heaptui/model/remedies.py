"""What each cause means, who can mend it, and where to click, in the current and the older menu of Braze."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from heaptui.model.lexicon import entry_of


class Cause(StrEnum):
    """Why a check is not simply fine."""

    NO_ENDPOINT = "no_endpoint"
    NO_CLUSTER = "no_cluster"
    NOT_HTTPS = "not_https"
    UNKNOWN_HOST = "unknown_host"
    DOES_NOT_RESOLVE = "does_not_resolve"
    CERTIFICATE = "certificate"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    NOT_BRAZE = "not_braze"
    NO_KEYS = "no_keys"
    SWAPPED = "swapped"
    WRONG_CLUSTER = "wrong_cluster"
    PARTNER_REGION = "partner_region"
    PARTNER_NAME = "partner_name"
    PARTNER_REFUSED = "partner_refused"
    PARTNER_ABSENT = "partner_absent"
    DATA_IMPORT_REFUSED = "data_import_refused"
    DATA_IMPORT_ELSEWHERE = "data_import_elsewhere"
    NOT_ENABLED = "not_enabled"
    UNAUTHORIZED = "unauthorized"
    REST_ELSEWHERE = "rest_elsewhere"
    REST_REFUSED = "rest_refused"
    DENIED = "denied"
    UNCLEAR = "unclear"
    WAIT = "wait"
    NO_WAY = "no_way"
    CLOCK = "clock"
    PERMISSION = "permission"
    APP_ID = "app_id"


class Remedy(Struct, frozen=True):
    """One cause in words."""

    short: str
    """The rest of the verdict's line."""
    means: str
    who: str
    where: str
    older: str = ""
    """The same place in the menu before 2025."""
    with_subject: bool = False
    """Whether the line needs the name of what was checked in front."""
    entry: str = ""
    """The entry of the lexicon for a run that ends by it: its likely causes are the same."""

    def lines(self) -> list[str]:
        """What it means, who mends it where, and its likely causes."""
        causes = [f"{n}. {cause}" for n, cause in enumerate(entry_of(self.entry).causes, 1)] if self.entry else []
        return [
            self.means,
            f"{self.who}: {self.where}",
            *([f"Older menu: {self.older}"] if self.older else []),
            *([f"Causes: {'; '.join(causes)}"] if causes else []),
        ]

    def text(self) -> str:
        """The same on one line."""
        return " ".join(f"{line}." if not line.endswith(".") else line for line in self.lines())


FIND_CLUSTER = "heaptui verify --find-cluster"
_HEAP_PAGE = "Partner Integrations › Technology Partners › Heap"
_HEAP_PAGE_OLDER = "Integrations › Technology Partners › Heap"
_API_KEYS = "Settings › API Keys"
_API_KEYS_OLDER = "Developer Console › REST API Keys"

REMEDIES: Mapping[Cause, Remedy] = {
    Cause.NO_ENDPOINT: Remedy(
        "No endpoint was given.",
        "Without Braze's address nothing can be asked.",
        "You",
        f"give the address of your dashboard or the REST endpoint ({_HEAP_PAGE}),"
        f" or, with keys, let it be found: {FIND_CLUSTER}",
        _HEAP_PAGE_OLDER,
    ),
    Cause.NO_CLUSTER: Remedy(
        "No cluster of Braze accepts these keys.",
        "Every known cluster that answered refuses them: wrong, revoked, or used from an address that is not allowed.",
        "A Braze admin",
        f"{_HEAP_PAGE} › copy the Data Import Key; {_API_KEYS} › look for the REST key",
        _API_KEYS_OLDER,
    ),
    Cause.NOT_HTTPS: Remedy(
        "The address is not HTTPS.",
        "Keys travel encrypted or not at all, so nothing was sent.",
        "You",
        "write the endpoint with https://; if it is plain HTTP on purpose, it is not Braze",
    ),
    Cause.UNKNOWN_HOST: Remedy(
        "The host is not one of Braze's.",
        "Keys go only to hosts that are known, so that a typing error cannot give them away.",
        "You",
        f"compare with {_HEAP_PAGE}; if it is right, add it: heaptui profile set NAME allowed_hosts=HOST",
        _HEAP_PAGE_OLDER,
    ),
    Cause.DOES_NOT_RESOLVE: Remedy(
        "The name of the host does not resolve.",
        "There is no such host, or this network's DNS does not know it.",
        "You",
        "look whether the endpoint is what Braze shows; if it is, ask your network team about DNS, proxy and VPN",
    ),
    Cause.CERTIFICATE: Remedy(
        "The TLS certificate is not trusted.",
        "Something stands between this computer and Braze, such as a company proxy, or the host is not Braze's.",
        "Your network team",
        "no inspection for this host, or their certificate for this computer: SSL_CERT_FILE=FILE",
    ),
    Cause.NO_ANSWER: Remedy(
        "The host does not answer in time.",
        "A connection was made or tried, and nothing came back.",
        "You",
        "try again; then ask your network team whether a firewall or proxy drops it; status.braze.com",
    ),
    Cause.UNREACHABLE: Remedy(
        "The host cannot be reached.",
        "The name is known, and no connection comes about.",
        "Your network team",
        "are connections to this host and port allowed (443 for https), and is a proxy needed?",
    ),
    Cause.NOT_BRAZE: Remedy(
        "What answers is not Braze's API.",
        "A page for people, a redirect or another service came back: a proxy, a login page, or another address.",
        "You",
        f"take the REST endpoint from {_HEAP_PAGE}",
        _HEAP_PAGE_OLDER,
    ),
    Cause.NO_KEYS: Remedy(
        "No key was given.",
        "Without keys, cohorts can be imported, counted and written to a file for Braze's CSV upload.",
        "You",
        f"a REST key with users.track is enough to deliver: {_API_KEYS} › Create New API Key",
        _API_KEYS_OLDER,
    ),
    Cause.SWAPPED: Remedy(
        "Keys stand in each other's place.",
        "Each is right, in another role than the one it was given for.",
        "You",
        "give each key again under its own name",
    ),
    Cause.WRONG_CLUSTER: Remedy(
        "The keys are of another cluster.",
        "This cluster refuses all keys of the workspace. A wrong cluster looks like wrong keys.",
        "You",
        f"compare the endpoint with the address of your dashboard, or: {FIND_CLUSTER}",
    ),
    Cause.PARTNER_REGION: Remedy(
        "The partner key is of the other region.",
        "Braze gives partners one key for the US and another for the EU.",
        "Whoever gave you the partner key",
        "ask for the key of this cluster's region: HEAPTUI_PARTNER_API_KEY_US or HEAPTUI_PARTNER_API_KEY_EU",
    ),
    Cause.PARTNER_NAME: Remedy(
        "Braze does not know the partner's name.",
        "The name is part of the address of the partner calls; Heap's is assumed to be heap.",
        "You",
        "ask your Heap account manager for it: heaptui profile set NAME partner_name=…",
    ),
    Cause.PARTNER_REFUSED: Remedy(
        "Braze refuses it.",
        "Nothing else can be said of the Data Import Key before it is right.",
        "Whoever gave you the partner key",
        "Braze gives it to Heap, one for the US and one for the EU; is the endpoint's region right?",
        with_subject=True,
        entry="braze.401.partner_key",
    ),
    Cause.PARTNER_ABSENT: Remedy(
        "The Data Import Key is unchecked.",
        "Only Heap's partner key can check a Data Import Key, and none was given.",
        "Your Heap account manager",
        "hand the Data Import Key over; the note says what is checked and what to ask",
    ),
    Cause.DATA_IMPORT_REFUSED: Remedy(
        "Braze refuses it.",
        "Braze accepts the partner key and refuses this one.",
        "A Braze admin",
        f"{_HEAP_PAGE} › copy it",
        _HEAP_PAGE_OLDER,
        with_subject=True,
        entry="braze.401.data_import_key",
    ),
    Cause.DATA_IMPORT_ELSEWHERE: Remedy(
        "The Data Import Key is of another cluster.",
        "Another cluster accepts it; the endpoint here is right for the REST key.",
        "A Braze admin",
        f"in the dashboard of this cluster: {_HEAP_PAGE} › copy the key",
        _HEAP_PAGE_OLDER,
    ),
    Cause.NOT_ENABLED: Remedy(
        "Heap is not enabled for this workspace.",
        "Both keys are right. Braze and Heap have to agree that cohorts may be imported.",
        "Your Braze account manager",
        "ask to enable the partner Heap for the workspace, then look at " + _HEAP_PAGE,
        _HEAP_PAGE_OLDER,
    ),
    Cause.UNAUTHORIZED: Remedy(
        "Braze does not say which key it refuses.",
        "It answers 401 without a word about either.",
        "A Braze admin",
        f"{_HEAP_PAGE} › compare endpoint and key",
        _HEAP_PAGE_OLDER,
        entry="braze.401.unauthorized",
    ),
    Cause.REST_ELSEWHERE: Remedy(
        "The REST key is of another cluster.",
        "Another cluster accepts it; the endpoint here is right for the other keys, or they were not given.",
        "A Braze admin",
        f"in the dashboard of this cluster: {_API_KEYS} › Create New API Key",
        _API_KEYS_OLDER,
    ),
    Cause.REST_REFUSED: Remedy(
        "Braze refuses it.",
        "Braze answers 401 to every call with it.",
        "A Braze admin",
        f"{_API_KEYS} › look for the key and its list of allowed addresses",
        _API_KEYS_OLDER,
        with_subject=True,
        entry="braze.401.rest_key",
    ),
    Cause.UNCLEAR: Remedy(
        "Braze answered with trouble of its own.",
        "The answer says nothing about the keys.",
        "You",
        "try again in some minutes; status.braze.com",
    ),
    Cause.DENIED: Remedy(
        "Braze denies access.",
        "403 to the partner call: the account is inactive, or its contract lacks this.",
        "Your Braze account manager",
        "ask whether the workspace is active and may import cohorts",
    ),
    Cause.WAIT: Remedy(
        "Braze asks to wait.",
        "429: the limit of the workspace is used up just now, so the keys are not known to be right.",
        "You",
        "check again in some minutes",
    ),
    Cause.NO_WAY: Remedy(
        "What was given is right, and opens no way into Braze.",
        "Nothing can be sent with it; cohorts can be imported, counted and written to a file for Braze's CSV upload.",
        "A Braze admin",
        f"a REST key with users.track is enough: {_API_KEYS} › Create New API Key",
        _API_KEYS_OLDER,
    ),
    Cause.CLOCK: Remedy(
        "The clock is off.",
        "Waits, receipts and the age of what Heap signs are counted with this computer's clock.",
        "You",
        "switch automatic time on (NTP)",
    ),
    Cause.PERMISSION: Remedy(
        "The REST key lacks permissions.",
        "Permissions of a key cannot be changed after it was made.",
        "A Braze admin",
        f"{_API_KEYS} › Create New API Key › tick what is missing",
        _API_KEYS_OLDER,
    ),
    Cause.APP_ID: Remedy(
        "The Heap app id has another shape.",
        "An app id is digits only. Nobody can verify more than its shape.",
        "You",
        "copy it from Heap's install snippet, heap.load, without quotes",
    ),
}
