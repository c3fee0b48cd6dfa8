"""An exchange as people read it: requests rebuilt with masked keys and people, pretty answers, and a curl command."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from heaptui.model.identifiers import EXTERNAL_ID, Identifier, Kind, Space

_MASK = re.compile(r"‹([^›,]+)[^›]*›")
_PLACEHOLDERS = {
    "partner key": "$PARTNER_API_KEY",
    "data import key": "$DATA_IMPORT_KEY",
    "REST key": "$REST_API_KEY",
}


def pretty(text: str) -> list[str]:
    """JSON on several lines; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False).splitlines()
    except ValueError:
        return text.splitlines() or ["(empty)"]


def rebuilt(
    body: str | None, direction: str, size: int, people: Sequence[Identifier] | None, *, route: str = "cohort_import"
) -> str | None:
    """The body of a member call with its people back in it; without `people` it says how many there were.

    Other ways into Braze than the cohort calls carry a list of objects, of which only the number is told.
    """
    if body is None:
        return None
    data: dict[str, Any] = json.loads(body)
    if route != "cohort_import":
        data["attributes"] = [f"{size:,} objects (masked)"] if people is None else [value for _, value in people]
        return json.dumps(data, ensure_ascii=False)
    change: dict[str, Any] = {}
    if people is None:
        change["user_ids, device_ids, aliases"] = f"{size:,} (masked)"
    else:
        for key, space in (("user_ids", EXTERNAL_ID), ("device_ids", Space(Kind.DEVICE_ID))):
            if found := [value for place, value in people if place == space]:
                change[key] = found
        aliases = [
            {"alias_name": value, "alias_label": place.label} for place, value in people if place.kind is Kind.ALIAS
        ]
        if aliases:
            change["aliases"] = aliases
    if direction == "remove":
        change["should_remove"] = True
    return json.dumps({**data, "cohort_changes": [change]}, ensure_ascii=False)


def as_curl(method: str, url: str, body: str | None) -> str:
    """The request as a command for a shell; keys are variables to be set first."""
    lines = [f"curl -X {method} {_quoted(url)}"]
    if body is None:
        return lines[0] + ' -H "Authorization: Bearer $REST_API_KEY"'
    if "/partners/" not in url:
        lines.append('  -H "Authorization: Bearer $REST_API_KEY"')
    lines.append("  -H 'Content-Type: application/json' --data-binary @- <<END")
    # The shell would read these in the text below as its own.
    text = re.sub(r"([$`\\])", r"\\\1", "\n".join(pretty(body)))
    text = _MASK.sub(lambda found: _PLACEHOLDERS.get(found[1], "$KEY"), text)
    return " \\\n".join(lines) + f"\n{text}\nEND"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
