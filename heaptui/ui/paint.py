"""Colour for plain text, in one place: signs, bars, labels, keys. Every line is complete without it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from textual.content import Content

from heaptui.ui.signs import sign

SIGN_STYLES = {
    "✓": "$success",
    "●": "$accent",
    "■": "$warning",
    "!": "$warning",
    "✗": "$error",
    "▶": "$primary",
    "⏸": "$warning",
}
_LABELS = {"PRODUCTION": "bold $error", "STAGING": "bold $warning", "SANDBOX": "bold $success", "read-only": "$warning"}
_QUIET = "$secondary"
_PIECES = re.compile(
    r"(?P<label>^ ?[A-Z][A-Za-z’']*(?: [A-Za-z0-9']+){0,2}(?=  ))"
    r"|(?P<button>^\[ .+ \]$)"
    r"|(?P<sign>(?<!\S)[✓●■!✗▶⏸](?!\S))"
    r"|(?P<bar>━+|[▁▂▃▄▅▆▇█]+)"
    r"|(?P<rest>─+)"
)

Part = tuple[str, str]
"""Text and its style; an empty style is that of the widget."""


def assembled(parts: Iterator[Part] | list[Part]) -> Content:
    """The parts as content, with signs as this terminal can show them."""
    return Content.assemble(*((sign(text), style) for text, style in parts if text))


def parts_of(line: str, *, labels: bool = True) -> Iterator[Part]:
    """One line of a pane: what stands out and what stays back, labels at its beginning among them."""
    end = 0
    for found in _PIECES.finditer(line):
        yield line[end : found.start()], ""
        text = found[0]
        match found.lastgroup:
            case "sign":
                yield text, SIGN_STYLES[text]
            case "label" if not labels:
                yield text, ""
            case "bar":
                yield text, "$primary"
            case "button":
                yield text, "bold reverse"
            case _:
                yield text, _QUIET
        end = found.end()
    yield line[end:], ""


def painted(lines: list[str], *, labels: bool = True) -> Content:
    """Several lines of a pane."""
    parts: list[Part] = []
    for number, line in enumerate(lines):
        parts += [*([("\n", "")] if number else []), *parts_of(line, labels=labels)]
    return assembled(parts)


def rule_parts(title: str, verdict: str, drawn: str) -> list[Part]:
    """A titled rule: the title stands out, its verdict by its sign, the line stays back."""
    parts: list[Part] = []
    before, found, rest = drawn.partition(title) if title else ("", "", drawn)
    if title and not found:
        # It was cut to fit.
        return [(drawn, "$foreground")]
    if found:
        parts += [(before, _QUIET), (title, "bold $foreground")]
    line, shown, after = rest.partition(verdict) if verdict else (rest, "", "")
    parts.append((line, _QUIET))
    parts += [(text, style or "$foreground") for text, style in parts_of(shown, labels=False)] if shown else []
    parts.append((after, _QUIET))
    return parts


def painted_keys(line: str) -> Content:
    """`space mark · s sync`: the keys stand out."""
    parts: list[Part] = []
    for number, command in enumerate(line.split(" · ")):
        key, gap, label = command.strip().partition(" ")
        lead = command[: len(command) - len(command.lstrip())]
        parts += [(" · " if number else lead, "$secondary 60%"), (key, "bold $primary"), (gap + label, "")]
    return assembled(parts)


def painted_header(line: str) -> Content:
    """Where we are, with the label of the profile as loud as it matters."""
    parts: list[Part] = []
    for number, text in enumerate(line.split(" · ")):
        parts += [(" · ", "") if number else ("", ""), (text, _LABELS.get(text.strip(), ""))]
    return assembled(parts)


def painted_tabs(tabs: list[tuple[str, bool]]) -> Content:
    """The tabs; the active one stands out."""
    return assembled([(text, "bold $primary" if active else "") for text, active in tabs])
