"""Calls that tell whether keys are right and change nothing, and what their answers say.

Inference, all of it: Braze checks key and permission before it looks at what was asked, so a call with nothing in it,
or with an empty segment, says whether it would be allowed. Segment's own check of its keys is the empty member call.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from heaptui.clients.braze import CohortImport, CohortName, Verdict, message, reason, verdict
from heaptui.clients.http import Answer, Request
from heaptui.model.runs import Reason
from heaptui.model.secret import Secret

PROBE_COHORT = CohortName("heaptui-check", "heaptui check", 0.0)
"""Never created: only the naming call creates a cohort."""

_NO_SEGMENT = {"segment_id": ""}

PERMISSION_CALLS: Mapping[str, Request] = {
    "users.track": Request("/users/track", {"attributes": []}),
    "users.export.ids": Request("/users/export/ids", {"external_ids": [], "fields_to_export": ["external_id"]}),
    # Without a segment no export starts.
    "users.export.segment": Request("/users/export/segment", {**_NO_SEGMENT, "fields_to_export": ["external_id"]}),
    "segments.list": Request("/segments/list", None, "GET", params={"page": "0"}),
    "segments.details": Request("/segments/details", None, "GET", params=_NO_SEGMENT),
    "segments.data_series": Request("/segments/data_series", None, "GET", params={**_NO_SEGMENT, "length": "1"}),
}
"""By permission, a call that changes nothing."""


class Says(StrEnum):
    """What an answer says about a key."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DENIED = "denied"
    PARTNER_REFUSED = "partner refused"
    DATA_IMPORT_REFUSED = "data import key refused"
    NOT_ENABLED = "not enabled"
    UNAUTHORIZED = "unauthorized"
    NO_SUCH_PARTNER = "no such partner"
    WAIT = "wait"
    NOT_BRAZE = "not Braze"
    NOTHING = "nothing"


def permission_call(permission: str, key: Secret) -> Request:
    """The call for one permission with a key."""
    call = PERMISSION_CALLS[permission]
    return Request(call.path, call.body, call.method, key, call.params)


def rest_says(answer: Answer) -> Says:
    """About a REST key: 401 refuses it, 403 denies the permission, everything else that is an API's came after both."""
    if answer.status == 401:
        return Says.REFUSED
    if answer.is_html or 300 <= answer.status < 400 or answer.status == 404:
        return Says.NOT_BRAZE
    if answer.status == 403:
        return Says.DENIED
    if answer.status == 429:
        # Whether a limit is looked at before or after the key is not documented.
        return Says.WAIT
    return Says.NOTHING if answer.status >= 500 else Says.ACCEPTED


def partner_call(partner: str, partner_key: Secret, data_import_key: Secret) -> Request:
    """The member call with an empty list."""
    return CohortImport(partner, partner_key, data_import_key).probe(PROBE_COHORT)


def partner_says(answer: Answer) -> Says:
    """About the two keys of the partner call. The partner key is assumed to be looked at first, then the other."""
    match verdict(answer):
        case Verdict.ACCEPTED | Verdict.LOCKED:
            return Says.ACCEPTED
        case Verdict.RATE_LIMITED:
            return Says.WAIT
        case Verdict.WRONG_PLACE:
            return Says.NO_SUCH_PARTNER if answer.status == 404 and not answer.is_html else Says.NOT_BRAZE
        case Verdict.DOUBTFUL:
            return Says.NOTHING
        case Verdict.REFUSED:
            # 400 comes after the keys.
            return Says.ACCEPTED
        case Verdict.CREDENTIALS:
            return Says.DENIED if answer.status == 403 and not answer.is_html else _unauthorized(answer)


def _unauthorized(answer: Answer) -> Says:
    if answer.is_html:
        return Says.NOT_BRAZE
    match reason(answer):
        case Reason.PARTNER_KEY:
            return Says.PARTNER_REFUSED
        case Reason.DATA_IMPORT_KEY:
            return Says.DATA_IMPORT_REFUSED
        case _:
            return Says.NOT_ENABLED if "not enabled" in message(answer).lower() else Says.UNAUTHORIZED
