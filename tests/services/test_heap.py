"""What the ids of Heap's cohorts are, what is odd about them, and what support may see of a page."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from heaptui.errors import Refused, UsageError
from heaptui.model.identifiers import Kind, Space
from heaptui.services.workspace import open_workspace
from heaptui.store import pages, segments
from tests.receiver.heap import Door, open_door, page_body, signed
from tests.services.world import fill

COHORT = "heaptui-seg-42"
EMAIL_ALIAS = Space(Kind.ALIAS, "email")


@pytest.fixture
async def door(tmp_path: Path):
    async with open_door(tmp_path / "home") as opened:
        yield opened


async def test_the_profile_says_what_the_ids_are(tmp_path: Path) -> None:
    async with open_door(tmp_path / "home", kind=Kind.ALIAS, alias_label="email") as door:
        await door.takes(["a@example.jp"])
        assert (await door.workspace.cohorts.show(COHORT)).space == EMAIL_ALIAS


async def test_a_cohort_can_have_ids_of_its_own_kind(door: Door) -> None:
    await door.takes(["a@example.jp", "b@example.jp"], total=3)
    await door.takes(["c@example.jp"], ["b@example.jp"], task="task-2")
    moved = await door.workspace.heap.set_kind(COHORT, Kind.ALIAS, "email")
    assert (moved.space, moved.members) == (EMAIL_ALIAS, 2)
    await door.takes(["d@example.jp"], task="task-3")
    await door.takes(["b@example.jp", "e@example.jp"], number=2, total=3)
    assert await door.members() == {"a@example.jp", "c@example.jp", "d@example.jp", "e@example.jp"}
    people = [person async for chunk in door.workspace.cohorts.export(COHORT) for person in chunk]
    assert {person.space for person in people} == {EMAIL_ALIAS}


async def test_an_alias_needs_its_label_and_a_file_cohort_has_its_own_way(door: Door) -> None:
    await door.takes(["a"])
    with pytest.raises(UsageError, match="label"):
        await door.workspace.heap.set_kind(COHORT, Kind.ALIAS)
    with pytest.raises(UsageError, match="e-mail"):
        await door.workspace.heap.set_kind(COHORT, Kind.EMAIL)
    other = await fill(door.workspace, ["x"])
    with pytest.raises(UsageError, match="does not come from Heap"):
        await door.workspace.heap.set_automatic(other, automatic=True)


async def test_ids_of_another_shape_blanks_and_case_are_told_and_taken(door: Door) -> None:
    await door.takes(["a@example.jp", "b@example.jp"])
    assert (await door.workspace.heap.received(COHORT)).warnings == ()
    await door.takes([" 1001", "1002"], task="task-2")
    await door.takes(["A@example.jp"], task="task-3")
    told = " ".join((await door.workspace.heap.received(COHORT)).warnings)
    assert "looked like e-mail and look like digits now" in told
    assert "blanks before or after" in told
    assert "A@example.jp and a@example.jp" in told
    assert await door.members() == {"a@example.jp", "b@example.jp", " 1001", "1002", "A@example.jp"}
    await door.workspace.heap.set_kind(COHORT, Kind.DEVICE_ID)
    assert (await door.workspace.heap.received(COHORT)).warnings == ()


async def test_the_body_of_a_page_hides_ids_unless_asked(door: Door) -> None:
    body = page_body(["Kim.Mori@example.jp", 4711], ["0051120"])
    assert (await door.post(body)).status_code == 200
    (page,) = (await door.workspace.heap.received(COHORT)).pages
    masked = json.loads(await door.workspace.heap.body(page.page_id, show_ids=False))
    assert masked["data"]["add"] == [{"id": "Xxx.Xxxx@xxxxxxx.xx"}, {"id": "number 9999"}]
    assert masked["data"]["remove"] == [{"id": "9999999"}]
    assert (await door.workspace.heap.body(page.page_id, show_ids=True)).encode() == body
    with pytest.raises(UsageError):
        await door.workspace.heap.body(page.page_id + 1, show_ids=False)


async def test_a_cohort_is_quiet_after_eight_hours_and_keeps_its_people(door: Door) -> None:
    await door.takes(["a"])

    def hours_ago(hours: float) -> Any:
        at = time.time() - hours * 3600
        return lambda c: c.execute("UPDATE segment SET last_page_at = ?", (at,)).rowcount

    await door.workspace.ledger.write(hours_ago(7.9))
    assert not (await door.workspace.cohorts.show(COHORT)).quiet
    await door.workspace.ledger.write(hours_ago(8.1))
    cohort = await door.workspace.cohorts.show(COHORT)
    assert (cohort.quiet, cohort.members, cohort.removes) == (True, 1, 0)


async def test_a_file_into_a_heap_cohort_sets_its_people_and_later_pages_apply_on_top(
    door: Door, tmp_path: Path
) -> None:
    from heaptui.services.imports import ImportRequest

    await door.takes(["a", "b"])
    file = tmp_path / "ids.csv"
    file.write_text("user_id\nb\nc\n")
    preview = await door.workspace.cohorts.preview_import(ImportRequest(path=str(file), into=COHORT))
    await door.workspace.cohorts.apply_import(preview)
    await door.takes(["d"], ["b"], task="task-2")
    assert await door.members() == {"c", "d"}
    await door.workspace.cohorts.undo_import(COHORT)
    assert await door.members() == {"a", "d"}


async def test_pages_for_a_retired_cohort_are_kept_and_bring_nobody_back(door: Door) -> None:
    await door.takes(["a"])
    await door.workspace.cohorts.retire(COHORT)
    await door.takes(["b"], task="task-2")
    assert await door.members() == set()
    assert await door.workspace.ledger.read(segments.due) == []
    await door.workspace.cohorts.undo_import(COHORT)
    assert await door.members() == {"a", "b"}


async def test_pages_that_an_earlier_process_did_not_apply_are_applied_by_the_next(tmp_path: Path) -> None:
    async with open_door(tmp_path / "home") as door:
        assert (await door.post(page_body(["a"]))).status_code == 200
        assert await door.members() == set()
    async with open_door(tmp_path / "home") as door:
        assert await door.reception.apply_all() == 1
        assert await door.members() == {"a"}


async def test_what_was_refused_is_told_with_how_often_and_from_where(door: Door) -> None:
    body = page_body(["a"])
    await door.post(body, signed(body, secret="guessed"))
    await door.post(body, {"Content-Type": "application/json"})
    await door.post(body, signed(body, at=time.time() - 9999))
    await door.notes.write()
    told = [note.text for note in await door.workspace.heap.security_notes()]
    for start in ("1 request with a wrong", "1 request without", "1 request signed too long ago"):
        assert sum(text.startswith(start) for text in told) == 1, told
    facts = await door.workspace.heap.listener()
    assert (facts.intruded.kind, facts.intruded.count, facts.intruded.peer) == ("forged", 1, "127.0.0.1")


async def test_read_only_changes_nothing(door: Door) -> None:
    await door.takes(["a"])
    workspace = door.workspace
    async with open_workspace(workspace.home, workspace.profile, {}, read_only=True) as looked:
        for change in (
            looked.heap.set_automatic(COHORT, automatic=True),
            looked.heap.answer_drain(COHORT, empty=True),
            looked.heap.set_kind(COHORT, Kind.DEVICE_ID),
        ):
            with pytest.raises(Refused):
                await change
        assert len((await looked.heap.received(COHORT)).pages) == 1


async def test_the_newest_task_is_told_with_its_missing_pages(door: Door) -> None:
    await door.takes(["a"], total=4)
    await door.takes(["b"], number=3, total=4)
    now = time.time()
    await door.workspace.ledger.write(lambda c: pages.close_silent(c, silent_since=now + 1, at=now))
    await door.takes(action="segment.users.drain", task=None)
    unfinished = (await door.workspace.heap.received(COHORT)).unfinished
    assert unfinished is not None
    assert (unfinished.state, unfinished.missing_text) == ("incomplete", "pages 2, 4 of 4 are missing")
