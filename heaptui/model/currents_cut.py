"""Cut a list of events apart where no JSON decoder takes it: without recursion, in time that grows with its length."""

from __future__ import annotations

import re

_BEGIN = re.compile(rb'\s*+(?:\{\s*+"events"\s*+:\s*+)?\[')
_ANOTHER = re.compile(rb",\s*+\{")
_MARK = re.compile(rb'(?:[^"\[\]{},]++|"(?:[^"\\]++|\\.)*+"?)*+([\[{]++|[\]}]++|,|\Z)', re.DOTALL)
"""Whatever has no meaning here, whole strings too, then brackets or a comma. Nothing in it is ever tried twice."""

MARKS_MOST = 2_000_000
"""Brackets and commas that are looked at; Braze's events have some ten each."""


class Unreadable(Exception):
    """The body is no list of Currents events at all, or nobody can tell where its events end.

    It is answered 400. Braze then sends each event again alone, so this costs no other event anything.
    """


def begins_as_list(body: bytes) -> bool:
    """Whether it begins with `{"events":[` or `[`."""
    return _BEGIN.match(body) is not None


def cut(body: bytes) -> list[bytes]:
    """The text of each event of a body that begins as a list, good or not.

    Raises:
        Unreadable: it ends too early, or its brackets do not match and it holds more than one event.
    """
    begin = _BEGIN.match(body)
    end = len(body.rstrip().removesuffix(b"}").rstrip()) - 1
    if begin is None or end < begin.end() or body[end : end + 1] != b"]":
        raise Unreadable("the body is not JSON, and not a whole list of events")
    pieces: list[bytes] = []
    depth, start = 0, begin.end()
    for number, found in enumerate(_MARK.finditer(body, start, end)):
        mark = found[1]
        if mark == b",":
            if not depth:
                pieces.append(body[start : found.start(1)])
                start = found.end()
        else:
            depth += len(mark) if mark[:1] in (b"[", b"{") else -len(mark)
        if depth < 0 or number == MARKS_MOST:
            break
    else:
        if not depth:
            return [*pieces, body[start:end]]
    if pieces or _ANOTHER.search(body, start, end):
        raise Unreadable("the body is not JSON, and where its events end cannot be told")
    return [body[start:end]]
