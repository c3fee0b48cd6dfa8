"""Takes identifiers of people and secrets out of texts, so that a record can be shown to somebody else. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable

from heaptui.model.secret import Secret

_TOKEN = re.compile(r"[^\s\"'<>{}\[\],;()‹›]+")
_EMAIL = re.compile(r"[^\s\"'<>{}\[\],;:()]+@[^\s\"'<>{}\[\],;:()]+")
SHORTEST_INSIDE = 4
"""Characters from which on an identifier is also found inside a word; a shorter one only as a whole word."""


class Scrubber:
    """Replaces identifiers by salted hashes, the same one for the same identifier; secrets by their names."""

    def __init__(self, salt: bytes | None, secrets: Iterable[tuple[str, Secret]]) -> None:
        self._salt = salt
        self._secrets = list(secrets)

    def id(self, value: str) -> str:
        """What stands for an identifier; itself where identifiers may be shown."""
        if self._salt is None:
            return value
        return f"id-{hashlib.sha256(self._salt + value.encode()).hexdigest()[:16]}"

    def text(self, text: str, people: Iterable[str], is_known: Callable[[Collection[str]], Collection[str]]) -> str:
        """A text without secrets and identifiers.

        `people` are those who may be in it; `is_known` tells which of some words are identifiers of anybody.
        """
        for name, secret in self._secrets:
            text = secret.redact(text, f"‹{name}›")
        if self._salt is None or not text:
            return text
        for value in sorted(people, key=len, reverse=True):
            if len(value) >= SHORTEST_INSIDE and value in text:
                text = text.replace(value, self.id(value))
        words = {part for word in _TOKEN.findall(text) for part in (word, word.strip(".:!?"), *re.split(r"[:=]", word))}
        for value in sorted(is_known(words - {""}), key=len, reverse=True):
            text = re.sub(rf"(?<![\w-]){re.escape(value)}(?![\w-])", self.id(value), text)
        return _EMAIL.sub(lambda found: self.id(found[0]), text)
