"""The people the sandbox knows, and who of them is in which cohort. Membership belongs to a person."""

from __future__ import annotations

import random
import uuid
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field


class Keys(Struct, frozen=True):
    """Everything a client needs to be let in."""

    partner_name: str
    partner_api_key: str
    data_import_key: str
    rest_api_key: str
    webhook_secret: str
    heap_app_id: str
    currents_token: str

    @classmethod
    def made(cls, partner_name: str, seed: int | None) -> Keys:
        """Keys of the shape that Braze gives; the same for the same seed."""
        rng = random.Random(seed)  # noqa: S311 - the sandbox guards nothing

        def key() -> str:
            return str(uuid.UUID(int=rng.getrandbits(128), version=4))

        return cls(partner_name, key(), key(), key(), key(), str(rng.randrange(10**9, 10**10)), key())


class Cohort(Struct):
    """What Braze would keep of a cohort: its name, and people by their key in the world."""

    name: str = ""
    created_at: str = ""
    members: set[str] = field(default_factory=set)


class Segment(Struct):
    """A segment somebody built in Braze: people who match every `include` (or any) and no `exclude`.

    A filter is the id of a cohort, or `attribute:NAME` for a custom attribute that is true.
    """

    segment_id: str
    name: str
    include: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    any_of: bool = False
    description: str = ""
    text_description: str = ""
    tags: list[str] = field(default_factory=list)
    tracked: bool = True
    sizes: list[int] = field(default_factory=list)
    created_at: str = "2025-11-04T01:00:00+00:00"


class Change(Struct):
    """One object of `cohort_changes`."""

    remove: bool
    external_ids: list[str]
    device_ids: list[str]
    aliases: list[tuple[str, str]]


class World:
    """All state of the stand-in for Braze. A person's key is the external id, or the device of somebody anonymous."""

    def __init__(self, *, everyone_known: bool = False) -> None:
        self.everyone_known = everyone_known
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.known: set[str] = set()
        self.anonymous: set[str] = set()
        self.alias_owner: dict[tuple[str, str], str] = {}
        self.device_owner: dict[str, str] = {}
        self.email_owners: dict[str, set[str]] = {}
        self.attributes: dict[str, dict[str, Any]] = {}
        self.cohorts: dict[str, Cohort] = {}
        self.created: set[str] = set()
        self.segments: dict[str, Segment] = {}
        self.export_seconds = 0.0
        self.running_exports: dict[str, float] = {}
        self.export_files: dict[str, Any] = {}
        self.requests: Counter[tuple[str, int]] = Counter()
        self.log: deque[dict[str, Any]] = deque(maxlen=10_000)
        self.both_directions = 0

    def know(
        self,
        external_id: str,
        aliases: Mapping[str, str] | None = None,
        devices: Iterable[str] = (),
        email: str = "",
    ) -> None:
        """A person exists in Braze."""
        self.known.add(external_id)
        if email:
            self.email_owners.setdefault(email.casefold(), set()).add(external_id)
        for label, name in (aliases or {}).items():
            self.alias_owner[label, name] = external_id
        for device in devices:
            self.device_owner[device] = external_id
            self.anonymous.discard(device)

    def know_anonymous(self, device: str) -> None:
        """Somebody without an external id exists, known by a device."""
        self.anonymous.add(device)

    def matched(self, change: Change) -> set[str]:
        """The people meant by a change. Unknown ids mean nobody, nor do devices of people identified since."""
        external = set(change.external_ids)
        people = external if self.everyone_known else external & self.known
        people |= self.anonymous.intersection(change.device_ids)
        for alias in change.aliases:
            owner = self.alias_owner.get(alias)
            if owner is not None:
                people.add(owner)
        return people

    def apply(self, cohort_id: str, changes: list[Change]) -> None:
        """Let people join and leave, in the order of the objects."""
        cohort = self.cohorts.setdefault(cohort_id, Cohort())
        for change in changes:
            if change.remove:
                cohort.members -= self.matched(change)
            else:
                cohort.members |= self.matched(change)

    def name_cohort(self, cohort_id: str, name: str, created_at: str) -> None:
        """Create a cohort, or rename it."""
        cohort = self.cohorts.setdefault(cohort_id, Cohort())
        cohort.name, cohort.created_at = name, created_at

    def identifiers(self, people: set[str]) -> dict[str, Any]:
        """Every identifier of these people."""
        aliases = [
            {"alias_label": label, "alias_name": name}
            for (label, name), owner in self.alias_owner.items()
            if owner in people
        ]
        devices = [device for device, owner in self.device_owner.items() if owner in people]
        return {
            "external_id": sorted(people - self.anonymous),
            "device_id": sorted([*devices, *(people & self.anonymous)]),
            "alias": sorted(aliases, key=lambda alias: (alias["alias_label"], alias["alias_name"])),
        }

    def exists(self, person: str) -> bool:
        """Whether somebody has this external id."""
        return self.everyone_known or person in self.known

    def people_of(self, segment: Segment) -> set[str]:
        """Everybody who is in a segment now."""
        groups = [self._filtered(name) for name in segment.include]
        together = set.union if segment.any_of else set.intersection
        people = together(*groups) if groups else set(self.known)
        return people.difference(*(self._filtered(name) for name in segment.exclude))

    def _filtered(self, name: str) -> set[str]:
        if name.startswith("attribute:"):
            attribute = name.removeprefix("attribute:")
            return {person for person, values in self.attributes.items() if values.get(attribute) is True}
        cohort = self.cohorts.get(name)
        return set(cohort.members) if cohort else set()
