"""Cohorts: our copy of one Heap segment, file or expression."""

from __future__ import annotations

import base64
import secrets
from enum import StrEnum

from msgspec import Struct, field

from heaptui.model.identifiers import EXTERNAL_ID, Space


class Origin(StrEnum):
    """Where the people of a cohort come from."""

    FILE = "file"
    HEAP = "heap"
    EXPRESSION = "expression"


class CohortState(StrEnum):
    """What a cohort needs, in one word."""

    NEW = "new"
    PENDING = "pending"
    SYNCED = "synced"
    HELD = "held"
    ON_HOLD = "on_hold"
    QUIET = "quiet"
    RETIRED = "retired"


class Cohort(Struct, frozen=True):
    """One cohort with its sizes (people) and what a sync would change now. Times are seconds since the epoch."""

    cohort_id: str
    name: str
    origin: Origin
    state: CohortState
    members: int
    delivered: int
    adds: int
    removes: int
    space: Space = EXTERNAL_ID
    created_at: float = 0.0
    changed_at: float | None = None
    synced_at: float | None = None
    source_name: str = ""
    source_digest: str = ""
    id_column: str = ""
    expression: str = ""
    """What a computed cohort is computed from, with ids."""
    braze_name: str = ""
    former_names: tuple[str, ...] = ()
    refused: int = 0
    doubtful: int = 0
    held_run: int | None = None
    can_undo_import: bool = False
    source_path: str = ""
    source_at: float | None = None
    automatic: bool = False
    last_page_at: float | None = None
    quiet: bool = False
    drain_asked_at: float | None = None
    examples: tuple[str, ...] = field(default=())
    attribute: str = ""
    """The custom attribute that stands for it; empty on a route that names cohorts instead."""
    elsewhere: int = 0
    """People whom Braze still holds by another route than the one in use."""
    losing: int = 0
    """People whom the next sync would take out of Braze for good, of `losing_of` that it holds by whatever route."""
    losing_of: int = 0
    sending: str = ""
    """Which run of another process is sending it just now, in a sentence; empty for none."""

    @property
    def leaves(self) -> int:
        """People whom the next sync takes out, of an old way, too."""
        return self.removes + self.elsewhere

    @property
    def renamed(self) -> bool:
        """Whether Braze still shows an older name."""
        return bool(self.braze_name) and self.braze_name != self.label

    @property
    def label(self) -> str:
        """What it is called in Braze: its attribute, or its name."""
        return self.attribute or braze_label(self)

    @property
    def tail(self) -> str:
        """The short end of the id, for people who type it."""
        return self.cohort_id.rsplit("-", 1)[-1]


def braze_label(cohort: Cohort) -> str:
    """The name sent to Braze: never empty, at most 255 characters, no control characters."""
    cleaned = "".join(character for character in cohort.name if character.isprintable()).strip()
    return (cleaned or cohort.cohort_id)[:255]


def new_cohort_id(origin: Origin, heap_segment: str = "") -> str:
    """A stable id that never depends on the name and never collides with the ids of Heap's own sync."""
    if origin is Origin.HEAP:
        return f"heaptui-seg-{heap_segment}"
    tail = base64.b32encode(secrets.token_bytes(4)).decode().lower()[:6]
    return f"heaptui-{'file' if origin is Origin.FILE else 'expr'}-{tail}"


class Guard(Struct, frozen=True):
    """Keeps an unusually large leave back until somebody lets it through."""

    minimum: int = 20
    share: float = 0.5

    def holds(self, removes: int, delivered: int) -> bool:
        """Whether this many leaving, of this many accepted before, is unusual."""
        return removes >= self.minimum and removes > self.share * delivered
