"""Commands that are written for people, so that they work when they are copied."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from heaptui.model.profile import Profile

_IN_A_PROFILE = re.compile(
    r"\bheaptui (?=(?:run|sync|cohort|compare|ledger|verify|trace|preview|segment|listen|currents|doctor)\b)"
)


def addressed(text: str, profile: Profile) -> str:
    """The text, its commands with the name of the profile where there are several and none is the default."""
    name = shlex.quote(profile.name)
    if not profile.from_environment:
        text = text.replace("heaptui profile set NAME ", f"heaptui profile set {name} ")
    return _IN_A_PROFILE.sub(f"heaptui --profile {name} ", text) if profile.one_of_several else text


def giving(profile: Profile, keys: Sequence[str], *, origin: str = "") -> str:
    """How to give keys or settings to a profile; where they come from the environment, only that is heard."""
    if profile.from_environment or origin == "environment":
        return f"set {' and '.join(map(_variable, keys))} in the environment"
    return f"heaptui profile set {shlex.quote(profile.name)} {' '.join(keys)}"


def _variable(given: str) -> str:
    name, _, value = given.partition("=")
    variable = "BRAZE_ENDPOINT" if name == "endpoint" else name.upper()
    return f"HEAPTUI_{variable}={value}" if value else f"HEAPTUI_{variable}"


def filled(command: str, profile: Profile, *, run_id: int, cohort_id: str) -> str:
    """A command of the lexicon with its RUN, COHORT and PROFILE."""
    change = _CHANGES_PROFILE.fullmatch(command)
    if change and profile.from_environment:
        if change["option"]:
            return "set HEAPTUI_HOME to another directory for another workspace"
        return giving(profile, [change["setting"]])
    filled_in = command.replace("RUN", str(run_id)).replace("COHORT", cohort_id.rsplit("-", 1)[-1])
    return addressed(filled_in.replace("PROFILE", shlex.quote(profile.name)), profile)


_CHANGES_PROFILE = re.compile(r"heaptui profile set PROFILE (?:(?P<setting>\w+(?:=\w+)?)|(?P<option>--[\w-]+))")
