"""Why a delivery ended as it did, in words for people: what happened, what it means, who mends it, what to do."""

from __future__ import annotations

from msgspec import Struct

from heaptui.model.commands import addressed, filled
from heaptui.model.profile import Profile
from heaptui.model.runs import EXTRA_REQUESTS, DeliveryProgress, DeliveryState, Reason
from heaptui.model.words import counted


class Diagnosis(Struct, frozen=True):
    """One reason in words. `command` has PROFILE, RUN and COHORT as placeholders."""

    short: str
    what: str
    who: str = ""
    command: str = "heaptui run resume RUN"
    how: str = "Continue the run when you are ready."
    cure: str = ""
    """What has to be done before the command."""


_KEY_PAGE = "Partner Integrations › Technology Partners › Heap"

DIAGNOSES: dict[Reason, Diagnosis] = {
    Reason.PARTNER_KEY: Diagnosis(
        "401 partner key",
        "Braze refused the partner key: wrong, of the other region (US, EU), or of another partner.",
        "Whoever gave you the partner key: Braze gives it to Heap. Check the endpoint's region first.",
    ),
    Reason.DATA_IMPORT_KEY: Diagnosis(
        "401 key",
        "Braze refused the Data Import Key: regenerated, invalidated, or of another workspace or cluster.",
        f"A Braze admin: {_KEY_PAGE} › copy the Data Import Key. Older menu: Integrations › Technology Partners.",
    ),
    Reason.CREDENTIALS: Diagnosis(
        "401",
        "Braze refused the request as unauthorized: a key, the cluster, or the partner is not enabled.",
        f"A Braze admin looks at {_KEY_PAGE}; the endpoint must be the cluster of that dashboard.",
    ),
    Reason.REST_KEY: Diagnosis(
        "401 REST key",
        "Braze refused the REST key: wrong, revoked, of another workspace or cluster, or barred from this address.",
        "A Braze admin: Settings › API Keys. Older menu: Developer Console › REST API Keys.",
    ),
    Reason.REST_PERMISSION: Diagnosis(
        "403 REST key",
        "The REST key may not use users.track, or the account is inactive.",
        "A Braze admin: Settings › API Keys › create a key with users.track; a key's permissions cannot be changed.",
    ),
    Reason.FORBIDDEN: Diagnosis(
        "403",
        "Braze denied access: the account is inactive, or it may not use this call.",
        "Your Braze account manager.",
    ),
    Reason.NOT_FOUND: Diagnosis(
        "404 address",
        "Braze does not know this address: wrong partner name or wrong host.",
        "Whoever set the profile up: check endpoint and partner_name.",
    ),
    Reason.NOT_BRAZE: Diagnosis(
        "not Braze",
        "Something answered that is not Braze's API: a proxy, a login page, or a dashboard address.",
        "Whoever set the profile up, or your network team: check endpoint and proxy.",
    ),
    Reason.NAME_REFUSED: Diagnosis(
        "name refused",
        "Braze refused the cohort's name.",
        "You: rename the cohort.",
        "heaptui cohort rename COHORT NAME",
    ),
    Reason.REQUEST_REFUSED: Diagnosis(
        "400",
        "Braze refuses every request for this cohort, even an empty one.",
        "Show Braze's answer to your Braze account manager.",
    ),
    Reason.TOO_MANY_REFUSALS: Diagnosis(
        "bad ids",
        "Braze refused too many ids to find them one by one. Is this the wrong kind of id, or the wrong column?",
        "You: look at the ids of the cohort.",
        "heaptui cohort members COHORT",
    ),
    Reason.NO_ANSWER: Diagnosis(
        "no answer", "Braze gave no answer after several attempts. What got none is in doubt and is sent again."
    ),
    Reason.BRAZE_FAILED: Diagnosis(
        "5xx", "Braze failed again and again. Whether it applied what it got is not known, so that is sent again."
    ),
    Reason.RATE_LIMITED: Diagnosis("429", "Braze's rate limit was reached."),
    Reason.LOCKED: Diagnosis("423 locked", "Braze kept the cohort locked. Is Heap's own sync writing it, too?"),
    Reason.WAIT_TOO_LONG: Diagnosis("429 wait", "Braze's rate limit lasted longer than this sync may wait."),
    Reason.REMOVES_UNANSWERED: Diagnosis(
        "leaves open",
        "Some leaves got no answer. Joins wait for them, since the same people may have two kinds of ids.",
    ),
    Reason.UNREACHABLE: Diagnosis(
        "unreachable",
        "Braze could not be reached. Nothing of this attempt was sent.",
        "You: check network and endpoint.",
    ),
    Reason.LEDGER: Diagnosis(
        "ledger", "The ledger could not be written, so nothing more was sent.", "You: see the detail.", "heaptui doctor"
    ),
    Reason.CANCELLED: Diagnosis(
        "cancelled",
        "It was stopped before its end. What was accepted stays, the rest waits.",
        "Nobody: continue it, or the next sync goes on with it.",
    ),
    Reason.KILLED: Diagnosis(
        "process ended",
        "The process ended before the delivery did. What had no answer is in doubt and is sent again.",
        "Nobody: continue it, or the next sync goes on with it.",
    ),
    Reason.LARGE_CHANGE: Diagnosis(
        "large change",
        "An unusually large part would leave, so nothing was sent for it. Probably a wrong file.",
        "You: look at the cohort, then let it through.",
        "heaptui sync COHORT --yes-really",
        "In the dashboard: s plans it, then l lets it through. A wrong file? u in 1 Cohorts brings the people back.",
    ),
    Reason.WAY_CHANGED: Diagnosis(
        "way changed",
        "New keys would change the way into Braze, and nobody has said so. Nothing was sent for it.",
        "You: choose the way, with W in the dashboard or route= in the profile.",
        "heaptui profile set PROFILE route=ROUTE",
        "Then sync again.",
    ),
    Reason.KEY_CHANGED: Diagnosis(
        "key changed",
        "A key is another one than before, and nobody has said that the workspace is the same. Nothing was sent.",
        "You: say so if the key was only replaced. Another workspace needs another profile.",
        how="Then continue the run. In the dashboard, r plans it, and enter asks.",
        cure="heaptui profile set PROFILE --same-workspace",
    ),
    Reason.ON_HOLD: Diagnosis("on hold", "The cohort is on hold.", "You: release it.", "heaptui cohort release COHORT"),
    Reason.WRONG_KIND: Diagnosis(
        "wrong kind",
        "The way into Braze in use does not take this kind of id.",
        "You: import the file again with another column or kind, or choose another way into Braze.",
        "heaptui cohort import FILE --into COHORT --id-column COLUMN",
    ),
    Reason.BUSY_ELSEWHERE: Diagnosis(
        "busy", "Another process is delivering this cohort.", "", "heaptui sync COHORT --wait 15m"
    ),
}


def why_in_short(reason: Reason) -> str:
    """One or two words for a list."""
    found = DIAGNOSES.get(reason)
    return found.short if found else ""


def explain_reason(delivery: DeliveryProgress, run_id: int, profile: Profile) -> list[str]:
    """What happened to one delivery that did not simply finish, line by line; nothing when it did."""
    found = DIAGNOSES.get(delivery.reason)
    lines: list[str] = []
    if found:
        lines.append(f"{delivery.name}: {found.what}")
        if delivery.detail:
            lines.append(f"told: {delivery.detail}")
        waits = delivery.skipped + delivery.in_doubt
        if waits:
            kept = (
                "nothing was sent for it" if delivery.state is DeliveryState.HELD else "they go out with the next sync"
            )
            lines.append(f"{counted(waits, 'change')} kept; {kept}.")
        if found.who:
            lines.append(f"who mends it: {found.who}")
        lines.append(f"then: {command_for(delivery, run_id, profile)}")
    if delivery.extra_requests:
        lines.append(
            f"{delivery.name}: {delivery.extra_requests:,} extra requests, of at most {EXTRA_REQUESTS}, looked for"
            " refused ids."
        )
    if not found and delivery.rejected:
        ids = "1 id; it is" if delivery.rejected == 1 else f"{delivery.rejected:,} ids; they are"
        lines.append(f"{delivery.name}: Braze refused {ids} not sent again unless asked.")
        again = f"see them: heaptui run show {run_id}    offer them again: heaptui run retry {run_id}"
        lines.append(addressed(again, profile))
    return lines


def command_for(delivery: DeliveryProgress, run_id: int, profile: Profile) -> str:
    """The command that goes on from here."""
    found = DIAGNOSES[delivery.reason]
    return filled(found.command, profile, run_id=run_id, cohort_id=delivery.cohort_id)
