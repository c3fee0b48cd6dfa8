"""Previews, drafts and computed cohorts on a real ledger and a real sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heaptui.errors import UsageError
from heaptui.model.expressions import ExpressionError
from heaptui.model.identifiers import Kind, Space
from heaptui.services.segments import region_of
from tests.services.world import fill, ids, synced, workspace_on


async def test_the_three_numbers_of_a_segment(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 1000))
    async with workspace_on(sandbox, tmp_path) as workspace:
        carts = await fill(workspace, ids(0, 300), name="Carts")
        paying = await fill(workspace, ids(200, 400), name="Paying")
        await synced(workspace, carts, paying)
        await fill(workspace, ids(50, 500), cohort_id=carts)
        service = workspace.segments
        found = await service.preview(await service.parse('"Carts" and not "Paying"'))
        assert (found.in_heap.exact, found.in_braze_now.exact, found.exact) == (250, 200, True)
        assert [one.people.exact for one in found.groups] == [450, 200]
        assert found.groups[1].takes_away is not None
        assert found.groups[1].takes_away.exact == 200
        assert [one.cohort_id for one in found.missing] == [carts]
        assert found.waiting == 250
        await synced(workspace, carts)
        after = await service.preview(found.expression)
        assert (after.in_braze_now.exact, after.missing) == (250, [])


async def test_what_braze_may_still_apply_makes_the_number_a_range(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 100))
    async with workspace_on(sandbox, tmp_path, settle_seconds=60, wait_seconds=0.5) as workspace:
        carts = await fill(workspace, ids(0, 10), name="Carts")
        await synced(workspace, carts)
        sandbox.fault(effect="timeout_after", match={"direction": "add"})
        await fill(workspace, ids(0, 15), cohort_id=carts)
        await synced(workspace, carts)
        found = await workspace.segments.preview(await workspace.segments.parse("Carts"))
        assert (found.in_braze_now.at_least, found.in_braze_now.at_most) == (10, 15)


async def test_why_a_count_is_not_exact(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path) as workspace:
        await fill(workspace, ids(0, 30), name="Carts")
        await fill(workspace, ["a@example.jp"], name="Mails", space=Space(Kind.ALIAS, "email"))
        service = workspace.segments
        alone = await service.preview(await service.parse('not "Carts"'))
        assert (alone.in_heap.exact, alone.in_heap.at_most) == (None, None)
        filtered = await service.preview(await service.parse('"Carts" and braze "Email Available is true"'))
        assert (filtered.in_heap.at_least, filtered.in_heap.at_most) == (0, 30)
        mixed = await service.preview(await service.parse('"Carts" or "Mails"'))
        assert (mixed.in_heap.exact, mixed.exact) == (31, False)
        for found in (alone, filtered, mixed):
            assert not found.exact
            assert found.why_inexact
            with pytest.raises(UsageError, match="cohort of its own"):
                await service.derive("Own", found.expression)
        with pytest.raises(ExpressionError, match="“Carts”"):
            await service.parse('"Cartz"')


async def test_everyone_in_both_and_in_exactly_which(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path) as workspace:
        one = await fill(workspace, ids(0, 100), name="One")
        two = await fill(workspace, ids(60, 160), name="Two")
        inner = await fill(workspace, ids(70, 80), name="Inner")
        found = await workspace.segments.overlap([one, two, inner])
        assert (found.pair(one, two), found.pair(two, one), found.pair(inner, inner)) == (40, 40, 10)
        assert found.inside == [(inner, one), (inner, two)]
        regions = {region.inside: region.people for region in found.regions}
        assert regions == {(one,): 60, (two,): 60, (one, two): 30, (one, two, inner): 10}
        people = await workspace.segments.sample(region_of((one, two), (one, two, inner)), 100)
        assert {person.value for person in people} == set(ids(60, 100)) - set(ids(70, 80))


async def test_a_draft_comes_back_as_it_was_kept_also_after_a_renaming(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path) as workspace:
        carts = await fill(workspace, ids(0, 30), name="Carts")
        service = workspace.segments
        expression = await service.parse('"Carts" and not braze "Opened an e-mail"')
        preview = await service.preview(expression)
        await service.keep("Mine", expression, preview.segment)
        await workspace.cohorts.rename(carts, "Abandoned carts")
    async with workspace_on(sandbox, tmp_path) as workspace:
        (draft,) = await workspace.segments.drafts()
        assert draft.segment == preview.segment
        assert (
            await workspace.segments.written(draft.expression) == '"Abandoned carts" and not braze "Opened an e-mail"'
        )
        await workspace.segments.forget("Mine")
        assert await workspace.segments.drafts() == []


async def test_a_computed_cohort_follows_its_inputs_and_is_delivered_as_they_are_then(
    sandbox: Any, tmp_path: Path
) -> None:
    sandbox.know(ids(0, 1000))
    async with workspace_on(sandbox, tmp_path) as workspace:
        carts = await fill(workspace, ids(0, 100), name="Carts")
        paying = await fill(workspace, ids(50, 100), name="Paying")
        service = workspace.segments
        own = await service.derive("Own", await service.parse('"Carts" and not "Paying"'))
        assert own.cohort_id.startswith("heaptui-expr-")
        twice = await service.derive("Twice", await service.parse('"Own" or "Paying"'))
        assert (own.members, twice.members) == (50, 100)
        await synced(workspace, own.cohort_id)
        assert sandbox.members(own.cohort_id) == set(ids(0, 50))
        await fill(workspace, ids(20, 100), cohort_id=paying)
        (plan,) = await workspace.sync.plan([own.cohort_id])
        assert (plan.adds, plan.removes) == (0, 30)
        await fill(workspace, ids(0, 120), cohort_id=carts)
        await synced(workspace, own.cohort_id, twice.cohort_id, let_through=frozenset([own.cohort_id]))
        assert sandbox.members(own.cohort_id) == {*ids(0, 20), *ids(100, 120)}
        assert sandbox.members(twice.cohort_id) == set(ids(0, 120))


async def test_a_cohort_is_never_computed_from_itself(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path) as workspace:
        await fill(workspace, ids(0, 100), name="Carts")
        service = workspace.segments
        await service.derive("One", await service.parse("Carts"))
        await service.derive("Two", await service.parse("One"))
        with pytest.raises(UsageError, match="from itself"):
            await service.derive("One", await service.parse("Two or Carts"))
        with pytest.raises(UsageError, match="Another cohort"):
            await service.derive("Carts", await service.parse("Two"))


async def test_retiring_an_input_puts_what_is_computed_from_it_on_hold(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 1000))
    async with workspace_on(sandbox, tmp_path) as workspace:
        await fill(workspace, ids(0, 100), name="Carts")
        paying = await fill(workspace, ids(50, 100), name="Paying")
        service = workspace.segments
        own = (await service.derive("Own", await service.parse('"Carts" and not "Paying"'))).cohort_id
        await synced(workspace, own)
        await workspace.cohorts.retire(paying)
        held = await workspace.cohorts.show(own)
        assert (held.state, held.members) == ("on_hold", 50)
        await synced(workspace, own)
        assert sandbox.members(own) == set(ids(0, 50))
        with pytest.raises(UsageError, match="retired"):
            await workspace.cohorts.release(own)
        await workspace.cohorts.undo_import(paying)
        assert (await workspace.cohorts.release(own)).members == 50


async def test_an_input_with_other_ids_puts_it_on_hold_before_it_is_sent(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 1000))
    async with workspace_on(sandbox, tmp_path) as workspace:
        await fill(workspace, ids(0, 100), name="Carts")
        paying = await fill(workspace, ids(50, 100), name="Paying")
        own = (await workspace.segments.derive("Own", await workspace.segments.parse("Carts or Paying"))).cohort_id
        await fill(workspace, ["a@example.jp"], cohort_id=paying, space=Space(Kind.ALIAS, "email"))
        await synced(workspace, own)
        assert (await workspace.cohorts.show(own)).state == "on_hold"
        assert sandbox.members(own) == set()
