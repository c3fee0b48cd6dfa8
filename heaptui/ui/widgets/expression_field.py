"""The expression as a line of text that can be opened and edited, counted at every letter."""

from __future__ import annotations

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from heaptui.errors import HeaptuiError
from heaptui.model.expressions import Expression, ExpressionError
from heaptui.services.previews import Preview
from heaptui.services.segments import SegmentService
from heaptui.ui.signs import fit, safe, sign
from heaptui.ui.widgets.fitted import TextLine

HINT = "= edits it as text"


class ExpressionLine(TextLine):
    """The expression, and how to edit it; nothing where there is none."""

    def made(self, width: int) -> Content:
        """Cut to the width."""
        shown = fit(safe(self.text), max(10, width - len(HINT) - 4))
        return Content(sign(f" {shown}  {HINT}") if self.text else "")


class ExpressionField(Vertical):
    """One line; `=` opens it, enter takes what it holds, esc leaves the expression as it was."""

    class Typed(Message):
        """Another letter: the count, or what is wrong with it."""

        def __init__(self, preview: Preview | None, sentence: str) -> None:
            super().__init__()
            self.preview, self.sentence = preview, sentence

    class Given(Message):
        """Editing ended, with an expression (None for an empty one) unless it was left as it was."""

        def __init__(self, expression: Expression | None, *, changed: bool) -> None:
            super().__init__()
            self.expression, self.changed = expression, changed

    def __init__(self) -> None:
        super().__init__(id="expression-field")
        self._service: SegmentService | None = None
        self._text = ""

    def compose(self) -> ComposeResult:
        """The text, and the field that takes its place."""
        yield ExpressionLine()
        yield Input(id="expression", placeholder='"Cart abandoners" and not "Paying"', compact=True)

    @property
    def open(self) -> bool:
        """Whether somebody is typing."""
        return self.has_class("-open")

    def show(self, text: str) -> None:
        """Show an expression; what is being typed stays."""
        self._text = text
        self.query_one(ExpressionLine).tell(text)

    def edit(self, service: SegmentService) -> None:
        """Open the field."""
        self._service = service
        field = self.query_one(Input)
        field.value = self._text
        field.cursor_position = len(self._text)
        self.add_class("-open")
        field.focus()

    def leave(self) -> None:
        """Close it; the expression stays as it was."""
        self.remove_class("-open")
        self.post_message(self.Given(None, changed=False))

    def on_key(self, event: events.Key) -> None:
        """The full-width blank of an input method counts as a blank; Textual's field takes it for unprintable."""
        if event.character == "\u3000" and self.open:
            event.stop()
            self.query_one(Input).insert_text_at_cursor(" ")

    @on(Input.Changed)
    @work(group="typing", exclusive=True, exit_on_error=True, description="count while typing")
    async def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if not self.open or self._service is None or not event.value.strip():
            return
        try:
            preview = await self._service.preview(await self._service.parse(event.value))
        except HeaptuiError as error:
            advice = error.advice if isinstance(error, ExpressionError) else error.hint
            self.post_message(self.Typed(None, f"{error.title} {advice}"))
            return
        self.post_message(self.Typed(preview, "enter takes it, esc leaves it as it was"))

    @on(Input.Submitted)
    @work(group="typing", exclusive=True, exit_on_error=True, description="take an expression")
    async def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        assert self._service is not None
        try:
            expression = await self._service.parse(event.value) if text else None
        except HeaptuiError as error:
            self.post_message(self.Typed(None, f"{error.title} {error.detail}"))
            if isinstance(error, ExpressionError):
                event.input.cursor_position = error.at
            return
        self.remove_class("-open")
        self.post_message(self.Given(expression, changed=True))
