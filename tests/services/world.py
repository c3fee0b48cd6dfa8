"""Workspaces on a sandbox, and cohorts filled without a file, for tests of what happens after an import."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from heaptui.config import Home, Profile
from heaptui.model.cohorts import Origin, new_cohort_id
from heaptui.model.identifiers import EXTERNAL_ID, Space
from heaptui.model.runs import RunProgress
from heaptui.services.workspace import Workspace, open_workspace
from heaptui.store import cohorts, identities

PARTNER_KEYS = ("partner_api_key", "data_import_key")
REST_KEY = ("rest_api_key",)
EVERY_KEY = (*PARTNER_KEYS, *REST_KEY)

QUICK = {"settle_seconds": 0.3, "backoff_seconds": 0.01, "read_timeout_seconds": 0.3}


@asynccontextmanager
async def workspace_on(
    sandbox: Any,
    folder: Path,
    *,
    keys: Collection[str] = PARTNER_KEYS,
    environ: dict[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[Workspace]:
    """A profile that points at the sandbox, with quick times and these keys; `environ` may hold more."""
    profile = Profile(
        **{
            "name": "test",
            "endpoint": sandbox.braze_url,
            "partner_name": sandbox.keys.partner_name,
            **QUICK,
            **settings,
        }
    )
    given = {f"HEAPTUI_{name.upper()}": getattr(sandbox.keys, name) for name in keys} | (environ or {})
    async with open_workspace(Home.find(str(folder), {}), profile, given) as workspace:
        yield workspace


async def fill(
    workspace: Workspace, people: Iterable[str], *, cohort_id: str = "", name: str = "Carts", space: Space = EXTERNAL_ID
) -> str:
    """Set the people of a cohort, making it when it is new; returns its id."""
    values = list(people)
    made = cohort_id or new_cohort_id(Origin.FILE)
    at = time.time()

    def write(connection: Any) -> None:
        if not cohort_id:
            cohorts.create(connection, made, name=name, origin=Origin.FILE, space=space, at=at)
        uids = identities.number_values(connection, space, values)
        cohorts.replace_members(
            connection, made, uids, space=space, at=at, source_name="test.csv", source_digest="", id_column="id"
        )

    await workspace.ledger.write(write)
    return made


async def synced(workspace: Workspace, *cohort_ids: str, **options: Any) -> RunProgress:
    """Sync and wait for the end."""
    progress = await workspace.sync.start(list(cohort_ids), **options)
    return await workspace.sync.finished(progress.run_id)


def ids(start: int, stop: int) -> list[str]:
    """External ids like u000017."""
    return [f"u{number:06d}" for number in range(start, stop)]
