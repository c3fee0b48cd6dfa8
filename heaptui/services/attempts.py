"""Attempts of one request until there is a definite answer, paced by what the other side says."""

from __future__ import annotations

import time
from collections import Counter
from typing import Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from heaptui.clients.braze import Verdict, limit_left, message, reason, verdict, wait_seconds
from heaptui.clients.http import Answer, Http, NoAnswer, NotSent, Request
from heaptui.model.runs import DeliveryProgress, DeliveryState, Reason, RunProgress, Wait
from heaptui.model.words import counted, span
from heaptui.services.pacing import Gate, Pace, Quota, Slots, Stopped

OWN_BACKOFF = "our own back-off"
BRAZE_SAYS = "the time Braze named"
TOLD_FROM = 1.0
"""Seconds from which the wait for another try is part of the story."""


class Book(Protocol):
    """What is written down about the attempts of one request."""

    async def sent(self) -> int:
        """Before an attempt leaves; returns the requests of this clock hour."""

    async def turned_away(self, status: int) -> None:
        """The attempt had no effect."""

    async def unanswered(self, status: int | None, trouble: str) -> None:
        """The attempt may have had its effect, or may still have it; `trouble` says what went wrong."""


class Attempts(Struct):
    """Sends requests of one delivery."""

    http: Http
    gate: Gate
    slots: Slots
    pace: Pace
    progress: DeliveryProgress
    run: RunProgress
    quota: Quota | None = None
    """What this route leaves of a limit that others share."""
    _failures: Counter[int] = field(default_factory=Counter)
    """Attempts whose effect is not known, by the status that came; 0 for no answer."""
    _waits: list[Wait] = field(default_factory=list)

    async def until_answered(self, request: Request, book: Book) -> Answer | None:
        """Try until Braze accepts or refuses. None when the attempts ran out without a definite answer.

        Raises:
            Stopped: the gate closed, here or elsewhere.
        """
        attempt = limited = 0
        tries = 1
        waited = 0.0
        while True:
            request = replace(request, label=replace(request.label, attempt=tries))
            tries += 1
            answer, trouble = await self._once(request, book)
            outcome = verdict(answer) if answer else Verdict.DOUBTFUL
            if answer and outcome in (Verdict.ACCEPTED, Verdict.REFUSED):
                if outcome is Verdict.ACCEPTED:
                    self.slots.clean()
                    self.gate.unlimited()
                return answer
            if answer and outcome in (Verdict.CREDENTIALS, Verdict.WRONG_PLACE):
                self._break(answer, rest=request.bearer is not None)
                raise Stopped
            if answer is None or outcome is Verdict.DOUBTFUL:
                self._failures[answer.status if answer else 0] += 1
                self._slower(f"{answer.status} from Braze" if answer else _in_short(trouble))
            if outcome is Verdict.RATE_LIMITED:
                limited += 1
            else:
                attempt += 1
            seconds, source = self._pause(answer, outcome, attempt, limited)
            waited = self.gate.limited_for() if outcome is Verdict.RATE_LIMITED else waited
            if source is OWN_BACKOFF and outcome is Verdict.RATE_LIMITED and waited < self.pace.longest_wait:
                seconds = min(seconds, self.pace.longest_wait - waited)
            waited += seconds
            if attempt >= self.pace.attempts or waited > self.pace.longest_wait:
                self._give_up(outcome, trouble, seconds, source)
                return None
            why = _why(answer, outcome, source, trouble)
            await self._wait(outcome, why, seconds, source, f"try {attempt + 1} of {self.pace.attempts}")
            self.progress.retries += _carries_people(request)

    async def _once(self, request: Request, book: Book) -> tuple[Answer | None, str]:
        """One attempt: its answer, or what went wrong; journalled either way before the slot is free again."""
        await self.gate.passed()
        if self.quota and (seconds := self.quota.take(time.monotonic())) > 0:
            await self.gate.sleep(seconds)
        async with self.slots.one():
            # Once more: it may have closed while this waited for a slot.
            await self.gate.passed()
            self.run.requests_this_hour = await book.sent()
            self.progress.requests += _carries_people(request)
            try:
                answer = await self.http.send(request)
            except NotSent as error:
                await book.turned_away(0)
                return None, str(error)
            except NoAnswer as error:
                await book.unanswered(None, error.title)
                return None, error.title
            self.run.latencies.append(answer.latency_ms)
            self._note_limit(answer)
            outcome = verdict(answer)
            if outcome is Verdict.DOUBTFUL:
                await book.unanswered(answer.status, f"{answer.status} from Braze")
            elif outcome not in (Verdict.ACCEPTED, Verdict.REFUSED):
                await book.turned_away(answer.status)
            return answer, ""

    def _break(self, answer: Answer, *, rest: bool) -> None:
        """Nobody's keys work, or this is not Braze: nothing more leaves in this run."""
        why = reason(answer, rest=rest)
        if not self.gate.stopped:
            self.run.tell(time.time(), f"{answer.status} from Braze: nothing more is sent")
        self.gate.stop_all(why, f"{answer.status}: {message(answer)}")

    def _slower(self, trouble: str) -> None:
        if fewer := self._fewer():
            self.run.tell(time.time(), f"{self.progress.name}: {fewer}, after {trouble}")

    def _fewer(self) -> str:
        """Halve how many requests are on their way together, and say so; empty where it is one already."""
        before = self.slots.limit
        return f"{counted(self.slots.limit, 'request')} at a time instead of {before}" if self.slots.halve() else ""

    def _note_limit(self, answer: Answer) -> None:
        left = limit_left(answer)
        if left is not None:
            seconds = wait_seconds(answer)
            self.run.limit_left, self.run.limit_reset = left, None if seconds is None else answer.at + seconds

    def _pause(self, answer: Answer | None, outcome: Verdict, attempt: int, limited: int) -> tuple[float, str]:
        """How long to wait before the next attempt (seconds), and who says so."""
        if answer is None or outcome is not Verdict.RATE_LIMITED:
            return self.pace.backoff(max(attempt, 1)), OWN_BACKOFF
        asked = wait_seconds(answer)
        if asked is None:
            return self.pace.backoff(limited), OWN_BACKOFF
        # Jitter, so that everything that waits does not come back at one instant; more of it when the named time
        # was not enough.
        return asked + self.pace.backoff(limited - 1), BRAZE_SAYS

    def trouble(self) -> tuple[Reason, str]:
        """Why requests are left without a definite answer, and what came instead."""
        told = []
        for status, count in self._failures.most_common():
            times = counted(count, "time")
            told.append(f"Braze answered {status} {times}" if status else f"no answer came {times}")
        failed = bool(self._failures) and self._failures.most_common(1)[0][0] >= 500
        return Reason.BRAZE_FAILED if failed else Reason.NO_ANSWER, _sentence("; ".join(told))

    def _give_up(self, outcome: Verdict, trouble: str, seconds: float, source: str) -> None:
        if outcome is Verdict.RATE_LIMITED:
            told = f"Braze asked to wait {span(seconds)} more (429)."
            if source is OWN_BACKOFF:
                told = f"Braze answered 429 for {span(self.pace.longest_wait)} and named no time."
            self.gate.stop_all(Reason.WAIT_TOO_LONG, told)
            raise Stopped
        if outcome is Verdict.LOCKED:
            self.gate.stop(Reason.LOCKED, "Braze kept this cohort locked (423).")
            raise Stopped
        if "cannot be reached" in trouble:
            self.gate.stop(Reason.UNREACHABLE, trouble)
            raise Stopped

    async def _wait(self, outcome: Verdict, why: str, seconds: float, source: str, next_try: str) -> None:
        now = time.time()
        wait = Wait(now + seconds, why, source)
        if outcome is Verdict.RATE_LIMITED:
            news = self.gate.hold(wait)
            until = time.strftime("%H:%M:%S", time.localtime(wait.until))
            waiting = f"{why}: waiting {span(seconds)} until {until}, {source}"
            self.run.tell(now, "; ".join(filter(None, (waiting, self._fewer()))), important=news)
        elif outcome is Verdict.LOCKED and self.slots.only_one():
            self.run.tell(now, f"{why}: one request at a time from now on")
        elif outcome is not Verdict.LOCKED:
            told = f"{self.progress.name}: {why}; {next_try} in {span(seconds)}"
            self.run.tell(now, told, important=seconds >= TOLD_FROM)
        self._waits.append(wait)
        self._show_wait()
        try:
            await self.gate.sleep(seconds)
        finally:
            self._waits.remove(wait)
            self._show_wait()

    def _show_wait(self) -> None:
        """What the next request waits for: Braze's limit, which holds all of them, or the shortest wait of its own."""
        soonest = min(self._waits, key=lambda wait: wait.until, default=None)
        self.progress.wait = soonest and (self.gate.holding(time.time()) or soonest)
        self.progress.state = DeliveryState.WAITING if self._waits else DeliveryState.RUNNING


def _why(answer: Answer | None, outcome: Verdict, source: str, trouble: str) -> str:
    """What a wait is for."""
    if outcome is Verdict.RATE_LIMITED:
        return (
            "Braze asked us to wait (429)" if source is BRAZE_SAYS else "Braze's limit is reached (429), no time named"
        )
    if outcome is Verdict.LOCKED:
        return "Braze has this cohort locked (423)"
    if answer is not None:
        return f"Braze failed ({answer.status})"
    short = _in_short(trouble)
    return f"{short[:1].upper()}{short[1:]}" or "No answer from Braze"


def _in_short(trouble: str) -> str:
    """What went wrong, without why and what to do: that stands with the end of the run."""
    return trouble.split(". ", maxsplit=1)[0].rstrip(".")


def _carries_people(request: Request) -> bool:
    """Only such requests are counted for a delivery: the name call and empty probes are not in its plan."""
    return request.label.batch_id is not None


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
