"""Notes to other people, ready to be sent: without keys and without ids of people."""

from __future__ import annotations

from collections.abc import Sequence

from heaptui.model.instances import instance_name


def note_to_heap(endpoint: str, cohorts: Sequence[str]) -> str:
    """To the Heap account manager, from somebody without a partner key."""
    where = f"{endpoint} ({instance_name(endpoint)})" if endpoint else "not known yet"
    return f"""Hello,
we would like our Heap segments in Braze as Heap Cohorts.
  Braze REST endpoint   {where}
  Data Import Key       we hand it over as you prefer
Please tell us
  1. whether the Heap partner is enabled for our Braze workspace,
  2. how to hand over the Data Import Key,
  3. how often the segments are sent, and how many may be on.
Segments: {", ".join(cohorts) or "we will name them"}
"""
