"""Syncs over real sockets: what the sandbox holds afterwards is what the cohort holds."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from heaptui.errors import Refused, UsageError
from heaptui.model.runs import DeliveryState, Reason, RunProgress
from heaptui.services.workspace import Workspace
from heaptui.store import beliefs
from tests.services.world import fill, ids, synced, workspace_on


@pytest.fixture
async def workspace(sandbox: Any, tmp_path: Path):
    sandbox.know(ids(0, 5000))
    async with workspace_on(sandbox, tmp_path / "home") as opened:
        yield opened


def held(sandbox: Any, cohort_id: str) -> set[str]:
    return sandbox.members(cohort_id)


def adds_up(progress: RunProgress) -> bool:
    return all(d.planned == d.submitted + d.rejected + d.in_doubt + d.skipped for d in progress.deliveries.values())


async def test_a_first_sync_names_the_cohort_and_sends_everybody_once(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 2500))
    progress = await synced(workspace, cohort)
    delivery = progress.deliveries[cohort]
    assert (delivery.state, delivery.submitted, delivery.requests) == (DeliveryState.FINISHED, 2500, 3)
    assert held(sandbox, cohort) == set(ids(0, 2500))
    assert sandbox.name(cohort) == "Carts"


async def test_a_run_takes_as_long_in_the_history_as_it_was_shown_to_take(sandbox: Any, workspace: Workspace) -> None:
    live = await synced(workspace, await fill(workspace, ids(0, 20)), await fill(workspace, ids(0, 30), name="Trials"))
    kept = await workspace.history.progress(live.run_id)
    assert (live.started_at, live.ended_at) == (kept.started_at, kept.ended_at)
    for key, delivery in live.deliveries.items():
        # Whichever is opened first, side by side.
        assert (delivery.started_at, delivery.ended_at) == (
            kept.deliveries[key].started_at,
            kept.deliveries[key].ended_at,
        )


async def test_whoever_comes_to_a_demo_from_another_shell_learns_where_it_goes_on(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home", keys=(), label="SANDBOX") as opened:
        cohort = await fill(opened, ids(0, 20))
        with pytest.raises(UsageError, match="A demo keeps its keys to itself"):
            await opened.sync.start([cohort])


async def test_a_second_sync_sends_only_what_changed(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 3000))
    await synced(workspace, cohort)
    await fill(workspace, ids(1000, 4500), cohort_id=cohort)
    plan = (await workspace.sync.plan([cohort]))[0]
    assert (plan.adds, plan.removes, plan.unchanged, plan.requests, plan.rename) == (1500, 1000, 2000, 3, "")
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].requests == 3
    assert held(sandbox, cohort) == set(ids(1000, 4500))


async def test_people_braze_does_not_know_are_accepted_and_not_created(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(4990, 5010))
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].submitted == 20
    assert held(sandbox, cohort) == set(ids(4990, 5000))


async def test_several_cohorts_are_delivered_side_by_side_in_one_run(sandbox: Any, workspace: Workspace) -> None:
    first, second = await fill(workspace, ids(0, 1500)), await fill(workspace, ids(500, 700), name="Trials")
    progress = await synced(workspace, first, second)
    assert progress.state is DeliveryState.FINISHED
    assert (held(sandbox, first), held(sandbox, second)) == (set(ids(0, 1500)), set(ids(500, 700)))


async def test_a_large_leave_is_held_and_the_other_cohort_goes_on(sandbox: Any, workspace: Workspace) -> None:
    vip, carts = await fill(workspace, ids(0, 40), name="VIP"), await fill(workspace, ids(100, 200))
    await synced(workspace, vip, carts)
    await fill(workspace, ids(0, 2), cohort_id=vip)
    await fill(workspace, ids(100, 210), cohort_id=carts)
    progress = await synced(workspace, vip, carts)
    assert progress.deliveries[vip].state is DeliveryState.HELD
    assert progress.deliveries[carts].state is DeliveryState.FINISHED
    assert held(sandbox, vip) == set(ids(0, 40))
    assert held(sandbox, carts) == set(ids(100, 210))
    progress = await synced(workspace, vip, let_through=frozenset([vip]))
    assert progress.deliveries[vip].state is DeliveryState.FINISHED
    assert held(sandbox, vip) == set(ids(0, 2))


async def test_refused_ids_are_found_named_and_not_sent_again(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="poison", identifiers=["u000017", "u000500"])
    cohort = await fill(workspace, ids(0, 1000))
    progress = await synced(workspace, cohort)
    delivery = progress.deliveries[cohort]
    assert (delivery.state, delivery.rejected, delivery.submitted) == (
        DeliveryState.FINISHED_WITH_REJECTIONS,
        2,
        998,
    )
    rejections = await workspace.history.rejections(progress.run_id)
    assert {rejection.value for rejection in rejections} == {"u000017", "u000500"}
    assert delivery.requests < 50
    again = (await workspace.sync.plan([cohort]))[0]
    assert again.empty
    sandbox.clear_faults()
    await workspace.sync.recover(progress.run_id, forget_refusals=True)
    await synced(workspace, cohort)
    assert held(sandbox, cohort) == set(ids(0, 1000))


async def test_a_request_refused_even_when_empty_stops_the_cohort_at_once(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="status", status=400, match={"path": "users"})
    cohort = await fill(workspace, ids(0, 1000))
    progress = await synced(workspace, cohort)
    delivery = progress.deliveries[cohort]
    assert (delivery.state, delivery.reason) == (DeliveryState.STOPPED, Reason.REQUEST_REFUSED)
    assert adds_up(progress)
    assert delivery.requests <= 5


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, {"message": "Partner API key is invalid"}, Reason.PARTNER_KEY),
        (401, {"message": "client secret is invalid"}, Reason.DATA_IMPORT_KEY),
        (403, {"message": "Access Denied"}, Reason.FORBIDDEN),
        (404, {"message": "Not Found"}, Reason.NOT_FOUND),
    ],
)
async def test_a_refused_key_or_place_stops_every_cohort_and_can_be_continued(
    sandbox: Any, workspace: Workspace, status: int, body: dict[str, str], reason: Reason
) -> None:
    sandbox.fault(effect="status", status=status, body=body, **{"from": 2})
    first, second = await fill(workspace, ids(0, 4000)), await fill(workspace, ids(0, 50), name="Trials")
    progress = await synced(workspace, first, second)
    assert {delivery.reason for delivery in progress.deliveries.values()} == {reason}
    assert progress.state is DeliveryState.STOPPED
    assert adds_up(progress)
    sandbox.clear_faults()
    again = await synced(workspace, first, second, continues=progress.run_id)
    assert again.state is DeliveryState.FINISHED
    assert held(sandbox, first) == set(ids(0, 4000))


@pytest.mark.parametrize("effect", ["html", "redirect"])
async def test_what_is_not_braze_counts_for_nothing(sandbox: Any, workspace: Workspace, effect: str) -> None:
    sandbox.fault(effect=effect)
    cohort = await fill(workspace, ids(0, 10))
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].reason is Reason.NOT_BRAZE
    assert progress.deliveries[cohort].submitted == 0


async def test_echoed_keys_are_masked_everywhere(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="echo_secret")
    cohort = await fill(workspace, ids(0, 10))
    progress = await synced(workspace, cohort)
    ledger = workspace.ledger.path.read_bytes() + workspace.ledger.path.with_name("test.db-wal").read_bytes()
    for key in (sandbox.keys.partner_api_key, sandbox.keys.data_import_key):
        assert key not in repr(progress)
        assert key.encode() not in ledger
    assert progress.state is DeliveryState.STOPPED


@pytest.mark.parametrize("effect", ["timeout_before", "timeout_after", "reset_before", "reset_after"])
async def test_a_lost_answer_is_sent_again_and_ends_right(sandbox: Any, workspace: Workspace, effect: str) -> None:
    sandbox.fault(effect=effect, at=[1], match={"path": "users"})
    cohort = await fill(workspace, ids(0, 1200))
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].state is DeliveryState.FINISHED
    assert progress.deliveries[cohort].retries == 1
    assert held(sandbox, cohort) == set(ids(0, 1200))


async def test_an_add_applied_without_an_answer_is_taken_out_when_the_person_leaves(
    sandbox: Any, workspace: Workspace
) -> None:
    sandbox.fault(effect="timeout_after", match={"path": "users"})
    cohort = await fill(workspace, ids(0, 3))
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].in_doubt == 3
    assert progress.deliveries[cohort].state is DeliveryState.INCOMPLETE
    assert held(sandbox, cohort) == set(ids(0, 3))
    sandbox.clear_faults()
    await fill(workspace, ids(1, 3), cohort_id=cohort)
    await synced(workspace, cohort)
    assert held(sandbox, cohort) == set(ids(1, 3))


async def test_a_change_that_may_be_undone_late_is_told_and_settled_by_the_next_sync(
    sandbox: Any, tmp_path: Path
) -> None:
    sandbox.know(ids(0, 3))
    async with workspace_on(sandbox, tmp_path / "home", settle_seconds=3.0) as workspace:
        await _undone_late(sandbox, workspace)


async def _undone_late(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 3))
    await synced(workspace, cohort)
    # The leave of one person gets no answer and is applied only when somebody says so.
    sandbox.fault(effect="late", delay_seconds=1000, at=[1, 2, 3, 4, 5, 6], match={"path": "users"})
    await fill(workspace, ids(1, 3), cohort_id=cohort)
    await synced(workspace, cohort)
    sandbox.clear_faults()
    await fill(workspace, ids(0, 3), cohort_id=cohort)
    progress = await synced(workspace, cohort)
    unsettled = progress.deliveries[cohort].unsettled_until
    assert unsettled is not None
    sandbox.apply_late()
    assert held(sandbox, cohort) == set(ids(1, 3))
    await asyncio.sleep(max(0.0, unsettled - time.time()) + 0.01)
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].unsettled_until is None
    assert held(sandbox, cohort) == set(ids(0, 3))


@pytest.mark.parametrize("reset", ["epoch", "delta", "retry_after", None])
async def test_a_rate_limit_is_waited_out_and_halves_what_is_in_flight(
    sandbox: Any, workspace: Workspace, reset: str | None
) -> None:
    sandbox.fault(effect="status", status=429, at=[2], match={"path": "users"}, reset=reset, seconds=1)
    cohort = await fill(workspace, ids(0, 5000))
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].state is DeliveryState.FINISHED
    assert any("429" in moment.text for moment in progress.story)
    assert progress.deliveries[cohort].at_once_limit < 4
    assert held(sandbox, cohort) == set(ids(0, 5000))


async def test_a_wait_longer_than_allowed_ends_incomplete(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="status", status=429, reset="delta", seconds=3600)
    cohort = await fill(workspace, ids(0, 10))
    progress = await synced(workspace, cohort, longest_wait=1.0)
    assert progress.deliveries[cohort].state is DeliveryState.INCOMPLETE
    assert progress.deliveries[cohort].reason is Reason.WAIT_TOO_LONG


async def test_a_locked_cohort_takes_one_request_at_a_time_and_that_is_remembered(
    sandbox: Any, workspace: Workspace
) -> None:
    sandbox.fault(effect="locked_while_busy", seconds=0.02)
    cohort = await fill(workspace, ids(0, 5000))
    progress = await synced(workspace, cohort)
    assert progress.deliveries[cohort].state is DeliveryState.FINISHED
    assert progress.deliveries[cohort].at_once_limit == 1
    assert await workspace.ledger.read(
        lambda connection: beliefs.takes_one_at_a_time(connection, cohort, "cohort_import")
    )
    assert held(sandbox, cohort) == set(ids(0, 5000))


async def test_a_rename_is_one_name_call_first(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 10))
    await synced(workspace, cohort)
    await workspace.cohorts.rename(cohort, "Carts, 30 days")
    plan = (await workspace.sync.plan([cohort]))[0]
    assert (plan.rename, plan.requests) == ("Carts, 30 days", 0)
    await synced(workspace, cohort)
    assert sandbox.name(cohort) == "Carts, 30 days"


async def test_sending_everything_again_sends_everybody(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(4900, 5100))
    await synced(workspace, cohort)
    sandbox.know(ids(5000, 5100))
    assert (await workspace.sync.plan([cohort]))[0].empty
    progress = await synced(workspace, cohort, everything=True)
    assert progress.deliveries[cohort].submitted == 200
    assert held(sandbox, cohort) == set(ids(4900, 5100))


async def test_cancelling_lets_what_is_in_flight_come_home_and_keeps_the_rest(
    sandbox: Any, workspace: Workspace
) -> None:
    sandbox.fault(effect="slow", seconds=0.05)
    cohort = await fill(workspace, ids(0, 5000))
    progress = await workspace.sync.start([cohort])
    while not progress.deliveries[cohort].at_once:
        await asyncio.sleep(0.005)
    workspace.sync.cancel(progress.run_id)
    await workspace.sync.finished(progress.run_id)
    delivery = progress.deliveries[cohort]
    assert delivery.state is DeliveryState.CANCELLED
    assert delivery.in_doubt == 0
    assert delivery.skipped > 0
    assert adds_up(progress)
    sandbox.clear_faults()
    await synced(workspace, cohort)
    assert held(sandbox, cohort) == set(ids(0, 5000))


async def test_a_pause_sends_nothing_until_it_ends(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="slow", seconds=0.02)
    cohort = await fill(workspace, ids(0, 20_000))
    progress = await workspace.sync.start([cohort])
    while not progress.deliveries[cohort].submitted:
        await asyncio.sleep(0.005)
    workspace.sync.pause(progress.run_id)
    while progress.deliveries[cohort].at_once:
        await asyncio.sleep(0.005)
    sent = progress.deliveries[cohort].requests
    await asyncio.sleep(0.1)
    assert progress.deliveries[cohort].requests == sent
    assert not progress.closed
    workspace.sync.go_on(progress.run_id)
    await workspace.sync.finished(progress.run_id)
    assert held(sandbox, cohort) == set(ids(0, 5000))


async def test_a_cohort_that_another_profile_of_the_workspace_delivers_is_left_alone(
    sandbox: Any, workspace: Workspace, tmp_path: Path
) -> None:
    sandbox.fault(effect="slow", seconds=0.1)
    cohort = await fill(workspace, ids(0, 3000))
    progress = await workspace.sync.start([cohort])
    while not progress.deliveries[cohort].at_once:
        await asyncio.sleep(0.005)
    async with workspace_on(sandbox, tmp_path / "home", name="other") as other:
        await fill(other, ids(0, 5), cohort_id="")
        await other.ledger.write(lambda connection: connection.execute("UPDATE cohort SET cohort_id = ?", (cohort,)))
        refused = await synced(other, cohort)
    assert refused.deliveries[cohort].reason is Reason.BUSY_ELSEWHERE
    await workspace.sync.finished(progress.run_id)
    assert held(sandbox, cohort) == set(ids(0, 3000))


async def test_a_mapping_change_takes_the_old_ids_out_before_the_new_ones_join(
    sandbox: Any, workspace: Workspace
) -> None:
    from heaptui.model.identifiers import Kind, Space

    sandbox.know_aliases({f"u{n:06d}": {"email": f"p{n}@example.jp"} for n in range(50)})
    cohort = await fill(workspace, ids(0, 50))
    await synced(workspace, cohort)
    mails = [f"p{n}@example.jp" for n in range(50)]
    await fill(workspace, mails, cohort_id=cohort, space=Space(Kind.ALIAS, "email"))
    progress = await synced(workspace, cohort, let_through=frozenset([cohort]))
    assert progress.deliveries[cohort].state is DeliveryState.FINISHED
    assert held(sandbox, cohort) == set(ids(0, 50))


async def test_a_read_only_profile_sends_nothing(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home", read_only=True) as workspace:
        cohort = await fill(workspace, ids(0, 3))
        with pytest.raises(Refused, match="read-only"):
            await workspace.sync.start([cohort])


async def test_a_ledger_is_not_used_for_another_endpoint(sandbox: Any, workspace: Workspace, tmp_path: Path) -> None:
    cohort = await fill(workspace, ids(0, 3))
    await synced(workspace, cohort)
    async with workspace_on(sandbox, tmp_path / "home", endpoint=sandbox.heap_url) as elsewhere:
        with pytest.raises(UsageError, match="another endpoint"):
            await elsewhere.sync.start([cohort])


async def test_a_run_whose_process_died_before_it_could_be_closed_is_closed_by_the_next_one(
    sandbox: Any, workspace: Workspace
) -> None:
    cohort = await fill(workspace, ids(0, 10))
    first = await synced(workspace, cohort)
    await workspace.ledger.write(
        lambda connection: connection.execute("UPDATE run SET ended_at = NULL, state = 'running', pid = 4194303")
    )
    await synced(workspace, cohort)
    states = {run.run_id: run.state for run in await workspace.history.list()}
    assert states[first.run_id] is DeliveryState.FINISHED


async def left_while_their_join_is_late(sandbox: Any, workspace: Workspace) -> str:
    """A cohort of four whose joins may still be applied, and of whom the first has left since."""
    cohort = await fill(workspace, ids(0, 4))
    sandbox.fault(effect="late", delay_seconds=1000, at=[1, 2, 3, 4, 5, 6], match={"path": "users"})
    await synced(workspace, cohort)
    sandbox.clear_faults()
    await fill(workspace, ids(1, 4), cohort_id=cohort)
    return cohort


async def test_a_dashboard_settles_by_itself_what_may_be_undone_late(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 3))
    async with workspace_on(sandbox, tmp_path / "home", settle_seconds=2.0) as workspace:
        cohort = await fill(workspace, ids(0, 3))
        await synced(workspace, cohort)
        sandbox.fault(effect="late", delay_seconds=1000, at=[1, 2, 3, 4, 5, 6], match={"path": "users"})
        await fill(workspace, ids(1, 3), cohort_id=cohort)
        await synced(workspace, cohort)
        sandbox.clear_faults()
        await fill(workspace, ids(0, 3), cohort_id=cohort)
        progress = await synced(workspace, cohort, settle=True)
        assert progress.deliveries[cohort].unsettled_until is not None
        sandbox.apply_late()
        async with asyncio.timeout(10):
            while held(sandbox, cohort) != set(ids(0, 3)):
                await asyncio.sleep(0.02)
        assert (await workspace.history.list())[0].origin == "settling"


async def test_settling_sends_what_is_in_doubt_and_nothing_that_came_since(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 10))
    async with workspace_on(sandbox, tmp_path / "home", settle_seconds=2.0) as workspace:
        cohort = await left_while_their_join_is_late(sandbox, workspace)
        await synced(workspace, cohort, settle=True)
        await fill(workspace, ids(1, 8), cohort_id=cohort)
        sandbox.apply_late()
        assert held(sandbox, cohort) == set(ids(0, 4))
        async with asyncio.timeout(10):
            while held(sandbox, cohort) != set(ids(1, 4)):
                await asyncio.sleep(0.02)
        assert (await workspace.history.list())[0].origin == "settling"
        plan = (await workspace.sync.plan([cohort]))[0]
        assert (plan.adds, plan.removes) == (4, 0)


async def test_nothing_is_settled_that_a_sync_has_settled_before(
    sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heaptui.services.sync.AFTER_SETTLING", 1.5)
    sandbox.know(ids(0, 4))
    async with workspace_on(sandbox, tmp_path / "home", settle_seconds=0.5) as workspace:
        cohort = await left_while_their_join_is_late(sandbox, workspace)
        progress = await synced(workspace, cohort, settle=True)
        until = progress.deliveries[cohort].unsettled_until
        assert until is not None
        settling = [task for task in asyncio.all_tasks() if task.get_name().startswith("settling")]
        assert settling
        while time.time() <= until:
            await asyncio.sleep(0.01)
        last = (await synced(workspace, cohort)).run_id
        await asyncio.gather(*settling)
        assert (await workspace.history.list())[0].run_id == last


async def test_a_cohort_counts_the_same_people_in_doubt_as_its_run(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 20))
    sandbox.fault(effect="timeout_after", match={"path": "users"})
    progress = await synced(workspace, cohort)
    shown = await workspace.cohorts.show(cohort)
    assert (progress.deliveries[cohort].in_doubt, shown.doubtful, shown.state) == (20, 20, "pending")
    sandbox.clear_faults()
    await synced(workspace, cohort)
    await fill(workspace, ids(0, 15), cohort_id=cohort)
    sandbox.fault(effect="timeout_after", match={"path": "users"})
    progress = await synced(workspace, cohort)
    shown = await workspace.cohorts.show(cohort)
    assert (progress.deliveries[cohort].in_doubt, shown.doubtful, shown.delivered) == (5, 5, 20)


async def test_a_full_sync_that_ends_early_goes_on_with_those_it_has_not_sent_again(
    sandbox: Any, workspace: Workspace
) -> None:
    cohort = await fill(workspace, ids(0, 3000))
    await synced(workspace, cohort)
    sandbox.fault(effect="status", status=500, at=list(range(3, 20)), match={"path": "users"})
    progress = await synced(workspace, cohort, everything=True)
    left = progress.deliveries[cohort].in_doubt + progress.deliveries[cohort].skipped
    assert 0 < left < 3000
    assert (await workspace.sync.plan([cohort]))[0].adds == left
    sandbox.clear_faults()
    await synced(workspace, cohort)
    assert (await workspace.sync.plan([cohort]))[0].empty


async def test_everybody_is_sent_again_after_the_days_the_profile_says(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 10))
    async with workspace_on(sandbox, tmp_path / "home", resend_unproven="7d") as workspace:
        cohort = await fill(workspace, ids(0, 20))
        await synced(workspace, cohort)
        sandbox.know(ids(10, 20))
        assert (await workspace.sync.plan([cohort]))[0].empty
        await workspace.ledger.write(
            lambda connection: connection.execute("UPDATE delivery SET ended_at = ended_at - 8 * 86400")
        )
        assert (await workspace.sync.plan([cohort]))[0].adds == 20
        await synced(workspace, cohort)
        assert held(sandbox, cohort) == set(ids(0, 20))
        assert (await workspace.sync.plan([cohort]))[0].empty
