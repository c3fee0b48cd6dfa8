"""Everybody of a Braze segment as a file (Braze docs: users by segment)."""

from __future__ import annotations

from pathlib import Path

from heaptui.clients.braze_rest import BrazeRest
from heaptui.clients.http import Label, NoAnswer, NotSent, Request, download
from heaptui.errors import Unreachable

MOST_BYTES = 2 * 1024**3
LONGEST_PREPARATION = 2 * 3600.0
"""Seconds that Braze may take; its page speaks of an hour and more for large workspaces."""

FIRST_LOOK, LONGEST_LOOK = 0.5, 30.0
NOT_READY = (403, 404)
"""What storage answers while there is no file at an address."""


async def export_segment(rest: BrazeRest, segment_id: str, fields: list[str], target: Path) -> None:
    """Let Braze write a segment to a file and fetch it into `target`, a zip of JSON lines.

    Raises:
        CredentialRefused: the key is refused, or may not do this.
        Unreachable: Braze refused, or the file was never ready.
        TooLarge: the file is larger than 2 GB.
    """
    body = {"segment_id": segment_id, "fields_to_export": fields}
    request = Request("/users/export/segment", body, bearer=rest.key, label=Label("read"))
    answer = await rest.call(request)
    url = answer.data.get("url") if isinstance(answer.data, dict) else None
    if not isinstance(url, str) or not url:
        raise Unreachable(
            "Braze writes this export to storage of the customer's own.",
            "Its answer names no address to fetch it from.",
            "Take the file from there, and import it as a cohort of its own to compare.",
        )
    waited, pause = 0.0, FIRST_LOOK
    while True:
        try:
            status = await download(url, target, limit=MOST_BYTES)
        except (NoAnswer, NotSent) as error:
            status, problem = 0, error.title
        else:
            problem = f"the address answers {status}"
        if status == 200:
            return
        if status not in (0, *NOT_READY) or waited > LONGEST_PREPARATION:
            raise Unreachable("Braze's export cannot be fetched.", f"{problem}.", "Compare again later.")
        await rest.wait(pause, "Braze prepares the export")
        waited += pause
        pause = min(LONGEST_LOOK, pause * 1.5)
