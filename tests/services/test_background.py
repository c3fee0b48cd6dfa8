"""Work behind something else never dies alone, and its failure comes out as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest

from heaptui.errors import LedgerError, Unreachable, UsageError
from heaptui.services.background import behind


class Story:
    """Coroutines that tell when they begin and end."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended: list[str] = []

    async def forever(self, name: str) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(name)

    async def fails(self, error: Exception) -> None:
        await self.begun.wait()
        raise error


async def during(block: Coroutine[Any, Any, None], *works: dict[str, Coroutine[Any, Any, None]]) -> None:
    async with AsyncExitStack() as stack:
        for work in works:
            await stack.enter_async_context(behind(work))
        await block


async def test_the_work_ends_with_the_block() -> None:
    story = Story()
    await during(story.begun.wait(), {"one": story.forever("one"), "two": story.forever("two")})
    assert sorted(story.ended) == ["one", "two"]


async def test_a_failure_of_the_work_ends_the_block_and_everything_around_it_as_it_is() -> None:
    story = Story()
    broken = LedgerError("Broken.")
    broken.__cause__ = OSError("disk")
    inner = {"inner": story.fails(broken), "other": story.forever("other")}
    with pytest.raises(LedgerError, match="Broken") as told:
        await during(story.forever("block"), {"outer": story.forever("outer")}, inner)
    assert told.value is broken
    assert isinstance(broken.__cause__, OSError)
    assert sorted(story.ended) == ["block", "other", "outer"]


async def test_a_failure_further_out_ends_what_is_within() -> None:
    story = Story()
    with pytest.raises(Unreachable, match="Gone"):
        await during(
            story.forever("block"), {"outer": story.fails(Unreachable("Gone."))}, {"inner": story.forever("inner")}
        )
    assert sorted(story.ended) == ["block", "inner"]


async def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    story = Story()
    with pytest.raises(UsageError, match="Nothing to do"):
        await during(story.fails(UsageError("Nothing to do.")), {"work": story.forever("work")})
    assert story.ended == ["work"]


async def test_two_failures_at_once_come_out_together() -> None:
    story = Story()
    work = {"one": story.fails(LedgerError("One.")), "two": story.fails(ValueError("Two."))}
    with pytest.raises(ExceptionGroup) as told:
        await during(story.forever("block"), work)
    assert {str(error) for error in told.value.exceptions} == {"One.", "Two."}


async def test_whoever_is_cancelled_takes_the_work_along() -> None:
    story = Story()
    task = asyncio.create_task(during(story.forever("block"), {"work": story.forever("work")}))
    await story.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(story.ended) == ["block", "work"]
