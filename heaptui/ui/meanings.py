"""What the signs of a highlighted thing mean, in two or three sentences for the help."""

from __future__ import annotations

from collections.abc import Sequence

from heaptui.model.checks import CheckState
from heaptui.model.cohorts import Cohort, CohortState
from heaptui.model.runs import DeliveryState
from heaptui.ui.signs import COHORT_SIGNS, RUN_SIGNS

_COHORTS = {
    CohortState.NEW: "It was never synced, so Braze does not know it yet. s plans its first sync.",
    CohortState.PENDING: "Its people changed since the last sync. s plans what would join and leave.",
    CohortState.SYNCED: "Braze accepted everybody who is in it, and everybody who left.",
    CohortState.HELD: "So many people would leave it that nothing is sent by itself. s plans it; there, l lets it"
    " through after you typed its name.",
    CohortState.ON_HOLD: "It is synced again only when h releases it: an undo, or an input that changed its kind, put"
    " it on hold.",
    CohortState.QUIET: "Heap sent nothing for longer than usual: no change, or the sync in Heap stopped. Look there.",
    CohortState.RETIRED: "It is no longer synced. Its history stays.",
}

_RUNS = {
    DeliveryState.PLANNED: "Nothing was sent yet.",
    DeliveryState.RUNNING: "Requests are on their way.",
    DeliveryState.WAITING: "It waits for Braze's limit, or for a pause to end, and goes on by itself.",
    DeliveryState.FINISHED: "Braze accepted every request. That it took the ids does not mean that it knows them.",
    DeliveryState.FINISHED_WITH_REJECTIONS: "Everything was sent; some ids Braze named as wrong. They are listed, and"
    " not sent again by themselves; r offers them again.",
    DeliveryState.INCOMPLETE: "Whether Braze took some requests is not known: no answer came, or Braze failed at them."
    " They are in doubt, and r sends them again, which does no harm.",
    DeliveryState.STOPPED: "Braze refused in a way that sending again does not mend. What was accepted stays, and r"
    " continues once the cause is mended.",
    DeliveryState.CANCELLED: "Somebody stopped it. What was accepted stays, and r continues.",
    DeliveryState.HELD: "So many people would leave that it was not sent. r plans it again; there, l lets it through.",
}

_CHECKS = {
    CheckState.OK: "✓ was seen to work just now. Nothing was changed in Braze.",
    CheckState.FAILED: "✗ was refused, or could not be reached. Below stands who mends it, and how.",
    CheckState.WARNING: "! works, but is worth a look.",
    CheckState.SKIPPED: "· was not checked: something before it failed, or nothing can check it from here.",
}


def cohort_meaning(cohort: Cohort) -> Sequence[str]:
    """What the state of a cohort means."""
    glyph, word, _ = COHORT_SIGNS[cohort.state]
    return [f"{cohort.name}: {glyph} {word}", _COHORTS[cohort.state]]


def run_meaning(state: DeliveryState) -> Sequence[str]:
    """What the end of a run means."""
    glyph, word = RUN_SIGNS[state]
    return [f"{glyph} {word}", _RUNS[state]]


def check_meaning(title: str, state: CheckState) -> Sequence[str]:
    """What the sign of a check means."""
    return [title, _CHECKS[state]]
