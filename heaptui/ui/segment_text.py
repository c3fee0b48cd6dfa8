"""A Braze segment in words, boxes and numbers: pure text for the screen and for the clipboard."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from rich.cells import cell_len

from heaptui.model.clicks import builder_clicks, row_words
from heaptui.model.cohorts import Cohort, CohortState
from heaptui.model.expressions import Names, write
from heaptui.model.segments import Group
from heaptui.model.words import counted, headcount
from heaptui.ui import rate_text, signs

if TYPE_CHECKING:
    from heaptui.services.previews import Count, Preview
    from heaptui.services.segments import Overlap

Place = tuple[int, int]
"""A row of a segment: (group, row), exclusion groups counted on after the others."""

FORMATS = ("text", "Markdown", "JSON")


class BuilderLine(Struct, frozen=True):
    """One line of the builder; with a place it can have the cursor."""

    text: str
    place: Place | None = None
    tone: str = ""


def empty_lines(width: int) -> list[BuilderLine]:
    """What the builder shows before anything is in it."""
    told = (
        "Nothing here yet.",
        "",
        "+ adds a cohort, - takes one away, = writes it as text, b opens a draft.",
        "Or p: mark cohorts in 1 Cohorts with space, and p there shows them here.",
    )
    return [BuilderLine(part) for line in told for part in signs.wrap(line, width)]


def number(count: Count) -> str:
    """`9,233`, `≥ 9,233`, `0 to 30`, or `?`."""
    if count.exact is not None:
        return f"{count.exact:,}"
    if count.at_most is None:
        return f"≥ {count.at_least:,}" if count.at_least else "?"
    return f"{count.at_least:,} to {count.at_most:,}"


def builder_lines(preview: Preview, width: int) -> list[BuilderLine]:
    """The segment as Braze's builder shows it, in so many cells."""
    segment = preview.segment
    if segment is None:
        return [
            BuilderLine("Braze's segment builder cannot show this: its groups are joined all by AND or all by OR,"),
            BuilderLine("and nothing stands inside a group but filters. The count is exact here all the same."),
            BuilderLine(""),
            BuilderLine("d makes it a cohort of its own, which Braze filters like any other. = writes it another way."),
        ]
    lines: list[BuilderLine] = []
    every = [*segment.groups, *segment.exclusions]
    for index, group in enumerate(every):
        excludes = index >= len(segment.groups)
        if index:
            join = "AND NOT" if excludes else "OR" if segment.any_of else "AND"
            lines.append(BuilderLine(join, tone="accent"))
        elif excludes:
            lines.append(BuilderLine("Everybody, AND NOT", tone="accent"))
        lines += _box(preview, index, group, width)
    return lines


def _box(preview: Preview, index: int, group: Group, width: int) -> list[BuilderLine]:
    inside = width - 4
    filters = len(preview.segment.groups) if preview.segment else 0
    title = f"Filter group {index + 1}" if index < filters else f"Exclusion group {index - filters + 1}"
    counted = preview.groups[index]
    lines = [BuilderLine(f"┌{signs.rule(title, 'people', width - 2)}┐")]
    words = [row_words(row, preview.names) for row in group.filters]
    first = max(cell_len(one) for one, _, value in words if value) if any(value for *_, value in words) else 0
    for place, ((what, how, value), count) in enumerate(zip(words, counted.rows, strict=True)):
        if place:
            lines.append(BuilderLine(f"│ {signs.fit('OR' if group.any_of else 'AND', inside)} │", tone="accent"))
        told = number(count)
        said = f"{signs.fit(what, first)}   {how}   {value}" if value else f"{what} {how}".rstrip()
        text = f"{signs.fit(signs.safe(said), inside - cell_len(told) - 2)}  {told}"
        lines.append(BuilderLine(f"│ {text} │", (index, place)))
        lines += _warned(preview, (index, place), inside)
    lines += _warned(preview, (index, -1), inside)
    total = number(counted.people)
    if counted.takes_away is not None:
        total = f"takes away {number(counted.takes_away)}"
    lines.append(BuilderLine(f"└{signs.rule('', total, width - 2)}┘"))
    return lines


def _warned(preview: Preview, place: Place, inside: int) -> list[BuilderLine]:
    return [
        BuilderLine(f"│ {signs.fit(f'! {sentence}', inside)} │", tone="attention")
        for sentence in preview.warnings.get(place, ())
    ]


def totals(preview: Preview) -> list[str]:
    """The three numbers, each with its own name."""
    exact = "exact" if preview.exact else preview.why_inexact
    people = "1 person" if preview.in_heap.exact == 1 else f"{number(preview.in_heap)} people"
    lines = [f"= {people} in Heap now, {exact}"]
    if preview.exact:
        lines.append(f"  {rate_text.exist(preview.match, preview.in_heap.at_least)}")
    waiting = f": {counted(preview.waiting, 'change')} wait{'s' * (preview.waiting == 1)}" if preview.waiting else ""
    lines.append(f"  {number(preview.in_braze_now)} if built in Braze this minute{waiting}")
    return lines


def needs(preview: Preview) -> list[str]:
    """Each cohort of the draft: up to date, waiting, new, held, or gone."""
    width = max((cell_len(preview.names.of(one)) for one in preview.cohorts), default=0)
    lines = []
    for cohort_id, one in preview.cohorts.items():
        name = signs.fit(preview.names.of(cohort_id), min(width, 30))
        lines.append(f"{_need_sign(one)} {name}  {_need(one)}")
    if preview.missing:
        lines.append("s plans all that is missing; it sends nothing by itself.")
    return lines


def _need_sign(one: Cohort | None) -> str:
    return signs.cohort_state(one)[0].split()[0] if one else "✗"


def _need(one: Cohort | None) -> str:
    if one is None:
        return "retired or gone: the segment would lose it"
    changes = f"{one.adds:,} join and {one.leaves:,} leave are waiting"
    match one.state:
        case CohortState.NEW:
            return "never synced: Braze's filter does not list it yet"
        case CohortState.HELD:
            return f"held: {one.losing:,} of {headcount(one.losing_of)} would leave"
        case CohortState.ON_HOLD:
            return "on hold: no sync touches it before somebody releases it"
        case CohortState.SYNCED:
            return f"up to date since {signs.day_and_time(one.synced_at)}" if one.synced_at else "up to date"
        case _:
            if not one.braze_name:
                return "not named in Braze yet: its filter does not list it"
            return changes if one.adds or one.leaves else f"Braze still calls it “{one.braze_name}”"


def ways(preview: Preview) -> list[str]:
    """A Braze filter or a cohort of its own: what each costs, and which is better here."""
    count = len(preview.cohorts)
    cohorts = counted(count, "cohort")
    as_filter = f"As a Braze filter   {cohorts}, free to reuse; rebuilt by Braze"
    if preview.segment is None:
        as_filter = "As a Braze filter   not possible: its builder cannot show this"
    why = preview.why_not_derived
    people = preview.in_heap.at_least
    as_own = f"As own cohort (d)   {why}" if why else f"As own cohort (d)   {headcount(people)}, one filter to click;"
    lines = [as_filter, as_own]
    if not why:
        lines.append(f"                    kept current here, {counted(people, 'more data point')}")
    if preview.segment is None and not why:
        lines.append("Better here: own cohort.")
    elif why or count == 1:
        lines.append("Better here: Braze filter.")
    else:
        lines.append("Better: the filter, unless many segments need these people.")
    return lines


def clicks(preview: Preview, endpoint: str, name: str, *, older: bool) -> list[str]:
    """The way through Braze's dashboard; empty where its builder cannot show the segment."""
    if preview.segment is None:
        return []
    return builder_clicks(preview.segment, preview.names, endpoint, name=name, older=older, expect=expected(preview))


def expected(preview: Preview) -> str:
    """What Braze should count after the sync: a range, where a sample was asked."""
    if not preview.exact:
        return ""
    if preview.match is None:
        return f"up to {preview.in_heap.at_least:,}"
    low, _, high = preview.match.of(preview.in_heap.at_least)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def copied(preview: Preview, form: str, endpoint: str, name: str, *, older: bool) -> str:
    """The whole preview for the clipboard."""
    text = write(preview.expression, preview.names)
    if form == "JSON":
        return json.dumps({"name": name, **preview.to_json(text)}, ensure_ascii=False, indent=2)
    numbers = [line.strip() for line in totals(preview)]
    steps = clicks(preview, endpoint, name, older=older)
    if form == "Markdown":
        numbered = [f"{step.split('  ', 1)[0]}. {step.split('  ', 1)[1]}" for step in steps]
        title = [f"## {name}", ""] if name else []
        listed = [f"- {line.lstrip('= ')}" for line in numbers]
        return "\n".join([*title, f"`{text}`", "", *listed, "", *numbered])
    boxes = [line.text for line in builder_lines(preview, 72)]
    return "\n".join([*([name, ""] if name else []), text, "", *boxes, *numbers, "", *steps])


def matrix(overlap: Overlap, names: Names, width: int) -> list[str]:
    """Everyone in both, by pair: one line a cohort."""
    count = len(overlap.cohort_ids)
    column = max(9, min(18, (width - 22) // max(count, 1)))
    room = max(12, min(30, width - column * count - 2))
    called = {one: names.of(one) for one in overlap.cohort_ids}
    titles = (" " + signs.fit(signs.safe(called[one]), column - 1, right=True) for one in overlap.cohort_ids)
    lines = [signs.fit("", room) + "".join(titles)]
    for place, one in enumerate(overlap.cohort_ids):
        cells = [
            signs.fit(f"{overlap.pair(one, other):,}" if index >= place else "", column, right=True)
            for index, other in enumerate(overlap.cohort_ids)
        ]
        lines.append(signs.fit(signs.safe(called[one]), room) + "".join(cells))
    lines += [f"All of {called[one]} are in {called[other]} too." for one, other in overlap.inside]
    return lines


def dots(inside: Sequence[str], compared: Sequence[str]) -> str:
    """Which cohorts a region is in: ● in, · out."""
    return " ".join("●" if one in inside else "·" for one in compared)


def trend(values: Sequence[int], width: int) -> str:
    """The last values as blocks between their lowest and their highest."""
    shown = values[-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    return "".join(
        signs.BLOCKS[min(7, int(8 * (value - low) / (high - low)))] if high > low else "▄" for value in shown
    )


def chart(values: Sequence[int], days: Sequence[str], width: int, height: int = 5) -> list[str]:
    """Daily sizes as columns of blocks; the axis begins near the lowest where all are large. The newest is right."""
    if not values:
        return []
    top, lowest = max(*values, 1), min(values)
    step = 10 ** max(0, len(str(top)) - 2)
    base = max(0, (lowest // step - 1) * step) if lowest > top / 2 else 0
    label = max(len(f"{top:,}"), 5)
    room = max(1, width - label - 3)
    each = max(1, min(4, room // len(values)))
    shown, named = values[-(room // each) :], days[-(room // each) :]
    lines = []
    for level in range(height, 0, -1):
        blocks = "".join(_block((value - base) * height / max(top - base, 1) - (level - 1)) * each for value in shown)
        axis = f"{top:,}" if level == height else f"{base:,}" if level == 1 else ""
        lines.append(f"{axis:>{label}} ┤{blocks}")
    ends = f"{named[0]}{named[-1]:>{max(len(named[-1]) + 1, len(shown) * each - len(named[0]))}}"
    return [*lines, f"{'':>{label}}  {ends}"]


def _block(filled: float) -> str:
    if filled <= 0:
        return " "
    return "█" if filled >= 1 else signs.BLOCKS[min(7, int(filled * 8))]
