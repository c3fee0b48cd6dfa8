"""Some of the people who wait to join or leave, as titled sections for wide screens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

from heaptui.model.belief import Direction
from heaptui.model.identifiers import Identifier
from heaptui.ui import signs
from heaptui.ui.widgets.split_pane import Section

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

PER_LINE = 6


async def people_waiting(
    workspace: Workspace, cohort_id: str, counts: tuple[int, int], lines: int, *, of: str = ""
) -> list[Section]:
    """Who joins and who leaves with the next sync: `counts` of them, of whom as many are read as fit into the lines."""
    sections = []
    room = PER_LINE * max(2, lines // 2 if all(counts) else lines)
    for direction, title, count in zip(
        (Direction.ADD, Direction.REMOVE), ("People waiting to join", "People waiting to leave"), counts, strict=True
    ):
        people = await workspace.cohorts.waiting(cohort_id, direction, limit=room) if count else ()
        sections.append(people_section(f"{title}{of}", people, count))
    return sections


def people_section(title: str, people: Sequence[Identifier], count: int) -> Section:
    """Some people with their number; nothing on a narrow screen."""
    return Section(title, in_columns(people), f"first of {count:,}" if count > len(people) else "", brief=())


def in_columns(people: Sequence[Identifier], per_line: int = PER_LINE) -> list[str]:
    """Ids in lines of equal columns."""
    values = [person.value for person in people]
    width = max((cell_len(value) for value in values), default=0)
    per_line = max(1, min(per_line, 56 // (width + 2)))
    return [
        "  ".join(signs.fit(value, width) for value in values[start : start + per_line])
        for start in range(0, len(values), per_line)
    ]
