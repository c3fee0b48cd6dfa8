"""What all screens share: the keys, and what a key does on each: filter, copy, export, alone, back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from heaptui.errors import HeaptuiError
from heaptui.model.words import counted
from heaptui.ui import alone
from heaptui.ui.clipboard import copied
from heaptui.ui.commands import EVERYWHERE, FILTER, SETTINGS, Command, bindings_of, command_of, footer_of
from heaptui.ui.exports import export_table
from heaptui.ui.screens.speaking import SpeakingScreen
from heaptui.ui.signs import short_path
from heaptui.ui.widgets.frame import KeyLine, RuleLine, StatusLine
from heaptui.ui.widgets.record_table import RecordTable
from heaptui.ui.widgets.tour import TourPane
from heaptui.ui.widths import width_class

if TYPE_CHECKING:
    pass


class Page(SpeakingScreen):
    """One screen."""

    SCOPE: ClassVar[str] = ""
    COPIES: ClassVar[str] = "the highlighted line"
    """What y copies, after "Copy"."""
    EXPORTS: ClassVar[str] = "all rows of the pane"
    """What e writes, after "Write"."""
    PANES: ClassVar[str] = "RecordTable, Builder, SplitPane, .grow"
    """What z shows alone, one after another."""
    AUTO_FOCUS = "RecordTable"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls.BINDINGS = bindings_of(cls.SCOPE)
        super().__init_subclass__(**kwargs)

    def __init__(self) -> None:
        super().__init__()
        self.filter_text = ""
        self._last_table: RecordTable | None = None
        self._alone: list[Widget] = []

    def compose(self) -> ComposeResult:
        """The frame around the screen's body."""
        # Textual sets it when the screen has its size, and then styles and lays out everything again.
        self.add_class(width_class(self.app.size.width), update=False)
        yield from self.compose_top()
        yield RuleLine(id="title-rule")
        with Vertical(id="body"):
            yield from self.compose_body()
        if self.dashboard.tour is not None:
            yield TourPane()
        yield RuleLine(id="bottom-rule")
        yield StatusLine()
        yield KeyLine()

    def compose_top(self) -> ComposeResult:
        """What stands above the title."""
        yield from ()

    def compose_body(self) -> ComposeResult:
        """What the screen is about."""
        yield from ()

    def on_mount(self) -> None:
        """Show the keys."""
        self.show_keys()

    def load(self) -> None:
        """Read anew what the screen shows."""

    def headline(self, text: str, verdict: str = "") -> None:
        """The rule above the main pane."""
        self.query_one("#title-rule", RuleLine).tell(text, verdict)

    def show_keys(self) -> None:
        """The keys that work now."""
        if not self.alive:
            return
        typing = isinstance(self.focused, Input)

        def works(command_id: str) -> bool:
            return not (typing and command_of(command_id).is_letter) and not self.why_off(command_id)

        keys = footer_of(self.SCOPE, self.app.size.width - 2, works, self.label_of)
        self.query_one(KeyLine).tell(keys)

    def label_of(self, command: Command) -> str:
        """What a key does for what is highlighted."""
        return command.label

    def on_resize(self) -> None:
        """As many keys as there is room for."""
        self.show_keys()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a field, a key that comes first elsewhere is a letter."""
        if action == "do" and isinstance(self.focused, Input) and command_of(str(parameters[0])).comes_first:
            return False
        return super().check_action(action, parameters)

    async def action_do(self, command_id: str) -> None:
        """Do what a key stands for, or say why it does nothing just now."""
        if why := self.why_off(command_id):
            self.refuse(why)
        else:
            await self.run_action(command_of(command_id).action)

    def why_off(self, command_id: str) -> str:
        """Why a command does nothing just now; empty when it works."""
        if command_of(command_id).scope != EVERYWHERE:
            return self.why_disabled(command_id)
        own_ways = {
            FILTER: self.why_not_filtered,
            "pane.copy": self.why_not_copied,
            "pane.export": self.why_not_exported,
        }
        if command_id in own_ways:
            return own_ways[command_id]()
        match command_id:
            case "app.way" | "app.trace" | "app.settings" if self.dashboard.workspace is None:
                return "No workspace is open here."
            case "app.settings" if self.SCOPE == SETTINGS:
                return "These are the settings."
            case "app.end_tour" if self.dashboard.tour is None:
                return "There is no tour here: heaptui demo has one."
            case "pane.alone" if len(self.panes) < 2:
                return "There is only one pane here."
            case "app.back" if not self.can_go_back:
                return "This is where esc leads to; q quits."
        return ""

    def why_disabled(self, command_id: str) -> str:
        """Why one of the screen's own commands does nothing just now."""
        del command_id
        return ""

    def why_not_filtered(self) -> str:
        """Why there is nothing to filter."""
        return "There is no table here." if self.pane is None else ""

    def why_not_copied(self) -> str:
        """Why there is nothing to copy."""
        return "" if self.pane is not None and self.pane.row is not None else "There is nothing to copy here yet."

    def why_not_exported(self) -> str:
        """Why there is nothing to write."""
        return "" if self.pane is not None and self.pane.rows else "There are no rows here to write."

    def explanation(self) -> Sequence[str]:
        """What the highlighted thing means, for the help."""
        return ()

    @property
    def pane(self) -> RecordTable | None:
        """The table that keys are about: the one that was entered last, else the first in sight."""
        tables = [table for table in self.query(RecordTable) if alone.in_sight(table)]
        return self._last_table if self._last_table in tables else next(iter(tables), None)

    @property
    def panes(self) -> list[Widget]:
        """What can be shown alone."""
        return [pane for pane in self.query(self.PANES) if alone.in_sight(pane)]

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember the table that was entered; elsewhere other keys work."""
        if isinstance(event.widget, RecordTable):
            self._last_table = event.widget
        self.show_keys()

    def home(self) -> Widget | None:
        """What has the focus when nothing is typed."""
        return next((widget for widget in self.query(self.AUTO_FOCUS) if alone.in_sight(widget)), None)

    def go_home(self) -> None:
        """Leave whatever is typed in."""
        self.set_focus(self.home())

    def action_way(self) -> None:
        """Choose how people get into Braze."""
        from heaptui.ui.screens.way import WayScreen

        self.app.push_screen(WayScreen())

    def action_settings(self) -> None:
        """Look at the settings of the profile, and change them."""
        from heaptui.ui.screens.settings import SettingsScreen

        self.app.push_screen(SettingsScreen())

    def traced_by_default(self) -> str:
        """The id of the highlighted person, where the screen shows people."""
        return ""

    def action_trace(self) -> None:
        """Trace a person."""
        from heaptui.ui.screens.trace import TraceScreen

        self.app.push_screen(TraceScreen(self.traced_by_default()))

    async def action_filter(self) -> None:
        """Open the filter field."""
        if not self.query("#filter"):
            await self.mount(Input(id="filter", placeholder="filter, esc clears"), after="#body")
        # Not its focus(), which comes only after the keys that wait.
        self.set_focus(self.query_one("#filter"))

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        self._filter(event.value)

    def _filter(self, text: str) -> None:
        self.filter_text = text.casefold()
        self.filter_changed()
        self.answered()
        if self.filter_text:
            self.say("", idle=True)
        else:
            self.load()

    @on(Input.Submitted, "#filter")
    def _filter_kept(self) -> None:
        self.go_home()

    @on(RecordTable.RowsChanged)
    def _counted_anew(self) -> None:
        if self.filter_text:
            self.say("", idle=True)
        else:
            self.show_keys()

    def filter_changed(self) -> None:
        """Filter what is in sight; what is not shows everything."""
        for table in self.query(RecordTable):
            table.filter(self.filter_text if alone.in_sight(table) else "")

    def counted(self, count: int, thing: str) -> str:
        """How many there are, for the title: `9 cohorts`, and under a filter `3 of 9 cohorts`."""
        told = counted(count, thing)
        return f"{len(self.pane.rows):,} of {told}" if self.filter_text and self.pane else told

    def stands(self) -> str:
        """The count of a filter, or that other panes are hidden."""
        if self.filter_text:
            return f"{self.matching()}, esc clears the filter"
        key = command_of("pane.alone").shown_key
        return f"This pane alone: {key} shows the next, esc all of them." if self._alone else ""

    def matching(self) -> str:
        """How many rows match the filter."""
        return self.pane.found if self.pane else ""

    async def to_copy(self) -> tuple[str, str]:
        """What y copies, and how that is called where the text itself is no name."""
        assert self.pane is not None
        assert self.pane.row is not None
        return "\t".join(cell for cell in self.pane.row.cells if cell), ""

    @work(group="copy", exclusive=True, exit_on_error=True, description="copy")
    async def action_copy(self) -> None:
        """Copy what is highlighted, or what the screen found."""
        await self.copy(*await self.to_copy())

    async def copy(self, text: str, what: str = "") -> None:
        """Copy a text, and say what is known about it."""
        self.say(await copied(self.app, text, what))

    async def write_export(self) -> tuple[int, Path]:
        """Write what e writes; returns how many lines, and where."""
        assert self.pane is not None
        return await export_table(self.dashboard.opening.home, self.export_name, self.pane)

    @property
    def export_name(self) -> str:
        """What the file is called that e writes."""
        table = (self.pane.id or "").removesuffix("-table") if self.pane else ""
        return self.SCOPE if table in ("", self.SCOPE) else f"{self.SCOPE}-{table}"

    @work(group="export", exclusive=True, exit_on_error=True, description="export")
    async def action_export(self) -> None:
        """Write all rows to a file, and say where."""
        try:
            count, path = await self.write_export()
        except HeaptuiError as error:
            self.told(error)
        except OSError as error:
            self.say(f"Nothing was written: {error.strerror}.")
        else:
            self.say_written(f"{count:,} in {path.name}, in {short_path(path.parent)}")

    def action_alone(self) -> None:
        """The pane with the focus alone; again: the next one; after the last, all."""
        if self._alone:
            del self._alone[0]
        else:
            panes = self.panes
            around = self.focused.ancestors_with_self if self.focused else []
            at = next((number for number, pane in enumerate(panes) if pane in around), 0)
            self._alone = [*panes[at:], *panes[:at]]
        if self._alone:
            alone.show(self, self._alone[0])
            self.hint()
        else:
            self._together()

    def on_screen_suspend(self) -> None:
        """Whoever leaves a tab finds all its panes again; a dialog over it changes nothing."""
        if self._alone and self.alive and self not in self.app.screen_stack:
            self._together()

    def _together(self) -> None:
        self._alone = []
        alone.show_all(self)
        self.go_home()
        self.hint()

    @property
    def can_go_back(self) -> bool:
        """Whether esc has anything to do."""
        return bool(self.query("#filter")) or bool(self._alone) or self.focused is not self.home() or self.lies_over

    @property
    def lies_over(self) -> bool:
        """Whether another screen is below this one; a tab has none."""
        return len(self.app.screen_stack) > 2

    async def action_back(self) -> None:
        """Clear the filter, bring the other panes back, leave a field; else leave the screen."""
        if self.query("#filter"):
            await self.query("#filter").remove()
            self._filter("")
            self.go_home()
        elif self._alone:
            self._together()
        elif isinstance(self.focused, Input) and self.focused is not self.home():
            self.go_home()
        else:
            self.leave()

    def leave(self) -> None:
        """Back to the screen below; a tab stays."""
        if self.lies_over:
            self.app.pop_screen()
        else:
            self.go_home()
