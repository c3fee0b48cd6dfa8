"""Who is in a cohort that Heap sends as joins and leaves: one law, whatever the order in which its pages arrive.

The pages of one Heap sync (a *task*) commute and may repeat. Tasks follow one another in the order in which their first
pages arrived. So a page changes nobody whom a newer task has decided about, and within one task a join outweighs
a leave: nobody is taken out by mistake.
"""

from __future__ import annotations

from msgspec import Struct, field
from pyroaring import BitMap


class TaskChanges(Struct):
    """The people of one task, or of one page of it, as uids."""

    adds: BitMap = field(default_factory=BitMap)
    removes: BitMap = field(default_factory=BitMap)

    @property
    def touched(self) -> BitMap:
        """Everybody it decides about."""
        return self.adds | self.removes

    def take(self, page: TaskChanges) -> None:
        """Let one more page belong to the task; the same page again changes nothing."""
        self.adds |= page.adds
        self.removes |= page.removes


def apply_page(members: BitMap, task: TaskChanges, page: TaskChanges, newer: BitMap) -> BitMap:
    """The members after a page.

    Args:
        members: as they are now.
        task: its task, to which the page belongs already.
        page: the joins and leaves of the page.
        newer: everybody whom a newer task has decided about.
    """
    joins = page.adds - newer
    leaves = page.removes - task.adds - newer
    return (members - leaves) | joins


def drained(members: BitMap, newer: BitMap) -> BitMap:
    """The members after Heap's "empty this segment": only those whom a newer task has put there."""
    return members & newer
