"""Braze segments before anybody clicks: the builder with counts, what exists in Braze, and overlaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget

from heaptui.errors import HeaptuiError
from heaptui.model.cohorts import Cohort
from heaptui.model.expressions import Expression, InBraze, InCohort, Names, Or, joined, write
from heaptui.model.segments import Filter, Segment, segment_of
from heaptui.services.previews import Preview
from heaptui.ui import segment_doings, segment_edits, segment_text, signs
from heaptui.ui.commands import SEGMENTS
from heaptui.ui.screens.framed import FramedScreen
from heaptui.ui.screens.picker import Picker
from heaptui.ui.segment_text import Place
from heaptui.ui.widgets.braze_pane import InBrazePane
from heaptui.ui.widgets.builder import Builder
from heaptui.ui.widgets.expression_field import ExpressionField
from heaptui.ui.widgets.frame import RuleLine, TextPane
from heaptui.ui.widgets.overlap_pane import OverlapPane
from heaptui.ui.widgets.record_table import Column, Row
from heaptui.ui.widgets.segment_side import SIDE_WIDTH, SegmentSide
from heaptui.ui.widths import WIDE

PREVIEW, BRAZE, OVERLAP = "Preview", "In Braze", "Overlap"
VIEWS = (PREVIEW, BRAZE, OVERLAP)
EMPTY = Segment(())


class SegmentsScreen(FramedScreen):
    """Tab 2."""

    SCOPE: ClassVar[str] = SEGMENTS
    COPIES: ClassVar[str] = "the segment as text; again: as Markdown, as JSON; in the other views, the line"
    PANES: ClassVar[str] = "RecordTable, Builder, .grow, SegmentSide, #overlap-matrix, #overlap-people"
    TAB: ClassVar[str] = "segments"
    AUTO_FOCUS = "Builder"

    def __init__(self) -> None:
        super().__init__()
        self.view = PREVIEW
        self.name_of_draft = ""
        self.expression: Expression | None = None
        self.segment: Segment | None = EMPTY
        self.preview: Preview | None = None
        self.cohorts: dict[str, Cohort] = {}
        self.names = Names({})
        self.older_menu = False
        self._copies = 0
        self._begun = False

    def compose_body(self) -> ComposeResult:
        """The three views; one of them shows."""
        with Horizontal(id="segment-preview"):
            with Vertical(id="segment-main"):
                yield ExpressionField()
                yield Builder(id="builder")
                yield TextPane(id="segment-totals")
                yield RuleLine("Before it works in Braze", id="needs-rule")
                with VerticalScroll(classes="grow", can_focus=False):
                    yield TextPane(id="segment-needs")
                    yield RuleLine("Two ways to the same people", id="ways-rule")
                    yield TextPane(id="segment-ways")
            yield SegmentSide()
        yield InBrazePane()
        yield OverlapPane()

    @property
    def builder(self) -> Builder:
        """The groups."""
        return self.query_one(Builder)

    @property
    def braze(self) -> InBrazePane:
        """The view In Braze."""
        return self.query_one(InBrazePane)

    def home(self) -> Widget:
        """The list of the view that shows."""
        tables = {BRAZE: "#braze-table", OVERLAP: "#overlap-table"}
        return self.query_one(tables[self.view]) if self.view in tables else self.builder

    def load(self) -> None:
        """Count anew, and filter."""
        if not self.alive:
            return
        if self.view == BRAZE:
            self._look()
        self._count()

    @work(group="segments", exclusive=True, exit_on_error=True, description="count a segment")
    async def _count(self) -> None:
        """Read the cohorts, count, and show everything."""
        service = self.workspace.segments
        try:
            if not self._begun:
                await self._begin()
            if self.dashboard.previewed:
                self._take(joined(Or, map(InCohort, self.dashboard.previewed)))
                self.name_of_draft, self.dashboard.previewed = "", []
            self.cohorts = await service.cohorts()
            self.names = await service.names()
            self.preview = None if self.expression is None else await service.preview(self.expression, self.segment)
        except HeaptuiError as error:
            self.unread(error)
            return
        if self.alive:
            self._show()

    async def _begin(self) -> None:
        """The newest draft, the first time."""
        drafts = await self.workspace.segments.drafts()
        await self.braze.look(self.workspace, read=False)
        self._begun = True
        if drafts and self.expression is None:
            self._take(drafts[0].expression, drafts[0].segment)
            self.name_of_draft = drafts[0].name

    def _take(self, expression: Expression | None, segment: Segment | None = None) -> None:
        self.expression = expression
        self.segment = segment or (EMPTY if expression is None else segment_of(expression))
        self._copies = 0

    def _edit(self, segment: Segment, place: Place | None = None) -> None:
        """The segment after a key."""
        self._take(segment.expression, segment)
        if place is not None:
            self.builder.place = place
        self._count()

    def _show(self) -> None:
        for view, selector in ((PREVIEW, "#segment-preview"), (BRAZE, "#segment-braze"), (OVERLAP, "#segment-overlap")):
            self.query_one(selector).display = view == self.view
        self._title()
        preview = self.preview
        self.query_one("#segment-preview").set_class(preview is None, "-empty")
        field = self.query_one(ExpressionField)
        if preview is None:
            field.show("")
            self.builder.show(segment_text.empty_lines(self._room() - 2))
            for pane in ("totals", "needs", "ways"):
                self._tell(pane, [])
        else:
            field.show(write(preview.expression, self.names))
            self._draw(preview)
            self._tell("needs", segment_text.needs(preview))
            self._tell("ways", segment_text.ways(preview), 20)
        self.query_one(SegmentSide).show(self)
        if self.view == OVERLAP:
            mine = list(self.preview.cohorts) if self.preview else []
            self.query_one(OverlapPane).compare(self.workspace.segments, self.cohorts, self.names, first=mine)
        self._hint()

    def _draw(self, preview: Preview) -> None:
        """The groups and the numbers."""
        width = min(self._room() - 4, 100)
        self.builder.show(segment_text.builder_lines(preview, width))
        self._tell("totals", segment_text.totals(preview))

    def _tell(self, pane: str, lines: list[str], indent: int = 4) -> None:
        folded = [part for line in lines for part in signs.wrap(line, self._room() - 3, indent)]
        self.query_one(f"#segment-{pane}", TextPane).tell(folded)

    def _room(self) -> int:
        """Cells for the builder and what stands below it; a hidden view has no size of its own."""
        return self.size.width - SIDE_WIDTH if self.size.width >= WIDE and self.preview else self.size.width

    def on_resize(self) -> None:
        """As wide as there is room."""
        self.load()

    def _title(self) -> None:
        pane = self.braze
        known = f"{BRAZE} {len(pane.seen)}" if pane.seen else BRAZE
        words = {PREVIEW: PREVIEW, BRAZE: known, OVERLAP: OVERLAP}
        verdict = self.name_of_draft or ("not kept yet: w" if self.preview else "")
        if self.view == BRAZE:
            read = sum(one.looked_at > 0 for one in pane.seen.values())
            verdict = f"reading, {read} of {len(pane.seen)}" if pane.reading else f"{read} of {len(pane.seen)} read"
        self.headline(" │ ".join(f"[{words[v]}]" if v == self.view else words[v] for v in VIEWS), verdict)

    def _hint(self) -> None:
        self.show_keys()
        if self.view == BRAZE:
            none = "none seen yet: r reads them, with a REST key"
            self.say("r reads them again · / filters" if self.braze.seen else none, idle=True)
        elif self.view == OVERLAP:
            self.say("Each person is counted in one line below the matrix.", idle=True)
        elif self.preview is None:
            self.say("A preview sends nothing. + adds a cohort.", idle=True)
        else:
            self.say("Only Braze computes who can be reached; these are the people who are in it.", idle=True)

    @on(InBrazePane.Changed)
    def _braze_changed(self) -> None:
        self._title()
        if self.view == BRAZE:
            self._hint()
        self.query_one(SegmentSide).show(self)

    def why_disabled(self, command_id: str) -> str:
        """What the view, the draft or the profile does not allow."""
        if command_id == "segments.again":
            if self.view != BRAZE:
                return "This is for the view In Braze: tab goes there."
            no_key = self.workspace.secrets.rest_api_key is None
            return "This needs a Braze REST key with segments.list: 6 Credentials." if no_key else ""
        if command_id in ("segments.view", "segments.drafts", "segments.mark"):
            return ""
        if self.view != PREVIEW:
            return "This is for the view Preview: tab goes there."
        if not self.cohorts:
            read = self._begun
            return "There is no cohort yet: 1, then i imports a file." if read else "The cohorts are still being read."
        if command_id in ("segments.add", "segments.exclude", "segments.group", "segments.text"):
            rows = command_id != "segments.text" and self.segment is None
            return "Braze cannot show this as rows: = edits it as text." if rows else ""
        if self.preview is None:
            return "The segment is empty: + adds a cohort."
        return segment_doings.why_off(self, command_id, self.preview)

    def action_view(self) -> None:
        """The next view."""
        self.view = VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)]
        self._show()
        self.filter_changed()
        self.home().focus()
        if self.view == BRAZE:
            self._look()

    @work(group="braze-look", exclusive=True, exit_on_error=True, description="show the segments in Braze")
    async def _look(self, *, again: bool = False) -> None:
        await self.braze.look(self.workspace, again=again)
        self._title()

    def action_again(self) -> None:
        """Ask Braze for its segments again."""
        self._look(again=True)

    def why_not_filtered(self) -> str:
        """In the preview, a filter is a cohort to add."""
        return self.why_disabled("segments.add") if self.view == PREVIEW else super().why_not_filtered()

    async def action_filter(self) -> None:
        """A filter in the list of Braze's segments; in the preview, find a cohort to add."""
        if self.view == PREVIEW:
            self.action_add()
        else:
            await super().action_filter()

    def action_add(self) -> None:
        """Add a filter to the group under the cursor."""
        add = segment_edits.with_filter
        self._pick("Add a filter", lambda segment, row: add(segment, row, self.builder.place))

    def action_exclude(self) -> None:
        """Add an exclusion group."""
        self._pick("Exclude everybody in", segment_edits.with_exclusion)

    def action_group(self) -> None:
        """Add a filter group."""
        self._pick("A new filter group with", segment_edits.with_group)

    @work(group="dialog", exclusive=True, exit_on_error=True, description="choose a cohort")
    async def _pick(self, title: str, change: Callable[[Segment, Filter], tuple[Segment, Place]]) -> None:
        rows = [
            Row(one.cohort_id, (one.name, signs.people(one.members), signs.cohort_state(one)[0]))
            for one in self.cohorts.values()
        ]
        columns = (Column("Cohort", 0), Column("People", 9, right=True), Column("State", 10))
        typed = "No cohort is called so. enter takes it as another filter of Braze, which only Braze can evaluate."
        chosen = await self.app.push_screen_wait(Picker(title, columns, rows, typed=typed))
        if chosen is not None and self.segment is not None:
            text = chosen.removeprefix("typed:")
            self._edit(*change(self.segment, Filter(InCohort(chosen) if text == chosen else InBraze(text))))

    def _change(self, change: Callable[[Segment, Place], Segment]) -> None:
        if self.segment is not None and self.builder.place is not None:
            self._edit(change(self.segment, self.builder.place))

    def action_remove(self) -> None:
        """Remove the filter under the cursor."""
        self._change(segment_edits.without)

    def action_turn(self) -> None:
        """Includes, or does not include."""
        self._change(segment_edits.turned)

    def action_join(self) -> None:
        """AND or OR inside the group."""
        self._change(segment_edits.joined_otherwise)

    def action_join_groups(self) -> None:
        """AND or OR between the filter groups."""
        self._change(lambda segment, _: segment_edits.groups_joined_otherwise(segment))

    def action_text(self) -> None:
        """Edit the expression as text."""
        self.query_one(ExpressionField).edit(self.workspace.segments)

    @on(ExpressionField.Typed)
    def _typed(self, event: ExpressionField.Typed) -> None:
        if self.query_one(ExpressionField).open:
            if event.preview is not None:
                self._draw(event.preview)
            self.say(event.sentence)

    @on(ExpressionField.Given)
    def _given(self, event: ExpressionField.Given) -> None:
        if event.changed:
            self._take(event.expression)
        self.builder.focus()
        self._count()

    async def action_back(self) -> None:
        """Out of the expression first, then as everywhere."""
        field = self.query_one(ExpressionField)
        if field.open:
            field.leave()
        else:
            await super().action_back()

    async def action_sync(self) -> None:
        """One plan for everything that is missing."""
        if self.preview is None:
            return
        if self.dashboard.live_runs:
            self.say("A sync is running: 3 shows it. The next one can be planned when it is over.")
            return
        app = self.dashboard
        app.planned, app.current_run, app.continues = [one.cohort_id for one in self.preview.missing], None, None
        await app.action_tab("sync")

    @work(group="match", exclusive=True, exit_on_error=True, description="measure a match rate")
    async def action_match(self) -> None:
        """Ask Braze how many of these people exist."""
        if self.preview is not None:
            await segment_doings.measure(self, self.preview)
            self._count()

    @work(group="dialog", exclusive=True, exit_on_error=True, description="derive a cohort")
    async def action_derive(self) -> None:
        """A cohort of its own."""
        if self.preview is not None:
            await segment_doings.derive(self, self.preview)

    def action_clicks(self) -> None:
        """The clicks; again: the older menu."""
        if self.preview is not None and self.size.width < WIDE:
            segment_doings.show_clicks(self, self.preview, older=self.older_menu)
        self.older_menu = not self.older_menu
        self.query_one(SegmentSide).show(self)

    def why_not_copied(self) -> str:
        """The preview is copied where it shows, a line in the other views."""
        if self.view != PREVIEW:
            return super().why_not_copied()
        return "The segment is empty: + adds a cohort." if self.preview is None else ""

    async def to_copy(self) -> tuple[str, str]:
        """The segment as text; again as Markdown, then as JSON."""
        if self.view != PREVIEW or self.preview is None:
            return await super().to_copy()
        form, following = (segment_text.FORMATS[(self._copies + n) % len(segment_text.FORMATS)] for n in (0, 1))
        self._copies += 1
        return segment_doings.copied_as(self, self.preview, form), f"as {form}; y again: as {following}"

    @work(group="dialog", exclusive=True, exit_on_error=True, description="keep a draft")
    async def action_keep(self) -> None:
        """Keep it as a draft."""
        if self.preview is not None:
            self.name_of_draft = await segment_doings.keep(self, self.preview) or self.name_of_draft
            self._title()

    @work(group="dialog", exclusive=True, exit_on_error=True, description="open a draft")
    async def action_drafts(self) -> None:
        """Open a draft."""
        draft = await segment_doings.choose_draft(self)
        if draft is not None:
            self.view, self.name_of_draft = PREVIEW, draft.name
            self._take(draft.expression, draft.segment)
            self._count()

    def action_clear(self) -> None:
        """Begin with an empty segment; a draft stays kept."""
        self.name_of_draft = ""
        self._take(None)
        self._count()
