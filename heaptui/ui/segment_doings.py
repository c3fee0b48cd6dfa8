"""What can be done with a finished segment: keep, open, copy, click, derive, measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heaptui.errors import HeaptuiError
from heaptui.model.expressions import write
from heaptui.model.identifiers import EXTERNAL_ID
from heaptui.model.words import headcount
from heaptui.services.previews import Preview
from heaptui.ui import segment_text, signs
from heaptui.ui.measuring import measured
from heaptui.ui.screens.picker import Picker
from heaptui.ui.widgets.dialogs import Asked, Told
from heaptui.ui.widgets.record_table import Column, Row
from heaptui.ui.widths import WIDE

if TYPE_CHECKING:
    from heaptui.services.segments import Draft
    from heaptui.ui.screens.segments import SegmentsScreen

NO_KEY = "This needs a Braze REST key with users.export.ids: 6 Credentials."
ROWS = ("segments.join", "segments.groups", "segments.turn", "segments.remove")


def why_off(screen: SegmentsScreen, command_id: str, preview: Preview) -> str:
    """Why a command does nothing with this preview; empty when it works."""
    segment = screen.segment
    if command_id in ROWS and (segment is None or screen.builder.place is None):
        return "Braze cannot show this as rows: = edits it as text."
    if command_id in ("segments.derive", "segments.keep") and screen.workspace.read_only:
        return "This is open read-only: nothing can be kept here."
    match command_id:
        case "segments.groups" if segment and len(segment.groups) < 2:
            return "There is one filter group only. n adds another."
        case "segments.sync" if not preview.missing:
            return "Everything it needs is in Braze already."
        case "segments.derive":
            return preview.why_not_derived
        case "segments.clicks" if preview.segment is None:
            return "Braze's builder cannot show this. d makes it a cohort of its own."
        case "segments.match":
            return NO_KEY if screen.workspace.secrets.rest_api_key is None else ""
    return ""


async def keep(screen: SegmentsScreen, preview: Preview) -> str | None:
    """Keep it as a draft; returns its name."""
    note = "It is kept in the ledger of this profile. An older draft of that name is replaced."
    name = await screen.app.push_screen_wait(Asked("Keep as a draft", [note], value=screen.name_of_draft))
    if not name or not name.strip():
        return None
    draft = await screen.workspace.segments.keep(name, preview.expression, screen.segment)
    screen.say(f"Kept as “{draft.name}”. b opens it again.")
    return draft.name


async def choose_draft(screen: SegmentsScreen) -> Draft | None:
    """One of the drafts."""
    drafts = await screen.workspace.segments.drafts()
    if not drafts:
        screen.say("There is no draft yet: w keeps one.")
        return None
    rows = [
        Row(draft.name, (draft.name, write(draft.expression, screen.names), signs.age(draft.kept_at)))
        for draft in drafts
    ]
    columns = (Column("Draft", 20), Column("Expression", 0), Column("Kept", 7))
    chosen = await screen.app.push_screen_wait(Picker("Open a draft", columns, rows))
    return next((draft for draft in drafts if draft.name == chosen), None)


async def derive(screen: SegmentsScreen, preview: Preview) -> None:
    """Ask for a name and make the cohort; where there is no room for it beside, the two ways are explained first."""
    lines = [*segment_text.ways(preview), ""] if screen.size.width < WIDE else []
    lines += ["It is computed anew whenever it is looked at or synced. Nothing is sent now.", "", "Its name:"]
    name = await screen.app.push_screen_wait(Asked("A cohort of its own", lines, value=screen.name_of_draft))
    if not name or not name.strip():
        return
    try:
        cohort = await screen.workspace.segments.derive(name, preview.expression)
    except HeaptuiError as error:
        screen.told(error)
        return
    screen.say(f"“{cohort.name}” is a cohort of {headcount(cohort.members)} now. 1 shows it, s there syncs it.")


async def measure(screen: SegmentsScreen, preview: Preview) -> None:
    """Ask Braze how many of these people exist."""
    space = next((one.space for one in preview.cohorts.values() if one), EXTERNAL_ID)
    name = screen.name_of_draft or "This segment"
    try:
        await measured(screen, preview.expression, name, preview.in_heap.at_least, space)
    except HeaptuiError as error:
        screen.told(error)


def show_clicks(screen: SegmentsScreen, preview: Preview, *, older: bool) -> None:
    """The clicks in front of the screen, where they have no place beside the builder."""
    which = "the menu before 2025" if older else "the current menu"
    again = "c again shows the current menu." if older else "c again shows the older menu."
    screen.app.push_screen(Told(f"Click in Braze, {which}", [*clicks_of(screen, preview, older=older), "", again]))


def clicks_of(screen: SegmentsScreen, preview: Preview, *, older: bool) -> list[str]:
    """The clicks for the profile and the draft of the screen."""
    workspace = screen.workspace
    return segment_text.clicks(preview, workspace.profile.endpoint, screen.name_of_draft, older=older)


def copied_as(screen: SegmentsScreen, preview: Preview, form: str) -> str:
    """The preview in one of the forms."""
    endpoint = screen.workspace.profile.endpoint
    return segment_text.copied(preview, form, endpoint, screen.name_of_draft, older=screen.older_menu)
