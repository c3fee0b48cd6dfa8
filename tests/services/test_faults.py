"""Faults of the other side that are easily taken for something else, each made by the sandbox."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import time_machine

from heaptui.clients.http import Answer, Http, NoAnswer, Request
from heaptui.model.identifiers import Kind, Space
from heaptui.model.lexicon import why_in_short
from heaptui.model.runs import DeliveryState, Reason, RunProgress, Wait
from heaptui.model.words import span
from heaptui.sandbox.server import running_sandbox
from heaptui.services.pacing import Gate
from heaptui.services.workspace import Workspace
from tests.services.world import fill, ids, synced, workspace_on


@pytest.fixture
async def workspace(sandbox: Any, tmp_path: Path):
    sandbox.know(ids(0, 5000))
    async with workspace_on(sandbox, tmp_path / "home") as opened:
        yield opened


def adds_up(progress: RunProgress) -> bool:
    return all(d.planned == d.submitted + d.rejected + d.in_doubt + d.skipped for d in progress.deliveries.values())


async def test_an_answer_that_cannot_be_unpacked_is_no_answer_and_is_sent_again(
    sandbox: Any, workspace: Workspace
) -> None:
    sandbox.fault(
        effect="status", status=201, at=[1], match={"path": "users"}, headers={"Content-Encoding": "gzip"}, body={}
    )
    cohort = await fill(workspace, ids(0, 10))
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].state is DeliveryState.FINISHED
    assert progress.deliveries[cohort].retries == 1
    assert any("cannot be read; 10 in doubt" in moment.text for moment in progress.story)


@pytest.mark.parametrize("effect", ["malformed", "nested"])
async def test_an_accepted_request_counts_whatever_its_body_is(sandbox: Any, workspace: Workspace, effect: str) -> None:
    sandbox.fault(effect=effect, match={"path": "users"})
    cohort = await fill(workspace, ids(0, 10))
    progress = await synced(workspace, cohort)
    assert (progress.state, progress.deliveries[cohort].submitted) == (DeliveryState.FINISHED, 10)
    assert sandbox.members(cohort) == set(ids(0, 10))


async def test_an_answer_that_drips_for_ever_is_given_up(sandbox: Any) -> None:
    sandbox.fault(effect="drip", seconds=0.1, hold_seconds=60)
    async with asyncio.timeout(20), Http(sandbox.braze_url, read_timeout=0.3) as http:
        with pytest.raises(NoAnswer, match="no answer in time"):
            await http.send(Request("/partners/heap/cohorts/users", {}))


async def test_a_slow_answer_is_waited_for(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="slow", seconds=0.15)
    cohort = await fill(workspace, ids(0, 10))
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].retries == 0
    assert sandbox.members(cohort) == set(ids(0, 10))


async def test_a_queued_answer_counts_and_is_shown_as_queued(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="status", status=202, body={"message": "queued"}, match={"path": "users"})
    cohort = await fill(workspace, ids(0, 10))
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].submitted == 10
    assert any("202 queued" in moment.text for moment in progress.story)
    assert [batch.answer for batch in await workspace.history.batches(progress.run_id)] == ["202 queued"]


async def test_what_braze_remarks_on_an_accepted_request_is_shown(sandbox: Any, workspace: Workspace) -> None:
    body = {"message": "success", "errors": ["some user_ids are deprecated"]}
    sandbox.fault(effect="status", status=201, body=body, match={"path": "users"})
    cohort = await fill(workspace, ids(0, 3000))
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].submitted == 3000
    told = [moment.text for moment in progress.story if "deprecated" in moment.text]
    assert told == ["Carts: accepted, and Braze said: some user_ids are deprecated"]


async def test_an_add_applied_a_minute_after_the_time_out_is_taken_out_when_the_person_leaves(
    sandbox: Any, workspace: Workspace
) -> None:
    """The stuck member: nobody saw them join, they have left, and they must not stay."""
    sandbox.fault(effect="late", delay_seconds=60, match={"path": "users"})
    cohort = await fill(workspace, ids(0, 3))
    progress = await synced(workspace, cohort)
    assert (progress.deliveries[cohort].in_doubt, sandbox.members(cohort)) == (3, set())
    sandbox.clear_faults()
    await fill(workspace, ids(1, 3), cohort_id=cohort)
    progress = await synced(workspace, cohort)
    unsettled = progress.deliveries[cohort].unsettled_until
    assert unsettled is not None
    # The minute is over, after the leave.
    sandbox.apply_late()
    assert "u000000" in sandbox.members(cohort)
    await asyncio.sleep(max(0.0, unsettled - time.time()) + 0.01)
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].unsettled_until is None
    assert sandbox.members(cohort) == set(ids(1, 3))


async def test_a_run_that_needs_too_many_extra_requests_skips_the_rest_and_asks(
    sandbox: Any, workspace: Workspace
) -> None:
    sandbox.fault(effect="poison", identifiers=ids(0, 2000)[::3])
    cohort = await fill(workspace, ids(0, 2000))
    progress = await synced(workspace, cohort)
    delivery = progress.deliveries[cohort]
    assert (delivery.state, delivery.reason) == (DeliveryState.INCOMPLETE, Reason.TOO_MANY_REFUSALS)
    assert 250 < delivery.extra_requests <= 256
    assert delivery.skipped > 0
    assert adds_up(progress)
    kept = await workspace.history.progress(progress.run_id)
    assert kept.deliveries[cohort].extra_requests == delivery.extra_requests


async def test_the_requests_of_a_run_are_those_of_its_batches_whoever_counts_them(
    sandbox: Any, workspace: Workspace
) -> None:
    """The name call and the empty probe carry nobody."""
    sandbox.faults(
        {"effect": "status", "status": 503, "at": [1], "match": {"path": "cohorts"}},
        {"effect": "poison", "identifiers": ["u000007"]},
    )
    progress = await synced(workspace, await fill(workspace, ids(0, 100)))
    batches = await workspace.history.batches(progress.run_id)
    kept = await workspace.history.progress(progress.run_id)
    (delivery,) = progress.deliveries.values()
    assert delivery.requests == sum(batch.attempts for batch in batches)
    assert (kept.total("requests"), kept.total("retries")) == (delivery.requests, delivery.retries)
    assert delivery.retries == 0
    assert await workspace.support.count(progress.run_id) == delivery.requests + 3


async def test_a_refused_leave_stays_delivered_and_is_not_sent_again(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 10))
    await synced(workspace, cohort)
    sandbox.fault(effect="poison", identifiers=["u000004"], match={"direction": "remove"})
    await fill(workspace, ids(0, 3), cohort_id=cohort)
    progress = await synced(workspace, cohort)
    assert (progress.deliveries[cohort].rejected, progress.deliveries[cohort].submitted) == (1, 6)
    assert sandbox.members(cohort) == {*ids(0, 3), "u000004"}
    shown = await workspace.cohorts.show(cohort)
    assert shown.delivered == 4
    assert (await workspace.sync.plan([cohort]))[0].empty
    # Joining again is another direction: the person is delivered, so there is nothing to do.
    await fill(workspace, [*ids(0, 3), "u000004"], cohort_id=cohort)
    assert (await workspace.sync.plan([cohort]))[0].empty


async def test_a_refused_request_whose_probe_gets_no_answer_is_incomplete_and_not_in_doubt(
    sandbox: Any, workspace: Workspace
) -> None:
    sandbox.faults(
        {"effect": "status", "status": 400, "at": [1], "match": {"path": "users"}},
        {"effect": "timeout_before", "from": 2, "match": {"path": "users"}},
    )
    cohort = await fill(workspace, ids(0, 10))
    progress = await synced(workspace, cohort)
    delivery = progress.deliveries[cohort]
    assert (delivery.state, delivery.reason) == (DeliveryState.INCOMPLETE, Reason.NO_ANSWER)
    assert (delivery.in_doubt, delivery.skipped) == (0, 10)


async def test_a_refused_name_stops_its_cohort_only(sandbox: Any, workspace: Workspace) -> None:
    first, second = await fill(workspace, ids(0, 5)), await fill(workspace, ids(0, 7), name="Trials")
    match = {"path": "cohorts", "cohort_id": first}
    sandbox.fault(effect="status", status=400, body={"message": "name cannot be empty"}, match=match)
    progress = await synced(workspace, first, second)
    assert (progress.deliveries[first].state, progress.deliveries[first].reason) == (
        DeliveryState.STOPPED,
        Reason.NAME_REFUSED,
    )
    assert "name cannot be empty" in progress.deliveries[first].detail
    assert progress.deliveries[second].state is DeliveryState.FINISHED
    assert adds_up(progress)


async def test_rate_limits_in_a_row_without_a_time_are_asked_ever_more_rarely(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 10))
    sandbox.fault(effect="status", status=429, match={"path": "users"})
    async with workspace_on(sandbox, tmp_path / "home", backoff_seconds=0.02) as workspace:
        cohort = await fill(workspace, ids(0, 10))
        progress = await synced(workspace, cohort, longest_wait=3.0)
    delivery = progress.deliveries[cohort]
    assert (delivery.state, delivery.reason) == (DeliveryState.INCOMPLETE, Reason.WAIT_TOO_LONG)
    assert (delivery.in_doubt, delivery.skipped) == (0, 10)
    # At a steady 20 ms this would be some 150 requests.
    assert delivery.requests < 40
    assert delivery.detail == "Braze answered 429 for 3.0 s and named no time."
    told = [moment.text for moment in progress.story if moment.important and "429" in moment.text]
    assert len(told) == 1
    assert "no time named" in told[0]
    assert "asked us to wait" not in told[0]


def test_the_waits_of_a_rate_limit_count_together_whichever_request_met_them() -> None:
    run = Gate()
    first, second = Gate(run), Gate(run)
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        assert first.hold(Wait(time.time() + 10, "limited", "somebody"))
        clock.shift(10)
        assert not second.hold(Wait(time.time() + 1, "limited", "somebody"))
        clock.shift(1)
        assert second.limited_for() == 11
        first.unlimited()
        assert second.limited_for() == 0


def test_no_wait_is_told_as_none() -> None:
    assert [span(seconds) for seconds in (0.0, 0.04, 0.44, 9.97, 1500)] == [
        "0.1 s",
        "0.1 s",
        "0.4 s",
        "10 s",
        "1,500 s",
    ]


async def test_what_braze_answered_is_not_called_no_answer(sandbox: Any, workspace: Workspace) -> None:
    good = await fill(workspace, ids(0, 10))
    await synced(workspace, good)
    await fill(workspace, ids(0, 3000), cohort_id=good)
    sandbox.fault(effect="status", status=500, match={"path": "users"})
    progress = await synced(workspace, good)
    delivery = progress.deliveries[good]
    assert delivery.reason is Reason.BRAZE_FAILED
    assert delivery.detail == f"Braze answered 500 {delivery.requests} times."
    (run, _) = await workspace.history.list()
    assert why_in_short(run.reason) == "5xx"
    text = str((await workspace.support.desk(progress.run_id)).lines())
    assert "no answer" not in text.casefold()
    assert "it is Braze" in text
    assert "or the network" not in text
    assert "the network (an answer came in" in text


async def test_an_endpoint_that_is_not_reached_is_explained_without_contradictions(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with running_sandbox(seed=1) as sandbox:
            workspace = await stack.enter_async_context(workspace_on(sandbox, tmp_path / "home"))
            cohort = await fill(workspace, ids(0, 10))
            await synced(workspace, cohort)
        await fill(workspace, ids(0, 30), cohort_id=cohort)
        progress = await synced(workspace, cohort)
        assert progress.deliveries[cohort].reason is Reason.UNREACHABLE
        text = str((await workspace.support.desk(progress.run_id)).lines())
    assert "the cluster (run 1 used it)" in text
    assert "wrong endpoint" not in text
    assert "the answer names it" not in text


async def test_the_memory_of_a_locked_cohort_is_kept_for_the_next_run(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="status", status=423, at=[1], match={"path": "users"})
    cohort = await fill(workspace, ids(0, 3000))
    await synced(workspace, cohort)
    sandbox.clear_faults()
    together = 0
    await fill(workspace, ids(0, 5000), cohort_id=cohort)
    sandbox.fault(effect="slow", seconds=0.02)
    progress = await workspace.sync.start([cohort])
    while not progress.closed:
        together = max(together, progress.deliveries[cohort].at_once)
        await asyncio.sleep(0.002)
    assert together == 1
    assert sandbox.members(cohort) == set(ids(0, 5000))


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429, "reset": "delta", "seconds": 0.1}])
async def test_whoever_reads_the_story_learns_how_many_requests_leave_at_a_time(
    sandbox: Any, workspace: Workspace, fault: dict[str, Any]
) -> None:
    sandbox.fault(effect="status", **fault, at=[1], match={"path": "users"})
    progress = await synced(workspace, await fill(workspace, ids(0, 10)))
    limit = workspace.profile.max_in_flight
    told = f"{limit // 2} requests at a time instead of {limit}"
    assert any(told in moment.text for moment in progress.story)


async def test_all_cohorts_of_a_run_together_use_no_more_connections_than_one_may(
    sandbox: Any, workspace: Workspace
) -> None:
    sandbox.fault(effect="slow", seconds=0.05)
    cohorts = [await fill(workspace, ids(0, 4000), name=f"Cohort {number}") for number in range(4)]
    progress = await workspace.sync.start(cohorts)
    most = 0
    while not progress.closed:
        most = max(most, sum(delivery.at_once for delivery in progress.deliveries.values()))
        await asyncio.sleep(0.002)
    assert progress.state is DeliveryState.FINISHED
    assert 4 < most <= 8


@pytest.mark.parametrize("status", [401, 403])
async def test_echoed_keys_are_masked_in_the_ledger_the_run_and_the_receipt(
    sandbox: Any, workspace: Workspace, status: int
) -> None:
    keys = (sandbox.keys.partner_api_key, sandbox.keys.data_import_key)
    body = {"message": f"client {keys[1]} is not enabled", "errors": [f"partner {keys[0]}"]}
    sandbox.fault(effect="status", status=status, body=body, match={"path": "users"})
    cohort = await fill(workspace, ids(0, 10))
    progress = await synced(workspace, cohort)
    detail = await workspace.history.show(progress.run_id)
    shown = [repr(progress), repr(detail), await workspace.history.receipt(progress.run_id)]
    shown += [repr(batch) for batch in await workspace.history.batches(progress.run_id)]
    folder = workspace.ledger.path.parent
    files = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert "is not enabled" in shown[0]
    assert progress.state is DeliveryState.STOPPED
    for key in keys:
        assert all(key not in text for text in shown)
        assert key.encode() not in files


async def test_a_key_echoed_far_inside_a_long_answer_is_masked(sandbox: Any) -> None:
    key = sandbox.keys.data_import_key
    # The cut of a long answer would fall into the key.
    sandbox.fault(effect="status", status=500, body={"message": "x" * (64 * 1024 - 20) + key})
    from heaptui.model.secret import Secret

    async with Http(sandbox.braze_url) as http:
        answer = await http.send(Request("/partners/heap/cohorts/users", {"client_secret": Secret(key)}))
    assert isinstance(answer, Answer)
    assert key[:8] not in answer.text


async def test_one_person_with_two_kinds_of_ids_waits_for_every_leave_before_joining(
    sandbox: Any, workspace: Workspace
) -> None:
    sandbox.know_aliases({f"u{n:06d}": {"email": f"p{n}@example.jp"} for n in range(50)})
    cohort = await fill(workspace, ids(0, 50))
    await synced(workspace, cohort)
    mails = [f"p{n}@example.jp" for n in range(50)]
    await fill(workspace, mails, cohort_id=cohort, space=Space(Kind.ALIAS, "email"))
    sandbox.fault(effect="timeout_before", match={"direction": "remove"})
    progress = await synced(workspace, cohort, let_through=frozenset([cohort]))
    delivery = progress.deliveries[cohort]
    assert (delivery.state, delivery.reason) == (DeliveryState.INCOMPLETE, Reason.REMOVES_UNANSWERED)
    assert (delivery.submitted, delivery.in_doubt, delivery.skipped) == (0, 50, 50)
    sandbox.clear_faults()
    await synced(workspace, cohort, let_through=frozenset([cohort]))
    assert sandbox.members(cohort) == set(ids(0, 50))
