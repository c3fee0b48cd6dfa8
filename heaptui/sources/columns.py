"""What a column holds: how its values look, and which column is most likely the person's id."""

from __future__ import annotations

import re
from collections.abc import Sequence

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_UUID = re.compile(r"\{?[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\}?")
_HEAP_ID = re.compile(r"[0-9]{16,19}")
_DIGITS = re.compile(r"[0-9]+")
_PHONE = re.compile(r"(?=(?:\D*\d){8,15}\D*$)(?:\+[\d\s().-]+|\(?\d[\d]*\)?[\s().-][\d\s().-]+)")
_SHAPES = (("e-mail", _EMAIL), ("UUID", _UUID), ("Heap's own id", _HEAP_ID), ("digits", _DIGITS), ("phone", _PHONE))
_MOST = 0.9

TEXT = "text"
EMAIL = "e-mail"
HEAP_ID = "Heap's own id"

_ID_NAMES = (
    {"externalid", "externaluserid", "brazeexternalid", "brazeid", "brazeuserid"},
    {"userid", "identity", "customerid", "memberid", "accountid", "personid"}
    | {"ユーザーid", "会員id", "会員番号", "顧客id", "顧客番号"},
    {"id", "uid", "uuid", "guid", "user", "identifier", "externalids", "ids", "userids", "deviceid", "alias"}
    | {"customer", "member"},
    {"email", "emailaddress", "mail", "メール", "メールアドレス"},
)
_OTHER_NAMES = {"name", "firstname", "lastname", "phone", "date", "time", "country", "city", "company", "plan"} | {
    "status",
    "created",
    "createdat",
    "updatedat",
    "heapuserid",
    "氏名",
    "名前",
    "電話番号",
}


def shape(value: str) -> str:
    """How one value looks: "digits", "e-mail", "UUID", "Heap's own id", "phone" or "text"."""
    return next((name for name, pattern in _SHAPES if pattern.fullmatch(value)), TEXT)


def looks_like(values: Sequence[str]) -> str:
    """How nearly all of these values look; digits with their width, as "7 digits" or "4 to 7 digits"."""
    filled = [value.strip() for value in values if value.strip()]
    if not filled:
        return TEXT
    for name, pattern in _SHAPES:
        fitting = [value for value in filled if pattern.fullmatch(value)]
        if len(fitting) >= len(filled) * _MOST:
            if name != "digits":
                return name
            widths = [len(value) for value in fitting]
            low, high = min(widths), max(widths)
            return f"{high} digits" if low == high else f"{low} to {high} digits"
    return TEXT


def plain_name(name: str) -> str:
    """A column name without case, blanks and signs, for comparing."""
    return "".join(character for character in name.casefold() if character.isalnum())


def is_known_name(name: str) -> bool:
    """Whether this is what columns are called, and not what people are called."""
    plain = plain_name(name)
    return plain in _OTHER_NAMES or any(plain in names for names in _ID_NAMES)


def why_no_ids(name: str, values: Sequence[str]) -> str:
    """Why a column is rather no column of ids; empty where it may be one."""
    inside = sum(any(map(str.isspace, value.strip())) for value in values)
    reasons = ["its heading is no name for ids"] if plain_name(name) in _OTHER_NAMES else []
    reasons += ["most values have blanks inside"] if values and inside * 2 >= len(values) else []
    return ", and ".join(reasons)


def likeliness(name: str, looks: str, filled: float, repeated: float) -> float:
    """How likely a column is the person's id in Braze; shares are from 0 to 1. Only the order has a meaning."""
    plain = plain_name(name)
    rank = next((place for place, names in enumerate(_ID_NAMES) if plain in names), None)
    score = 0.0 if rank is None else 80.0 - 20 * rank
    score -= 40 * (plain in _OTHER_NAMES)
    score += 15 * (looks.endswith("digits") or looks == "UUID")
    score -= 30 * (looks == HEAP_ID) + 25 * (looks == EMAIL)
    return score + 30 * filled - 40 * repeated


def is_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns of the rows below it."""
    names = [cell.strip() for cell in first]
    if not any(names) or any(shape(name) != TEXT for name in names if name):
        return False
    if any(is_known_name(name) for name in names):
        return True
    columns = [[row[index] for row in body if index < len(row) and row[index]] for index in range(len(names))]
    for name, column in zip(names, columns, strict=True):
        if not column or not name:
            continue
        if looks_like(column) != TEXT:
            return True
        if sum(map(_has_digit, column)) >= len(column) * _MOST:
            return not _has_digit(name)
    return (
        len(names) > 1
        and bool(body)
        and all(names)
        and len(set(names)) == len(names)
        and not any(name in column for name, column in zip(names, columns, strict=True))
    )


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)
