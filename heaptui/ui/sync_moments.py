"""What a plan, a running sync and its result do not allow, each at its moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heaptui.model.runs import DeliveryState, RunProgress
from heaptui.ui import plan_text
from heaptui.ui.screens.framed import COMPLETE

if TYPE_CHECKING:
    from heaptui.ui.screens.sync import SyncScreen

READ_ONLY = "This is open read-only: nothing can be sent from here."
NO_SYNC = "No sync is running."
WHERE_KEYS = "6 Credentials takes it."
OF_A_RUN = {
    "sync.pause": NO_SYNC,
    "sync.cancel": NO_SYNC,
    "sync.again": "There is no finished run to continue.",
    "sync.clicks": "The clicks come with the result.",
}


def why_off(screen: SyncScreen, command_id: str) -> str:
    """Why a command does nothing just now; empty when it works."""
    progress = screen.run_progress
    if progress is None:
        return _of_a_plan(screen, command_id)
    if command_id == "sync.clicks" and progress.closed and not screen.clicks(progress)[1]:
        return "Nothing came to Braze, so there is nothing to click there."
    return _of_a_run(progress, command_id)


def _of_a_plan(screen: SyncScreen, command_id: str) -> str:
    match command_id:
        case "sync.start" | "sync.leave_out" | "sync.let" if not screen.plans:
            return "Nothing is planned. Press 1, space, s."
        case "sync.start" if screen.workspace.read_only:
            return READ_ONLY
        case "sync.start" if screen.lacking:
            return f"{screen.lacking} {WHERE_KEYS}"
        case "sync.start" if not screen.dashboard.plan_sends:
            return plan_text.why_nothing(screen.taken_in, screen.let_through)
        case "sync.let" if not any(plan.held and plan.cohort_id not in screen.let_through for plan in screen.plans):
            return "No cohort is held."
        case "sync.save" if not screen.plans:
            return "Nothing is planned, so there is nothing to save."
    return OF_A_RUN.get(command_id, "")


def _of_a_run(progress: RunProgress, command_id: str) -> str:
    match command_id:
        case "sync.start" | "sync.leave_out" | "sync.let":
            return "This run has started. 1 Cohorts plans another one."
        case "sync.pause" | "sync.cancel" if progress.closed:
            return NO_SYNC
        case "sync.again" if progress.state is DeliveryState.FINISHED:
            return COMPLETE
        case "sync.again" | "sync.clicks" if not progress.closed:
            return OF_A_RUN[command_id]
    return ""
