"""The settings of a profile with their values: what holds now, where it comes from, and what the default is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from heaptui.model.profile import Profile
from heaptui.model.setting_facts import SETTING_FACTS, SettingFacts


class SettingNow(Struct, frozen=True):
    """One setting of a profile. Values are texts as somebody would type them; empty where there is none."""

    facts: SettingFacts
    value: str
    in_file: str
    """What the file says, or the default; the environment may override it."""
    origin: str
    """`environment`, `file` or `default`."""

    @property
    def shown(self) -> str:
        """The value, or what holds without one."""
        return self.value or self.facts.empty

    @property
    def overridden(self) -> bool:
        """Whether the environment says something else than the file."""
        return self.origin == "environment"


def value_text(facts: SettingFacts, value: Any) -> str:
    """A value as somebody would type it; of a command only the program, as its other words may give something away."""
    if facts.name.endswith("_command"):
        return f"{value[0]} …" if value else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(value) if isinstance(value, tuple | dict) else str(value)


def default_text(facts: SettingFacts) -> str:
    """The default, or what holds without a value."""
    return value_text(facts, getattr(Profile(), facts.name)) or facts.empty


def settings_of(kept: Profile, now: Profile, environ: Mapping[str, str]) -> list[SettingNow]:
    """All settings in reading order: `kept` is what the file says, `now` what holds with the environment."""
    found = []
    for facts in SETTING_FACTS:
        in_file, default = getattr(kept, facts.name), getattr(Profile(), facts.name)
        origin = "default" if in_file == default else "file"
        if facts.variable and environ.get(facts.variable):
            origin = "environment"
        value = value_text(facts, getattr(now, facts.name))
        found.append(SettingNow(facts, value, value_text(facts, in_file), origin))
    return found


def settings_table() -> str:
    """The README's table of settings."""
    lines = ["| setting | default | may be | meaning |", "|---|---|---|---|"]
    for facts in SETTING_FACTS:
        # A pattern may hold signs that mean something else in Markdown.
        means = facts.means.replace("*", "\\*").replace("|", "\\|")
        unit = f" {facts.unit}" if facts.unit else ""
        default = default_text(facts)
        shown = f"{default}{unit}" if default == facts.empty or unit else f"`{default}`"
        lines.append(f"| `{facts.name}` | {shown} | {facts.allowed} | {means} |")
    return "\n".join(lines)


def settings_help() -> list[tuple[str, str]]:
    """Each setting with its meaning and default, for the help of a command."""
    return [(facts.name, f"{facts.told} Default: {default_text(facts)}.") for facts in SETTING_FACTS]
