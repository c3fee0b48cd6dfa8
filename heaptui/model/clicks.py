"""The clicks that make a Braze segment of a cohort (Braze docs: navigation, segmentation filters)."""

from __future__ import annotations

from heaptui.model.instances import instance_of


def segment_clicks(cohort_name: str, endpoint: str, *, older: bool = False) -> list[str]:
    """The way through Braze's dashboard to a segment with the filter Heap Cohorts; `older` for the menu before 2025."""
    instance = instance_of(endpoint)
    dashboard = instance.dashboard if instance else "your Braze dashboard"
    start = "Engagement › Segments" if older else "Audience › Segments"
    return [
        f"1  {dashboard} › {start} › Create Segment",
        f"2  Add filter   Heap Cohorts › includes › {cohort_name}",
        "3  Not listed? It takes some minutes. Reload the page, then look again.",
        "4  Save, then Calculate exact statistics",
    ]
