"""Both themes can be read: every colour of text against every background it stands on."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from heaptui.ui.theme import DARK, LIGHT

TEXTS = ("foreground", "primary", "secondary", "accent", "success", "warning", "error")
READABLE = 4.5
"""The contrast that the Web Content Accessibility Guidelines ask of normal text (level AA)."""


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("ground", ["background", "surface", "panel"])
@pytest.mark.parametrize("text", TEXTS)
def test_text_stands_out_from_its_ground(theme: Theme, ground: str, text: str) -> None:
    assert _contrast(getattr(theme, text), getattr(theme, ground)) >= READABLE


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_the_highlighted_row_can_be_read(theme: Theme) -> None:
    background, primary = Color.parse(str(theme.background)), Color.parse(str(theme.primary))
    row = background.blend(primary, 0.3).hex
    for text in ("foreground", "success", "warning", "error", "accent"):
        assert _contrast(getattr(theme, text), row) >= 3, text


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(Color.parse(one)), _luminance(Color.parse(other))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(channel) for channel in color.normalized)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
