"""Where identifiers come from: files and streams."""

from heaptui.sources.damage import Damage, Sightings
from heaptui.sources.detect import Format, Layout, detect_format
from heaptui.sources.inspect import ColumnFacts, Inspection, inspect_source
from heaptui.sources.paths import newest, pasted_path
from heaptui.sources.read import BadRow, Reading, ReadingCancelled, ReadReport, read_ids, shown
from heaptui.sources.source import Source, open_source

__all__ = [
    "BadRow",
    "ColumnFacts",
    "Damage",
    "Format",
    "Inspection",
    "Layout",
    "ReadReport",
    "Reading",
    "ReadingCancelled",
    "Sightings",
    "Source",
    "detect_format",
    "inspect_source",
    "newest",
    "open_source",
    "pasted_path",
    "read_ids",
    "shown",
]
