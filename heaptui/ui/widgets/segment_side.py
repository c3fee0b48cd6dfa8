"""What stands beside the builder where there is room: overlap, some of the people, the clicks, what is in Braze."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from heaptui.services.previews import Preview
from heaptui.ui import signs
from heaptui.ui.segment_doings import clicks_of
from heaptui.ui.segment_text import expected, matrix, trend
from heaptui.ui.widgets.frame import RuleLine, TextPane
from heaptui.ui.widgets.overlap_pane import in_lines
from heaptui.ui.widths import WIDE

if TYPE_CHECKING:
    from heaptui.ui.screens.segments import SegmentsScreen

SIDE_WIDTH = 54
"""Cells, as in the style sheet."""

BESIDE = 3
"""Cohorts in the small matrix."""


class SegmentSide(VerticalScroll, can_focus=False):
    """The right half of a wide Preview."""

    def __init__(self) -> None:
        super().__init__(id="segment-side")

    def compose(self) -> ComposeResult:
        """Titled panes, one below the other."""
        for key, title, verdict in (
            ("overlap", "Overlap", "everyone in both"),
            ("people", "Who they are", ""),
            ("clicks", "Click in Braze", ""),
            ("already", "Already in Braze", ""),
        ):
            yield RuleLine(title, verdict, id=f"side-{key}-rule")
            yield TextPane(id=f"side-{key}")

    def show(self, screen: SegmentsScreen) -> None:
        """Show what belongs to the preview of the screen."""
        if screen.size.width < WIDE:
            return
        preview = screen.preview
        older = screen.older_menu
        clicks = clicks_of(screen, preview, older=older) if preview else []
        width = SIDE_WIDTH - 4
        self._tell("clicks", [part for line in clicks for part in signs.wrap(line, width, 3)])
        menu = "older menu, c shows the current" if older else "current menu, c shows the older"
        self.query_one("#side-clicks-rule", RuleLine).tell("Click in Braze", menu)
        already = self._already(screen, preview) if preview else []
        self._tell("already", [part for line in already for part in signs.wrap(line, width, 2)])
        if preview:
            self._look(screen, preview)
        else:
            self._tell("overlap", [])
            self._tell("people", [])

    def _tell(self, key: str, lines: list[str]) -> None:
        self.query_one(f"#side-{key}", TextPane).tell(lines)

    @work(group="side", exclusive=True, exit_on_error=True, description="overlap and sample beside the builder")
    async def _look(self, screen: SegmentsScreen, preview: Preview) -> None:
        service = screen.workspace.segments
        width = SIDE_WIDTH - 4
        chosen = [one for one, cohort in preview.cohorts.items() if cohort][:BESIDE]
        overlap = await service.overlap(chosen) if len(chosen) > 1 else None
        people = await service.sample(preview.expression, 12)
        if not self.is_attached:
            return
        self._tell(
            "overlap", matrix(overlap, screen.names, width) if overlap else ["One cohort alone overlaps nothing."]
        )
        self._tell("people", in_lines([one.value for one in people], width)[:3])
        self.query_one("#side-people-rule", RuleLine).tell(
            "Who they are", f"{len(people)} of {preview.in_heap.at_least:,}" if people else ""
        )

    def _already(self, screen: SegmentsScreen, preview: Preview) -> list[str]:
        pane = screen.braze
        wanted = set(preview.cohorts)
        found = [one for one in pane.seen.values() if pane.uses and set(pane.mentions(one)) == wanted]
        if not pane.seen:
            return ["Not looked yet: tab shows what is in Braze."]
        lines = []
        for one in found[:3]:
            both = {1: "this cohort", 2: "both cohorts"}.get(len(wanted), f"all {len(wanted)} cohorts")
            lines.append(f"✓ “{one.item.name}” names {both}.")
            if one.sizes:
                drawn = trend([size.size for size in one.sizes], 15)
                lines.append(
                    f"  Size there {drawn}  {one.size:,}"
                    + (f", expected {told}" if (told := expected(preview)) else "")
                )
        if not lines:
            some = pane.uses is not None and pane.uses.complete
            return [
                "No segment names exactly these cohorts." if some else "None found so far; not all texts were read."
            ]
        return [*lines, "Its text cannot tell how they are joined: compare by eye."]
