"""Files for Braze's Import Users: every rule of that page holds, whatever is in the cohort."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaptui.config import Home, Profile
from heaptui.errors import Refused, UsageError
from heaptui.model.identifiers import Kind, Space, invalid_reason
from heaptui.services.upload import Upload
from heaptui.services.workspace import Workspace, open_workspace
from tests.services.world import REST_KEY, fill, ids, synced, workspace_on


async def written(workspace: Workspace, upload: Upload) -> bytes:
    return "".join([text async for text in workspace.uploads.text(upload)]).encode()


def keeps_every_rule(content: bytes, upload: Upload) -> list[list[str]]:
    """The rows of a file, after checking what Braze demands of one."""
    text = content.decode("utf-8")
    assert not content.startswith(b"\xef\xbb\xbf")
    assert '"' not in text
    assert "\r" not in text
    assert text.endswith("\n")
    lines = text.split("\n")[:-1]
    columns = 2 if upload.attribute else 1
    rows = [line.split(",") for line in lines]
    assert all(len(row) == columns for row in rows)
    assert rows[0][0] == "external_id"
    people = [row[0] for row in rows[1:]]
    assert len(set(people)) == len(people) == upload.rows
    assert all(people)
    assert len(content) == upload.bytes < 500_000_000
    return rows


async def test_without_any_key_a_cohort_becomes_a_list_and_nothing_else_is_kept(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home", keys=()) as workspace:
        cohort = await fill(workspace, [*ids(0, 20), 'say "hi"', "a,b"], name="カート放棄")
        upload = await workspace.uploads.plan(cohort)
        rows = keeps_every_rule(await written(workspace, upload), upload)
        assert rows[0] == ["external_id"]
        assert {row[0] for row in rows[1:]} == set(ids(0, 20))
        assert (upload.points, upload.left_out_count) == (0, 2)
        assert sorted(upload.left_out) == [("a,b", "has a comma"), ('say "hi"', "has a quote")]
        assert any("Create targeting filter" in step for step in upload.steps())
        assert (await workspace.cohorts.show(cohort)).state == "new"


async def test_the_attribute_form_says_false_to_those_who_left(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home", keys=()) as workspace:
        cohort = await fill(workspace, ids(0, 20), name="Paying")
        await fill(workspace, ids(5, 30), cohort_id=cohort)
        upload = await workspace.uploads.plan(cohort, as_attribute=True)
        rows = keeps_every_rule(await written(workspace, upload), upload)
        assert rows[0] == ["external_id", "heap_paying"]
        assert {tuple(row) for row in rows[1:]} == {
            *((person, "true") for person in ids(5, 30)),
            *((person, "false") for person in ids(0, 5)),
        }
        assert upload.points == 30
        await workspace.cohorts.rename(cohort, "Paid")
        assert (await workspace.uploads.plan(cohort, as_attribute=True)).attribute == "heap_paying"


async def test_only_known_people_are_written_with_a_rest_key_within_its_limit(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 130))
    async with workspace_on(sandbox, tmp_path / "home", keys=REST_KEY) as workspace:
        cohort = await fill(workspace, ids(100, 300))
        upload = await workspace.uploads.plan(cohort, only_known=True)
        assert upload.look_ups == 4
        rows = keeps_every_rule(await written(workspace, upload), upload)
        assert {row[0] for row in rows[1:]} == set(ids(100, 130))
        assert upload.unknown == 170
        assert sandbox.braze.rest.highest["/users/export/ids"] <= 4
        assert not sandbox.world.created


async def test_what_cannot_be_written_is_refused_with_the_way_out(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home", keys=()) as workspace:
        cohort = await fill(workspace, ids(0, 3))
        with pytest.raises(UsageError, match="REST key"):
            await workspace.uploads.plan(cohort, only_known=True)
        aliases = await fill(workspace, ["a"], name="Aliases", space=Space(Kind.ALIAS, "crm"))
        with pytest.raises(UsageError, match="external ids"):
            await workspace.uploads.plan(aliases)


async def test_an_attribute_is_chosen_once_checked_and_unique(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 3))
    async with workspace_on(sandbox, tmp_path / "home", keys=REST_KEY) as workspace:
        first, second = await fill(workspace, ids(0, 3), name="VIP"), await fill(workspace, ids(0, 3), name="V.I.P.")
        third = await fill(workspace, ids(0, 3), name="Vip")
        names = [(await workspace.cohorts.attribute_of(cohort))[0] for cohort in (first, second, third)]
        assert names[0] == "heap_vip"
        assert names[1] == "heap_v_i_p"
        assert names[2].startswith("heap_vip_")
        for wrong in ("$vip", "heap vip", "email", "9lives", "", "a" * 256, names[1].upper()):
            with pytest.raises(UsageError):
                await workspace.cohorts.choose_attribute(first, wrong)
        assert (await workspace.cohorts.choose_attribute(first, "is_vip")).attribute == "is_vip"
        await synced(workspace, first)
        assert {person for person, values in sandbox.world.attributes.items() if values == {"is_vip": True}} == set(
            ids(0, 3)
        )
        with pytest.raises(UsageError, match="any more"):
            await workspace.cohorts.choose_attribute(first, "heap_vip")
        await workspace.cohorts.rename(first, "Very important")
        assert (await workspace.sync.plan([first]))[0].empty
        workspace.read_only = True
        with pytest.raises(Refused):
            await workspace.cohorts.choose_attribute(second, "other")


async def test_a_japanese_name_gives_way_to_the_number(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home", keys=REST_KEY) as workspace:
        cohort = await fill(workspace, ids(0, 3), name="カート放棄 high")
        assert (await workspace.cohorts.show(cohort)).attribute == f"heap_{cohort.rsplit('-', 1)[-1]}"


values = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None, database=None)
@given(st.frozensets(values, max_size=30), st.frozensets(values, max_size=30), st.booleans())
def test_every_file_keeps_every_rule_and_loses_nobody_silently(
    before: frozenset[str], now: frozenset[str], as_attribute: bool
) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with open_workspace(Home.find(folder, {}), Profile(name="test"), {}) as workspace:
                good = [[v for v in some if invalid_reason(v) is None] for some in (before, now)]
                cohort = await fill(workspace, good[0])
                await fill(workspace, good[1], cohort_id=cohort)
                upload = await workspace.uploads.plan(cohort, as_attribute=as_attribute)
                rows = keeps_every_rule(await written(workspace, upload), upload)
                wanted = set(good[1]) | (set(good[0]) if as_attribute else set())
                assert {row[0] for row in rows[1:]} | {value for value, _ in upload.left_out} == wanted
                assert upload.rows + upload.left_out_count == len(wanted)

    asyncio.run(run())
