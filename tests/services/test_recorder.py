"""The flight recorder: what a run exchanged with Braze is kept, without keys and without people."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from heaptui.services.workspace import Workspace
from heaptui.store import exchanges, retention
from tests.services.world import fill, ids, synced, workspace_on


@pytest.fixture
async def workspace(sandbox: Any, tmp_path: Path):
    sandbox.know(ids(0, 3000))
    async with workspace_on(sandbox, tmp_path / "home") as opened:
        yield opened


async def kept(workspace: Workspace, run_id: int) -> list[tuple[exchanges.ExchangeRow, exchanges.Content]]:
    rows = await workspace.ledger.read(lambda connection: exchanges.window(connection, run_id, 0, 100))
    found = []
    for row in rows:
        one = await workspace.ledger.read(lambda c, row=row: exchanges.read_one(c, row.exchange_id))
        assert one is not None
        found.append(one)
    return found


async def test_every_exchange_of_a_run_is_kept_with_its_batch_and_attempt(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="status", status=503, at=[1], match={"path": "users"})
    cohort = await fill(workspace, ids(0, 1500))
    progress = await synced(workspace, cohort)
    rows = [row for row, _ in await kept(workspace, progress.run_id)]
    assert sorted((row.what, row.attempt, row.status) for row in rows) == [
        ("members", 1, 201),
        ("members", 1, 503),
        ("members", 2, 201),
        ("name", 1, 201),
    ]
    batches = {batch.batch_id for batch in await workspace.history.batches(progress.run_id)}
    assert {row.batch_id for row in rows if row.what == "members"} == batches
    assert all(row.cohort_id == cohort and row.latency_ms for row in rows)


async def test_keys_are_named_and_people_are_left_to_the_batch(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="echo_secret")
    cohort = await fill(workspace, ids(0, 10))
    progress = await synced(workspace, cohort)
    sandbox.clear_faults()
    await synced(workspace, cohort)
    for run_id in (progress.run_id, progress.run_id + 1):
        for row, content in await kept(workspace, run_id):
            told = repr((row, content))
            assert sandbox.keys.partner_api_key not in told
            assert sandbox.keys.data_import_key not in told
            assert "u00000" not in told
            body = json.loads(content.body or "{}")
            end = sandbox.keys.data_import_key[-4:]
            assert body["client_secret"] == f"‹data import key, from environment, ends {end}›"
    (_, echoed), *_ = await kept(workspace, progress.run_id)
    assert "‹data import key›" in echoed.answer
    assert echoed.headers["date"]


async def test_a_request_without_an_answer_is_kept_with_what_went_wrong(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="reset_before", at=[1], match={"path": "users"})
    progress = await synced(workspace, await fill(workspace, ids(0, 10)))
    lost = [(row.status, content.error) for row, content in await kept(workspace, progress.run_id) if not row.status]
    assert len(lost) == 1
    assert lost[0][1].startswith("no answer")


async def test_old_exchanges_go_first_and_those_of_an_unfinished_run_never(workspace: Workspace) -> None:
    first = (await synced(workspace, await fill(workspace, ids(0, 10)))).run_id
    second = (await synced(workspace, await fill(workspace, ids(0, 10), name="Two"))).run_id

    def age(connection: Any) -> None:
        connection.execute("UPDATE exchange SET at = at - ?", (40 * 86_400,))
        connection.execute("UPDATE run SET ended_at = NULL WHERE run_id = ?", (second,))
        connection.execute("DELETE FROM meta WHERE key = 'trimmed_at'")

    await workspace.ledger.write(age)
    await retention.trim_daily(workspace.ledger, time.time())
    assert await kept(workspace, first) == []
    assert len(await kept(workspace, second)) == 2


async def test_too_many_exchanges_shrink_to_the_newest(workspace: Workspace) -> None:
    run_id = (await synced(workspace, await fill(workspace, ids(0, 10)))).run_id
    now = time.time()
    rows = [(run_id, None, "", "read", 1, now + n, "GET", "http://x", 200, 1.0, bytes(800)) for n in range(100)]
    await workspace.ledger.write(lambda connection: exchanges.record(connection, rows))

    def shrink(connection: Any) -> list[float]:
        retention.trim(connection, now, largest=10_500)
        return [at for (at,) in connection.execute("SELECT at FROM exchange ORDER BY at")]

    left = await workspace.ledger.write(shrink)
    assert left == [now + n for n in range(90, 100)]


async def test_a_lookup_of_people_leaves_neither_question_nor_answer(sandbox: Any, workspace: Workspace) -> None:
    from heaptui.clients.http import Answer, Exchange, Request
    from heaptui.services.recorder import Recorder

    recorder = Recorder(workspace.ledger, {})
    request = Request("/users/export/ids", {"email_address": "k.mori@example.jp"})
    answer = Answer(201, {}, '{"users": [{"external_id": "0051120"}]}', None, 1.0, 1.0)
    recorder.note(Exchange(request, "http://x/users/export/ids", time.time(), answer))
    await recorder.close()
    content = await workspace.ledger.read(
        lambda connection: exchanges.unpacked(connection.execute("SELECT packed FROM exchange").fetchone()[0])
    )
    assert "mori" not in repr(content)
    assert "0051120" not in repr(content)


async def test_a_ledger_without_a_recorder_can_still_be_looked_at(sandbox: Any, tmp_path: Path) -> None:
    sandbox.fault(effect="status", status=401, body={"message": "client_secret is invalid"})
    async with workspace_on(sandbox, tmp_path / "home") as workspace:
        cohort = await fill(workspace, ids(0, 10))
        run_id = (await synced(workspace, cohort)).run_id

        def as_before(connection: Any) -> None:
            for table in ("exchange", "run_context", "readback"):
                connection.execute(f"DROP TABLE {table}")

        await workspace.ledger.write(as_before)
        desk = await workspace.support.desk(run_id)
        assert desk.explanations[0].code == "braze.401.data_import_key"
        assert await workspace.support.count(run_id) == 0
        assert (await workspace.people.trace("u000001")).first.sentence
