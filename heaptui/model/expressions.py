"""Boolean expressions over cohorts: `"Cart abandoners" and not ("Paying" or braze "Email Available is true")`.

An expression holds the ids of cohorts; names appear only where people read or type it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from msgspec import Struct

from heaptui.errors import UsageError

DEEPEST = 40
"""Brackets within brackets."""


class InCohort(Struct, frozen=True):
    """Everybody in a cohort."""

    cohort_id: str


class InBraze(Struct, frozen=True):
    """Everybody who passes another filter of Braze, in its words; only Braze can tell who that is."""

    text: str


class Not(Struct, frozen=True):
    """Everybody else."""

    inner: Expression


class And(Struct, frozen=True):
    """Everybody who is in all parts; there are at least two."""

    parts: tuple[Expression, ...]


class Or(Struct, frozen=True):
    """Everybody who is in any part; there are at least two."""

    parts: tuple[Expression, ...]


Expression = InCohort | InBraze | Not | And | Or


class ExpressionError(UsageError):
    """A text that is no expression. `at` is the place in it, counted in letters from 0; `advice` may be empty."""

    def __init__(self, title: str, text: str, at: int, length: int = 0, hint: str = "") -> None:
        marked = f"{text[:at]}»{text[at : at + length]}«{text[at + length :]}"
        super().__init__(
            title, f"Here: {marked}", hint or 'Write it like "Cart abandoners" and not ("Paying" or "VIP")'
        )
        self.at, self.advice = at, hint


class Names:
    """How cohorts are called: by id, by name, by the unique end of the id, by a former name."""

    def __init__(
        self,
        names: Mapping[str, str],
        former: Mapping[str, Sequence[str]] | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """`names` are by id; `former` are ids by a name they had; `attributes` stand for cohorts in Braze, by id."""
        self._attributes = attributes or {}
        self._names = dict(names)
        self._by_name: dict[str, list[str]] = {}
        for cohort_id, name in names.items():
            self._by_name.setdefault(name, []).append(cohort_id)
        self._former = former or {}

    def ids_of(self, text: str) -> list[str]:
        """The cohorts that a text names; the first way that finds one counts."""
        if text in self._names:
            return [text]
        tails = [cohort_id for cohort_id in self._names if len(text) >= 2 and cohort_id.endswith(text)]
        return self._by_name.get(text) or tails or [i for i in self._former.get(text, ()) if i in self._names]

    def of(self, cohort_id: str) -> str:
        """The name, for people; the id where there is none."""
        return self._names.get(cohort_id) or cohort_id

    def attribute_of(self, cohort_id: str) -> str:
        """The custom attribute that stands for the cohort; empty on a way that has none."""
        return self._attributes.get(cohort_id, "")

    def typed(self, cohort_id: str) -> str:
        """What leads back to exactly this cohort when it is typed."""
        name = self.of(cohort_id)
        return name if self.ids_of(name) == [cohort_id] else cohort_id

    def near(self, text: str) -> list[str]:
        """The nearest names."""
        folded = {name.casefold(): name for name in self._by_name}
        return [folded[found] for found in get_close_matches(text.casefold(), folded, n=2, cutoff=0.4)]


class _Ids(Names):
    """A cohort is called by its id, whether it still exists or not."""

    def ids_of(self, text: str) -> list[str]:
        return [text]


IDS = _Ids({})
"""For expressions as they are kept: ids, and no names."""


def write(expression: Expression, names: Names = IDS) -> str:
    """The expression as text that `parse` reads back to the same tree."""
    match expression:
        case InCohort(cohort_id):
            return _quoted(names.typed(cohort_id))
        case InBraze(text):
            return f"braze {_quoted(text)}"
        case Not(inner):
            return f"not {_inside(inner, names, And, Or)}"
        case And(parts):
            return " and ".join(_inside(part, names, And, Or) for part in parts)
        case Or(parts):
            return " or ".join(_inside(part, names, Or) for part in parts)


def _inside(expression: Expression, names: Names, *bracketed: type) -> str:
    text = write(expression, names)
    return f"({text})" if isinstance(expression, bracketed) else text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def cohorts_in(expression: Expression) -> Iterator[str]:
    """The ids of the cohorts, in the order in which they stand, each once."""
    seen: set[str] = set()
    for leaf in leaves(expression):
        if isinstance(leaf, InCohort) and leaf.cohort_id not in seen:
            seen.add(leaf.cohort_id)
            yield leaf.cohort_id


def leaves(expression: Expression) -> Iterator[InCohort | InBraze]:
    """Cohorts and filters of Braze, in the order in which they stand."""
    match expression:
        case InCohort() | InBraze():
            yield expression
        case Not(inner):
            yield from leaves(inner)
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)


def joined(kind: type[And | Or], parts: Iterable[Expression]) -> Expression:
    """All parts as one; a single part stays as it is."""
    listed = tuple(parts)
    return listed[0] if len(listed) == 1 else kind(listed)


# Input methods write other quotes, brackets and blanks than the ones on a Latin keyboard.
_CLOSING = {'"': '"', "“": "“”", "”": "“”", "「": "」", "＂": "＂"}
_BRACKETS = {"(": "(", ")": ")", "（": "(", "）": ")"}
_WORD = re.compile(r"[^\s()（）\"“”「」＂]+")
_WORDS = ("and", "or", "not", "braze")


class _Token(Struct, frozen=True):
    """A piece of the text: a bracket, a word of the language, a name, or the end."""

    kind: str
    text: str
    at: int
    length: int


def parse(text: str, names: Names) -> Expression:
    """Read an expression.

    Raises:
        ExpressionError: not an expression, or a name that names no cohort or several.
    """
    return _Parser(text, names).whole()


class _Parser:
    """One text, read from left to right; `not` binds strongest, then `and`, then `or`."""

    def __init__(self, text: str, names: Names) -> None:
        self._text, self._names = text, names
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    def whole(self) -> Expression:
        if self._here.kind == "end":
            raise self._wrong("The expression is empty.")
        expression = self._any()
        if self._here.kind != "end":
            said = {")": "There is a bracket too many.", "name": "“and” or “or” is missing here."}
            raise self._wrong(said.get(self._here.kind, f"“{self._here.text}” cannot stand here."))
        return expression

    @property
    def _here(self) -> _Token:
        return self._tokens[self._next]

    def _took(self, kind: str) -> bool:
        if self._here.kind != kind:
            return False
        self._next += 1
        return True

    def _wrong(self, title: str, hint: str = "", token: _Token | None = None) -> ExpressionError:
        token = token or self._here
        return ExpressionError(title, self._text, token.at, token.length, hint)

    def _any(self) -> Expression:
        return self._joined(Or, "or", self._all)

    def _all(self) -> Expression:
        return self._joined(And, "and", self._one)

    def _joined(self, kind: type[And | Or], word: str, part: Callable[[], Expression]) -> Expression:
        parts = [part()]
        while self._took(word):
            parts.append(part())
        return joined(kind, parts)

    def _one(self) -> Expression:
        token = self._here
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"More than {DEEPEST} brackets within brackets.")
        try:
            if self._took("not"):
                return Not(self._one())
            if self._took("("):
                inner = self._any()
                if not self._took(")"):
                    raise self._wrong("A bracket is not closed.", token=token)
                return inner
        finally:
            self._depth -= 1
        if self._took("braze"):
            told = self._here
            if not self._took("name") or not told.text:
                raise self._wrong(
                    "After “braze” stands a filter of Braze in quotes.", 'Like braze "Email Available is true"', told
                )
            return InBraze(told.text)
        if self._took("name"):
            return self._cohort(token)
        raise self._wrong("Here a cohort is missing." if token.kind == "end" else f"“{token.text}” cannot stand here.")

    def _cohort(self, token: _Token) -> Expression:
        found = self._names.ids_of(token.text)
        if len(found) == 1:
            return InCohort(found[0])
        if found:
            raise self._wrong(
                f"“{token.text}” names {len(found)} cohorts.", f"Use the id: {' or '.join(sorted(found))}", token
            )
        near = self._names.near(token.text)
        hint = f"Did you mean {' or '.join(f'“{name}”' for name in near)}?" if near else "See all: heaptui cohort list"
        raise self._wrong(f"There is no cohort “{token.text}”.", hint, token)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        letter = text[at]
        if letter.isspace():
            at += 1
        elif letter in _BRACKETS:
            yield _Token(_BRACKETS[letter], letter, at, 1)
            at += 1
        elif letter in _CLOSING:
            name, end = _name(text, at, _CLOSING[letter])
            yield _Token("name", name, at, end - at)
            at = end
        else:
            found = _WORD.match(text, at)
            if found is None:
                raise ExpressionError("A quote is closed that was not opened.", text, at, 1)
            word = found.group()
            yield _Token(word.lower() if word.lower() in _WORDS else "name", word, at, len(word))
            at = found.end()
    yield _Token("end", "", len(text), 0)


def _name(text: str, start: int, closing: str) -> tuple[str, int]:
    """The name in quotes that begins at `start`, and where the text goes on."""
    letters: list[str] = []
    at = start + 1
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in ("\\", '"'):
            at += 1
        elif text[at] in closing:
            return "".join(letters), at + 1
        letters.append(text[at])
        at += 1
    raise ExpressionError("A quote is not closed.", text, start, len(text) - start)
