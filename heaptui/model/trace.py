"""Why a person is or is not in a Braze segment: facts in, one plain sentence and what to do out. Pure."""

from __future__ import annotations

import time
from enum import StrEnum

from msgspec import Struct

from heaptui.model.belief import Direction
from heaptui.model.cohorts import CohortState
from heaptui.model.identifiers import Identifier, Kind
from heaptui.model.runs import BatchState
from heaptui.model.words import counted

MINUTES_LATER = 5 * 60.0
"""Seconds after an acceptance before membership can be judged (Braze docs: API limits, dependent calls)."""


class Answer(StrEnum):
    """What became of a person in one cohort."""

    NEVER_ARRIVED = "never_arrived"
    LEFT = "left"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    UNKNOWN_TO_BRAZE = "unknown_to_braze"
    ACCEPTED_TOO_EARLY = "accepted_too_early"
    WRONG_KIND = "wrong_kind"
    IN_NO_SEGMENT = "in_no_segment"
    JUST_ACCEPTED = "just_accepted"
    UNDONE = "undone"
    WAITING = "waiting"
    FINE = "fine"


class Carried(Struct, frozen=True):
    """A batch that had the person in it. Times are seconds since the epoch."""

    run_id: int
    batch_id: int
    direction: Direction
    state: BatchState
    sent_at: float | None
    answered_at: float | None
    status: int | None
    origin: str
    words: str = ""

    @property
    def accepted(self) -> bool:
        """Whether Braze said yes."""
        return self.state is BatchState.SUBMITTED


class Arrival(Struct, frozen=True):
    """How somebody came into the cohort, or left it; `joined` None: was in it by then, since when is not known."""

    at: float
    text: str
    joined: bool | None = True


class ReadBack(Struct, frozen=True):
    """The last comparison with the Braze segment."""

    at: float
    segment: str
    inside: bool


class CohortFacts(Struct, frozen=True):
    """What the ledger knows of one identifier in one cohort."""

    cohort_id: str
    name: str
    identifier: Identifier
    state: CohortState
    member: bool
    was_member: bool
    delivered: bool
    refused: str | None = None
    """Braze's words, when it refused this identifier; empty when they are not kept."""
    doubtful_since: float | None = None
    carried: tuple[Carried, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    read_back: ReadBack | None = None
    segments: tuple[str, ...] | None = None
    """Braze segments that name the cohort; None when nobody has looked."""


class InBraze(Struct, frozen=True):
    """What a look-up found. `as_kind` is another kind of identifier under which the same text is known."""

    exists: bool
    created_at: float | None = None
    as_kind: str = ""
    other_id: str = ""


class Verdict(Struct, frozen=True):
    """The answer for one cohort: a sentence, and what to do."""

    answer: Answer
    sentence: str
    do: str
    facts: CohortFacts | None = None


class _Case(Struct, frozen=True):
    """What one answer is made from."""

    facts: CohortFacts
    braze: InBraze | None
    now: float
    profile: str

    @property
    def name(self) -> str:
        return f"“{self.facts.name}”"

    @property
    def tail(self) -> str:
        return self.facts.cohort_id.rsplit("-", 1)[-1]

    def last(self, direction: Direction) -> Carried | None:
        """The last accepted batch of one direction."""
        mine = [one for one in self.facts.carried if one.direction is direction and one.accepted]
        return mine[-1] if mine else None

    def says(self, answer: Answer, sentence: str, do: str) -> Verdict:
        return Verdict(answer, sentence, do, self.facts)


def judge(facts: CohortFacts, braze: InBraze | None, *, now: float, profile: str = "") -> Verdict:
    """Why somebody is or is not in the Braze segments of one cohort. `braze` None: nobody has asked Braze."""
    case = _Case(facts, braze, now, profile)
    name, tail, verdict = case.name, case.tail, case.says
    joined, left = case.last(Direction.ADD), case.last(Direction.REMOVE)
    last = max((one for one in (joined, left) if one), key=lambda one: one.batch_id, default=None)
    if last is not None and last.direction is Direction.REMOVE and last.origin == "undo" and not facts.delivered:
        hold = " The cohort is on hold." if facts.state is CohortState.ON_HOLD else ""
        return verdict(
            Answer.UNDONE,
            f"They were taken out of {name} by an undo, run {last.run_id}, {day(last.answered_at)}.{hold}",
            f"To bring them back: heaptui cohort release {tail}, then heaptui sync {tail}",
        )
    if facts.refused is not None:
        told = f" in these words: {facts.refused}" if facts.refused else ""
        return verdict(
            Answer.REFUSED,
            f"Braze refused this id for {name}{told}.",
            "Mend the id in its source; to offer it again as it is: heaptui run retry"
            f" {facts.carried[-1].run_id if facts.carried else 'RUN'}",
        )
    if facts.doubtful_since is not None:
        status = next((one.status for one in reversed(facts.carried) if one.state is BatchState.IN_DOUBT), None)
        came = f"Braze answered {status}" if status else "no answer came"
        return verdict(
            Answer.IN_DOUBT,
            f"A request with them for {name} left at {day(facts.doubtful_since)} and {came}: whether they are"
            f" {'in' if facts.member else 'out'} is not known.",
            f"The next sync settles it: heaptui sync {tail}",
        )
    if not facts.member:
        return _not_a_member(case)
    if not facts.delivered:
        return _waiting(case)
    return _accepted(case)


def _not_a_member(case: _Case) -> Verdict:
    facts, name, tail, verdict, left = case.facts, case.name, case.tail, case.says, case.last(Direction.REMOVE)
    when = next((arrival for arrival in reversed(facts.arrivals) if arrival.joined is False), None)
    how = f" with {when.text}, {day(when.at)}" if when else ""
    if facts.delivered:
        return verdict(
            Answer.LEFT,
            f"They left {name}{how}, and Braze has not been told yet.",
            f"The next sync takes them out: heaptui sync {tail}",
        )
    if left is not None or facts.was_member:
        told = f"; Braze took them out in run {left.run_id}, {day(left.answered_at)}" if left else ""
        return verdict(
            Answer.LEFT,
            f"They were in {name} and left it{how}{told}.",
            "Nothing is broken. If they should be in it, look in the segment in Heap.",
        )
    return verdict(Answer.NEVER_ARRIVED, f"They never arrived in {name}.", _LOOK_IN_HEAP)


_LOOK_IN_HEAP = (
    "Look in Heap whether they are in the segment and have a value in the property that is sent, then import again."
)


def _waiting(case: _Case) -> Verdict:
    facts, name, tail, verdict = case.facts, case.name, case.tail, case.says
    why, do = {
        CohortState.ON_HOLD: ("the cohort is on hold", f"heaptui cohort release {tail}, then heaptui sync {tail}"),
        CohortState.HELD: ("an unusually large change is held", f"Look first, then: heaptui sync {tail} --yes-really"),
    }.get(facts.state, ("the cohort was not synced since", f"heaptui sync {tail}"))
    return verdict(Answer.WAITING, f"They are in {name} and wait to be sent: {why}.", do)


def _accepted(case: _Case) -> Verdict:
    facts, braze, name, tail, verdict = case.facts, case.braze, case.name, case.tail, case.says
    joined, now, profile = case.last(Direction.ADD), case.now, case.profile
    by = f"run {joined.run_id}, {day(joined.answered_at)}" if joined else "an earlier run"
    accepted_at = joined.answered_at if joined else None
    kind = facts.identifier.space
    if braze is not None and not braze.exists:
        if braze.as_kind:
            real = f"; its external_id is {braze.other_id}" if braze.other_id else ""
            return verdict(
                Answer.WRONG_KIND,
                f"Braze accepted this as {kind} for {name}, but knows it as {braze.as_kind}{real}: without effect.",
                f"Import the column with Braze's {kind}: heaptui cohort import FILE --into {tail} --id-column COLUMN",
            )
        return verdict(
            Answer.UNKNOWN_TO_BRAZE,
            f"Braze accepted them for {name} in {by}, but knows nobody with this {kind}: it never creates people.",
            "Whoever sends people to Braze must create them; then heaptui sync --full sends them again. Case, blanks"
            " and lost zeros at the start make another id.",
        )
    if braze is not None and braze.created_at and accepted_at and accepted_at < braze.created_at:
        return verdict(
            Answer.ACCEPTED_TOO_EARLY,
            f"Braze accepted them for {name} in {by}, but met them only on {day(braze.created_at)}: it had no effect.",
            f'Send everybody again: heaptui sync {tail} --full. By itself: resend_unproven = "7d" in the profile'
            f"{f' {profile}' if profile else ''}.",
        )
    if accepted_at is not None and now - accepted_at < MINUTES_LATER:
        return verdict(
            Answer.JUST_ACCEPTED,
            f"Braze accepted them for {name} {max(1, round((now - accepted_at) / 60))} min ago ({by}), and may still"
            " work on it.",
            "Look again in five minutes.",
        )
    if facts.segments == ():
        return verdict(
            Answer.IN_NO_SEGMENT,
            f"They are in {name} and Braze accepted them in {by}, but no Braze segment uses this cohort.",
            "In Braze: Audience › Segments › Create Segment › filter Heap Cohorts › includes › the cohort's name.",
        )
    return _fine(case, by)


def _fine(case: _Case, by: str) -> Verdict:
    facts, braze, name, tail, verdict = case.facts, case.braze, case.name, case.tail, case.says
    seen = facts.read_back
    known = "they exist in Braze" if braze is not None else "whether they exist in Braze was not asked"
    if seen is not None and seen.inside:
        told = f", and were seen in the Braze segment “{seen.segment}”, {day(seen.at)}"
    elif seen is not None:
        told = f", but were not in the Braze segment “{seen.segment}” when it was read, {day(seen.at)}"
    else:
        told = ""
    if seen is not None and not seen.inside:
        do = f"Read it again: heaptui compare {tail}. If they are still missing, a repair there sends them again."
    else:
        do = "Nothing is broken here. If a segment leaves them out, one of its other filters does."
    return verdict(Answer.FINE, f"They are in {name} and Braze accepted them in {by}; {known}{told}.", do)


_LEAST_WELL_FIRST = (
    Answer.REFUSED,
    Answer.WRONG_KIND,
    Answer.UNKNOWN_TO_BRAZE,
    Answer.ACCEPTED_TOO_EARLY,
    Answer.UNDONE,
    Answer.IN_DOUBT,
    Answer.IN_NO_SEGMENT,
    Answer.JUST_ACCEPTED,
    Answer.WAITING,
    Answer.FINE,
    Answer.LEFT,
    Answer.NEVER_ARRIVED,
)


def overall(verdicts: list[Verdict]) -> Verdict:
    """The answer that comes first: what is least well, or that nobody of this name ever arrived."""
    if not verdicts:
        return Verdict(
            Answer.NEVER_ARRIVED,
            "They never arrived: no cohort, page, file or request ever held this id.",
            _LOOK_IN_HEAP,
        )
    return min(verdicts, key=lambda verdict: _LEAST_WELL_FIRST.index(verdict.answer))


_CAME = {True: "entered", False: "left", None: "found"}


def steps(facts: CohortFacts) -> list[tuple[float, str]]:
    """Everything that happened to one person in one cohort, oldest first."""
    made = [(arrival.at, f"{_CAME[arrival.joined]}: {arrival.text}") for arrival in facts.arrivals]
    words = {Direction.ADD: "join", Direction.REMOVE: "leave"}
    halved = 0
    for one in facts.carried:
        if one.state is BatchState.SPLIT:
            halved += 1
            continue
        what = f"{words[one.direction]} sent: run {one.run_id}, batch {one.batch_id}"
        answer = {
            BatchState.SUBMITTED: f"answer {one.status}",
            BatchState.REJECTED: f"refused: {one.words}" if one.words else "refused",
            BatchState.IN_DOUBT: f"{f'answer {one.status}' if one.status else 'no answer'}: in doubt",
            BatchState.SKIPPED: "not sent any more",
            BatchState.PLANNED: "planned",
            BatchState.IN_FLIGHT: "on its way",
        }[one.state]
        found = f" (found by halving {counted(halved, 'request')})" if halved else ""
        halved = 0
        made.append((one.sent_at or one.answered_at or 0.0, f"{what}, {answer}{found}"))
    if facts.read_back:
        seen = "seen in" if facts.read_back.inside else "not in"
        made.append((facts.read_back.at, f"{seen} the Braze segment “{facts.read_back.segment}” (compare)"))
    return sorted(made)


def looks_private(text: str) -> str:
    """Which private identifier a text is, `email` or `phone`; empty for anything else."""
    if "@" in text[1:-1] and " " not in text:
        return Kind.EMAIL.value
    digits = text.removeprefix("+").replace(" ", "").replace("-", "")
    return "phone" if text.startswith("+") and digits.isdecimal() and 7 <= len(digits) <= 15 else ""


def day(at: float | None) -> str:
    """Local date and time."""
    return time.strftime("%-d %b %H:%M", time.localtime(at)) if at else "at an unknown time"
