"""A key that is another one than before: nothing is sent until somebody says that the workspace is the same."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from heaptui.errors import KeyChanged
from heaptui.model.commands import giving
from heaptui.model.plans import Plan
from heaptui.model.runs import DeliveryState, Reason
from heaptui.store import journal

if TYPE_CHECKING:
    from heaptui.model.belief import Changes
    from heaptui.services.workspace import Workspace
    from heaptui.store.target import Target


def refusal(workspace: Workspace, target: Target, told: str) -> KeyChanged:
    """The error that asks; `told` says which key it is."""
    profile, name = workspace.profile, target.key_name
    origin = target.key.source if target.key else ""
    where = f" It comes from the environment: HEAPTUI_{name.upper()}." if origin == "environment" else ""
    if profile.from_environment:
        way_out = (
            f"Another workspace needs another ledger: set HEAPTUI_HOME too. Otherwise {giving(profile, [name])} back."
        )
    else:
        way_out = (
            f"If the workspace is the same: heaptui profile set {profile.name} --same-workspace."
            " Otherwise use another profile."
        )
    return KeyChanged(told, f"Rotated, or of another workspace?{where} Nothing was sent.", way_out)


def record(
    connection: sqlite3.Connection, run_id: int, plans: Mapping[str, Plan], changes: Mapping[str, Changes], told: str
) -> None:
    """End a run that could not begin: a sync that nobody looked at is found in the history, and can be continued."""
    at = time.time()
    for cohort_id, wanted in changes.items():
        journal.unsent_delivery(
            connection,
            run_id=run_id,
            cohort_id=cohort_id,
            route=plans[cohort_id].route,
            name=plans[cohort_id].name,
            changes=wanted,
            at=at,
            state=DeliveryState.STOPPED,
            reason=Reason.KEY_CHANGED,
            detail=told,
        )
    story = json.dumps([(at, f"{told} Nothing was sent.", True)])
    journal.close_run(connection, run_id, at=at, state=DeliveryState.STOPPED, story=story)
