"""What happened to a cohort afterwards: counted exactly, from the events and the ledger alone."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from heaptui.model.deeds import Deed
from heaptui.model.identifiers import Kind, Space
from heaptui.services.currents_upkeep import digest_all, trim_all
from heaptui.store import currents
from heaptui.store.currents_retention import DAY
from tests.services.currents_world import door, forwarded, keys_in
from tests.services.world import fill, ids, synced, workspace_on

EMAIL = "users.messages.email."


@pytest.fixture
async def opened(sandbox: Any, tmp_path: Path):
    settings = {"heap_endpoint": sandbox.heap_url, "heap_app_id": "123"}
    sandbox.know(ids(0, 1000))
    async with workspace_on(sandbox, tmp_path, **settings) as workspace:
        workspace.secrets.currents_token = workspace.secrets.data_import_key
        async with door(workspace) as opened:
            yield opened


class Story:
    """Events of people, one after another."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def did(self, name: str, people: list[str], at: float | None = None, **properties: Any) -> None:
        for person in people:
            number = len(self.events)
            self.events.append(
                {
                    "event_type": name,
                    "id": f"e-{number}",
                    "time": int(time.time() if at is None else at),
                    "user": {"user_id": "b", "external_user_id": person},
                    "properties": properties,
                }
            )

    async def told(self, opened: Any) -> None:
        import json

        token = opened.workspace.secrets.currents_token.reveal()
        assert await opened.post(json.dumps({"events": self.events}).encode(), token) == 204
        await digest_all(await opened.workspace.currents.events())


async def cohort_of(opened: Any, people: list[str], **how: Any) -> Any:
    cohort_id = await fill(opened.workspace, people, **how)
    await synced(opened.workspace, cohort_id)
    return await opened.workspace.cohorts.show(cohort_id)


async def test_members_are_compared_with_everybody_else(opened: Any) -> None:
    cohort = await cohort_of(opened, ids(0, 100))
    story = Story()
    story.did(f"{EMAIL}Send", ids(0, 80) + ids(500, 900) + ["stranger"])
    story.did(f"{EMAIL}Open", ids(0, 40) + ids(500, 600))
    story.did(f"{EMAIL}Open", ids(60, 70), machine_open="true")
    story.did(f"{EMAIL}Click", ids(0, 8) + ids(500, 520))
    story.did(f"{EMAIL}Click", ids(70, 75), is_suspected_bot_click=True)
    story.did("users.campaigns.Conversion", ids(0, 2) + ids(500, 505) + ids(900, 950))
    story.did("users.behaviors.app.SessionStart", ids(0, 100))
    await story.told(opened)
    found = await opened.workspace.loop.aftermath(cohort)
    counts = {deed: (step.members, step.others) for deed, step in found.steps.items()}
    assert counts == {
        Deed.REACHED: (80, 401),
        Deed.OPENED: (40, 100),
        Deed.CLICKED: (8, 20),
        Deed.CONVERTED: (2, 5),
    }
    assert (found.accepted, found.run_id) == (100, 1)
    assert (found.member_share(Deed.REACHED), found.other_share(Deed.REACHED)) == (0.8, None)
    assert (found.member_share(Deed.OPENED), found.other_share(Deed.OPENED)) == (0.5, 100 / 401)
    assert sum(found.steps[Deed.OPENED].over_time) == 40


async def test_only_what_happened_since_the_run_counts(opened: Any) -> None:
    cohort = await cohort_of(opened, ids(0, 10))
    story = Story()
    story.did(f"{EMAIL}Open", ids(0, 10), at=time.time() - 3 * 3600)
    await story.told(opened)
    since_run = await opened.workspace.loop.aftermath(cohort)
    assert since_run.steps[Deed.OPENED].members == 0
    today = await opened.workspace.loop.aftermath(cohort, since=time.time() - DAY)
    assert (today.steps[Deed.OPENED].members, today.run_id) == (10, None)


async def test_somebody_who_joins_the_ledger_later_is_recognised(opened: Any) -> None:
    first = await cohort_of(opened, ids(0, 5))
    story = Story()
    story.did(f"{EMAIL}Open", ids(0, 20))
    await story.told(opened)
    before = await opened.workspace.loop.aftermath(first)
    assert (before.steps[Deed.OPENED].members, before.steps[Deed.OPENED].others) == (5, 15)
    later = await cohort_of(opened, ids(0, 20), name="Later")
    after = await opened.workspace.loop.aftermath(later, since=time.time() - DAY)
    assert (after.steps[Deed.OPENED].members, after.steps[Deed.OPENED].others) == (20, 0)


async def test_a_cohort_of_other_ids_says_why_it_cannot_be_compared(opened: Any, sandbox: Any) -> None:
    sandbox.know_aliases({"u1": {"email": "a@b.c"}})
    cohort = await cohort_of(opened, ["a@b.c"], space=Space(Kind.ALIAS, "email"))
    found = await opened.workspace.loop.aftermath(cohort)
    assert "external id only" in found.why_not


async def test_names_are_remembered_for_events_that_lack_them(opened: Any) -> None:
    story = Story()
    story.did(f"{EMAIL}Send", ["a"], campaign_id="c1", campaign_name="Spring sale")
    story.did(f"{EMAIL}Open", ["a"], campaign_id="c1", campaign_name=None)
    await story.told(opened)
    assert await opened.workspace.currents.names() == {"c1": "Spring sale"}


async def test_bodies_go_a_week_after_they_went_to_heap_and_ids_after_a_month(opened: Any, sandbox: Any) -> None:
    story = Story()
    story.did(f"{EMAIL}Send", ids(0, 50))
    await story.told(opened)
    events, service = await opened.workspace.currents.events(), opened.workspace.currents
    month = time.time() + 31 * DAY
    await trim_all(events, month, can_forward=True)
    assert (await service.find("e-3")).body, "what was not forwarded is kept"
    await forwarded(opened.workspace)
    assert len(keys_in(sandbox)) == 50
    await trim_all(events, time.time() + 6 * DAY, can_forward=True)
    assert (await service.find("e-3")).body
    await trim_all(events, time.time() + 8 * DAY, can_forward=True)
    gone = await service.find("e-3")
    assert (gone.body, gone.outcome) == (b"", "to Heap")
    await trim_all(events, month, can_forward=True)
    left = await events.read(lambda connection: connection.execute("SELECT count(*) FROM event").fetchone()[0])
    stats = await service.stats()
    assert (left, stats.together.received, stats.together.forwarded) == (0, 50, 50)


async def test_without_an_app_id_bodies_do_not_wait_for_ever(opened: Any) -> None:
    story = Story()
    story.did(f"{EMAIL}Send", ids(0, 50))
    await story.told(opened)
    await trim_all(await opened.workspace.currents.events(), time.time() + 8 * DAY, can_forward=False)
    stats = await opened.workspace.currents.stats()
    assert (stats.together.filtered, stats.together.waiting) == (50, 0)
    assert stats.reasons == {"not forwarded within 7 days": 50}


async def test_when_space_is_short_settled_bodies_go_first(opened: Any) -> None:
    story = Story()
    story.did(f"{EMAIL}Send", ids(0, 50))
    await story.told(opened)
    await forwarded(opened.workspace)
    events = await opened.workspace.currents.events()
    from heaptui.store import currents_retention

    assert await events.write(partial(currents_retention.trim, now=time.time() + 1, can_forward=True, cap=1)) == 1
    assert (await opened.workspace.currents.find("e-3")).body == b""
    assert await events.read(currents.used) > 0


async def test_a_person_is_erased_from_everything_that_was_received(opened: Any, sandbox: Any) -> None:
    story = Story()
    story.did(f"{EMAIL}Open", ["keep-me", "erase-me", "erase-me"])
    story.did(f"{EMAIL}Click", ["erase-me"], url="x" * 1312)
    await story.told(opened)
    service = opened.workspace.currents
    await forwarded(opened.workspace)
    story.events.clear()
    story.did(f"{EMAIL}Send", ["a", "b", "c", "d", "erase-me", "keep-me"])
    await story.told(opened)
    assert await service.forget("erase-me") == 4
    await forwarded(opened.workspace)
    assert sum(event["identity"] == "erase-me" for event in sandbox.heap.events) == 2
    path = currents.path_beside(opened.workspace.ledger.path)
    await service.close()
    import sqlite3
    import zlib

    connection = sqlite3.connect(path)
    texts = [zlib.decompress(body) for (body,) in connection.execute("SELECT body FROM batch")]
    texts += [
        bytes(body) if isinstance(body, bytes) else body.encode()
        for (body,) in connection.execute("SELECT body FROM dead")
    ]
    texts += [name.encode() for (name,) in connection.execute("SELECT external_id FROM person")]
    connection.close()
    assert not any(b"erase-me" in text for text in texts)
    assert any(b"keep-me" in text for text in texts)
    assert (await service.stats()).together.waiting == 0
