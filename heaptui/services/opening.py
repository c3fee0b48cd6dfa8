"""Plans one cohort on one way into Braze and makes the plan durable, or records why nothing is sent."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from msgspec import Struct
from pyroaring import BitMap

from heaptui.clients.braze import CohortName, Route
from heaptui.model.belief import Belief, Changes
from heaptui.model.cohorts import Cohort, Guard, braze_label
from heaptui.model.routes import ATTRIBUTE, way_title
from heaptui.model.runs import DeliveryState, Reason
from heaptui.model.words import headcount, percent
from heaptui.store import beliefs, cohorts, journal, undo
from heaptui.store.attributes import attribute_names, fix_name
from heaptui.store.identities import space_map


def large_change(removes: int, delivered: int, guard: Guard) -> str:
    """Why the guard holds a cohort, in one sentence; empty when it does not."""
    if not guard.holds(removes, delivered):
        return ""
    share = removes / delivered if delivered else 1
    loses = f"Loses {removes:,} of {headcount(delivered)} ({percent(share)})."
    return f"{loses} Usual is up to {percent(guard.share)}. A wrong file?"


def way_change(before: Sequence[str], route: str, *, chosen: bool) -> str:
    """Why a cohort is held whose way would change without anybody having said so; empty when it is not.

    A key that is added opens a better way, and a sync at night must not empty the segments built on the old one.
    """
    if chosen or not before:
        return ""
    old = " and ".join(way_title(other) for other in before)
    return f"In Braze by {old}; the keys now open {way_title(route)}. Choose the way."


def member_requests(changes: Changes, limit: int) -> int:
    """Requests that carry these changes: joins and leaves travel apart."""
    return -(-len(changes.adds) // limit) + -(-len(changes.removes) // limit)


def planned(
    connection: sqlite3.Connection,
    cohort_id: str,
    view: cohorts.View,
    *,
    everything: bool = False,
    undoes: int | None = None,
    settling: bool = False,
) -> tuple[BitMap, Belief, Changes]:
    """The people of a cohort, what is believed of it, and what is to be sent.

    That is the difference, the undo of a run or, when `settling`, what of the difference is in doubt.
    """
    if undoes is not None:
        return undo.inverse(connection, cohort_id, undoes, view)
    people, belief, changes = cohorts.changes_of(connection, cohort_id, view, everything=everything)
    if settling:
        changes = belief.doubtful_changes(people, space_map(connection))
    return people, belief, changes


class Unsent(Struct, frozen=True):
    """A cohort that sends nothing in this run."""

    state: DeliveryState
    reason: Reason
    detail: str = ""


class Opened(Struct, frozen=True):
    """A planned cohort: its journalled delivery, or why there is none."""

    cohort: CohortName
    name: str
    changes: Changes
    rename: str = ""
    unsent: Unsent | None = None
    row: journal.DeliveryRow | None = None
    one_at_a_time: bool = False
    removes_first: bool = False


class Opening(Struct, frozen=True):
    """How a run opens cohorts on one way; when `leaving`, everybody leaves, because another way is in use now."""

    run_id: int
    route: Route
    view: cohorts.View
    way_chosen: bool = True
    """Whether somebody chose the way; otherwise it is the best that the keys open."""
    everything: bool = False
    let_through: frozenset[str] = frozenset()
    let_through_by: str = ""
    leaving: bool = False
    undoes: int | None = None
    """The run whose changes are taken back."""
    settling: bool = False
    """Whether only what is in doubt is sent: nobody was asked about anything else."""

    def moves_from(self, connection: sqlite3.Connection, cohort_id: str) -> list[str]:
        """The routes that people of the cohort leave first; none when nothing may be sent for the cohort."""
        cohort = cohorts.read_one(connection, cohort_id, self.view, examples=0)
        if self.undoes is not None or self.settling:
            return []
        if self._held_back(connection, cohort, *self._changes(connection, cohort_id)):
            return []
        return [route for route, _ in cohorts.left_elsewhere(connection, cohort_id, self.view)]

    def open(self, connection: sqlite3.Connection, cohort_id: str) -> Opened:
        """Make the plan durable, or record why nothing may be sent."""
        cohorts.settle(connection, cohort_id, at=time.time())
        cohort = cohorts.read_one(connection, cohort_id, self.view, examples=0)
        members, belief, changes = self._changes(connection, cohort_id)
        if self.undoes is not None:
            # Otherwise the next automatic sync would bring everybody back.
            cohorts.set_on_hold(connection, cohort_id, on_hold=True)
        name = f"{cohort.name}, out of {way_title(self.route.name)}" if self.leaving else cohort.name
        named = CohortName(cohort_id, braze_label(cohort), cohort.created_at, self._attribute(connection, cohort_id))
        rename = "" if cohort.attribute or cohort.braze_name == cohort.label or self.leaving else cohort.label
        unsent = self._held_back(connection, cohort, members, belief, changes)
        if unsent is not None:
            self.record_unsent(connection, cohort_id, name, changes, unsent)
            return Opened(named, name, changes, rename, unsent)
        if cohort.attribute and changes.adds:
            fix_name(connection, cohort_id, at=time.time())
            beliefs.cohort_named(connection, cohort_id, self.route.name, cohort.attribute)
        if changes.adds.intersect(belief.delivered):
            belief.distrust(changes.adds, at=time.time(), settle=self.view.settle)
            beliefs.write_belief(connection, cohort_id, self.route.name, belief)
        row = journal.open_delivery(
            connection,
            run_id=self.run_id,
            cohort_id=cohort_id,
            route=self.route.name,
            name=name,
            rename=rename,
            changes=changes,
            members=members,
            limit=self.route.limit,
            at=time.time(),
            let_through_by=self.let_through_by if cohort_id in self.let_through else "",
        )
        return Opened(
            named,
            name,
            changes,
            rename,
            row=row,
            one_at_a_time=beliefs.takes_one_at_a_time(connection, cohort_id, self.route.name),
            removes_first=space_map(connection).count(changes.adds | changes.removes) > 1,
        )

    def _changes(self, connection: sqlite3.Connection, cohort_id: str) -> tuple[BitMap, Belief, Changes]:
        if not self.leaving:
            return planned(
                connection,
                cohort_id,
                self.view,
                everything=self.everything,
                undoes=self.undoes,
                settling=self.settling,
            )
        belief = beliefs.read_belief(connection, cohort_id, self.route.name, self.view.settle)
        return BitMap(), belief, belief.changes(BitMap())

    def _attribute(self, connection: sqlite3.Connection, cohort_id: str) -> str:
        return attribute_names(connection)[cohort_id] if self.route.name == ATTRIBUTE else ""

    def _held_back(
        self, connection: sqlite3.Connection, cohort: Cohort, members: BitMap, belief: Belief, changes: Changes
    ) -> Unsent | None:
        if self.leaving or self.undoes is not None:
            # Nobody is lost: who leaves joins by the way in use now, and an undo was asked for by name.
            return None
        if cohort.state == "on_hold":
            return Unsent(DeliveryState.HELD, Reason.ON_HOLD, "On hold until somebody releases it.")
        if not self.route.takes(cohort.space.kind):
            title = way_title(self.route.name)
            return Unsent(DeliveryState.STOPPED, Reason.WRONG_KIND, f"{title} does not take the kind {cohort.space}.")
        if cohort.cohort_id in self.let_through:
            return None
        elsewhere = cohorts.left_elsewhere(connection, cohort.cohort_id, self.view)
        if why := way_change([route for route, _ in elsewhere], self.route.name, chosen=self.way_chosen):
            return Unsent(DeliveryState.HELD, Reason.WAY_CHANGED, why)
        why = large_change(*cohorts.loss(belief, changes, members, elsewhere), self.view.guard)
        return Unsent(DeliveryState.HELD, Reason.LARGE_CHANGE, why) if why else None

    def record_unsent(
        self, connection: sqlite3.Connection, cohort_id: str, name: str, changes: Changes, unsent: Unsent
    ) -> None:
        """The run knows of the cohort all the same, and can be continued."""
        journal.unsent_delivery(
            connection,
            run_id=self.run_id,
            cohort_id=cohort_id,
            route=self.route.name,
            name=name,
            changes=changes,
            at=time.time(),
            state=unsent.state,
            reason=unsent.reason,
            detail=unsent.detail,
        )
