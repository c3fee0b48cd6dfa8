"""A value that never shows itself."""

from __future__ import annotations

import hashlib
import hmac
import json

from heaptui.model.words import counted

KEY_WORDS = {
    "partner_api_key": "partner key",
    "data_import_key": "Data Import Key",
    "rest_api_key": "REST key",
}
"""What people call the keys that send."""

SHORT = 16
"""Characters below which somebody has rather mistyped a key than been given it."""

_QUOTES = "\"'`“”‘’"


class Secret:
    """A key or token. It masks itself in repr, str, format, tracebacks and JSON.

    Only `clients/http.py` calls `reveal`; everything else compares with `matches` or signs with `hmac`.
    """

    __slots__ = ("__value", "source")

    def __init__(self, value: str, source: str = "given") -> None:
        self.__value = value
        self.source = source

    def reveal(self) -> str:
        """The value itself, for the one module that puts it on the wire."""
        return self.__value

    def matches(self, other: str) -> bool:
        """Whether `other` is the same text, in constant time."""
        return hmac.compare_digest(self.__value.encode(), other.encode(errors="surrogatepass"))

    def hmac(self, message: bytes) -> bytes:
        """HMAC-SHA-256 of the message under this secret (32 bytes)."""
        return hmac.new(self.__value.encode(), message, hashlib.sha256).digest()

    def fingerprint(self, salt: str) -> str:
        """Twelve hex digits that tell two keys apart without telling either."""
        return hashlib.sha256(f"{salt}\0{self.__value}".encode()).hexdigest()[:12]

    @property
    def end(self) -> str:
        """The last four characters of a long secret; nothing of a short one."""
        return self.__value[-4:] if len(self.__value) >= 20 else ""

    def describe(self) -> str:
        """Source, length and, of long secrets, the last four characters: enough to tell keys apart on a call."""
        ends = f", ends {self.end}" if self.end else ""
        return f"{self.source}, {len(self.__value)} chars{ends}"

    @property
    def doubt(self) -> str:
        """Why this looks like no key; empty where it may be one. How keys look is documented nowhere."""
        if len(self.__value) < SHORT:
            return f"has only {counted(len(self.__value), 'character')}; was all of it copied?"
        if any(character.isspace() for character in self.__value):
            return "has blanks in it; was more than the key copied?"
        if self.__value[0] in _QUOTES or self.__value[-1] in _QUOTES:
            return "has quotes around it; they are no part of a key"
        return ""

    def mask(self, name: str) -> str:
        """What stands in its place where people read a request: its name, source and, of long ones, its end."""
        ends = f", ends {self.end}" if self.end else ""
        return f"‹{name}, from {self.source}{ends}›"

    def redact(self, text: str, instead: str = "‹secret›") -> str:
        """The text with every occurrence of this secret masked, also as JSON may write it."""
        if self.__value:
            for form in {self.__value, json.dumps(self.__value)[1:-1], self.__value.replace("/", "\\/")}:
                text = text.replace(form, instead)
        return text

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other.reveal())

    def __hash__(self) -> int:
        return hash(self.__value)

    def __repr__(self) -> str:
        return "Secret(•••)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Secret cannot be pickled")


def end_of(described: str) -> str:
    """The last four characters in a `describe`; empty where it does not tell them."""
    return described.rsplit("ends ", 1)[1] if "ends " in described else ""
