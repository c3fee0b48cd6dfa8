"""Why a run ended as it did: what happened, what changed since the last good run, who mends it, and how. Pure."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from msgspec import Struct

from heaptui.model.commands import filled, giving
from heaptui.model.lexicon import Entry, Recognised, entry_of, for_reason, recognise
from heaptui.model.profile import Profile
from heaptui.model.routes import ATTRIBUTE
from heaptui.model.runs import DeliveryProgress, DeliveryState, Reason
from heaptui.model.secret import KEY_WORDS
from heaptui.model.since import RunFacts, since_run
from heaptui.model.words import counted, headcount, span


class Deciding(Struct, frozen=True):
    """The exchange that ended a delivery. `status` None: no answer, and `words` say how. Latency in milliseconds."""

    exchange_id: int
    what: str
    path: str
    status: int | None
    words: str
    html: bool
    at: float
    latency_ms: float | None
    before: int
    """Exchanges of the run before it."""


class Successor(Struct, frozen=True):
    """The later run that took over what a run left."""

    run_id: int
    state: DeliveryState

    @property
    def failed(self) -> bool:
        """Whether it ended without having done so."""
        return self.state.closed and self.state not in (
            DeliveryState.FINISHED,
            DeliveryState.FINISHED_WITH_REJECTIONS,
        )

    def __str__(self) -> str:
        if self.failed:
            return f"run {self.run_id} took them over and ended {self.state.word}, too"
        return f"run {self.run_id} {'took them over' if self.state.closed else 'is sending them'}"


class Explanation(Struct, frozen=True):
    """One failure of a run in words. Each part is a line or a few; empty parts are left out by whoever shows it."""

    cohorts: tuple[str, ...]
    reason: str
    short: str
    code: str
    headline: str
    kept: str
    told: str = ""
    meaning: str = ""
    sure: bool = False
    by_answer: bool = False
    """Whether an answer of the other side tells it, and not only what heaptui did."""
    causes: tuple[str, ...] = ()
    since: str = ""
    so: str = ""
    ruled_out: tuple[str, ...] = ()
    who: str = ""
    how: str = ""
    commands: tuple[str, ...] = ()
    later: Successor | None = None
    """The later run that took over what this one left."""
    command_user: str = ""
    exchange_id: int | None = None

    @property
    def taken_over_by(self) -> int | None:
        """The later run after which nothing is left to do here; None while there is."""
        return self.later.run_id if self.later and not self.later.failed else None


def explain(
    facts: RunFacts,
    good: RunFacts | None,
    deliveries: Sequence[DeliveryProgress],
    deciding: Deciding | None,
    *,
    profile: Profile,
    bound: Collection[str] = (),
    later: Successor | None = None,
) -> Explanation | None:
    """Explain deliveries that ended for one reason; None when they simply finished.

    `bound` are the keys of which another one is asked whether it leads to the same workspace. With a `later` run
    that took over what was left, there is nothing more to do here; where that one failed, too, it is to be continued.
    """
    first, cohort_ids = deliveries[0], [delivery.cohort_id for delivery in deliveries]
    if not first.reason and not first.rejected:
        return None
    found = _recognised(first, deciding)
    entry, exchange = found.entry, deciding if _tells(first.reason) else None
    answered = exchange is not None and exchange.status is not None
    since, changed = since_run(facts, good, cohort_ids)
    causes = _causes(entry, facts, good, changed, cohort_ids)
    over = later is not None and not later.failed
    return Explanation(
        cohorts=tuple(delivery.name for delivery in deliveries),
        reason=first.reason.value or "refused_ids",
        short=entry.short,
        code=entry.code,
        headline=_headline(first, deliveries, entry, exchange),
        kept=_kept(deliveries, later) + _still_there(facts, cohort_ids),
        told=first.detail if first.reason is not Reason.CANCELLED else "",
        meaning=entry.meaning,
        sure=found.sure,
        by_answer=answered,
        causes=causes,
        # Without an exchange, only a difference may have to do with it.
        since=since if exchange or changed else "",
        so=_so(first.reason, entry, good, changed, causes, answered=answered),
        ruled_out=_ruled_out(facts, good, changed, exchange) if exchange else (),
        who="" if over else _who(entry, facts, good),
        how="" if over else entry.how,
        commands=() if over else tuple(_commands(entry, first, facts, profile, bound, later=later)),
        later=later,
        command_user=facts.by,
        exchange_id=deciding.exchange_id if deciding else None,
    )


_BY_ANSWER = {
    Reason.CREDENTIALS,
    Reason.PARTNER_KEY,
    Reason.DATA_IMPORT_KEY,
    Reason.REST_KEY,
    Reason.REST_PERMISSION,
    Reason.FORBIDDEN,
    Reason.NOT_FOUND,
    Reason.NOT_BRAZE,
    Reason.NAME_REFUSED,
    Reason.REQUEST_REFUSED,
    Reason.NO_ANSWER,
    Reason.BRAZE_FAILED,
    Reason.UNREACHABLE,
    Reason.LOCKED,
    Reason.WAIT_TOO_LONG,
    Reason.TOO_MANY_REFUSALS,
}
"""Reasons that an exchange tells more about."""


_TOLD_BY_REASON = {
    Reason.TOO_MANY_REFUSALS,
    Reason.NAME_REFUSED,
    Reason.WAIT_TOO_LONG,
    Reason.REST_PERMISSION,
}
"""Reasons that say more than the answer does."""


def _tells(reason: Reason) -> bool:
    return reason in _BY_ANSWER


def _recognised(delivery: DeliveryProgress, deciding: Deciding | None) -> Recognised:
    """The entry: the answer's own words first, then the reason."""
    if not delivery.reason:
        return Recognised(entry_of("braze.400.bad_ids"), sure=True)
    by_reason = for_reason(delivery.reason)
    assert by_reason is not None
    if deciding is None or delivery.reason in _TOLD_BY_REASON or not _tells(delivery.reason):
        return Recognised(by_reason, sure=True)
    return recognise(deciding.status, deciding.words, deciding.path, html=deciding.html) or Recognised(
        by_reason, sure=True
    )


def _headline(
    first: DeliveryProgress, deliveries: Sequence[DeliveryProgress], entry: Entry, deciding: Deciding | None
) -> str:
    if not first.reason:
        refused = counted(sum(delivery.rejected for delivery in deliveries), "id")
        accepted = any(delivery.submitted for delivery in deliveries)
        return f"Braze refused {refused}{'; the others were accepted' if accepted else ''}."
    head = entry.title
    if first.reason is Reason.CANCELLED and first.detail:
        head = first.detail.rstrip(".")
    if deciding is not None:
        status = f" ({deciding.status})" if deciding.status else ""
        where = f"on request {deciding.before + 1:,}" if deciding.before else "on the first request"
        return f"{head}{status}, {where}, {_clock(deciding.at)}."
    return f"{head}." if first.ended_at is None else f"{head}, {_clock(first.ended_at)}."


def _kept(deliveries: Sequence[DeliveryProgress], later: Successor | None) -> str:
    accepted = sum(delivery.submitted for delivery in deliveries)
    waiting = sum(delivery.skipped + delivery.in_doubt for delivery in deliveries)
    in_doubt = sum(delivery.in_doubt for delivery in deliveries)
    sent = f"Braze accepted {counted(accepted, 'change')} until then." if accepted else "Nothing was accepted."
    if not waiting:
        return "Nothing waits." if not accepted else f"{counted(accepted, 'change')} accepted. Nothing waits."
    if later:
        return f"{sent} {counted(waiting, 'change')} kept then; {later}."
    if all(delivery.state is DeliveryState.HELD for delivery in deliveries):
        until = "lets them through" if deliveries[0].reason is Reason.LARGE_CHANGE else "has decided"
        return f"{sent} {counted(waiting, 'change')} kept; nothing is sent until somebody {until}."
    part = "all" if in_doubt == waiting else f"{in_doubt:,}"
    doubt = f"; {part} of them in doubt: whether Braze took them is not known" if in_doubt else ""
    return f"{sent} {counted(waiting, 'change')} kept for the next run{doubt}."


def _still_there(facts: RunFacts, cohort_ids: Sequence[str]) -> str:
    """Where the people stand whom Braze refused to take out."""
    leaves = sum(facts.refused_leaves.get(cohort_id, 0) for cohort_id in cohort_ids)
    if not leaves:
        return ""
    people = f"{headcount(leaves)} who should leave {'is' if leaves == 1 else 'are'}"
    where = "marked by the attribute" if facts.route == ATTRIBUTE else "in the cohort"
    return f" {people} still {where} in Braze."


_KEY_OF = {
    "braze.401.partner_key": "partner_api_key",
    "braze.401.data_import_key": "data_import_key",
    "braze.401.rest_key": "rest_api_key",
    "braze.403.permission": "rest_api_key",
    "heaptui.rest_permission": "rest_api_key",
}


_BOTH_KEYS = ("partner_api_key", "data_import_key")


def _same_keys(entry: Entry, facts: RunFacts, good: RunFacts | None) -> bool:
    """Whether Braze once took the very key that it refuses, or both where it does not say which."""
    if good is None or ".401." not in entry.code:
        return False
    keys = [_KEY_OF[entry.code]] if entry.code in _KEY_OF else _BOTH_KEYS
    return all(name in good.keys and facts.keys.get(name) == good.keys[name] for name in keys)


def _who(entry: Entry, facts: RunFacts, good: RunFacts | None) -> str:
    """Who mends it; of a key that Braze never took first whoever entered it here."""
    if entry.code not in _KEY_OF or ".401." not in entry.code or _same_keys(entry, facts, good):
        return entry.who
    return f"You, or whoever entered the key here: enter it again, as Braze has it. If it is right: {entry.who}"


def _so(
    reason: Reason,
    entry: Entry,
    good: RunFacts | None,
    changed: set[str],
    causes: Sequence[str],
    *,
    answered: bool,
) -> str:
    """The conclusion, where the comparison allows one."""
    if good is None:
        return ""
    run, when = good.run_id, _day(good.ended_at or good.started_at)
    key = _KEY_OF.get(entry.code, "")
    words, cause = KEY_WORDS.get(key, ""), next(iter(causes), "")
    about_people = reason in (Reason.LARGE_CHANGE, Reason.TOO_MANY_REFUSALS, Reason.NONE)
    rules = (
        (about_people and "column" in changed, f"the ids come from another column than in run {run}: look there"),
        (about_people and {"kind", "label"} & changed, f"the ids are of another kind than in run {run}: look there"),
        (about_people and "file" in changed, f"the people come from another file than in run {run}: look at it first"),
        (about_people, ""),
        ("endpoint" in changed, f"the endpoint was changed after run {run}: that is the likely cause"),
        ("partner" in changed, f"partner_name was changed after run {run}: that is the likely cause"),
        (key in changed, f"the {words} was replaced here after run {run}: most likely {cause}"),
        (
            ".401." in entry.code and key in good.keys,
            f"the {words} is the same: most likely {cause} after {when}",
        ),
        (entry.code == "braze.401.not_enabled", f"the partner was switched off in Braze after {when}"),
        (
            entry.code == "braze.not_braze",
            f"something between here and Braze changed after {when}: a proxy, a VPN or a firewall",
        ),
        (
            reason in _OUTSIDE and not changed,
            f"nothing changed on this side: it is Braze{'' if answered else ' or the network'}",
        ),
    )
    return next((text for holds, text in rules if holds), "")


_OUTSIDE = {Reason.NO_ANSWER, Reason.BRAZE_FAILED, Reason.UNREACHABLE, Reason.LOCKED, Reason.WAIT_TOO_LONG}


_OF_ANOTHER_KEY = ("mistyped", "another workspace", "another partner", "other region", "entered instead")
"""Words of the causes that are none where Braze once took the same key."""


def _causes(
    entry: Entry, facts: RunFacts, good: RunFacts | None, changed: set[str], cohort_ids: Sequence[str]
) -> tuple[str, ...]:
    """The likely causes, without what cannot be: an endpoint that is as before, or a file or Heap that gave nobody."""
    cannot_be = ["endpoint"] if good is not None and "endpoint" not in changed else []
    if _same_keys(entry, facts, good):
        cannot_be += _OF_ANOTHER_KEY
    files = any(facts.mapping.get(cohort_id, {}).get("file") for cohort_id in cohort_ids)
    if not files and all("-seg-" in cohort_id for cohort_id in cohort_ids):
        cannot_be.append("of the file")
    if all("-file-" in cohort_id for cohort_id in cohort_ids):
        cannot_be.append("in Heap")
    return tuple(cause for cause in entry.causes if not any(word in cause for word in cannot_be))


def _ruled_out(facts: RunFacts, good: RunFacts | None, changed: set[str], deciding: Deciding | None) -> tuple[str, ...]:
    """What nobody needs to check again."""
    lines = []
    if deciding is not None and deciding.status and not deciding.html and deciding.latency_ms is not None:
        lines.append(f"the network (an answer came in {deciding.latency_ms:.0f} ms)")
    if good is not None and "endpoint" not in changed:
        lines.append(f"the cluster (run {good.run_id} used it)")
    if facts.clock_off is not None and "clock" not in changed:
        lines.append(f"the clock (right within {span(abs(facts.clock_off))})")
    if good is not None and "version" not in changed:
        lines.append(f"heaptui (run {good.run_id} used the same version)")
    return tuple(lines)


def _commands(
    entry: Entry,
    first: DeliveryProgress,
    facts: RunFacts,
    profile: Profile,
    bound: Collection[str],
    *,
    later: Successor | None,
) -> list[str]:
    """What to do, in order: what mends it, then how the run goes on."""
    run_id = later.run_id if later else facts.run_id
    made = [filled(command, profile, run_id=run_id, cohort_id=first.cohort_id) for command in entry.commands]
    key = _KEY_OF.get(entry.code, "")
    if not entry.command.endswith(f" {key}"):
        return made
    cure = [giving(profile, [key], origin=facts.told_keys.get(key, "").split(",")[0])]
    if key in bound and not profile.from_environment:
        stays = "--same-workspace"
        cure = [f"{cure[0]} {stays}"] if cure[0].endswith(key) else [*cure, giving(profile, [stays])]
    return [*cure, *made[1:]]


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def _day(at: float) -> str:
    return time.strftime("%-d %b %H:%M", time.localtime(at))
