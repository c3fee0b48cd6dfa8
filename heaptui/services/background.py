"""Work that goes on behind something else, and never dies alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def behind(work: Mapping[str, Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Carry out some named work while the block runs, and cancel it at the end.

    When any of it fails, the block ends, so that nobody goes on with half of what belongs together. A failure comes
    out as it is, of the block or of the work; only several at once come out as a group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one, name=name) for name, one in work.items()]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    except BaseExceptionGroup as failed:
        alone = _alone(failed)
        raise alone from alone.__cause__


def _alone(error: BaseException) -> BaseException:
    """The one failure in a group, or the group where it holds several."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
