"""Questions in front of a screen: yes or no, a text, or a name that must be typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from heaptui.ui.clipboard import copied
from heaptui.ui.signs import safe, sign
from heaptui.ui.widgets.fitted import Line
from heaptui.ui.widgets.frame import TextPane

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """In front of a screen, and as wide on each."""

    HORIZONTAL_BREAKPOINTS = []  # noqa: RUF012 - as Textual declares it


class Question(Dialog[bool]):
    """A question whose buttons are named by what they do; once there is nothing to ask any more, the answer is no."""

    AUTO_FOCUS = "#yes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,ｎ", "answer(False)", show=False),
        Binding("y,ｙ", "answer(True)", show=False),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(
        self, title: str, lines: list[str], *, yes: str, no: str, is_over: Callable[[], bool] | None = None
    ) -> None:
        super().__init__()
        self._title, self._lines, self._yes, self._no, self._is_over = title, lines, yes, no, is_over

    def on_mount(self) -> None:
        """Look whether it is still a question."""
        if self._is_over is not None:
            self.set_interval(0.2, self._look)

    def _look(self) -> None:
        if self.is_current and self._is_over is not None and self._is_over():
            self.notify("The sync is over.", markup=False)
            self.action_answer(answer=False)

    def compose(self) -> ComposeResult:
        """Title, text, two buttons."""
        with Vertical(classes="dialog"):
            yield Line(sign(self._title), classes="dialog-title")
            with VerticalScroll(classes="dialog-text", can_focus=False):
                yield Line(sign("\n".join(safe(line) for line in self._lines)))
            with Horizontal(classes="dialog-buttons"):
                yield Button(self._yes, id="yes", variant="primary", compact=True)
                yield Button(self._no, id="no", compact=True)
            yield Line(f"enter or y: {self._yes} · esc or n: {self._no}", classes="dialog-keys")

    def action_answer(self, answer: bool) -> None:
        """Close with an answer."""
        self.dismiss(answer)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


class Leaving(Question):
    """The question before the end; asking for the end a second time answers it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q,ctrl+c", "answer(True)", show=False)]


class Told(Dialog[None]):
    """Something to read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,ｑ,question_mark,？", "close", show=False),
        Binding("y,ｙ", "copy", show=False),
    ]

    def __init__(self, title: str, lines: list[str]) -> None:
        super().__init__()
        self._title, self._lines = title, lines

    def compose(self) -> ComposeResult:
        """Title and text."""
        with Vertical(classes="dialog"):
            yield Line(sign(self._title), classes="dialog-title")
            with VerticalScroll(classes="dialog-text"):
                yield TextPane(labels=False, lines=self._lines)
            yield Line("esc closes · y copies", classes="dialog-keys")

    def action_close(self) -> None:
        """Done reading."""
        self.dismiss()

    @work(group="copy", exclusive=True, exit_on_error=True, description="copy")
    async def action_copy(self) -> None:
        """Copy what stands here."""
        self.notify(await copied(self.app, "\n".join(self._lines), self._title), markup=False)


class Asked(Dialog[str | None]):
    """A text to type; with `must_be`, only exactly that closes the question.

    `problem` says what is wrong with a text, below the field, with `while_typing` already while it is typed; an empty
    answer closes it, unless an answer is `needed`.
    """

    KEYS: ClassVar[str] = "enter answers · esc leaves everything as it is"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", show=False)]

    def __init__(
        self,
        title: str,
        lines: list[str],
        *,
        value: str = "",
        must_be: str = "",
        secret: bool = False,
        problem: Callable[[str], str] | None = None,
        while_typing: bool = False,
        needed: bool = False,
    ) -> None:
        super().__init__()
        self._problem, self._while_typing, self._needed = problem, while_typing, needed
        asks = ["", f"Type the cohort's name: {must_be}"] if must_be else []
        self._title, self._lines, self._value = title, [*lines, *asks], value
        self._must_be, self._secret = must_be, secret

    def compose(self) -> ComposeResult:
        """Title, text, field."""
        with Vertical(classes="dialog"):
            yield Line(sign(self._title), classes="dialog-title")
            with VerticalScroll(classes="dialog-text"):
                yield Line(sign("\n".join(safe(line) for line in self._lines)))
            yield Input(self._value, password=self._secret, id="answer", compact=True)
            yield Line(self.KEYS, id="answer-note", classes="dialog-keys")

    def on_mount(self) -> None:
        """The field is what this is about."""
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if self._must_be and event.value.strip() != self._must_be.strip():
            self.query_one("#answer-note", Line).update(sign(f"That is not “{safe(self._must_be)}”."))
            return
        if self._needed and not event.value.strip():
            self.query_one("#answer-note", Line).update(sign("✗ Type something, or esc leaves everything as it is."))
        elif not self._told_wrong(event.value):
            self.dismiss(event.value)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if self._while_typing and not self._told_wrong(event.value):
            self.query_one("#answer-note", Line).update(self.KEYS)

    def _told_wrong(self, text: str) -> bool:
        problem = self._problem(text) if self._problem and text.strip() else ""
        if problem:
            self.query_one("#answer-note", Line).update(sign(f"✗ {safe(problem)}"))
        return bool(problem)

    def action_close(self) -> None:
        """No answer."""
        self.dismiss(None)
