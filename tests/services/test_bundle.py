"""A bundle of a failed run opens on another home; a search of it for every secret and every raw id finds nothing."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from heaptui.cli.bundle_home import home_of
from heaptui.config import load_config, resolve_profile
from heaptui.errors import UsageError
from heaptui.services.workspace import Workspace, open_workspace
from tests.services.world import fill, ids, synced, workspace_on

PEOPLE = [*ids(0, 1500), "k.mori@example.jp", "山田 太郎", "o'neill #7"]


async def failed(sandbox: Any, workspace: Workspace) -> int:
    """A good run, then one in which ids are refused with their name in the text, keys echoed, and the end is a 401."""
    sandbox.know(PEOPLE)
    cohort = await fill(workspace, PEOPLE[:1000])
    await synced(workspace, cohort)
    await fill(workspace, PEOPLE, cohort_id=cohort)
    words = "user_ids has the value u001200 and 山田 太郎, k.mori@example.jp: invalid external_id"
    sandbox.fault(effect="status", status=400, body={"message": words}, match={"identifier": "u001200"})
    await synced(workspace, cohort)
    sandbox.fault(effect="echo_secret")
    await fill(workspace, PEOPLE[200:], cohort_id=cohort)
    return (await synced(workspace, cohort)).run_id


def insides(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return b"\n".join(archive.read(name) + name.encode() for name in archive.namelist())


@pytest.mark.parametrize("which", ["refused ids", "echoed keys"])
async def test_a_bundle_holds_no_secret_and_no_id_and_opens_elsewhere(sandbox: Any, tmp_path: Path, which: str) -> None:
    async with workspace_on(sandbox, tmp_path / "home") as workspace:
        last = await failed(sandbox, workspace)
        run_id = last if which == "echoed keys" else last - 1
        path = await workspace.bundles.make(run_id, tmp_path / "bundle.zip")
        told = (await workspace.support.desk(run_id)).explanations[0].code
    raw = path.read_bytes() + insides(path)
    for secret in (sandbox.keys.partner_api_key, sandbox.keys.data_import_key):
        assert secret.encode() not in raw
    for one in PEOPLE:
        assert one.encode() not in raw, one
    home = home_of(str(path), {})
    profile = resolve_profile(load_config(home), None, {})
    async with open_workspace(home, profile, {}, read_only=True) as opened:
        desk = await opened.support.desk(run_id)
        assert desk.explanations[0].code == told
        assert desk.good is not None
        exchanges = await opened.support.exchanges(run_id)
        assert exchanges
        row, content = await opened.support.exchange(exchanges[-1].exchange_id)
        assert await opened.support.request_of(row, content)
        rejections = await opened.history.rejections(run_id)
        assert all(refusal.value.startswith("id-") for refusal in rejections)
        assert bool(rejections) == (which == "refused ids")
        with pytest.raises(UsageError, match="read-only"):
            await opened.ledger.write(lambda connection: None)


async def test_ids_that_are_plain_numbers_leave_times_as_they_are(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home") as workspace:
        # Some of them stand in every time since 1970, too.
        cohort = await fill(workspace, [str(number) for number in range(1000, 9999)])
        sandbox.fault(effect="status", status=401, body={"message": "client_secret is invalid"})
        run_id = (await synced(workspace, cohort)).run_id
        path = await workspace.bundles.make(run_id, tmp_path / "bundle.zip")
        story = (await workspace.history.show(run_id)).story
    home = home_of(str(path), {})
    async with open_workspace(home, resolve_profile(load_config(home), None, {}), {}, read_only=True) as opened:
        shown = (await opened.history.show(run_id)).story
    assert [moment.at for moment in shown] == [moment.at for moment in story]


async def test_with_ids_it_holds_those_who_were_refused_and_still_no_secret(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home") as workspace:
        run_id = await failed(sandbox, workspace) - 1
        path = await workspace.bundles.make(run_id, tmp_path / "bundle.zip", with_ids=True)
    raw = insides(path)
    assert b"u001200" in raw
    assert sandbox.keys.data_import_key.encode() not in raw


async def test_the_log_and_the_diagnosis_can_be_read_without_heaptui(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home") as workspace:
        run_id = await failed(sandbox, workspace)
        path = await workspace.bundles.make(run_id, tmp_path / "bundle.zip")
    with zipfile.ZipFile(path) as archive:
        assert "Who mends" in archive.read("diagnosis.txt").decode()
        assert '"type":"exchange"' in archive.read("log.jsonl").decode()
        assert f"# Run {run_id}" in archive.read("receipt.md").decode()
        assert "--read-only --home bundle.zip" in archive.read("README.txt").decode()


def test_a_file_that_is_no_bundle_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"nothing")
    with pytest.raises(UsageError, match="is no bundle"):
        home_of(str(path), {})
