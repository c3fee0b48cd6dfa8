"""The way into Braze: which ones the keys open, what each does there, and the attribute of each cohort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from heaptui.errors import HeaptuiError
from heaptui.model.cohorts import Cohort
from heaptui.model.notes import note_to_heap
from heaptui.model.routes import ATTRIBUTE, COHORT_IMPORT, WAYS, way_facts, way_title, ways_open
from heaptui.model.words import counted, headcount
from heaptui.services.profiles import ProfileService
from heaptui.ui.commands import WAY
from heaptui.ui.keeping import use_profile, why_profile_stays
from heaptui.ui.screens.page import Page
from heaptui.ui.widgets.dialogs import Asked, Question, Told
from heaptui.ui.widgets.frame import RuleLine, TextPane
from heaptui.ui.widgets.record_table import Column, RecordTable, Row

FILE, COMPARE = "file", "compare"

_HOW = {
    COHORT_IMPORT: [
        "Each cohort gets its name in Braze, and people join and leave it.",
        "The partner key belongs to Heap. y copies a note to your Heap account manager.",
    ],
    ATTRIBUTE: [
        "Each cohort is a yes/no attribute. Joining writes true, leaving writes false.",
        "People Braze does not know are left alone: nobody is created.",
        "Each person refused is named, with the reason.",
    ],
    FILE: [
        "A file for Braze's Import Users: a list of ids, or the attribute with true and false.",
        "! Braze creates a person for every id in it that it does not know. b in 1 Cohorts writes it.",
    ],
    COMPARE: [
        "heaptui sends nothing: it looks up what Heap's own sync has done.",
        "On the command line: heaptui compare COHORT",
    ],
}


class WayScreen(Page):
    """Opened from anywhere; esc goes back."""

    SCOPE: ClassVar[str] = WAY
    COPIES: ClassVar[str] = "a note to the Heap account manager"
    AUTO_FOCUS = "#way-table"

    def __init__(self) -> None:
        super().__init__()
        self._cohorts: Sequence[Cohort] = ()
        self._names: dict[str, tuple[str, bool]] = {}

    def compose_body(self) -> ComposeResult:
        """Ways, what the highlighted one does, and the attributes."""
        yield RecordTable(
            Column("Way", 18),
            Column("Needs", 0),
            Column("Have", 9),
            Column("Data points", 13, drop=1),
            Column("In Braze", 17, drop=2),
            id="way-table",
        )
        yield RuleLine(id="detail-rule")
        yield TextPane(id="facts")
        yield RecordTable(Column("Cohort", 0), Column("Attribute", 34), Column("", 16, drop=1), id="attribute-table")
        with VerticalScroll(classes="grow", can_focus=False):
            yield TextPane(id="more")

    @property
    def chosen(self) -> str:
        """The highlighted way."""
        row = self.query_one("#way-table", RecordTable).row
        return row.key if row else WAYS[0].route

    def on_mount(self) -> None:
        """Show the ways, the one in use or the best highlighted."""
        keys = self.workspace.secrets.given()
        open_ways = ways_open(keys)
        rows = []
        for way in WAYS:
            have = "✓" if way.route in open_ways else "✗ missing"
            if way.route == self.workspace.route and way.route in open_ways:
                have = "✓ in use"
            tone = "" if way.route in open_ways else "quiet"
            rows.append(Row(way.route, (way.title, way.needs_short, have, "1 a change", way.in_braze), tone=tone))
        rows.append(Row(FILE, ("File for Braze", "nothing", "✓", "0, ids only", "Imported from CSV")))
        have = "✓" if "rest_api_key" in keys else "✗ missing"
        rows.append(Row(COMPARE, ("Only compare", "REST key, exports", have, "0", "as Heap sent it")))
        table = self.query_one("#way-table", RecordTable)
        table.show(rows)
        best = self.workspace.route or (open_ways[0] if open_ways else FILE)
        table.go_to(best)
        used = way_title(self.workspace.route)
        self.headline("How should people get into Braze?", f"in use: {used}" if used else "no key opens a way yet")
        self._read()

    @work(group="way", exclusive=True, exit_on_error=True, description="read the attributes")
    async def _read(self) -> None:
        service = self.workspace.cohorts
        self._cohorts = await service.list()
        names = {}
        for cohort in self._cohorts:
            name, since = await service.attribute_of(cohort.cohort_id)
            names[cohort.cohort_id] = (name, since is not None)
        self._names = names
        if self.alive:
            self._show()

    @on(RecordTable.Highlighted, "#way-table")
    def _show(self) -> None:
        route = self.chosen
        title = way_title(route) or {FILE: "File for Braze", COMPARE: "Only compare"}[route]
        self.query_one("#detail-rule", RuleLine).tell(title)
        table = self.query_one("#attribute-table", RecordTable)
        table.display = route == ATTRIBUTE and bool(self._cohorts)
        if not table.display and self.focused is table:
            self.query_one("#way-table").focus()
        rows = []
        for cohort in self._cohorts:
            name, sent = self._names[cohort.cohort_id]
            rows.append(Row(cohort.cohort_id, (cohort.name, name, "sent, it stays" if sent else "n changes it")))
        table.show(rows)
        self.query_one("#facts", TextPane).tell(_HOW[route])
        self.query_one("#more", TextPane).tell(self._more(route))
        self.say("enter takes this way; nothing is sent by choosing it." if route in (ATTRIBUTE, COHORT_IMPORT) else "")

    def _more(self, route: str) -> list[str]:
        lines = [""]
        if route in (ATTRIBUTE, COHORT_IMPORT):
            people = sum(cohort.members for cohort in self._cohorts)
            limit = self.workspace.per_request(route)
            requests = sum(-(-cohort.members // limit) for cohort in self._cohorts)
            lines.append(f"Each request     up to {headcount(limit)}")
            lines.append(
                f"Everybody once   {headcount(people)}, {counted(requests, 'request')}, at most"
                f" {counted(people, 'data point')}"
            )
            kinds = ", ".join(kind.replace("_", " ") for kind in way_facts(route).kinds)
            lines.append(f"Ids              {kinds}")
        if route == ATTRIBUTE and self._names:
            lines.append(f"Filter           Custom Attributes › {next(iter(self._names.values()))[0]} › is › true")
        if route in (ATTRIBUTE, COHORT_IMPORT) and self.workspace.route:
            lines += ["", "Changing the way later takes people out the old way first, with a plan."]
        return lines

    def action_pane(self) -> None:
        """The attributes, and back."""
        table = self.query_one("#attribute-table", RecordTable)
        if table.display and self.focused is not table:
            table.focus()
        else:
            self.query_one("#way-table").focus()

    @work(group="dialog", exclusive=True, exit_on_error=True, description="choose the way into Braze")
    async def action_choose(self) -> None:
        """Take the highlighted way."""
        route, profile = self.chosen, self.workspace.profile
        if route in (FILE, COMPARE):
            self.app.push_screen(Told("Nothing to choose here", _HOW[route]))
            return
        facts = way_facts(route)
        missing = [name for name in facts.keys if name not in self.workspace.secrets.given()]
        if missing:
            self.say(f"A key is missing: {', '.join(missing)}. 6 Credentials takes it.")
        elif route == self.workspace.route:
            self.say(f"{facts.title} is in use already.")
        elif profile.from_environment:
            self.say(f"This profile is the environment: set HEAPTUI_ROUTE={route}.")
        elif why := why_profile_stays(self.dashboard):
            self.say(why)
        elif self.dashboard.live_runs:
            self.say("A sync is running: the way can be changed when it is over.")
        elif await self._agreed(facts.title):
            try:
                opening = self.dashboard.opening
                await ProfileService(opening.home, opening.environ).change(profile.name, {"route": route})
                await use_profile(self, then="cohorts")
            except HeaptuiError as error:
                self.told(error)

    async def _agreed(self, title: str) -> bool:
        """Who is in Braze by the present way will leave it: say so before."""
        there = sum(cohort.delivered for cohort in self._cohorts)
        if not there:
            return True
        lines = [
            f"In Braze by {way_title(self.workspace.route)}: {headcount(there)}.",
            "The next sync of each cohort takes them out there first, then lets them join the new way.",
            "A cohort that is sent by itself waits until somebody syncs it.",
            "Both cost data points, and segments built on the old way become empty: build them anew.",
        ]
        question = Question(f"Change to {title}?", lines, yes=f"Take {title}", no="Stay")
        return await self.app.push_screen_wait(question)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="name an attribute")
    async def action_name(self) -> None:
        """Ask for the attribute of the highlighted cohort."""
        row = self.query_one("#attribute-table", RecordTable).row
        if self.chosen != ATTRIBUTE or row is None:
            self.say("Highlight Custom attribute, then a cohort: tab goes there.")
            return
        if self.workspace.read_only:
            self.say("This is open read-only: nothing can be changed here.")
            return
        name, sent = self._names[row.key]
        if sent:
            self.say(f"{name} was sent to Braze, so it stays.")
            return
        lines = ["Letters, digits and _. It is chosen once: from the first sync on it stays."]
        wanted = await self.app.push_screen_wait(Asked(f"The attribute of “{row.cells[0]}”", lines, value=name))
        if wanted is None:
            return
        try:
            await self.workspace.cohorts.choose_attribute(row.key, wanted)
        except HeaptuiError as error:
            self.told(error)
            return
        self._read()

    def why_not_copied(self) -> str:
        """The note can always be written."""
        return ""

    async def to_copy(self) -> tuple[str, str]:
        """the note to the Heap account manager"""
        names = [cohort.name for cohort in self._cohorts]
        return note_to_heap(self.workspace.profile.endpoint, names), "the note to the Heap account manager"
