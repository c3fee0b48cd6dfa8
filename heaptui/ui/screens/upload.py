"""A file for Braze's Import Users: who is in it, as what, and what to click then."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from heaptui.errors import HeaptuiError
from heaptui.model.cohorts import Cohort
from heaptui.model.words import counted, headcount
from heaptui.services.upload import Upload
from heaptui.ui.commands import UPLOAD
from heaptui.ui.exports import write_upload
from heaptui.ui.screens.page import Page
from heaptui.ui.signs import short_path
from heaptui.ui.widgets.frame import RuleLine, TextPane

LEFT_OUT_SHOWN = 5


class UploadScreen(Page):
    """Opened from the cohorts; esc goes back."""

    SCOPE: ClassVar[str] = UPLOAD
    COPIES: ClassVar[str] = "the steps for Braze"

    def __init__(self, cohort: Cohort) -> None:
        super().__init__()
        self._cohort = cohort
        self._upload: Upload | None = None
        self._only_known = self.workspace.secrets.rest_api_key is not None
        self._as_attribute = False
        self._older_menu = False
        self._path: Path | None = None

    def compose_body(self) -> ComposeResult:
        """The choices, and the steps in Braze."""
        yield TextPane(id="facts")
        yield RuleLine("Then in Braze", id="detail-rule")
        with VerticalScroll(classes="grow", can_focus=False):
            yield TextPane(id="more")

    def on_mount(self) -> None:
        """Plan the file."""
        self.headline(f"Write a file for Braze: {self._cohort.name}", "nothing is sent")
        self._plan()

    @work(group="upload", exclusive=True, exit_on_error=True, description="plan a file for Braze")
    async def _plan(self) -> None:
        self._path = None
        try:
            self._upload = await self.workspace.uploads.plan(
                self._cohort.cohort_id, as_attribute=self._as_attribute, only_known=self._only_known
            )
        except HeaptuiError as error:
            self._upload = None
            if self.alive:
                self.query_one("#facts", TextPane).tell([error.title, error.detail, error.hint])
                self.say("Nothing was written.")
            return
        if self.alive:
            self._show(self._upload)
            self.say("enter writes the file. It must be uploaded by hand: nothing is sent.")

    def _show(self, upload: Upload) -> None:
        rest = self.workspace.secrets.rest_api_key is not None
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
            f"File    {short_path(self._path or self.workspace.home.out_dir)}",
            f"        {size}",
        ]
        if self._path:
            unknown = f", {upload.unknown:,} unknown to Braze" if upload.only_known else ""
            lines.append(f"        {counted(upload.rows, 'row')}{unknown}")
        if upload.left_out_count:
            lines.append(f"! {upload.left_out_count:,} left out, since Braze's CSV cannot carry them:")
            lines += [f"  {value}  {reason}" for value, reason in upload.left_out[:LEFT_OUT_SHOWN]]
        self.query_one("#facts", TextPane).tell(lines)
        self.query_one("#detail-rule", RuleLine).tell("Then in Braze", "older menu" * self._older_menu)
        self.query_one("#more", TextPane).tell(upload.steps(older=self._older_menu))

    @work(group="upload", exclusive=True, exit_on_error=True, description="write a file for Braze")
    async def action_write(self) -> None:
        """Write it, telling how far the look-ups are."""
        upload = self._upload
        if upload is None:
            self.say("There is nothing to write: see above.")
            return

        def looked(done: int, of: int) -> None:
            self.say(f"Asking Braze: {done:,} of {headcount(of)}")

        self.say("Writing…")
        try:
            self._path = await write_upload(self.workspace, upload, looked)
        except HeaptuiError as error:
            self.told(error)
            return
        if self.alive:
            self._show(upload)
            rows = counted(upload.rows, "row")
            self.say_written(f"Written: {rows}. Upload it in Braze: the steps are below; y copies them.")

    def action_who(self) -> None:
        """Everybody, or only people Braze knows."""
        if self.workspace.secrets.rest_api_key is None:
            self.say("Only with a REST key: Braze must be asked whom it knows. 6 Credentials takes one.")
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

    def why_not_copied(self) -> str:
        """Without a file there are no steps."""
        return "" if self._upload else "There is nothing to write: see above."

    async def to_copy(self) -> tuple[str, str]:
        """The steps, for a message or a ticket."""
        assert self._upload is not None
        return "\n".join(self._upload.steps(older=self._older_menu)), "the steps for Braze"


def _dot(chosen: bool) -> str:
    return "●" if chosen else "○"
