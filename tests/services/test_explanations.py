"""For each thing that can go wrong with Braze, the run names the right cause, who mends it, and what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from heaptui.model.explanation_text import explanation_lines
from heaptui.model.runs import need_attention
from heaptui.services.workspace import Workspace
from tests.services.world import fill, ids, synced, workspace_on


@pytest.fixture
async def workspace(sandbox: Any, tmp_path: Path):
    sandbox.know(ids(0, 3000))
    async with workspace_on(sandbox, tmp_path / "home", wait_seconds=0.2) as opened:
        yield opened


MEMBERS = {"path": "users"}
NAME = {"path": "cohorts"}
ADMIN, YOU, NETWORK, NOBODY, MANAGER = "A Braze admin", "You", "network team", "Nobody", "account manager"

FAULTS = [
    # fault, entry, short word, who mends, a command
    (
        {"effect": "status", "status": 401, "body": {"message": "client_secret is invalid"}},
        ("braze.401.data_import_key", "401 key", ADMIN, "set HEAPTUI_DATA_IMPORT_KEY"),
    ),
    (
        {"effect": "status", "status": 401, "body": {"message": "Partner API key is invalid"}},
        ("braze.401.partner_key", "401 partner key", "partner key", "set HEAPTUI_PARTNER_API_KEY"),
    ),
    (
        {"effect": "status", "status": 401, "body": {"message": "partner is not enabled for this client"}},
        ("braze.401.not_enabled", "401 not enabled", MANAGER, "run resume"),
    ),
    (
        {"effect": "status", "status": 401, "body": {"message": "Unauthorized"}},
        ("braze.401.unauthorized", "401", ADMIN, "heaptui verify"),
    ),
    (
        {"effect": "status", "status": 403, "body": {"message": "Access Denied"}},
        ("braze.403.permission", "403 permission", ADMIN, "heaptui verify"),
    ),
    (
        {"effect": "status", "status": 403, "body": {"message": "Forbidden"}},
        ("braze.403.plan", "403", MANAGER, "run resume"),
    ),
    (
        {"effect": "status", "status": 404, "body": {"message": "Not Found"}},
        ("braze.404", "404 address", "set the profile up", "profile show test"),
    ),
    ({"effect": "html"}, ("braze.not_braze", "not Braze", NETWORK, "profile show test")),
    ({"effect": "redirect"}, ("braze.not_braze", "not Braze", NETWORK, "profile show test")),
    (
        {"effect": "status", "status": 400, "match": NAME, "body": {"message": "name is empty"}},
        ("braze.400.name", "name refused", YOU, "cohort rename"),
    ),
    (
        {"effect": "status", "status": 400, "match": MEMBERS, "body": {"message": "cohort is broken"}},
        ("braze.400.refused", "400", MANAGER, "run bundle"),
    ),
    (
        {"effect": "status", "status": 400, "match": MEMBERS, "body": {"message": "cohort_changes is not an array"}},
        ("braze.400.cohort_changes", "400 form", "bug", "run bundle"),
    ),
    ({"effect": "poison", "identifiers": ["u000007"]}, ("braze.400.bad_ids", "bad ids", YOU, "run retry")),
    ({"effect": "status", "status": 423, "match": MEMBERS}, ("braze.423", "423 locked", NOBODY, "run resume")),
    (
        {"effect": "status", "status": 429, "reset": "delta", "seconds": 60},
        ("braze.429", "429", NOBODY, "run resume"),
    ),
    ({"effect": "status", "status": 503, "match": MEMBERS}, ("braze.5xx", "5xx", "Braze", "run resume")),
    ({"effect": "timeout_after", "match": MEMBERS}, ("braze.no_answer", "no answer", NOBODY, "run resume")),
    ({"effect": "reset_before", "match": MEMBERS}, ("braze.no_answer", "no answer", NOBODY, "run resume")),
]


@pytest.mark.parametrize(("fault", "expected"), FAULTS, ids=lambda value: value[0] if isinstance(value, tuple) else "")
async def test_a_fault_is_explained_without_reading_a_body(
    sandbox: Any, workspace: Workspace, fault: dict[str, Any], expected: tuple[str, str, str, str]
) -> None:
    sandbox.fault(**fault)
    progress = await synced(workspace, await fill(workspace, ids(0, 20)))
    desk = await workspace.support.desk(progress.run_id)
    first = desk.explanations[0]
    code, short, who, command = expected
    assert (first.code, first.short) == (code, short)
    assert who in first.who
    assert any(command in line for line in first.commands)
    assert first.kept
    text = "\n".join(line for _, line in desk.lines())
    for key in (sandbox.keys.partner_api_key, sandbox.keys.data_import_key):
        assert key not in text


async def test_a_name_call_without_end_and_a_closed_port_are_told_apart(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home", endpoint="http://127.0.0.1:9") as workspace:
        progress = await synced(workspace, await fill(workspace, ids(0, 20)))
        first = (await workspace.support.desk(progress.run_id)).explanations[0]
    assert first.code == "braze.unreachable"
    assert any("127.0.0.1 cannot be reached; try 2 of " in moment.text for moment in progress.story)
    assert "Nothing was accepted." in first.kept


async def test_what_braze_took_before_it_failed_is_told(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 2000))
    sandbox.fault(effect="status", status=401, body={"message": "client_secret is invalid"}, at=[2], match=MEMBERS)
    first = (await workspace.support.desk((await synced(workspace, cohort)).run_id)).explanations[0]
    assert first.kept.startswith("Braze accepted 1,000 changes until then. 1,000 changes kept for the next run")


async def test_a_large_change_and_a_hold_say_how_to_go_on(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 100))
    await synced(workspace, cohort)
    await fill(workspace, ids(0, 2), cohort_id=cohort)
    progress = await synced(workspace, cohort)
    first = (await workspace.support.desk(progress.run_id)).explanations[0]
    assert first.code == "heaptui.large_change"
    assert any("--yes-really" in command for command in first.commands)


async def test_the_same_key_as_in_the_last_good_run_was_invalidated_in_braze(
    sandbox: Any, workspace: Workspace
) -> None:
    cohort = await fill(workspace, ids(0, 20))
    good = (await synced(workspace, cohort)).run_id
    await fill(workspace, ids(0, 30), cohort_id=cohort)
    sandbox.fault(effect="status", status=401, body={"message": "client_secret is invalid"})
    bad = (await synced(workspace, cohort)).run_id
    desk = await workspace.support.desk(bad)
    (first,) = desk.explanations
    assert desk.good is not None
    assert desk.good.run_id == good
    end = sandbox.keys.data_import_key[-4:]
    assert f"Data Import Key ends {end}" in first.since
    assert "same endpoint" in first.since
    (right,) = re.findall(r"clock (right within \d+\.\d s)", first.since)
    assert f"the clock ({right})" in first.ruled_out
    assert first.causes == ("it was regenerated or invalidated in Braze",)
    assert first.so.startswith(f"the Data Import Key is the same: most likely {first.causes[0]} after")
    assert first.who.startswith("A Braze admin of the workspace")
    assert any("the cluster" in line for line in first.ruled_out)
    assert "10 changes kept" in first.kept
    letter = await workspace.support.letter(bad)
    assert "Please do not send the key by mail" in letter
    assert "set HEAPTUI_DATA_IMPORT_KEY" in letter
    assert f"heaptui run resume {bad}" in letter
    assert end not in letter


async def test_another_key_than_in_the_last_good_run_is_the_suspect(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 100))
    home = tmp_path / "home"
    async with workspace_on(sandbox, home) as workspace:
        cohort = await fill(workspace, ids(0, 20))
        await synced(workspace, cohort)
        workspace.secrets.partner_api_key = type(workspace.secrets.partner_api_key)(
            "another-key-altogether-1234", "keyring"
        )
        await fill(workspace, ids(0, 30), cohort_id=cohort)
        progress = await synced(workspace, cohort)
        first = (await workspace.support.desk(progress.run_id)).explanations[0]
    assert first.code == "braze.401.partner_key"
    assert "another partner key (ends 1234)" in first.since
    assert first.so == f"the partner key was replaced here after run 1: most likely {first.causes[0]}"
    assert "mistyped" in first.causes[0]
    assert first.who.startswith("You, or whoever entered the key here: enter it again, as Braze has it.")
    assert "Whoever gave you the partner key" in first.who


async def test_another_column_is_the_suspect_when_ids_are_refused(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 20))
    await synced(workspace, cohort)
    await fill(workspace, ids(0, 30), cohort_id=cohort)
    await workspace.ledger.write(lambda connection: connection.execute("UPDATE cohort SET id_column = 'email'"))
    sandbox.fault(effect="poison", identifiers=["u000025"])
    progress = await synced(workspace, cohort)
    first = (await workspace.support.desk(progress.run_id)).explanations[0]
    assert "another column (then id)" in first.since
    assert "another kind" not in first.since + first.so
    assert "another column" in first.so
    names = [name for name, _ in explanation_lines(first, good_run=1)]
    assert names.index("Kept") < names.index("Who mends") < names.index("Then") < names.index("Means")


async def test_a_refused_leave_is_told_as_somebody_who_is_still_in_the_cohort(
    sandbox: Any, workspace: Workspace
) -> None:
    cohort = await fill(workspace, ids(0, 10))
    await synced(workspace, cohort)
    sandbox.fault(effect="poison", identifiers=["u000004"], match={"direction": "remove"})
    await fill(workspace, ids(0, 3), cohort_id=cohort)
    progress = await synced(workspace, cohort)
    first = (await workspace.support.desk(progress.run_id)).explanations[0]
    assert "1 person who should leave is still in the cohort in Braze." in first.kept
    assert first.commands == (f"heaptui run show {progress.run_id}", f"heaptui run retry {progress.run_id}")


@pytest.mark.parametrize(
    ("cohort_id", "source", "named", "not_named"),
    [
        ("heaptui-file-aaaaaa", "test.csv", "of the file", "in Heap"),
        ("heaptui-seg-1338071", "", "in Heap", "of the file"),
    ],
    ids=["file", "heap"],
)
async def test_only_what_gave_the_people_is_a_cause_of_refused_ids(
    sandbox: Any, workspace: Workspace, cohort_id: str, source: str, named: str, not_named: str
) -> None:
    made = await fill(workspace, ids(0, 20))

    def become(connection: Any) -> None:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("UPDATE cohort SET cohort_id = ?, source_name = ?", (cohort_id, source))
        connection.execute("UPDATE belief SET cohort_id = ? WHERE cohort_id = ?", (cohort_id, made))

    await workspace.ledger.write(become)
    sandbox.fault(effect="poison", identifiers=["u000007"])
    progress = await synced(workspace, cohort_id)
    causes = " ".join((await workspace.support.desk(progress.run_id)).explanations[0].causes)
    assert named in causes
    assert not_named not in causes


async def test_a_400_in_the_search_for_ids_is_not_told_as_the_end_of_the_run(
    sandbox: Any, workspace: Workspace
) -> None:
    sandbox.fault(effect="poison", identifiers=["u000007"])
    progress = await synced(workspace, await fill(workspace, ids(0, 20)))
    rows = await workspace.support.exchanges(progress.run_id)
    told = {}
    for row in rows:
        lines = dict(await workspace.support.meaning(*await workspace.support.exchange(row.exchange_id)))
        told[row.exchange_id] = lines.get("Meaning", "")
    refused = [told[row.exchange_id] for row in rows if row.status == 400]
    assert len(refused) > 2
    assert "the run found 1 refused id" in refused[0]
    assert refused[-1].startswith("Braze refused this one id")
    assert not any("every request" in text for text in refused)


async def test_a_run_that_ends_without_an_answer_is_not_explained_by_a_later_400(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 20))
    sandbox.faults(
        {"effect": "status", "status": 503, "match": {"path": "users", "identifier": "u000001"}, "from": 2},
        {"effect": "poison", "identifiers": ["u000017"]},
    )
    async with workspace_on(sandbox, tmp_path / "home", max_in_flight=1) as workspace:
        progress = await synced(workspace, await fill(workspace, ids(0, 20)))
        first = (await workspace.support.desk(progress.run_id)).explanations[0]
    assert progress.total("rejected") == 1
    assert first.code == "braze.5xx"


async def test_what_a_later_run_took_over_and_failed_with_still_needs_somebody(
    sandbox: Any, workspace: Workspace
) -> None:
    cohort = await fill(workspace, ids(0, 20))
    sandbox.fault(effect="status", status=401, match={"path": "users"})
    first, second = (await synced(workspace, cohort)).run_id, (await synced(workspace, cohort)).run_id
    told = (await workspace.support.desk(first)).explanations[0]
    assert told.kept.endswith(f"run {second} took them over and ended stopped, too.")
    assert told.who
    assert any(command.endswith(f"run resume {second}") for command in told.commands)
    letter = await workspace.support.letter(first)
    assert told.who in letter
    assert "Nothing is needed" not in letter
    sandbox.clear_faults()
    third = (await synced(workspace, cohort)).run_id
    told = (await workspace.support.desk(first)).explanations[0]
    assert (told.who, told.commands) == ("", ())
    assert f"run {third} took them over." in told.kept
    assert "Nothing is needed" in await workspace.support.letter(first)


async def test_the_request_that_ended_a_run_is_numbered_as_its_exchanges_are(
    sandbox: Any, workspace: Workspace
) -> None:
    sandbox.fault(effect="status", status=500)
    progress = await synced(workspace, await fill(workspace, ids(0, 20)))
    count = await workspace.support.count(progress.run_id)
    first = (await workspace.support.desk(progress.run_id)).explanations[0]
    assert f"on request {count}, " in first.headline
    assert f"answered 500 {count} times" in first.told


async def test_refused_ids_need_somebody_until_the_next_run_of_their_cohort(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 20))
    sandbox.fault(effect="poison", identifiers=["u000004"])
    progress = await synced(workspace, cohort)
    assert need_attention(await workspace.history.list()) == {progress.run_id}
    sandbox.clear_faults()
    await workspace.sync.recover(progress.run_id, forget_refusals=True)
    await synced(workspace, cohort)
    assert not need_attention(await workspace.history.list())
