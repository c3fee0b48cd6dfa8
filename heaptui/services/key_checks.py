"""The checks that ask Braze: is it there, and what does it say of each key?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from heaptui.clients.braze import message
from heaptui.clients.braze_probe import Says, partner_call, partner_says, permission_call, rest_says
from heaptui.clients.http import Answer, Http, NoAnswer, NotSent, Request
from heaptui.model.checks import FEATURES, Check, CheckId, CheckState
from heaptui.model.remedies import Cause
from heaptui.model.secret import Secret

CLOCK_MAY_BE_OFF = 60.0
"""Seconds; a Date header knows whole seconds only, and answers take their time."""

Tell = Callable[[Check], None]


class KeyChecks:
    """Asks one endpoint. Everything here changes nothing on the other side."""

    def __init__(
        self,
        http: Http,
        tell: Tell,
        *,
        partner_name: str,
        region: str,
        place: str,
        seconds: float,
        now: Callable[[], float],
    ) -> None:
        self._http = http
        self._tell = tell
        self._partner_name = partner_name
        self._region = region
        self._place = place
        self._seconds = seconds
        self._now = now

    async def _send(self, request: Request) -> Answer | Check:
        """The answer; or, when there is none, a check of reachability that says so."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._http.send(request)
        except NotSent as error:
            cause = Cause.CERTIFICATE if "certificate" in error.detail else Cause.UNREACHABLE
            if "did not answer" in error.detail:
                cause = Cause.NO_ANSWER
            return Check(CheckId.REACH, CheckState.FAILED, error.detail.rstrip("."), cause=cause)
        except TimeoutError:
            told = f"no answer within {self._seconds:g} s"
            return Check(CheckId.REACH, CheckState.FAILED, told, cause=Cause.NO_ANSWER)
        except NoAnswer as error:
            cause = Cause.NO_ANSWER if "in time" in error.title else Cause.UNREACHABLE
            told = f"no answer within {self._seconds:g} s" if cause is Cause.NO_ANSWER else error.title
            return Check(CheckId.REACH, CheckState.FAILED, told, cause=cause)

    async def reach(self) -> None:
        """Ask for the front page without any key: any answer will do, and it tells the time."""
        answer = await self._send(Request("/", None, "GET"))
        if isinstance(answer, Check):
            self._tell(answer)
            return
        self._tell(Check(CheckId.REACH, CheckState.OK, "answers", latency_ms=answer.latency_ms))
        theirs = answer.server_date
        if theirs is None:
            self._tell(Check(CheckId.CLOCK, CheckState.SKIPPED, "the answer tells no time"))
            return
        # The answer was made about half a round trip ago, and its seconds are cut off.
        off = self._now() - answer.latency_ms / 2000 - theirs - 0.5
        if abs(off) <= CLOCK_MAY_BE_OFF:
            self._tell(Check(CheckId.CLOCK, CheckState.OK, f"{max(0.0, abs(off) - 0.5):.0f} s off"))
            return
        way = "ahead" if off > 0 else "behind"
        far = f"{abs(off) / 60:,.0f} min {way}"
        self._tell(Check(CheckId.CLOCK, CheckState.WARNING, far, cause=Cause.CLOCK))

    async def partner(self, key: Secret | None, keys: Mapping[str, Secret], data_import_key: Secret | None) -> None:
        """Partner key, Data Import Key and whether the partner is enabled: one call tells all three.

        `keys` are all partner keys by region, among which `key` is the one for this place.
        """
        if key is None:
            self._no_partner_key(keys, data_import_key)
            return
        # Without a Data Import Key an empty one is refused after the partner key was looked at.
        secret = data_import_key or Secret("")
        answer = await self._send(partner_call(self._partner_name, key, secret))
        if isinstance(answer, Check):
            for check_id, given in ((CheckId.PARTNER_KEY, key), (CheckId.DATA_IMPORT_KEY, data_import_key)):
                told = given.describe() if given else ""
                state = CheckState.SKIPPED if given is None else CheckState.WARNING
                cause = answer.cause if given is key else None
                self._tell(
                    Check(check_id, state, f"open: {answer.detail}" if given else "not given", told, cause=cause)
                )
            return
        says = partner_says(answer)
        if says is Says.PARTNER_REFUSED and (other := await self._other_region(keys, key, secret)):
            self._failed(CheckId.PARTNER_KEY, other, key, answer, Cause.PARTNER_REGION)
            self._unasked(data_import_key, "known once the partner key is right")
            return
        self._tell_partner(says, answer, key, data_import_key)

    async def _other_region(self, keys: Mapping[str, Secret], key: Secret, secret: Secret) -> str:
        """Whether the key that was given for another region is the one this cluster wants."""
        for region, other in keys.items():
            if other == key:
                continue
            answer = await self._send(partner_call(self._partner_name, other, secret))
            if (
                not isinstance(answer, Check)
                and partner_says(answer) is not Says.PARTNER_REFUSED
                and answer.status < 500
            ):
                return f"refused by {self._place}, which accepts the one given for {region or 'any region'}"
        return ""

    def _no_partner_key(self, keys: Mapping[str, Secret], data_import_key: Secret | None) -> None:
        if keys:
            given = " and ".join(region for region in keys if region)
            self._tell(
                Check(
                    CheckId.PARTNER_KEY,
                    CheckState.FAILED,
                    f"given for {given}; {self._place} needs the one for {self._region}",
                    next(iter(keys.values())).describe(),
                    cause=Cause.PARTNER_REGION,
                )
            )
        else:
            cause = Cause.PARTNER_ABSENT if data_import_key else None
            self._tell(Check(CheckId.PARTNER_KEY, CheckState.SKIPPED, "not given", cause=cause))
        if data_import_key:
            self._unasked(data_import_key, "cannot be checked: only Heap's partner key can")
        else:
            self._tell(Check(CheckId.DATA_IMPORT_KEY, CheckState.SKIPPED, "not given"))

    def _unasked(self, data_import_key: Secret | None, why: str) -> None:
        told = data_import_key.describe() if data_import_key else ""
        why = why if data_import_key else "not given"
        self._tell(Check(CheckId.DATA_IMPORT_KEY, CheckState.SKIPPED, why, told))

    def _failed(self, check_id: CheckId, detail: str, key: Secret, answer: Answer, cause: Cause) -> None:
        self._tell(Check(check_id, CheckState.FAILED, detail, key.describe(), answer.latency_ms, cause))

    def _tell_partner(self, says: Says, answer: Answer, key: Secret, data_import_key: Secret | None) -> None:
        ms = answer.latency_ms
        after = "known once the Data Import Key is right"
        match says:
            case Says.ACCEPTED | Says.NOT_ENABLED | Says.DATA_IMPORT_REFUSED:
                self._tell(Check(CheckId.PARTNER_KEY, CheckState.OK, "accepted", key.describe(), ms))
            case Says.PARTNER_REFUSED:
                self._failed(CheckId.PARTNER_KEY, self._refused(answer), key, answer, Cause.PARTNER_REFUSED)
                self._unasked(data_import_key, "known once the partner key is right")
                return
            case Says.UNAUTHORIZED:
                self._failed(CheckId.PARTNER_KEY, self._refused(answer), key, answer, Cause.UNAUTHORIZED)
                self._unasked(data_import_key, "refused together with the partner key, or right")
                return
            case Says.WAIT:
                self._tell(
                    Check(CheckId.PARTNER_KEY, CheckState.WARNING, _unusual(answer), key.describe(), ms, Cause.WAIT)
                )
                self._unasked(data_import_key, "known once the partner call is answered")
                return
            case _:
                cause = {
                    Says.NO_SUCH_PARTNER: Cause.PARTNER_NAME,
                    Says.NOTHING: Cause.UNCLEAR,
                    Says.DENIED: Cause.DENIED,
                }.get(says, Cause.NOT_BRAZE)
                words = f"no partner “{self._partner_name}” at this address"
                told = words if says is Says.NO_SUCH_PARTNER else _unusual(answer)
                self._failed(CheckId.PARTNER_KEY, told, key, answer, cause)
                self._unasked(data_import_key, "known once the partner call works")
                return
        if data_import_key is None:
            self._tell(Check(CheckId.DATA_IMPORT_KEY, CheckState.SKIPPED, "not given"))
            return
        if says is Says.DATA_IMPORT_REFUSED:
            self._failed(
                CheckId.DATA_IMPORT_KEY, self._refused(answer), data_import_key, answer, Cause.DATA_IMPORT_REFUSED
            )
            self._tell(Check(CheckId.PARTNER_ENABLED, CheckState.SKIPPED, after))
            return
        self._tell(Check(CheckId.DATA_IMPORT_KEY, CheckState.OK, "accepted", data_import_key.describe(), ms))
        if says is Says.NOT_ENABLED:
            detail = "Braze says that the partner is not enabled for this workspace"
            self._tell(Check(CheckId.PARTNER_ENABLED, CheckState.FAILED, detail, "", ms, Cause.NOT_ENABLED))
        else:
            self._tell(Check(CheckId.PARTNER_ENABLED, CheckState.OK, "for this workspace", "", ms))

    def _refused(self, answer: Answer) -> str:
        return f"refused, {answer.status}, by {self._place}"

    async def rest(self, key: Secret | None) -> None:
        """Every permission on its own; the first that is not 401 says that the key is right."""
        if key is None:
            self._tell(Check(CheckId.REST_KEY, CheckState.SKIPPED, "not given"))
            return
        accepted = False
        outcomes: list[Answer | Check] = []

        async def ask(permission: str) -> None:
            nonlocal accepted
            answer = await self._send(permission_call(permission, key))
            outcomes.append(answer)
            if isinstance(answer, Check):
                told = f"open: {answer.detail}"
                self._tell(Check(permission, CheckState.WARNING, told, cause=Cause.UNCLEAR))
                return
            says = rest_says(answer)
            if says in (Says.ACCEPTED, Says.DENIED) and not accepted:
                accepted = True
                self._tell(Check(CheckId.REST_KEY, CheckState.OK, "accepted", key.describe(), answer.latency_ms))
            if says is not Says.REFUSED:
                self._tell(_permission(permission, says, answer))

        async with asyncio.TaskGroup() as tasks:
            for permission in FEATURES:
                tasks.create_task(ask(permission), name=permission)
        if accepted:
            return
        answer = next((outcome for outcome in outcomes if isinstance(outcome, Answer)), None)
        if answer is None:
            unanswered = next(outcome for outcome in outcomes if isinstance(outcome, Check))
            told = f"open: {unanswered.detail}"
            self._tell(Check(CheckId.REST_KEY, CheckState.WARNING, told, key.describe(), cause=unanswered.cause))
            for permission in FEATURES:
                self._tell(Check(permission, CheckState.SKIPPED, "after the key"))
        elif any(isinstance(outcome, Answer) and rest_says(outcome) is Says.WAIT for outcome in outcomes):
            self._tell(Check(CheckId.REST_KEY, CheckState.WARNING, _unusual(answer), key.describe(), cause=Cause.WAIT))
        elif rest_says(answer) is Says.REFUSED:
            self._failed(CheckId.REST_KEY, self._refused(answer), key, answer, Cause.REST_REFUSED)
            for permission in FEATURES:
                self._tell(Check(permission, CheckState.SKIPPED, "after the key"))
        else:
            cause = Cause.UNCLEAR if answer.status >= 500 else Cause.NOT_BRAZE
            self._failed(CheckId.REST_KEY, _unusual(answer), key, answer, cause)


def _permission(permission: str, says: Says, answer: Answer) -> Check:
    ms = answer.latency_ms
    match says:
        case Says.ACCEPTED:
            return Check(permission, CheckState.OK, "allowed", "", ms)
        case Says.DENIED:
            told = f"not allowed, 403; off without it: {FEATURES[permission]}"
            return Check(permission, CheckState.FAILED, told, "", ms, Cause.PERMISSION)
        case _:
            cause = Cause.WAIT if says is Says.WAIT else Cause.UNCLEAR
            return Check(permission, CheckState.WARNING, _unusual(answer), "", ms, cause)


def _unusual(answer: Answer) -> str:
    if answer.is_html:
        return f"{answer.status} and a page for people, which is not Braze's API"
    if 300 <= answer.status < 400:
        return f"{answer.status}, a redirect, which Braze's API never sends"
    return f"{answer.status}: {message(answer) or 'no words'}"[:160]
