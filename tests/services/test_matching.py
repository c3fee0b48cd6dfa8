"""How many people exist in Braze: a sample whose interval holds, and never more look-ups than allowed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaptui.clients.braze_rest import MissingPermission
from heaptui.errors import UsageError
from heaptui.model.identifiers import EXTERNAL_ID, Kind, Space
from heaptui.model.matching import FIRST_LOOK, clustered, sample_size, wilson
from heaptui.services.allowance import Allowance
from heaptui.services.matching import IDS_PER_REQUEST
from tests.services.world import fill, ids, workspace_on


def sampled(rng: random.Random, population: int, known: int) -> tuple[float, float]:
    """One measurement as the service makes it, of people of whom the first `known` exist."""
    order = rng.sample(range(population), min(population, 1000))
    first = sum(number < known for number in order[:FIRST_LOOK])
    size = sample_size(first, min(FIRST_LOOK, len(order)), population)
    size = min(len(order), -(-size // IDS_PER_REQUEST) * IDS_PER_REQUEST)
    found = sum(number < known for number in order[:size])
    return wilson(found, size, population)


@pytest.mark.parametrize(("population", "share"), [(9_233, 0.94), (250_000, 0.6), (1_518, 0.88), (20_000, 0.985)])
def test_the_interval_covers_the_truth_in_about_95_of_100_samples(population: int, share: float) -> None:
    known = round(population * share)
    covered = 0
    for seed in range(200):
        low, high = sampled(random.Random(seed), population, known)
        covered += low <= known / population <= high
    assert 182 <= covered <= 198, f"{covered} of 200"


@given(st.integers(1, 5000), st.data())
def test_the_interval_holds_the_share_and_closes_when_everybody_was_asked(population: int, data: Any) -> None:
    asked = data.draw(st.integers(1, population))
    known = data.draw(st.integers(0, asked))
    low, high = wilson(known, asked, population)
    assert 0 <= low <= known / asked + 1e-9
    assert known / asked - 1e-9 <= high <= 1
    assert (low == high) if asked == population else (low < high)
    assert asked <= max(asked, sample_size(known, asked, population)) <= population


def with_rest(sandbox: Any) -> dict[str, str]:
    return {"HEAPTUI_REST_API_KEY": sandbox.keys.rest_api_key}


async def test_a_measurement_is_near_the_truth_and_kept(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know(ids(0, 1800))
    async with workspace_on(sandbox, tmp_path, environ=with_rest(sandbox)) as workspace:
        carts = await fill(workspace, ids(0, 2000), name="Carts")
        service = workspace.segments
        expression = await service.parse("Carts")
        rate = await service.matching.measure(expression, seed=1)
        assert rate.low <= 0.9 <= rate.high
        assert rate.asked < 2000
        assert rate.asked % 50 == 0
        assert (await workspace.cohorts.rates())[carts] == rate
        assert (await service.preview(expression)).match == rate
        small = await fill(workspace, ids(1790, 1810), name="Small")
        counted = await service.matching.measure(await service.parse("Small"))
        assert counted.everybody
        assert counted.of(20) == (10, 10, 10)
        assert set(await workspace.cohorts.rates()) == {carts, small}
        limit = sandbox.braze.rest.highest["/users/export/ids"]
        assert limit <= 250


async def test_unknown_ids_are_told_by_their_likely_cause(sandbox: Any, tmp_path: Path) -> None:
    sandbox.know([*(f"{number:07d}" for number in range(100)), *(f"u-{number}" for number in range(5))])
    people = [f"{number:07d}" for number in range(60)]
    people += [str(number) for number in range(60, 90)]
    people += [f"{number}@example.jp" for number in range(20)]
    people += [f" {number:07d}" for number in range(90, 95)]
    people += [f"U-{number}" for number in range(4)]
    async with workspace_on(sandbox, tmp_path, environ=with_rest(sandbox)) as workspace:
        await fill(workspace, people, name="Carts")
        rate = await workspace.segments.matching.measure(await workspace.segments.parse("Carts"))
    assert (rate.asked, rate.known) == (len(people), 60)
    assert dict(rate.causes) == {
        "zeros lost at the front; mended, 30 of 30 exist": 30,
        "an e-mail address where an id is expected": 20,
        "blanks around the id; mended, 5 of 5 exist": 5,
        "another case; mended, 4 of 4 exist": 4,
    }


def test_ids_that_nothing_explains_are_called_unknown() -> None:
    assert list(clustered(["0000009"], EXTERNAL_ID, 7)) == ["not in Braze under this id"]
    assert list(clustered(["A@b.example"], Space(Kind.ALIAS, "email"), 0)) == ["another case"]


async def test_no_window_ever_sees_more_look_ups_than_allowed(sandbox: Any, tmp_path: Path) -> None:
    sandbox.braze.rest.limits["/users/export/ids"] = 30
    sandbox.braze.rest.windows["/users/export/ids"] = 1
    for device in ids(0, 100):
        sandbox.world.know_anonymous(device)
    sandbox.fault(effect="status", status=503, probability=0.05)
    async with workspace_on(sandbox, tmp_path, environ=with_rest(sandbox)) as workspace:
        await fill(workspace, ids(0, 120), name="Devices", space=Space(Kind.DEVICE_ID))
        matching = workspace.segments.matching
        matching.allowance = Allowance(30, 1.0)
        rate = await matching.measure(await workspace.segments.parse("Devices"), seed=3)
    assert rate.asked == 100
    requests = sum(count for (path, _), count in sandbox.world.requests.items() if path == "/users/export/ids")
    assert requests >= 100
    assert 1 < sandbox.braze.rest.highest["/users/export/ids"] <= 30


async def test_what_is_missing_for_a_look_up_is_told(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path) as workspace:
        await fill(workspace, ids(0, 10), name="Carts")
        expression = await workspace.segments.parse("Carts")
        with pytest.raises(UsageError, match="REST key"):
            await workspace.segments.matching.measure(expression)
    sandbox.braze.rest.permissions.discard("users.export.ids")
    async with workspace_on(sandbox, tmp_path, environ=with_rest(sandbox)) as workspace:
        with pytest.raises(MissingPermission, match=r"users\.export\.ids"):
            await workspace.segments.matching.measure(expression)
