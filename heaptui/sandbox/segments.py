"""The segments that exist in Braze: list, details, daily sizes (Braze docs: segment export endpoints)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from heaptui.sandbox.asgi import Reply
from heaptui.sandbox.world import Segment, World

PER_PAGE = 100
LONGEST_SERIES = 100


def segment_list(world: World, parameters: Mapping[str, str]) -> Reply:
    """GET /segments/list: 100 a page, pages from 0; oldest first unless asked otherwise."""
    page = parameters.get("page", "0")
    if not page.isdecimal():
        return Reply(400, {"message": "page must be a number"})
    segments = list(world.segments.values())
    if parameters.get("sort_direction") == "desc":
        segments.reverse()
    start = int(page) * PER_PAGE
    listed = [
        {
            "id": segment.segment_id,
            "name": segment.name,
            "analytics_tracking_enabled": segment.tracked,
            "tags": segment.tags,
        }
        for segment in segments[start : start + PER_PAGE]
    ]
    return Reply(200, {"message": "success", "segments": listed})


def segment_details(world: World, parameters: Mapping[str, str]) -> Reply:
    """GET /segments/details. `description` is the rendering of the filters, `text_description` what somebody typed."""
    segment = world.segments.get(parameters.get("segment_id", ""))
    if segment is None:
        return Reply(400, {"message": "segment_id is not a valid segment"})
    return Reply(
        200,
        {
            "message": "success",
            "created_at": segment.created_at,
            "updated_at": segment.created_at,
            "name": segment.name,
            "description": segment.description or _rendered(world, segment),
            "text_description": segment.text_description,
            "tags": segment.tags,
            "teams": [],
        },
    )


def _rendered(world: World, segment: Segment) -> str:
    """The filters in words. Braze's phrasing for cohorts is not published; this is the sandbox's own."""

    def words(name: str) -> str:
        if name.startswith("attribute:"):
            return f"{name.removeprefix('attribute:')} is true"
        cohort = world.cohorts.get(name)
        return f"Heap Cohorts includes {cohort.name if cohort else name}"

    text = (" OR " if segment.any_of else " AND ").join(words(name) for name in segment.include)
    return " AND NOT ".join([text or "Users from all apps", *(words(name) for name in segment.exclude)])


def segment_series(world: World, parameters: Mapping[str, str]) -> Reply:
    """GET /segments/data_series: one estimated size a day, the newest last."""
    segment = world.segments.get(parameters.get("segment_id", ""))
    if segment is None:
        return Reply(400, {"message": "segment_id is not a valid segment"})
    length = parameters.get("length", "")
    if not length.isdecimal() or not 1 <= int(length) <= LONGEST_SERIES:
        return Reply(400, {"message": "length must be between 1 and 100"})
    if not segment.tracked:
        return Reply(400, {"message": "analytics tracking is not enabled for this segment"})
    end = _day(parameters.get("ending_at", ""))
    # A segment of filters that the sandbox does not know keeps the sizes it was given.
    described = segment.description and segment.sizes and not (segment.include or segment.exclude)
    today = [] if described else [len(world.people_of(segment))]
    sizes = [*segment.sizes, *today][-int(length) :]
    days = [end - timedelta(days=back) for back in reversed(range(len(sizes)))]
    data = [{"time": day.isoformat(), "size": size} for day, size in zip(days, sizes, strict=True)]
    return Reply(200, {"message": "success", "data": data})


def _day(text: str) -> date:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return datetime.now(UTC).date()
