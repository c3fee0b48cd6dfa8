"""The clicks that make a Braze segment of a cohort (Braze docs: navigation, segmentation filters, user import)."""

from __future__ import annotations

from heaptui.model.instances import instance_of


def segment_clicks(cohort_name: str, endpoint: str, *, older: bool = False, attribute: str = "") -> list[str]:
    """The way through Braze's dashboard to a segment of a cohort; `older` for the menu before 2025.

    The filter is Heap Cohorts, or the custom attribute that stands for the cohort.
    """
    start = "Engagement › Segments" if older else "Audience › Segments"
    chosen = f"Custom Attributes › {attribute} › is › true" if attribute else f"Heap Cohorts › includes › {cohort_name}"
    return [
        f"1  {_dashboard(endpoint)} › {start} › Create Segment",
        f"2  Add filter   {chosen}",
        "3  Not listed? It takes some minutes. Reload the page, then look again.",
        "4  Save, then Calculate exact statistics",
    ]


def upload_clicks(rows: int, endpoint: str, *, attribute: str = "", older: bool = False) -> list[str]:
    """The way to upload a file of people; with an attribute, the segment is built on that."""
    start = "Users › User Import" if older else "Audience › Import Users › Attributes"
    steps = [f"1  {_dashboard(endpoint)} › {start} › upload the file"]
    if attribute:
        steps += [
            f"2  Start import, wait for Complete. It should say {rows:,} rows.",
            f"3  In the segment   Custom Attributes › {attribute} › is › true",
        ]
        return steps
    return [
        *steps,
        "2  Targeting   Create targeting filter and add to new segment",
        f"3  Start import, wait for Complete. It should say {rows:,} rows.",
        "4  The next list is a new file and a new filter: put the new one into the segment, take the old one out.",
    ]


def _dashboard(endpoint: str) -> str:
    instance = instance_of(endpoint)
    return instance.dashboard if instance else "your Braze dashboard"
