"""What can be done on 1 Cohorts about what Heap sends: automatic delivery, its wishes, its ids, the listener."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heaptui.errors import HeaptuiError
from heaptui.model.cohorts import Cohort, Origin
from heaptui.model.identifiers import Kind
from heaptui.model.words import headcount
from heaptui.services.refresh import can_refresh, refresh
from heaptui.ui.widgets.dialogs import Asked, Question

if TYPE_CHECKING:
    from heaptui.ui.screens.cohorts import CohortsScreen

COMMANDS = ("cohorts.automatic", "cohorts.drain", "cohorts.kind", "cohorts.again", "cohorts.listen")


def why_off(screen: CohortsScreen, command_id: str, cohort: Cohort | None) -> str:
    """Why one of these commands does nothing just now."""
    workspace = screen.workspace
    if command_id == "cohorts.listen":
        if workspace.secrets.webhook_secret is None:
            return "Without Heap's webhook secret nothing can be received: 6 Credentials keeps it."
        return ""
    if cohort is None:
        return ""
    if command_id == "cohorts.again":
        able = can_refresh(workspace.profile, cohort)
        return "" if able else f"“{cohort.name}” has no file that could be read again."
    if cohort.origin is not Origin.HEAP:
        return f"“{cohort.name}” does not come from Heap."
    if command_id == "cohorts.drain" and cohort.drain_asked_at is None:
        return "Heap did not ask to empty this segment."
    return ""


async def switch_automatic(screen: CohortsScreen, cohort: Cohort) -> None:
    """Let complete Heap syncs of a cohort go to Braze by themselves; asks before it is switched on."""
    on = not cohort.automatic
    if on:
        lines = [
            "Whenever a Heap sync of it is complete, what changed goes to Braze without anybody pressing s, as long"
            " as a listener runs. Unusually large leaves are held all the same.",
        ]
        if cohort.adds or cohort.removes:
            lines.append(f"Waiting now: {cohort.adds:,} join, {cohort.removes:,} leave.")
        question = Question(f"Deliver “{cohort.name}” by itself?", lines, yes="Switch on", no="Leave it off")
        if not await screen.app.push_screen_wait(question):
            return
    await screen.workspace.heap.set_automatic(cohort.cohort_id, automatic=on)
    screen.say(f"{cohort.name}: automatic delivery is {'on' if on else 'off'}.")


async def answer_drain(screen: CohortsScreen, cohort: Cohort) -> None:
    """Heap asked to empty the segment: ask what to do."""
    lines = [
        "Heap sent “empty this segment”, as it does when a segment has gone out of step. It sends everybody anew"
        " afterwards.",
        f"In it now: {headcount(cohort.members)}. The answer sends nothing to Braze.",
    ]
    question = Question(f"Empty “{cohort.name}”?", lines, yes="Empty it here", no="Keep the people")
    empty = await screen.app.push_screen_wait(question)
    after = await screen.workspace.heap.answer_drain(cohort.cohort_id, empty=bool(empty))
    screen.say(f"{after.name} has {headcount(after.members)}; {after.adds:,} join, {after.removes:,} leave.")


async def say_kind(screen: CohortsScreen, cohort: Cohort) -> None:
    """Ask what the ids of a cohort are in Braze."""
    lines = [
        "external_id, device_id, email, or alias and its label, like: alias email",
        "People accepted as another kind leave as that kind, and join as this one.",
    ]
    typed = await screen.app.push_screen_wait(Asked("What are these ids in Braze?", lines, value=str(cohort.space)))
    if not typed or typed == str(cohort.space):
        return
    kind, _, label = typed.strip().partition(" ")
    if kind not in list(Kind):
        screen.say(f"“{kind}” is none of {', '.join(Kind)}.")
        return
    after = await screen.workspace.heap.set_kind(cohort.cohort_id, Kind(kind), label.strip())
    screen.say(f"{after.name}: {after.space}; {after.adds:,} join, {after.removes:,} leave.")


async def read_again(screen: CohortsScreen, cohort: Cohort) -> None:
    """Read the newest file of the cohort again."""
    done = await refresh(screen.workspace, cohort)
    if done.error is not None:
        screen.told(done.error)
    elif done.unchanged:
        screen.say(f"{cohort.name}: the same as at the last import, {done.path}.")
    elif done.preview is not None:
        preview = done.preview
        warning = f" {preview.unusual} u brings those before back." if preview.unusual else ""
        screen.say(f"{cohort.name}: +{preview.adds:,} join, −{preview.removes:,} leave.{warning}")


async def switch_listener(screen: CohortsScreen) -> None:
    """Start or stop the receiver of this dashboard."""
    child = screen.dashboard.listener
    if child.running:
        await child.stop()
        screen.say("The receiver is stopped. Heap tries again later, and nothing that came is lost.")
        return
    facts = await screen.workspace.heap.listener()
    if facts.hosts:
        screen.say(f"A listener runs already, on {', '.join(facts.hosts)}.")
        return
    screen.say("Starting the receiver…")
    try:
        line = await child.start()
    except HeaptuiError as error:
        screen.told(error)
        return
    screen.say(f"{line[0].upper()}{line[1:]}. Heap needs an HTTPS address that leads here.")
