"""Files into cohorts: what is shown before, what changes, and what changes nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heaptui.config import Home, Profile
from heaptui.errors import Refused, UsageError
from heaptui.model.cohorts import Origin, new_cohort_id
from heaptui.model.identifiers import EXTERNAL_ID, Kind, Space
from heaptui.services import import_reading
from heaptui.services.imports import ImportPreview, ImportRequest
from heaptui.services.workspace import Workspace, open_workspace
from heaptui.store import cohorts


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with open_workspace(Home.find(str(tmp_path / "home"), {}), Profile(name="test"), {}) as opened:
        yield opened


def file_of(folder: Path, rows: list[str], *, name: str = "people.csv", header: str = "user_id") -> str:
    path = folder / name
    path.write_text("\n".join([header, *rows, ""]) if header else "\n".join([*rows, ""]), encoding="utf-8")
    return str(path)


def ids(start: int, stop: int) -> list[str]:
    return [f"u{number:05d}" for number in range(start, stop)]


async def imported(workspace: Workspace, path: str, **wanted) -> tuple[ImportPreview, set[str]]:
    preview = await workspace.cohorts.preview_import(ImportRequest(path, **wanted))
    cohort = await workspace.cohorts.apply_import(preview)
    return preview, await people_of(workspace, cohort.cohort_id)


async def people_of(workspace: Workspace, cohort_id: str) -> set[str]:
    return {person.value async for chunk in workspace.cohorts.export(cohort_id) for person in chunk}


async def heap_cohort(workspace: Workspace, name: str, origin: Origin = Origin.HEAP) -> str:
    cohort_id = new_cohort_id(origin, "1338065")
    await workspace.ledger.write(
        lambda connection: cohorts.create(connection, cohort_id, name=name, origin=origin, space=EXTERNAL_ID, at=1.0)
    )
    return cohort_id


async def test_rows_are_valid_or_invalid_and_valid_ones_are_people_or_duplicates(workspace, tmp_path):
    rows = [*ids(0, 100), *ids(0, 7), *ids(95, 98), "", " ", "a\tb", "x" * 988]
    preview, people = await imported(workspace, file_of(tmp_path, rows), name="Carts", id_column="1", delimiter="")
    assert (preview.rows, preview.valid, preview.invalid) == (114, 110, 4)
    assert (preview.duplicates, preview.members) == (10, 100)
    assert (preview.adds, preview.removes, preview.unchanged) == (100, 0, 0)
    assert [(row.line, row.reason) for row in preview.bad_rows] == [
        (112, "empty"),
        (113, "empty"),
        (114, "control character"),
        (115, "too long"),
    ]
    assert people == set(ids(0, 100))


async def test_a_second_file_replaces_the_people_and_the_difference_is_told_first(workspace, tmp_path):
    await imported(workspace, file_of(tmp_path, ids(0, 100)), name="Carts")
    path = file_of(tmp_path, [*ids(90, 130), *ids(90, 95)])
    preview = await workspace.cohorts.preview_import(ImportRequest(path, name="Carts"))
    assert (preview.adds, preview.removes, preview.unchanged, preview.duplicates) == (30, 90, 10, 5)
    assert (await workspace.cohorts.show(preview.cohort_id)).members == 100
    cohort = await workspace.cohorts.apply_import(preview)
    assert await people_of(workspace, cohort.cohort_id) == set(ids(90, 130))
    undone = await workspace.cohorts.undo_import(cohort.cohort_id)
    assert undone.members == 100
    assert await people_of(workspace, cohort.cohort_id) == set(ids(0, 100))


async def test_a_file_larger_than_memory_gives_the_same_as_a_small_one(workspace, tmp_path, monkeypatch):
    rows = ids(0, 90_000)
    await imported(workspace, file_of(tmp_path, rows[20_000:50_000]), name="Carts")
    monkeypatch.setattr(import_reading, "RUN", 30_000)
    shuffled = rows[::2] + rows[1::2] + rows[:1000]
    preview, people = await imported(workspace, file_of(tmp_path, shuffled), name="Carts")
    assert (preview.members, preview.duplicates, preview.adds, preview.removes) == (90_000, 1000, 60_000, 0)
    assert people == set(rows)


async def test_looking_at_a_file_numbers_nobody(workspace, tmp_path):
    await workspace.cohorts.preview_import(ImportRequest(file_of(tmp_path, ids(0, 50)), name="Carts"))
    count = await workspace.ledger.read(
        lambda connection: connection.execute("SELECT count(*) FROM identity").fetchone()
    )
    assert count == (0,)
    assert await workspace.cohorts.list() == []


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02\x03" * 2000, "not a text file"),
        (b"PK\x03\x04\x00xl/workbook", "Excel"),
        (b"user_id\n", "no rows below its header"),
        (b"user_id,plan\n,a\n ,b\n", "no valid id"),
    ],
)
async def test_a_file_without_ids_changes_nothing(workspace, tmp_path, content, title):
    await imported(workspace, file_of(tmp_path, ids(0, 30)), name="Carts")
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=title):
        await imported(workspace, str(path), name="Carts", id_column=None if b"user" in content else "1")
    (cohort,) = await workspace.cohorts.list()
    assert (cohort.members, cohort.source_name) == (30, "people.csv")


async def test_a_missing_file_changes_nothing(workspace, tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        await imported(workspace, str(tmp_path / "nobody.csv"), name="Carts")
    assert await workspace.cohorts.list() == []


async def test_a_path_is_understood_as_terminals_paste_it(workspace, tmp_path):
    path = file_of(tmp_path, ids(0, 3), name="my people (1).csv")
    for number, pasted in enumerate((f"'{path}'", path.replace(" ", "\\ "), Path(path).as_uri(), path)):
        _, people = await imported(workspace, pasted, name=f"Carts {number}")
        assert people == set(ids(0, 3))


async def test_the_name_of_a_cohort_from_elsewhere_is_refused_but_its_id_is_taken(workspace, tmp_path):
    cohort_id = await heap_cohort(workspace, "Paying")
    path = file_of(tmp_path, ids(0, 3))
    with pytest.raises(UsageError, match=f"--into {cohort_id}"):
        await imported(workspace, path, name="Paying")
    preview, people = await imported(workspace, path, into=cohort_id)
    assert (preview.name, people) == ("Paying", set(ids(0, 3)))
    assert (await workspace.cohorts.show(cohort_id)).origin is Origin.HEAP


async def test_a_computed_or_retired_cohort_takes_no_file(workspace, tmp_path):
    path = file_of(tmp_path, ids(0, 3))
    computed = await heap_cohort(workspace, "Cart - not paying", Origin.EXPRESSION)
    with pytest.raises(UsageError, match="computed from other cohorts"):
        await imported(workspace, path, into=computed)
    preview, _ = await imported(workspace, path, name="Carts")
    cohort = (await workspace.cohorts.list())[-1]
    await workspace.cohorts.retire(cohort.cohort_id)
    with pytest.raises(UsageError, match="is retired"):
        await imported(workspace, path, into=cohort.cohort_id)
    again, _ = await imported(workspace, path, name=preview.name)
    assert again.cohort_id is None


async def test_a_former_name_still_leads_to_its_cohort(workspace, tmp_path):
    path = file_of(tmp_path, ids(0, 3))
    await imported(workspace, path, name="Carts 7d")
    (cohort,) = await workspace.cohorts.list()
    await workspace.cohorts.rename(cohort.cohort_id, "Carts")
    preview, _ = await imported(workspace, path, name="Carts 7d")
    assert (preview.cohort_id, preview.name) == (cohort.cohort_id, "Carts")
    assert any("is called “Carts” now" in warning for warning in preview.warnings)


async def test_one_destination_is_needed(workspace, tmp_path):
    path = file_of(tmp_path, ids(0, 3))
    for wanted in ({}, {"name": "a", "into": "b"}, {"name": "  "}):
        with pytest.raises(UsageError, match="Name a new cohort, or choose an existing one"):
            await imported(workspace, path, **wanted)


async def test_the_id_column_is_guessed_then_chosen_then_remembered(workspace, tmp_path):
    header, rows = "name,user_id,code", [f"n{n},u{n:05d},c{n:05d}" for n in range(50)]
    path = file_of(tmp_path, rows, header=header)
    guess, _ = await imported(workspace, path, name="Carts")
    assert (guess.column, guess.guessed, guess.remembered) == ("user_id", True, False)
    chosen, people = await imported(workspace, path, name="Carts", id_column="code")
    assert (chosen.column, chosen.guessed, chosen.remembered) == ("code", False, False)
    remembered, same = await imported(workspace, path, name="Carts")
    assert (remembered.column, remembered.guessed, remembered.remembered) == ("code", False, True)
    assert people == same == {f"c{n:05d}" for n in range(50)}


async def test_a_file_without_the_remembered_column_is_refused(workspace, tmp_path):
    await imported(workspace, file_of(tmp_path, ["a,u1"], header="plan,user_id"), name="Carts", id_column="user_id")
    with pytest.raises(UsageError, match="user_id, is not in this file"):
        await imported(workspace, file_of(tmp_path, ["a,u1"], header="plan,uid"), name="Carts")
    _, people = await imported(workspace, file_of(tmp_path, ["u7", "u8"], header="", name="bare.txt"), name="Carts")
    assert people == {"u7", "u8"}


async def test_the_kind_is_kept_and_a_new_one_is_told(workspace, tmp_path):
    path = file_of(tmp_path, ids(0, 3))
    first, _ = await imported(workspace, path, name="Carts", kind=Kind.ALIAS, alias_label="email")
    again, _ = await imported(workspace, path, name="Carts")
    assert first.space == again.space == Space(Kind.ALIAS, "email")
    other, _ = await imported(workspace, path, name="Carts", kind=Kind.EXTERNAL_ID)
    assert (other.adds, other.removes, other.unchanged) == (3, 3, 0)
    assert any("everybody leaves, and joins again" in warning for warning in other.warnings)
    for wrong, title in (
        ({"kind": Kind.ALIAS}, "alias needs its label"),
        ({"kind": Kind.DEVICE_ID, "alias_label": "x"}, "aliases only"),
        ({"kind": Kind.EMAIL}, "no e-mail addresses"),
    ):
        with pytest.raises(UsageError, match=title):
            await imported(workspace, path, name="New", **wrong)


async def test_the_profile_says_what_new_cohorts_are(tmp_path):
    profile = Profile(name="test", kind=Kind.ALIAS, alias_label="member")
    async with open_workspace(Home.find(str(tmp_path / "home"), {}), profile, {}) as workspace:
        preview, _ = await imported(workspace, file_of(tmp_path, ids(0, 3)), name="Carts")
    assert preview.space == Space(Kind.ALIAS, "member")


async def test_an_unusual_loss_is_told_and_not_refused(workspace, tmp_path):
    await imported(workspace, file_of(tmp_path, ids(0, 40)), name="VIP")
    small, _ = await imported(workspace, file_of(tmp_path, ids(19, 40)), name="VIP")
    assert small.unusual == ""
    await imported(workspace, file_of(tmp_path, ids(0, 40)), name="VIP")
    large, people = await imported(workspace, file_of(tmp_path, ids(38, 40)), name="VIP")
    assert large.unusual.startswith("38 of 40 people would leave.")
    assert len(people) == 2


async def test_the_expected_size_is_compared_with_the_people(workspace, tmp_path):
    path = file_of(tmp_path, [*ids(0, 10), *ids(0, 5)])
    for expected, words in ((10, None), (12, "2 fewer than Heap shows"), (9, "1 more than Heap shows")):
        preview, _ = await imported(workspace, path, name="Carts", expect=expected)
        told = [warning for warning in preview.warnings if "Heap shows" in warning]
        assert bool(told) == bool(words)
        assert not words or told[0].startswith(words)


async def test_damage_and_wrong_ids_are_told(workspace, tmp_path):
    rows = ["1.23E+15", "17.0", "０４８", *[f"{n:07d}" for n in range(1, 20)]]
    preview, _ = await imported(workspace, file_of(tmp_path, rows), name="Excel")
    told = "\n".join(preview.warnings)
    for words in ("1 id rounded by", "ending in .0", "full-width digits", "19 ids beginning with 0", "(line 2)"):
        assert words in told
    mails, _ = await imported(workspace, file_of(tmp_path, [f"a{n}@example.jp" for n in range(20)]), name="Mail")
    assert any("e-mail addresses" in warning for warning in mails.warnings)


async def test_words_for_nothing_and_stray_mails_are_told_and_kept(workspace, tmp_path):
    rows = ["null", "None", "N/A", "tanaka@example.jp", *ids(0, 20)]
    preview, people = await imported(workspace, file_of(tmp_path, rows), name="Mixed")
    told = "\n".join(preview.warnings)
    assert "3 ids like null or N/A, which stand for no value: kept as they are (lines 2, 3, 4)" in told
    assert "1 id like an e-mail address, among others that are not (line 5)" in told
    assert people == set(rows)
    aliases = {"kind": Kind.ALIAS, "alias_label": "email"}
    preview, _ = await imported(
        workspace, file_of(tmp_path, ["tanaka@example.jp", *ids(0, 20)]), name="Alias", **aliases
    )
    assert not preview.warnings


@pytest.mark.parametrize(
    ("header", "rows", "why"),
    [
        (
            "name,city",
            ["Anna Berg,Rome", "Bob Stone,Oslo"],
            "its heading is no name for ids, and most values have blanks",
        ),
        ("name", ["Anna", "Bob"], "its heading is no name for ids."),
        ("", ["Anna Berg", "Bob Stone", "Cara"], "most values have blanks inside."),
        ("user_id,name", ["u1,Anna Berg", "u2,Bob Stone"], ""),
    ],
)
async def test_a_column_that_does_not_look_like_ids_is_told_and_taken(
    workspace, tmp_path, header: str, rows: list[str], why: str
) -> None:
    path = file_of(tmp_path, rows, header=header)
    for id_column in (None, "1"):
        preview, people = await imported(workspace, path, name="Names", id_column=id_column)
        told = [warning for warning in preview.warnings if "does not look like a column of ids" in warning]
        assert len(told) == bool(why)
        assert not why or f"does not look like a column of ids: {why}" in told[0]
        assert len(people) == len(rows)


async def test_the_same_file_twice_is_told(workspace, tmp_path):
    path = file_of(tmp_path, ids(0, 10))
    first, _ = await imported(workspace, path, name="Carts")
    second, _ = await imported(workspace, path, name="Carts")
    assert not any("same file" in warning for warning in first.warnings)
    assert any("same file" in warning for warning in second.warnings)
    assert (second.adds, second.removes, second.unchanged) == (0, 0, 10)


async def test_what_changed_after_the_look_is_not_overwritten(workspace, tmp_path):
    await imported(workspace, file_of(tmp_path, ids(0, 10)), name="Carts")
    stale = await workspace.cohorts.preview_import(ImportRequest(file_of(tmp_path, ids(0, 5)), name="Carts"))
    new = await workspace.cohorts.preview_import(ImportRequest(file_of(tmp_path, ids(0, 5)), name="Other"))
    await imported(workspace, file_of(tmp_path, ids(0, 20)), name="Carts")
    await imported(workspace, file_of(tmp_path, ids(0, 20)), name="Other")
    for preview in (stale, new):
        with pytest.raises(UsageError, match="changed while the file was looked at"):
            await workspace.cohorts.apply_import(preview)
    assert [cohort.members for cohort in await workspace.cohorts.list()] == [20, 20]


async def test_a_cancelled_look_stops_reading(workspace, tmp_path):
    path = file_of(tmp_path, ids(0, 99_999) * 4)
    reading, go_on = threading.Event(), threading.Event()
    seen: list[int] = []

    def wait(report) -> None:
        seen.append(report.rows)
        reading.set()
        go_on.wait(10)

    looking = asyncio.create_task(workspace.cohorts.preview_import(ImportRequest(path, name="Carts"), wait))
    await asyncio.to_thread(reading.wait, 10)
    looking.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not looking.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert len(seen) == 1
    assert seen[0] < 4 * 99_999


async def test_a_read_only_workspace_looks_and_takes_nothing(tmp_path):
    home, profile = Home.find(str(tmp_path / "home"), {}), Profile(name="test")
    path = file_of(tmp_path, ids(0, 10))
    async with open_workspace(home, profile, {}) as workspace:
        await imported(workspace, path, name="Carts")
    async with open_workspace(home, profile, {}, read_only=True) as workspace:
        preview = await workspace.cohorts.preview_import(ImportRequest(file_of(tmp_path, ids(5, 12)), name="Carts"))
        assert (preview.adds, preview.removes) == (2, 5)
        with pytest.raises(Refused):
            await workspace.cohorts.apply_import(preview)
        with pytest.raises(Refused):
            await workspace.cohorts.rename(preview.cohort_id, "Other")


async def test_a_file_is_inspected_as_its_path_was_pasted(workspace, tmp_path):
    path = file_of(tmp_path, ["a@x.jp,u00001"], header="mail,user_id", name="a b.csv")
    inspection = await workspace.cohorts.inspect(f"'{path}'")
    assert inspection.columns[inspection.best].name == "user_id"
