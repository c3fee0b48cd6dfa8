"""Syncs by a custom attribute: what the people in the sandbox carry afterwards is what the cohort holds."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from heaptui.errors import UsageError
from heaptui.model.identifiers import Kind, Space
from heaptui.model.runs import DeliveryState, Reason, RunProgress
from heaptui.services.workspace import Workspace
from tests.services.world import EVERY_KEY, REST_KEY, fill, ids, synced, workspace_on

TRACK = "/users/track"


@pytest.fixture
async def workspace(sandbox: Any, tmp_path: Path):
    sandbox.know(ids(0, 3000))
    async with workspace_on(sandbox, tmp_path / "home", keys=REST_KEY) as opened:
        yield opened


def carry(sandbox: Any, name: str, *, value: bool = True) -> set[str]:
    return {person for person, values in sandbox.world.attributes.items() if values.get(name) is value}


def adds_up(progress: RunProgress) -> bool:
    return all(d.planned == d.submitted + d.rejected + d.in_doubt + d.skipped for d in progress.deliveries.values())


def use(workspace: Workspace, route: str) -> None:
    workspace.profile = msgspec.structs.replace(workspace.profile, route=route)


async def test_with_only_a_rest_key_the_attribute_is_the_way(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 160), name="Cart abandoners")
    plan = (await workspace.sync.plan([cohort]))[0]
    assert (plan.route, plan.attribute, plan.adds, plan.requests, plan.points, plan.rename, plan.first_time) == (
        "attribute", "heap_cart_abandoners", 160, 3, 160, "", True,
    )  # fmt: skip
    progress = await synced(workspace, cohort)
    delivery = progress.deliveries[cohort]
    assert (delivery.state, delivery.submitted, delivery.requests) == (DeliveryState.FINISHED, 160, 3)
    assert carry(sandbox, "heap_cart_abandoners") == set(ids(0, 160))
    assert not sandbox.world.cohorts
    await fill(workspace, ids(60, 200), cohort_id=cohort)
    await synced(workspace, cohort)
    assert carry(sandbox, "heap_cart_abandoners") == set(ids(60, 200))
    assert carry(sandbox, "heap_cart_abandoners", value=False) == set(ids(0, 60))
    assert (await workspace.sync.plan([cohort]))[0].empty
    assert (await workspace.cohorts.show(cohort)).state == "synced"


async def test_twenty_thousand_people_with_unknown_and_refused_ones_end_exactly_right(
    sandbox: Any, workspace: Workspace
) -> None:
    people = ids(0, 20_000)
    unknown, refused = set(people[5000:5040]), {people[7], people[8], people[15_000]}
    known = set(people) - unknown
    sandbox.know(sorted(known))
    before = set(sandbox.world.known)
    sandbox.fault(effect="refuse", identifiers=sorted(refused), body="The external_id is not valid")
    cohort = await fill(workspace, people, name="Trials")
    progress = await synced(workspace, cohort)
    delivery = progress.deliveries[cohort]
    assert delivery.state is DeliveryState.FINISHED_WITH_REJECTIONS
    # A machine that stalls may time an answer out, which is asked for again.
    assert (delivery.submitted, delivery.rejected, delivery.requests - delivery.retries) == (19_997, 3, 267)
    assert adds_up(progress)
    assert carry(sandbox, "heap_trials") == known - refused
    assert set(sandbox.world.known) == before
    assert not sandbox.world.created
    rejections = await workspace.history.rejections(progress.run_id)
    assert {(rejection.value, rejection.text) for rejection in rejections} == {
        (person, "The external_id is not valid") for person in refused
    }
    assert (await workspace.sync.plan([cohort]))[0].empty
    sandbox.clear_faults()
    await workspace.sync.recover(progress.run_id, forget_refusals=True)
    await synced(workspace, cohort)
    assert carry(sandbox, "heap_trials") == known


async def test_a_batch_in_which_everybody_is_refused_needs_no_search(sandbox: Any, workspace: Workspace) -> None:
    sandbox.fault(effect="refuse", identifiers=ids(0, 75))
    cohort = await fill(workspace, ids(0, 100))
    progress = await synced(workspace, cohort)
    delivery = progress.deliveries[cohort]
    assert (delivery.rejected, delivery.submitted, delivery.requests) == (75, 25, 2)
    assert carry(sandbox, "heap_carts") == set(ids(75, 100))


async def test_a_refused_leave_stays_where_it_is(sandbox: Any, workspace: Workspace) -> None:
    cohort = await fill(workspace, ids(0, 30))
    await synced(workspace, cohort)
    sandbox.fault(effect="refuse", identifiers=["u000003"], match={"direction": "remove"})
    await fill(workspace, ids(5, 30), cohort_id=cohort)
    progress = await synced(workspace, cohort)
    assert (progress.deliveries[cohort].submitted, progress.deliveries[cohort].rejected) == (4, 1)
    assert carry(sandbox, "heap_carts") == {*ids(5, 30), "u000003"}
    assert (await workspace.cohorts.show(cohort)).delivered == 26


@pytest.mark.parametrize(
    "errors", [["something went wrong"], [{"type": "bad", "index": 400, "input_array": "attributes"}]]
)
async def test_an_error_that_names_nobody_is_never_taken_for_success(
    sandbox: Any, workspace: Workspace, errors: list[Any]
) -> None:
    """Only requests with u000004 get it, so that one is found and refused; the others are accepted."""
    body = {"message": "success", "attributes_processed": 9, "errors": errors}
    sandbox.fault(effect="status", status=201, body=body, identifiers=["u000004"])
    cohort = await fill(workspace, ids(0, 10))
    progress = await synced(workspace, cohort)
    delivery = progress.deliveries[cohort]
    assert (delivery.submitted, delivery.rejected) == (9, 1)
    assert [rejection.value for rejection in await workspace.history.rejections(progress.run_id)] == ["u000004"]
    assert adds_up(progress)


async def test_a_400_that_names_nobody_is_searched_although_the_probe_is_a_400_too(
    sandbox: Any, workspace: Workspace
) -> None:
    empty = {"message": "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."}
    sandbox.faults(
        {"effect": "poison", "identifiers": ["u000002"]},
        {"effect": "status", "status": 400, "body": empty, "at": [2], "match": {"path": TRACK}},
    )
    cohort = await fill(workspace, ids(0, 20))
    delivery = (await synced(workspace, cohort)).deliveries[cohort]
    assert (delivery.state, delivery.rejected, delivery.submitted) == (DeliveryState.FINISHED_WITH_REJECTIONS, 1, 19)


@pytest.mark.parametrize(("status", "reason"), [(401, Reason.REST_KEY), (403, Reason.REST_PERMISSION)])
async def test_a_refused_rest_key_is_named_and_the_rest_waits(
    sandbox: Any, workspace: Workspace, status: int, reason: Reason
) -> None:
    sandbox.fault(effect="status", status=status, body={"message": "no"}, **{"from": 2})
    cohort = await fill(workspace, ids(0, 300))
    progress = await synced(workspace, cohort)
    assert (progress.deliveries[cohort].state, progress.deliveries[cohort].reason) == (DeliveryState.STOPPED, reason)
    assert adds_up(progress)
    sandbox.clear_faults()
    await synced(workspace, cohort, continues=progress.run_id)
    assert carry(sandbox, "heap_carts") == set(ids(0, 300))


async def test_fifty_people_a_request_when_the_contract_says_so(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 120))
    async with workspace_on(sandbox, tmp_path / "fifty", keys=REST_KEY, attribute_limit=50) as workspace:
        cohort = await fill(workspace, ids(0, 120))
        assert (await workspace.sync.plan([cohort]))[0].requests == 3
        assert (await synced(workspace, cohort)).deliveries[cohort].requests == 3
        assert carry(sandbox, "heap_carts") == set(ids(0, 120))


async def test_aliases_and_addresses_reach_their_people(sandbox: Any, workspace: Workspace) -> None:
    sandbox.world.know("x1", {"crm": "c-1"}, email="both@example.jp")
    sandbox.world.know("x2", email="both@example.jp")
    by_mail = await fill(workspace, ["both@example.jp"], name="By mail", space=Space(Kind.EMAIL))
    by_alias = await fill(workspace, ["c-1", "c-2"], name="By alias", space=Space(Kind.ALIAS, "crm"))
    await synced(workspace, by_mail, by_alias)
    assert carry(sandbox, "heap_by_mail") == {"x1", "x2"}
    assert carry(sandbox, "heap_by_alias") == {"x1"}
    devices = await fill(workspace, ["d-1"], name="Devices", space=Space(Kind.DEVICE_ID))
    assert (await synced(workspace, devices)).deliveries[devices].reason is Reason.WRONG_KIND


async def test_all_deliveries_of_a_process_stay_within_a_third_of_the_limit(sandbox: Any, workspace: Workspace) -> None:
    """The places of the quota are counted on a clock of their own, so that no machine is too slow for this."""
    from heaptui.services.pacing import Quota

    quota, now = Quota(1000, 3.0), 50.0
    places = [now + quota.take(now) for _ in range(3500)]
    assert places == sorted(places)
    assert all(later - earlier >= 3.0 for earlier, later in zip(places, places[1000:], strict=False))
    assert places[999] == now


async def test_a_changed_way_takes_everybody_out_of_the_old_one_first(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 500))
    async with workspace_on(sandbox, tmp_path / "home", keys=EVERY_KEY, route="attribute") as workspace:
        carts, trials = await fill(workspace, ids(0, 200)), await fill(workspace, ids(100, 300), name="Trials")
        await synced(workspace, carts, trials)
        use(workspace, "cohort_import")
        await fill(workspace, ids(50, 250), cohort_id=carts)
        plan = (await workspace.sync.plan([carts]))[0]
        assert (plan.adds, plan.removes, plan.requests, plan.points, plan.first_time) == (200, 0, 1, 400, True)
        assert (plan.leaves, plan.requests_told) == (200, "4 + name")
        assert [(b.route, b.removes, b.requests, b.why_not, b.attribute) for b in plan.before] == [
            ("attribute", 200, 3, "", "heap_carts")
        ]
        assert (await workspace.cohorts.show(carts)).elsewhere == 200
        progress = await synced(workspace, carts, trials)
        assert progress.state is DeliveryState.FINISHED
        assert adds_up(progress)
        assert progress.cohort_ids == [carts, trials]
        assert sorted(d.removes for d in progress.deliveries.values() if d.old_way) == [200, 200]
        assert not carry(sandbox, "heap_carts")
        assert not carry(sandbox, "heap_trials")
        assert (sandbox.members(carts), sandbox.members(trials)) == (set(ids(50, 250)), set(ids(100, 300)))
        assert not (await workspace.sync.plan([carts]))[0].before
        again = await workspace.history.progress(progress.run_id)
        assert {key: d.submitted for key, d in again.deliveries.items()} == {
            key: d.submitted for key, d in progress.deliveries.items()
        }
        use(workspace, "attribute")
        await synced(workspace, carts)
        assert carry(sandbox, "heap_carts") == set(ids(50, 250))
        assert sandbox.members(carts) == set()


async def test_the_guard_counts_who_is_in_braze_by_the_old_way(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 500))
    async with workspace_on(sandbox, tmp_path / "home", keys=EVERY_KEY, route="cohort_import") as workspace:
        vip = await fill(workspace, ids(0, 40), name="VIP")
        await synced(workspace, vip)
        await fill(workspace, ids(0, 2), cohort_id=vip)
        use(workspace, "attribute")
        assert "Loses 38 of 40 people" in (await workspace.sync.plan([vip]))[0].held
        assert (await workspace.cohorts.show(vip)).state == "held"
        assert (await synced(workspace, vip)).deliveries[vip].reason is Reason.LARGE_CHANGE
        assert (sandbox.members(vip), carry(sandbox, "heap_vip")) == (set(ids(0, 40)), set())
        progress = await synced(workspace, vip, let_through=frozenset([vip]))
        assert progress.state is DeliveryState.FINISHED
        assert (sandbox.members(vip), carry(sandbox, "heap_vip")) == (set(), set(ids(0, 2)))
        assert (await workspace.cohorts.show(vip)).state == "synced"


async def test_without_the_keys_of_the_old_way_the_plan_says_so_and_the_new_one_goes_on(
    sandbox: Any, tmp_path: Path
) -> None:
    sandbox.know(ids(0, 50))
    home = tmp_path / "home"
    async with workspace_on(sandbox, home, keys=REST_KEY) as workspace:
        carts = await fill(workspace, ids(0, 50))
        await synced(workspace, carts)
    async with workspace_on(sandbox, home, route="cohort_import") as workspace:
        plan = (await workspace.sync.plan([carts]))[0]
        assert (plan.before[0].removes, plan.points) == (50, 50)
        assert "REST key" in plan.before[0].why_not
        progress = await synced(workspace, carts)
        assert progress.state is DeliveryState.FINISHED
        assert any("out of Custom attribute: not possible" in moment.text for moment in progress.story)
        assert sandbox.members(carts) == set(ids(0, 50))
        assert (await workspace.cohorts.show(carts)).elsewhere == 50
    async with workspace_on(sandbox, home, keys=EVERY_KEY, route="cohort_import") as workspace:
        await synced(workspace, carts)
        assert not carry(sandbox, "heap_carts")


async def test_a_key_that_is_added_moves_nobody_before_somebody_chose_the_way(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 50))
    home = tmp_path / "home"
    async with workspace_on(sandbox, home, keys=REST_KEY) as workspace:
        carts = await fill(workspace, ids(0, 50))
        await synced(workspace, carts)
    async with workspace_on(sandbox, home, keys=EVERY_KEY) as workspace:
        assert "by Custom attribute" in (await workspace.sync.plan([carts]))[0].held
        delivery = (await synced(workspace, carts)).deliveries[carts]
        assert (delivery.state, delivery.reason) == (DeliveryState.HELD, Reason.WAY_CHANGED)
        assert carry(sandbox, "heap_carts") == set(ids(0, 50))
        assert not sandbox.world.cohorts
        progress = await synced(workspace, carts, let_through=frozenset([carts]))
        assert progress.state is DeliveryState.FINISHED
        assert not carry(sandbox, "heap_carts")


async def test_a_rest_key_of_another_workspace_takes_nobody_out(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 5))
    async with workspace_on(sandbox, tmp_path / "home", keys=EVERY_KEY, route="attribute") as workspace:
        carts = await fill(workspace, ids(0, 5))
        await synced(workspace, carts)
        use(workspace, "cohort_import")
        from heaptui.model.secret import Secret

        workspace.secrets.rest_api_key = Secret("another-key")
        assert (await workspace.sync.plan([carts]))[0].before[0].why_not
        await synced(workspace, carts)
        assert carry(sandbox, "heap_carts") == set(ids(0, 5))


async def test_a_late_join_by_the_old_way_is_told_and_undone_after_it_settled(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 10))
    # Longer than two syncs take, also on a busy machine.
    settings = {"route": "attribute", "settle_seconds": 2.0}
    async with workspace_on(sandbox, tmp_path / "home", keys=EVERY_KEY, **settings) as workspace:
        carts = await fill(workspace, ids(0, 10))
        sandbox.fault(effect="late", delay_seconds=60, at=[1], match={"path": TRACK})
        await synced(workspace, carts)
        use(workspace, "cohort_import")
        progress = await synced(workspace, carts)
        leaving = next(d for d in progress.deliveries.values() if d.old_way)
        assert leaving.unsettled_until
        sandbox.apply_late()
        assert carry(sandbox, "heap_carts") == set(ids(0, 10))
        await asyncio.sleep(max(0.0, leaving.unsettled_until - time.time()) + 0.01)
        await synced(workspace, carts)
        assert not carry(sandbox, "heap_carts")
        assert sandbox.members(carts) == set(ids(0, 10))


async def test_without_any_key_a_sync_says_exactly_what_is_missing(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home", keys=()) as workspace:
        cohort = await fill(workspace, ids(0, 5))
        assert (await workspace.cohorts.show(cohort)).members == 5
        assert (await workspace.sync.plan([cohort]))[0].adds == 5
        with pytest.raises(UsageError) as refused:
            await workspace.sync.start([cohort])
        text = f"{refused.value.detail} {refused.value.hint}"
        assert all(word in text for word in ("partner key", "Data Import Key", "users.track", "--for-braze"))
