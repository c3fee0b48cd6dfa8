"""A file for Braze's Import Users: the way into Braze that needs no key, and keeps no state."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct, field
from pyroaring import BitMap

from heaptui.errors import UsageError
from heaptui.model.belief import Direction
from heaptui.model.clicks import upload_clicks
from heaptui.model.cohorts import Cohort
from heaptui.model.commands import giving
from heaptui.model.identifiers import EXTERNAL_ID
from heaptui.model.routes import ATTRIBUTE
from heaptui.model.words import headcount
from heaptui.services.pacing import Quota
from heaptui.store import attributes, beliefs, cohorts
from heaptui.store.identities import CHUNK, values_of

if TYPE_CHECKING:
    import sqlite3

    from heaptui.services.workspace import Workspace

LARGEST = 500 * 1000 * 1000
"""Bytes of a file that Braze takes (Braze docs: user import)."""

LOOKED_UP_AT_ONCE = 50
LOOK_UPS_PER_MINUTE = 250
"""What every workspace may ask of users/export/ids (Braze docs: rate limits); some may ask more."""

LISTED = 1000
"""Values left out that are listed one by one; the others are only counted."""

Looked = Callable[[int, int], None]


class Upload(Struct):
    """A file for Braze, planned, and counted while it is written."""

    cohort: Cohort
    attribute: str = ""
    """The attribute that the file sets; empty for a list of ids."""
    only_known: bool = False
    endpoint: str = ""
    members: BitMap = field(default_factory=BitMap)
    leavers: BitMap = field(default_factory=BitMap)
    """People who get false: here before the last import or accepted by the attribute, and no member now."""
    joined: int = 0
    left: int = 0
    unknown: int = 0
    bytes: int = 0
    left_out_count: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """Values that Braze's CSV cannot carry, each with the reason; the first of them."""

    @property
    def people(self) -> int:
        """Who would be in the file if everybody could."""
        return len(self.members) + len(self.leavers)

    @property
    def rows(self) -> int:
        """Lines of the file below its header."""
        return self.joined + self.left

    @property
    def points(self) -> int:
        """Data points in Braze, at most: a list of ids costs none."""
        return self.people if self.attribute else 0

    @property
    def look_ups(self) -> int:
        """Requests that ask Braze whom it knows."""
        return -(-self.people // LOOKED_UP_AT_ONCE) if self.only_known else 0

    @property
    def look_up_seconds(self) -> float:
        """How long those take at least."""
        return max(0, self.look_ups - LOOK_UPS_PER_MINUTE) * 60 / LOOK_UPS_PER_MINUTE

    def steps(self, *, older: bool = False) -> list[str]:
        """What to click in Braze."""
        return upload_clicks(self.rows or self.people, self.endpoint, attribute=self.attribute, older=older)


class UploadService:
    """Writes the files. Sends nothing; asks Braze only for `only_known`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._quota = Quota(LOOK_UPS_PER_MINUTE, 60.0)

    async def plan(self, cohort_id: str, *, as_attribute: bool = False, only_known: bool = False) -> Upload:
        """What would stand in the file.

        Raises:
            UsageError: the cohort has ids that such a file cannot carry, or there is no REST key to ask with.
        """
        view = self._workspace.view

        def look(connection: sqlite3.Connection) -> Upload:
            cohort = cohorts.read_one(connection, cohort_id, view, examples=0)
            upload = Upload(cohort, only_known=only_known, endpoint=self._workspace.profile.endpoint)
            upload.members = cohorts.members(connection, cohort_id)
            if as_attribute:
                upload.attribute = attributes.attribute_names(connection)[cohort_id]
                belief = beliefs.read_belief(connection, cohort_id, ATTRIBUTE, view.settle)
                gone = cohorts.members_before(connection, cohort_id) | belief.delivered | belief.in_doubt(Direction.ADD)
                upload.leavers = gone - upload.members
            return upload

        upload = await self._ledger.read(look)
        if upload.cohort.space != EXTERNAL_ID:
            raise UsageError(
                "A file for Braze's Import Users needs external ids.",
                f"“{upload.cohort.name}” has ids of the kind {upload.cohort.space}.",
                "Import the people again with the column of their external ids.",
            )
        if only_known and self._workspace.secrets.rest_api_key is None:
            raise UsageError(
                "Only Braze can say which people it knows, and no REST key was given.",
                "Without one, the file can hold everybody; Braze then creates a person for each id it does not know.",
                f"{giving(self._workspace.profile, ['rest_api_key'])}, or leave out --only-known",
            )
        return upload

    async def text(self, upload: Upload, looked: Looked | None = None) -> AsyncIterator[str]:
        """The file in pieces; `upload` counts what went into it. `looked` hears of the look-ups: done, of how many.

        UTF-8 without a mark, a header, no quotes, nobody twice, one line end (Braze docs: user import).

        Raises:
            UsageError: the file would be larger than Braze takes.
        """
        upload.joined = upload.left = upload.unknown = upload.bytes = upload.left_out_count = 0
        upload.left_out.clear()
        if upload.attribute and not self._workspace.read_only:
            # From its first file on, the name does not follow the cohort's any more.
            await self._ledger.write(partial(attributes.keep_name, cohort_id=upload.cohort.cohort_id))
        yield self._counted(upload, f"external_id,{upload.attribute}\n" if upload.attribute else "external_id\n")
        done = 0
        for people, value in ((upload.members, True), (upload.leavers, False)):
            tail = f",{str(value).lower()}\n" if upload.attribute else "\n"
            async for chunk in self._chunks(people):
                good = [person for person in chunk if _fits(upload, person)]
                if upload.only_known:
                    good = await self._known(upload, good, done, looked)
                    done += len(chunk)
                if value:
                    upload.joined += len(good)
                else:
                    upload.left += len(good)
                yield self._counted(upload, "".join(f"{person}{tail}" for person in good))

    @staticmethod
    def _counted(upload: Upload, text: str) -> str:
        upload.bytes += len(text.encode())
        if upload.bytes > LARGEST:
            raise UsageError(
                "The file would be larger than the 500 MB that Braze takes.",
                f"“{upload.cohort.name}” has {headcount(upload.people)}.",
                "Divide the people into several cohorts.",
            )
        return text

    async def _chunks(self, people: BitMap) -> AsyncIterator[list[str]]:
        for start in range(0, len(people), CHUNK):
            some = BitMap(people[start : start + CHUNK])
            found = await self._ledger.read(partial(values_of, uids=some), long=True)
            yield [person.value for person in found]

    async def _known(self, upload: Upload, people: Sequence[str], before: int, looked: Looked | None) -> list[str]:
        """Those whom Braze knows, asked for at the pace that every workspace may ask."""
        known: list[str] = []
        async with self._workspace.braze_rest() as rest:
            for start in range(0, len(people), LOOKED_UP_AT_ONCE):
                some = people[start : start + LOOKED_UP_AT_ONCE]
                await rest.wait(self._quota.take(time.monotonic()), "Braze's limit for look-ups")
                found = await rest.known(EXTERNAL_ID, some)
                known += [person for person in some if person in found]
                upload.unknown += len(some) - len(found)
                if looked:
                    looked(before + start + len(some), upload.people)
        return known


def _fits(upload: Upload, value: str) -> bool:
    """Whether Braze's CSV can carry a value: it knows no quoting."""
    reason = next((words for sign, words in _CANNOT if sign in value), "")
    if reason:
        upload.left_out_count += 1
        if len(upload.left_out) < LISTED:
            upload.left_out.append((value, reason))
    return not reason


_CANNOT = (('"', "has a quote"), (",", "has a comma"), *((end, "has a line end") for end in "\n\r\x85\u2028\u2029"))
