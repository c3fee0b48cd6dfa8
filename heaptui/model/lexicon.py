"""The lexicon of failures: what each means, its likely causes in order, who mends it and how. Searchable offline."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from msgspec import Struct

from heaptui.model.runs import Reason

CONTINUE = "heaptui run resume RUN"
_GOING_ON = (CONTINUE, "heaptui run retry", "heaptui sync")


class Entry(Struct, frozen=True):
    """One failure. `command` has PROFILE, RUN and COHORT as placeholders; `says` are patterns of the answer's text."""

    code: str
    title: str
    meaning: str
    causes: tuple[str, ...]
    who: str
    how: str
    status: tuple[int, ...] = ()
    says: tuple[str, ...] = ()
    path: str = ""
    """A part of the address that the failure belongs to; empty for any."""
    short: str = ""
    """One or two words for a list."""
    command: str = ""
    """What mends it, or how the run goes on where nothing needs mending; after `; ` what comes then."""
    reason: Reason | None = None
    """The reason of a delivery that this explains."""

    @property
    def commands(self) -> tuple[str, ...]:
        """What to do after a run that it ended, in order: what mends it, then how the run goes on."""
        made = tuple(self.command.split("; ")) if self.command else ()
        return made if made and made[-1].startswith(_GOING_ON) else (*made, CONTINUE)

    @property
    def text(self) -> str:
        """Everything it says, for the search."""
        parts = (self.code, self.title, self.meaning, *self.causes, self.who, self.how, *map(str, self.status))
        return " ".join((*parts, *self.says)).casefold()


class Recognised(Struct, frozen=True):
    """The entry for an answer, and whether the other side's own words name it."""

    entry: Entry
    sure: bool


@cache
def entries() -> tuple[Entry, ...]:
    """All entries: Braze's, Heap's, and heaptui's own."""
    from heaptui.model.lexicon_braze import BRAZE
    from heaptui.model.lexicon_heap import HEAP
    from heaptui.model.lexicon_heaptui import OWN
    from heaptui.model.lexicon_network import NETWORK

    return (*BRAZE, *NETWORK, *HEAP, *OWN)


def recognise(status: int | None, words: str, path: str = "", *, html: bool = False) -> Recognised | None:
    """What an answer means; `status` None is no answer, and `words` say how. None for a plain success."""
    if html or (status is not None and 300 <= status < 400):
        return Recognised(entry_of("braze.not_braze"), sure=True)
    if status is None:
        for entry in entries():
            if not entry.status and any(re.search(pattern, words, re.IGNORECASE) for pattern in entry.says):
                return Recognised(entry, sure=True)
        return Recognised(entry_of("braze.no_answer"), sure=True)
    likely = None
    for entry in entries():
        if status not in entry.status or entry.path not in path:
            continue
        if any(re.search(pattern, words, re.IGNORECASE) for pattern in entry.says):
            return Recognised(entry, sure=True)
        if not entry.says and (likely is None or len(entry.path) > len(likely.path)):
            likely = entry
    return Recognised(likely, sure=False) if likely else None


def entry_of(code: str) -> Entry:
    """The entry with this code."""
    return next(entry for entry in entries() if entry.code == code)


def for_reason(reason: Reason) -> Entry | None:
    """The entry that explains why a delivery ended; None where nothing needs explaining."""
    return next((entry for entry in entries() if entry.reason is reason), None) if reason else None


def why_in_short(reason: Reason) -> str:
    """One or two words for a list."""
    entry = for_reason(reason)
    return entry.short if entry else ""


def search(text: str) -> list[Entry]:
    """Entries for a status, a code, or words: pasted answers are recognised first, then those that hold all words."""
    wanted = text.casefold().strip()
    if not wanted:
        return list(entries())
    numbers = {int(number) for number in re.findall(r"\b[1-5]\d\d\b", wanted)}
    exact = [entry for entry in entries() if wanted in (entry.code, entry.code.removeprefix("braze."))]
    said = [
        entry
        for entry in entries()
        if any(re.search(pattern, text, re.IGNORECASE) for pattern in entry.says)
        and (not numbers or not entry.status or numbers & set(entry.status))
    ]
    words = re.findall(r"[\w.]+", wanted)
    holding = [entry for entry in entries() if all(word in entry.text for word in words)]
    return _distinct([*exact, *said, *holding])


def _distinct(found: Iterable[Entry]) -> list[Entry]:
    return list({entry.code: entry for entry in found}.values())
