"""heaptui's own dark and light theme; all themes of Textual work, too."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="heaptui-dark",
    primary="#7aa2f7",
    secondary="#9aa5ce",
    accent="#ffb86c",
    success="#8fd18b",
    warning="#f2c063",
    error="#ff7a85",
    foreground="#d6dcf0",
    background="#12141c",
    surface="#171a24",
    panel="#222737",
    dark=True,
)

LIGHT = Theme(
    name="heaptui-light",
    primary="#2450a8",
    secondary="#4a5578",
    accent="#8a4b00",
    success="#1d6b2a",
    warning="#7a5200",
    error="#a8141f",
    foreground="#1c2233",
    background="#fbfbf8",
    surface="#f2f2ec",
    panel="#e2e3dc",
    dark=False,
)
