"""One delivery: the planned batches of one cohort go to Braze, each attempt journalled before it leaves.

Every identifier ends as submitted, rejected, in doubt or skipped. A refused batch is halved until the offending
identifiers stand alone; an attempt without an answer leaves a doubt that only a later, settled answer ends.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque

from msgspec import Struct, field
from msgspec.structs import replace

from heaptui.clients.braze import CohortName, People, Refusals, Route, Verdict, message, remarks, verdict
from heaptui.clients.http import Answer, Label, Request
from heaptui.errors import LedgerError
from heaptui.model.belief import Direction
from heaptui.model.runs import EXTRA_REQUESTS, BatchState, Reason
from heaptui.services.attempts import Attempts
from heaptui.services.pacing import Stopped
from heaptui.store import beliefs, journal
from heaptui.store.database import Database
from heaptui.store.divided import batch_divided
from heaptui.store.identities import values_by_space
from heaptui.store.journal import Batch

UNANSWERED_IN_A_ROW = 2
"""So many batches without any answer, and none accepted between them, end a delivery."""


class Delivery(Struct):
    """The journalled plan of one cohort and what is needed to carry it out."""

    delivery_id: int
    cohort: CohortName
    route: Route
    batches: list[Batch]
    rename: str
    removes_first: bool
    ledger: Database
    attempts: Attempts
    extra_requests: int = 0
    uncertain: dict[int, int] = field(default_factory=dict)
    """People of each batch that left and whose answer is not journalled."""
    _remarks: set[str] = field(default_factory=set)
    _probed: bool = False
    _unanswered: int = 0
    _queue: deque[Batch] = field(default_factory=deque)
    _read_ahead: dict[int, asyncio.Task[People]] = field(default_factory=dict)

    async def carry_out(self) -> None:
        """Send what may be sent: the name, then leaves, then joins. The journal and the gate tell how it ended."""
        try:
            if self.rename:
                await self._name()
            removes = [batch for batch in self.batches if batch.direction is Direction.REMOVE]
            adds = [batch for batch in self.batches if batch.direction is Direction.ADD]
            if not self.removes_first:
                await self._send_all(removes + adds)
                return
            await self._send_all(removes)
            progress = self.attempts.progress
            if progress.submitted_removes + progress.rejected < progress.removes:
                # A leave that is still open may take out, by another identifier, somebody who joins now.
                self.attempts.gate.stop(Reason.REMOVES_UNANSWERED)
                return
            await self._send_all(adds)
        except Stopped:
            return
        except LedgerError as error:
            self._cannot_journal(error)

    def count_unwritten(self) -> None:
        """The ledger cannot be told how this ended: count as its next reader will find it."""
        progress = self.attempts.progress
        progress.in_doubt = sum(self.uncertain.values())
        progress.skipped += progress.to_go

    def _cannot_journal(self, error: LedgerError) -> None:
        """What cannot be journalled is not sent; what is in flight comes home."""
        self.attempts.gate.stop_all(Reason.LEDGER, str(error))

    async def _name(self) -> None:
        attempts = self.attempts
        request = self.route.naming(self.cohort)
        if request is None:
            return
        answer = await attempts.until_answered(self._labelled(request, "name"), _CountedOnly(self.ledger))
        if answer is None:
            why, told = attempts.trouble()
            attempts.gate.stop(why, f"The call that names the cohort: {told}")
        elif verdict(answer) is Verdict.REFUSED:
            attempts.gate.stop(Reason.NAME_REFUSED, message(answer))
        else:
            await self.ledger.write(
                lambda connection: beliefs.cohort_named(
                    connection, self.cohort.cohort_id, self.route.name, self.cohort.label
                )
            )
            attempts.run.tell(time.time(), f"{self.cohort.label}: named in Braze")
            return
        raise Stopped

    async def _send_all(self, batches: list[Batch]) -> None:
        self._queue = deque(batches)
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(self.attempts.slots.highest, len(batches))):
                    workers.create_task(self._work())
        finally:
            ahead = list(self._read_ahead.values())
            self._read_ahead.clear()
            for reading in ahead:
                reading.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)
        if self.attempts.gate.stopped:
            raise Stopped

    async def _work(self) -> None:
        try:
            while self._queue:
                batch = self._queue.popleft()
                people = await self._people_of(batch)
                await self._deliver(batch, people)
        except Stopped:
            # The other workers notice the closed gate themselves, after the requests they have in flight.
            return
        except LedgerError as error:
            self._cannot_journal(error)

    async def _people_of(self, batch: Batch) -> People:
        """The people of a batch; those of the next one are read while this one is on its way."""
        reading = self._read_ahead.pop(batch.batch_id, None) or self._reading(batch)
        people = await reading
        if self._queue and self._queue[0].batch_id not in self._read_ahead:
            following = self._queue[0]
            self._read_ahead[following.batch_id] = self._reading(following)
        return people

    def _reading(self, batch: Batch) -> asyncio.Task[People]:
        return asyncio.create_task(self.ledger.read(lambda connection: values_by_space(connection, batch.uids)))

    async def _deliver(self, batch: Batch, people: People) -> None:
        request = self._labelled(self.route.membership(self.cohort, batch.direction, people), "members", batch.batch_id)
        book = _BatchBook(self, batch)
        answer = await self.attempts.until_answered(request, book)
        if answer is None:
            self._unanswered += 1
            if self._unanswered >= UNANSWERED_IN_A_ROW:
                self.attempts.gate.stop(*self.attempts.trouble())
            return
        accepted = verdict(answer) is Verdict.ACCEPTED
        if accepted:
            self._unanswered = 0
        refusals = self.route.refusals(answer, people)
        if refusals.named:
            await self._divided(batch, answer, refusals, book)
        elif accepted and not refusals.unplaced:
            await self._accepted(batch, answer)
            book.resolved()
        else:
            if accepted:
                # Some of it was taken, and who was not cannot be told: each is asked for until it stands alone.
                await book.unanswered(answer.status, f"Braze refused somebody without saying whom: {refusals.unplaced}")
            await self._refused(batch, answer, book, refusals.unplaced or message(answer))

    def _labelled(self, request: Request, what: str, batch_id: int | None = None) -> Request:
        """The request with what it is for, so that a record of it can be found again."""
        return replace(request, label=Label(what, self.cohort.cohort_id, batch_id))

    async def _accepted(self, batch: Batch, answer: Answer) -> None:
        text = remarks(answer)
        await self.ledger.write(
            lambda connection: journal.batch_accepted(
                connection, batch.batch_id, at=answer.at, status=answer.status, answer=text
            )
        )
        self.uncertain.pop(batch.batch_id, None)
        self.attempts.progress.count(batch.direction, batch.size)
        if text and text not in self._remarks:
            self._remarks.add(text)
            self.attempts.run.tell(time.time(), f"{self.cohort.label}: accepted, and Braze said: {text}")

    async def _divided(self, batch: Batch, answer: Answer, refusals: Refusals, book: _BatchBook) -> None:
        """The answer names whom it refuses; the others are accepted with it, or asked for again without those."""
        accepted = verdict(answer) is Verdict.ACCEPTED and not refusals.unplaced
        if verdict(answer) is Verdict.ACCEPTED and refusals.unplaced:
            await book.unanswered(answer.status, f"Braze refused somebody without saying whom: {refusals.unplaced}")
        rest = await self.ledger.write(
            lambda connection: batch_divided(
                connection,
                self.delivery_id,
                batch,
                refusals.named,
                at=answer.at,
                status=answer.status,
                answer=remarks(answer),
                rest=BatchState.SUBMITTED if accepted else BatchState.PLANNED,
            )
        )
        book.resolved()
        progress, left = self.attempts.progress, rest.size if rest else 0
        progress.rejected += batch.size - left
        for text, count in Counter(refusals.named.values()).items():
            self.attempts.run.tell(time.time(), f"{self.cohort.label}: {count:,} refused: {text}")
        if rest is None:
            return
        if accepted:
            progress.count(batch.direction, left)
        elif self.extra_requests + 1 > EXTRA_REQUESTS:
            await self._give_up(rest, Reason.TOO_MANY_REFUSALS, message(answer))
        else:
            self._spend(1)
            self._queue.appendleft(rest)

    async def _refused(self, batch: Batch, answer: Answer, book: _BatchBook, text: str) -> None:
        run = self.attempts.run
        if not self._probed:
            await self._probe(batch, answer.status, text)
        if batch.size == 1:
            await self.ledger.write(
                lambda connection: journal.batch_rejected(
                    connection, self.delivery_id, batch, at=answer.at, status=answer.status, text=text
                )
            )
            book.resolved()
            self.attempts.progress.rejected += 1
            run.tell(time.time(), f"{self.cohort.label}: 1 refused: {text}")
            return
        if self.extra_requests + 2 > EXTRA_REQUESTS:
            await self._give_up(batch, Reason.TOO_MANY_REFUSALS, text)
        self._spend(2)
        halves = await self.ledger.write(
            lambda connection: journal.batch_split(
                connection, self.delivery_id, batch, status=answer.status, answer=text
            )
        )
        book.resolved()
        run.tell(
            time.time(), f"{self.cohort.label}: {batch.size:,} refused together, looking for the ids", important=False
        )
        self._queue.extendleft(reversed(halves))

    async def _probe(self, batch: Batch, status: int, text: str) -> None:
        """Ask once whether Braze takes anything for this cohort, before looking for single ids."""
        self._probed = True
        self._spend(1)
        await self.untouched(batch, status)
        request = self._labelled(self.route.probe(self.cohort), "probe")
        answer = await self.attempts.until_answered(request, _CountedOnly(self.ledger))
        if answer is None:
            why, told = self.attempts.trouble()
            await self._give_up(batch, why, f"Refused with “{text}”, then: {told}")
        elif not self.route.probe_passed(answer):
            await self._give_up(batch, Reason.REQUEST_REFUSED, text)

    def _spend(self, requests: int) -> None:
        """Count requests that only look for refused identifiers."""
        self.extra_requests += requests
        self.attempts.progress.extra_requests = self.extra_requests

    async def untouched(self, batch: Batch, status: int) -> None:
        """The last attempt of a batch had no effect."""
        await self.ledger.write(lambda connection: journal.batch_waits(connection, batch.batch_id, status=status))

    async def _give_up(self, batch: Batch, reason: Reason, text: str) -> None:
        await self.ledger.write(lambda connection: journal.batch_skipped(connection, batch.batch_id))
        self.attempts.gate.stop(reason, text)
        raise Stopped


class _BatchBook(Struct):
    """Journals the attempts of one batch, and counts it as in doubt meanwhile."""

    delivery: Delivery
    batch: Batch
    _doubted: bool = False

    async def sent(self) -> int:
        at = time.time()
        count = await self.delivery.ledger.write(
            lambda connection: journal.batch_sent(connection, self.batch.batch_id, at=at)
        )
        self.delivery.uncertain[self.batch.batch_id] = self.batch.size
        return count

    async def turned_away(self, status: int) -> None:
        await self.delivery.untouched(self.batch, status)
        if not self._doubted:
            self.delivery.uncertain.pop(self.batch.batch_id, None)
        if status == 423:
            cohort_id, route = self.delivery.cohort.cohort_id, self.delivery.route.name
            await self.delivery.ledger.write(lambda connection: beliefs.cohort_locked(connection, cohort_id, route))

    async def unanswered(self, status: int | None, trouble: str) -> None:
        at = time.time()
        await self.delivery.ledger.write(
            lambda connection: journal.batch_doubtful(connection, self.batch.batch_id, at=at, status=status)
        )
        if not self._doubted:
            self._doubted = True
            self.delivery.attempts.progress.in_doubt += self.batch.size
            self.delivery.attempts.run.tell(
                at, f"{self.delivery.cohort.label}: {trouble}; {self.batch.size:,} in doubt"
            )

    def resolved(self) -> None:
        """A definite answer came, so the live count of doubts goes down again."""
        self.delivery.uncertain.pop(self.batch.batch_id, None)
        if self._doubted:
            self._doubted = False
            self.delivery.attempts.progress.in_doubt -= self.batch.size


class _CountedOnly(Struct, frozen=True):
    """Calls that move nobody: only the hour's count remembers them."""

    ledger: Database

    async def sent(self) -> int:
        at = time.time()
        return await self.ledger.write(lambda connection: journal.count_request(connection, at=at))

    async def turned_away(self, status: int) -> None:
        """Nothing to remember."""

    async def unanswered(self, status: int | None, trouble: str) -> None:
        """Nothing to remember: the call is made again."""
