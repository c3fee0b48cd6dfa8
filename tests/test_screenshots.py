"""The pictures of the README show what the program shows now.

After a change that was meant: `make screenshots`, and look at what changed.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.pictures import lines_of_picture
from tests.screenshots import FOLDER, walk

UNSTEADY = {"running", "event", "exchanges"}
"""Pictures of what goes on, or came in any order: only their keys are alike each time."""

_CHANCE = re.compile(
    r"today|(?:just )?now\b|\d+ (?:min|h|d)\b(?: ago)?|\d+ [A-Z][a-z]{2}(?= \d)|…\S+|(?:\w+\.)+[A-Z]\w*|heaptui-\S+|ends \w+|sync \w+ --yes-really|\S+@\S+|/\S+|\S*\d\S*"
)
"""What differs each time: days, types of events, ids, ends of keys, names of the machine, folders, numbers."""


def words_of(picture: Path) -> Counter[str]:
    """How often each word stands in a picture, below the line that tells who listens where."""
    lines = lines_of_picture(picture.read_text(encoding="utf-8"))[1:]
    # The sentence above the keys depends on how long ago the last answer came.
    del lines[-2]
    if picture.stem in UNSTEADY:
        del lines[:-1]
    return Counter(re.findall(r"[^\W\d_]{2,}", _CHANCE.sub(" ", "\n".join(lines))))


@pytest.mark.slow
async def test_the_pictures_are_those_of_the_program(tmp_path: Path) -> None:
    await walk(tmp_path)
    names = {picture.stem for picture in FOLDER.glob("*.svg")}
    assert {picture.stem for picture in tmp_path.glob("*.svg")} == names
    changed = {}
    for name in sorted(names):
        before, now = words_of(FOLDER / f"{name}.svg"), words_of(tmp_path / f"{name}.svg")
        if before != now:
            changed[name] = {"gone": dict(before - now), "new": dict(now - before)}
    assert not changed, "make screenshots"
