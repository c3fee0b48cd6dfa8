"""A file for Braze's Import Users: who is in it, as what, and what to click then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen

from heaptui.errors import HeaptuiError
from heaptui.model.cohorts import Cohort
from heaptui.model.words import headcount
from heaptui.services.upload import Upload
from heaptui.ui import signs
from heaptui.ui.commands import UPLOAD, bindings_of, footer_of
from heaptui.ui.exports import write_upload
from heaptui.ui.widgets.dialogs import Told
from heaptui.ui.widgets.frame import KeyLine, Line, RuleLine, TextPane

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

LEFT_OUT_SHOWN = 5


class UploadScreen(Screen[None]):
    """Opened from the cohorts; esc goes back."""

    SCOPE: ClassVar[str] = UPLOAD
    BINDINGS = bindings_of(UPLOAD)

    def __init__(self, workspace: Workspace, cohort: Cohort) -> None:
        super().__init__()
        self._workspace, self._cohort = workspace, cohort
        self._upload: Upload | None = None
        self._only_known = workspace.secrets.rest_api_key is not None
        self._as_attribute = False
        self._older_menu = False
        self._path: Path | None = None

    def compose(self) -> ComposeResult:
        """The choices, and the steps in Braze."""
        yield RuleLine(f"Write a file for Braze: {self._cohort.name}", "nothing is sent", id="title-rule")
        yield TextPane(id="facts")
        yield RuleLine("Then in Braze", id="detail-rule")
        with VerticalScroll(classes="grow", can_focus=False):
            yield TextPane(id="more")
        yield RuleLine(id="bottom-rule")
        yield Line(id="status-line")
        yield KeyLine(footer_of(UPLOAD, 78))

    def on_mount(self) -> None:
        """Plan the file."""
        self._plan()

    @work(group="upload", exclusive=True, exit_on_error=True, description="plan a file for Braze")
    async def _plan(self) -> None:
        self._path = None
        try:
            self._upload = await self._workspace.uploads.plan(
                self._cohort.cohort_id, as_attribute=self._as_attribute, only_known=self._only_known
            )
        except HeaptuiError as error:
            self._upload = None
            if self.is_running:
                self.query_one("#facts", TextPane).tell([error.title, error.detail, error.hint])
                self._say("Nothing was written.")
            return
        if self.is_running:
            self._show(self._upload)
            self._say("enter writes the file. It must be uploaded by hand: nothing is sent.")

    def _show(self, upload: Upload) -> None:
        rest = self._workspace.secrets.rest_api_key is not None
        known = f"{-(-upload.people // 50):,} look-ups first" if rest else "needs a REST key"
        size = f"{upload.bytes:,} bytes of at most 500 MB" if self._path else "UTF-8, no quotes, nobody twice"
        form = upload.attribute or "the attribute"
        lines = [
            f"People  {len(upload.members):,} here"
            + (f", {len(upload.leavers):,} who left" if upload.attribute else ""),
            "! Braze creates a person for every id it does not know, unlike “Heap Cohorts”.",
            f"        {_dot(upload.only_known)} only ids Braze knows ({known})",
            f"        {_dot(not upload.only_known)} all ids",
            "",
            f"As      {_dot(not upload.attribute)} list of ids: 0 data points, a snapshot without leaving",
            f"        {_dot(bool(upload.attribute))} {form}, true and false: 1 point a change",
            "",
            f"File    {self._path or self._workspace.home.out_dir}",
            f"        {size}",
        ]
        if self._path:
            unknown = f", {upload.unknown:,} unknown to Braze" if upload.only_known else ""
            lines.append(f"        {upload.rows:,} rows{unknown}")
        if upload.left_out_count:
            lines.append(f"! {upload.left_out_count:,} left out, since Braze's CSV cannot carry them:")
            lines += [f"  {value}  {reason}" for value, reason in upload.left_out[:LEFT_OUT_SHOWN]]
        self.query_one("#facts", TextPane).tell(lines)
        self.query_one("#more", TextPane).tell(upload.steps(older=self._older_menu))

    def _say(self, text: str) -> None:
        self.query_one("#status-line", Line).update(signs.sign(f" {signs.safe(text)}"))

    @work(group="upload", exclusive=True, exit_on_error=True, description="write a file for Braze")
    async def action_write(self) -> None:
        """Write it, telling how far the look-ups are."""
        upload = self._upload
        if upload is None:
            self._say("There is nothing to write: see above.")
            return

        def looked(done: int, of: int) -> None:
            self._say(f"Asking Braze: {done:,} of {headcount(of)}")

        self._say("Writing…")
        try:
            self._path = await write_upload(self._workspace, upload, looked)
        except HeaptuiError as error:
            self.app.push_screen(Told(error.title, [error.detail, error.hint]))
            return
        if self.is_running:
            self._show(upload)
            self._say(f"Written: {upload.rows:,} rows. Upload it in Braze: the steps are below; y copies them.")

    def action_who(self) -> None:
        """Everybody, or only people Braze knows."""
        if self._workspace.secrets.rest_api_key is None:
            self._say("Only with a REST key: Braze must be asked whom it knows. 6 Credentials takes one.")
            return
        self._only_known = not self._only_known
        self._plan()

    def action_form(self) -> None:
        """A list of ids, or the attribute."""
        self._as_attribute = not self._as_attribute
        self._plan()

    def action_clicks(self) -> None:
        """The other menu."""
        self._older_menu = not self._older_menu
        if self._upload:
            self._show(self._upload)

    def action_copy(self) -> None:
        """The steps, for a message or a ticket."""
        if self._upload:
            self.app.copy_to_clipboard("\n".join(self._upload.steps(older=self._older_menu)))
            self._say("The steps were sent to the terminal's clipboard; whether it took them cannot be seen from here.")

    def action_back(self) -> None:
        """Back to the cohorts."""
        self.app.pop_screen()


def _dot(chosen: bool) -> str:
    return "●" if chosen else "○"
