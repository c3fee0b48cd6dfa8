"""Files that come again: the newest of a pattern, the remembered column, and when a file is old."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from heaptui.config import CohortSettings, Home, Profile, check_profile
from heaptui.errors import UsageError
from heaptui.services.imports import ImportRequest
from heaptui.services.refresh import can_refresh, file_is_old, refresh
from heaptui.services.workspace import open_workspace


@pytest.fixture
async def open_with(tmp_path: Path):
    """A workspace whose profile says this about the cohort Carts."""

    def opened(**settings: str):
        profile = Profile(name="test", cohorts={"Carts": CohortSettings(**settings)} if settings else {})
        return open_workspace(Home.find(str(tmp_path / "home"), {}), profile, {})

    return opened


def written(folder: Path, name: str, people: list[str], *, days_old: float = 0) -> str:
    path = folder / name
    path.write_text("name,user_id\n" + "".join(f"x,{person}\n" for person in people))
    at = time.time() - days_old * 86_400
    os.utime(path, (at, at))
    return str(path)


async def imported(workspace, path: str):
    request = ImportRequest(path=path, name="Carts", id_column="user_id")
    return await workspace.cohorts.apply_import(await workspace.cohorts.preview_import(request))


async def test_without_a_pattern_the_file_of_the_last_import_is_read_again(open_with, tmp_path: Path) -> None:
    async with open_with() as workspace:
        cohort = await imported(workspace, written(tmp_path, "carts.csv", ["a1", "a2"]))
        assert (await refresh(workspace, cohort)).unchanged
        written(tmp_path, "carts.csv", ["a2", "a3", "a4"])
        done = await refresh(workspace, cohort)
        assert done.preview is not None
        assert (done.preview.column, done.preview.adds, done.preview.removes) == ("user_id", 2, 1)
        assert (await workspace.cohorts.show(cohort.cohort_id)).members == 3


async def test_the_newest_file_of_a_pattern_is_read_whatever_its_name(open_with, tmp_path: Path) -> None:
    async with open_with(pattern="carts_*.csv") as workspace:
        cohort = await imported(workspace, written(tmp_path, "carts_2.csv", ["a1"], days_old=2))
        written(tmp_path, "carts_1.csv", ["a1", "a2"], days_old=1)
        written(tmp_path, "other.csv", ["x1"])
        done = await refresh(workspace, cohort)
        assert done.path.endswith("carts_1.csv")
        assert (await workspace.cohorts.show(cohort.cohort_id)).members == 2


async def test_a_missing_file_is_told_and_changes_nothing(open_with, tmp_path: Path) -> None:
    async with open_with(pattern="none_*.csv") as workspace:
        cohort = await imported(workspace, written(tmp_path, "carts.csv", ["a1"]))
        done = await refresh(workspace, cohort)
        assert done.error is not None
        assert "No file fits the pattern" in str(done.error)
        assert (await workspace.cohorts.show(cohort.cohort_id)).members == 1


async def test_a_cohort_from_standard_input_has_nothing_to_read_again(open_with) -> None:
    from tests.services.world import fill

    async with open_with() as workspace:
        cohort = await workspace.cohorts.show(await fill(workspace, ["a1"]))
        assert not can_refresh(workspace.profile, cohort)
        assert (await refresh(workspace, cohort)).error is not None


async def test_a_file_is_old_when_its_owner_says_so_and_never_by_itself(open_with, tmp_path: Path) -> None:
    path = written(tmp_path, "carts.csv", ["a1"], days_old=3)
    async with open_with(every="1d") as workspace:
        cohort = await imported(workspace, path)
        assert file_is_old(workspace.profile, cohort) == "The file is 3 d old; a new one is due every 1d."
        assert file_is_old(Profile(name="test"), cohort) == ""


def test_an_interval_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="every"):
        check_profile(Profile(name="test", cohorts={"Carts": CohortSettings(every="often")}), "here")
