"""Read the newest file of a cohort again, with the column that is remembered."""

from __future__ import annotations

import asyncio
import glob
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from heaptui.config import Profile, every_seconds
from heaptui.errors import HeaptuiError, UsageError
from heaptui.model.cohorts import Cohort, Origin

if TYPE_CHECKING:
    from heaptui.services.imports import ImportPreview
    from heaptui.services.workspace import Workspace


class Refreshed(Struct, frozen=True):
    """What became of one cohort: a file read (`preview`), nothing new, or why not (`error`)."""

    cohort_id: str
    name: str
    path: str = ""
    preview: ImportPreview | None = None
    unchanged: bool = False
    error: HeaptuiError | None = None


def file_is_old(profile: Profile, cohort: Cohort) -> str:
    """A sentence when a new file is overdue by the profile's own word (`every`), else empty."""
    limit = every_seconds(profile.settings_of(cohort).every)
    if cohort.origin is not Origin.FILE or not limit or cohort.source_at is None:
        return ""
    age = time.time() - cohort.source_at
    if age <= limit:
        return ""
    days, hours = int(age // 86_400), int(age % 86_400 // 3600)
    told = f"{days} d" if days else f"{hours} h"
    return f"The file is {told} old; a new one is due every {profile.settings_of(cohort).every}."


def can_refresh(profile: Profile, cohort: Cohort) -> bool:
    """Whether there is a file, or a pattern of files, to read again."""
    return cohort.origin is not Origin.EXPRESSION and bool(profile.settings_of(cohort).pattern or cohort.source_path)


async def refresh(workspace: Workspace, cohort: Cohort) -> Refreshed:
    """Read the newest file of a cohort into it; a file that was read before changes nothing.

    An unusually large change is made and told: holding it back is the business of the next sync.
    """
    from heaptui.services.imports import ImportRequest

    profile = workspace.profile
    settings = profile.settings_of(cohort)
    try:
        path = await asyncio.to_thread(_newest, settings.pattern, cohort)
        request = ImportRequest(path=path, into=cohort.cohort_id, id_column=settings.id_column or None)
        preview = await workspace.cohorts.preview_import(request)
        unchanged = preview.source_digest == cohort.source_digest and not preview.adds and not preview.removes
        if not unchanged:
            await workspace.cohorts.apply_import(preview)
    except HeaptuiError as error:
        return Refreshed(cohort.cohort_id, cohort.name, error=error)
    return Refreshed(cohort.cohort_id, cohort.name, path, preview, unchanged)


def _newest(pattern: str, cohort: Cohort) -> str:
    """The file to read: the newest that fits the pattern, else the one of the last import.

    Raises:
        UsageError: there is none.
    """
    if not pattern:
        if not cohort.source_path:
            raise UsageError(
                f"No file of “{cohort.name}” is known.",
                "It came from standard input, or before paths were remembered.",
                f"Import it once more, or set a pattern in the configuration: [profiles.NAME.cohorts.{cohort.tail}]",
            )
        return cohort.source_path
    folder = Path(cohort.source_path).parent if cohort.source_path else Path.home()
    found = [path for path in glob.glob(str(folder / os.path.expanduser(pattern))) if Path(path).is_file()]
    if not found:
        raise UsageError(
            f"No file fits the pattern of “{cohort.name}”.",
            f"It is {pattern}, looked for from {folder}.",
            "Check the pattern in the configuration, or whether the export ran.",
        )
    return max(found, key=lambda path: (Path(path).stat().st_mtime, path))
