"""The support desk: why a run ended as it did, its exchanges, and what can be copied for others."""

from __future__ import annotations

import getpass
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from heaptui.errors import UsageError
from heaptui.model.exchange_meaning import meaning_lines
from heaptui.model.exchange_text import as_curl, rebuilt
from heaptui.model.explanation import Explanation, explain
from heaptui.model.explanation_text import explanation_lines
from heaptui.model.identifiers import EXTERNAL_ID, Identifier
from heaptui.model.letters import to_the_customer
from heaptui.model.runs import DeliveryProgress, DeliveryState, RunProgress
from heaptui.model.since import RunFacts
from heaptui.store import exchanges, history, run_facts, target
from heaptui.store.exchanges import Content, ExchangeRow, is_page
from heaptui.store.identities import unpack, values_of

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

T = TypeVar("T")

__all__ = ["Content", "Desk", "ExchangeRow", "SupportService"]


class Desk(Struct, frozen=True):
    """A run with its explanations, the one that matters most first; `good` is the run it is compared with."""

    facts: RunFacts
    good: RunFacts | None
    explanations: tuple[Explanation, ...]

    @property
    def taken_over_by(self) -> int | None:
        """The newest run that took over what this one left; None while something of it needs somebody."""
        later = [one.taken_over_by for one in self.explanations]
        return None if None in later else max(filter(None, later), default=None)

    def lines(
        self, by_keys: Callable[[Sequence[str]], list[str]] | None = None, *, shell: bool = True, here: str = ""
    ) -> list[tuple[str, str]]:
        """All explanations as (name, text) lines; see `explanation_lines`. `here` is the command that prints them."""
        good_run = self.good.run_id if self.good else None
        told = [replace(one, commands=tuple(c for c in one.commands if c != here)) for one in self.explanations]
        return [
            line
            for one in told
            for line in explanation_lines(one, good_run=good_run, user=_user(), by_keys=by_keys, shell=shell)
        ]


class SupportService:
    """Explains what the ledger keeps. Changes nothing."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ledger = workspace.ledger

    async def desk(self, run_id: int, live: RunProgress | None = None) -> Desk:
        """Why a run ended as it did; a run of this process knows more than a ledger that could not be written.

        Raises:
            UsageError: there is no such run.
        """
        profile = self._workspace.profile

        def look(connection: sqlite3.Connection) -> Desk | None:
            detail = history.read_run(connection, run_id)
            if detail is None:
                return None
            facts = replace(run_facts.facts_of(connection, run_id), ended_at=detail.summary.ended_at)
            good_run = run_facts.last_good_run(connection, run_id)
            good = run_facts.facts_of(connection, good_run) if good_run else None
            bound = target.bound_keys(connection)
            made = []
            for together in _by_reason(list(live.deliveries.values()) if live else detail.deliveries):
                first = together[0]
                deciding = run_facts.deciding(connection, run_id, first.cohort_id, first.reason)
                # What was refused is not offered again by a later run: only what was left over is taken over.
                ids = [delivery.cohort_id for delivery in together] if first.reason else []
                later = run_facts.successor(connection, run_id, ids)
                made.append(explain(facts, good, together, deciding, profile=profile, bound=bound, later=later))
            return Desk(facts, good, tuple(one for one in made if one is not None))

        found = await self._ledger.read(look)
        if found is None:
            raise UsageError(f"There is no run {run_id}.", "", "See them all: heaptui run list")
        return found

    async def count(self, run_id: int) -> int:
        """How many exchanges a run had."""
        return await self._ledger.read(lambda connection: exchanges.count(connection, run_id))

    async def exchanges(self, run_id: int, *, offset: int = 0, limit: int = 200) -> Sequence[ExchangeRow]:
        """Some exchanges of a run, oldest first."""
        return await self._ledger.read(lambda connection: exchanges.window(connection, run_id, offset, limit))

    async def found(self, run_id: int, text: str, limit: int = 1000) -> Sequence[ExchangeRow]:
        """The exchanges of a run that hold a text in address, status, headers, request or answer."""
        return await self._ledger.read(lambda connection: exchanges.found(connection, run_id, text, limit), long=True)

    async def failing(self, run_id: int, limit: int) -> Sequence[ExchangeRow]:
        """The first exchanges of a run that were not simply accepted."""
        found = await self._ledger.read(lambda connection: exchanges.failing(connection, run_id, limit))
        return [row for row, _ in found]

    async def exchange(self, exchange_id: int) -> tuple[ExchangeRow, Content]:
        """One exchange with its inside.

        Raises:
            UsageError: it is not kept any more.
        """
        one = await self._ledger.read(lambda connection: exchanges.read_one(connection, exchange_id))
        if one is None:
            raise UsageError("This exchange is not kept any more.", "Exchanges are kept for 30 days or 2 GB.")
        return one

    async def request_of(self, row: ExchangeRow, content: Content, *, with_people: bool = False) -> str | None:
        """The body that was sent, its keys masked; a member call is rebuilt from its batch, with people if asked."""
        batch_id = row.batch_id
        if batch_id is None:
            return content.body

        def look(connection: sqlite3.Connection) -> str | None:
            batch = history.batch_of(connection, batch_id)
            if batch is None:
                return content.body
            direction, size, route, uids = batch
            people = values_of(connection, unpack(uids)) if with_people else None
            return rebuilt(content.body, direction, size, people, route=route)

        return await self._ledger.read(look)

    async def meaning(self, row: ExchangeRow, content: Content) -> list[tuple[str, str]]:
        """What an answer means for its run, and who mends it, as (name, text) lines; nothing for a plain success."""
        batch_id, outcome = row.batch_id, None
        if batch_id is not None:
            outcome = await self._ledger.read(lambda connection: history.outcome_of(connection, batch_id))
        words = content.answer or content.error
        return meaning_lines(row.status, words, row.url, html=is_page(row, content), outcome=outcome)

    async def curl(self, exchange_id: int) -> str:
        """The request as a shell command with variables in the place of keys, and without people.

        Raises:
            UsageError: it is not kept any more.
        """
        row, content = await self.exchange(exchange_id)
        body = content.body
        if row.batch_id is not None:
            body = rebuilt(body, "", 1, [Identifier(EXTERNAL_ID, "USER_ID")])
        return as_curl(row.method, row.url, body)

    async def log(self, run_id: int) -> AsyncIterator[dict[str, Any]]:
        """Everything about a run, one dictionary at a time, each with its `type`.

        Raises:
            UsageError: there is no such run.
        """
        past = self._workspace.history
        detail = await past.show(run_id)
        yield {"type": "run", **_plain(detail.summary), "endpoint": detail.endpoint}
        for delivery in detail.deliveries:
            yield {"type": "delivery", **_plain(delivery)}
        for moment in detail.story:
            yield {"type": "moment", **_plain(moment)}
        async for batch in _paged(lambda offset: past.batches(run_id, PAGE, offset)):
            yield {"type": "batch", **_plain(batch)}
        async for refusal in _paged(lambda offset: past.rejections(run_id, None, PAGE, offset)):
            yield {"type": "rejection", **_plain(refusal)}
        async for row in _paged(lambda offset: self.exchanges(run_id, offset=offset, limit=PAGE)):
            _, content = await self.exchange(row.exchange_id)
            yield {"type": "exchange", **_plain(row), **_plain(content)}

    async def letter(self, run_id: int) -> str:
        """A message for the customer about a run that did not go well; no keys, no ids.

        Raises:
            UsageError: there is no such run, or nothing to tell.
        """
        desk = await self.desk(run_id)
        if not desk.explanations and desk.facts.ended_at is None:
            share = (await self._workspace.history.progress(run_id)).percent
            raise UsageError(f"Run {run_id} is still running, {share}: there is nothing to tell yet.")
        if not desk.explanations:
            raise UsageError(f"Run {run_id} went well: there is nothing to tell.")
        salt = await self._ledger.read(exchanges.ledger_mark)
        return to_the_customer(
            desk.facts,
            desk.good,
            desk.explanations,
            profile=self._workspace.profile.name,
            reference=f"{salt}-{run_id}",
        )


PAGE = 500


async def _paged(read: Callable[[int], Awaitable[Sequence[T]]]) -> AsyncIterator[T]:
    """All of them, a page at a time."""
    offset = 0
    while page := await read(offset):
        for one in page:
            yield one
        offset += len(page)


def _plain(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(value)
    return found


_FIRST = (DeliveryState.STOPPED, DeliveryState.INCOMPLETE, DeliveryState.CANCELLED, DeliveryState.HELD)


def _by_reason(deliveries: Sequence[DeliveryProgress]) -> list[list[DeliveryProgress]]:
    """Deliveries that ended for the same reason together, those that need somebody most first."""
    groups: dict[tuple[str, str], list[DeliveryProgress]] = {}
    for delivery in deliveries:
        if delivery.state.closed and (delivery.reason or delivery.rejected):
            groups.setdefault((delivery.reason, delivery.state), []).append(delivery)
    order = {state: number for number, state in enumerate(_FIRST)}
    return sorted(groups.values(), key=lambda group: order.get(group[0].state, len(_FIRST)))


def _user() -> str:
    try:
        return getpass.getuser()
    except OSError:
        # A user without a name, as in some containers.
        return ""
