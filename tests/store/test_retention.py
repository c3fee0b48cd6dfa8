"""Pages are kept for 30 days or 2 GB; what is not applied yet is kept whatever its age."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from heaptui.store import retention
from tests.receiver.heap import Door, open_door

DAY = 86_400


async def aged(door: Door, days: dict[str, float]) -> None:
    """Make the pages of some tasks older."""

    def older(connection: sqlite3.Connection) -> None:
        for task, age in days.items():
            at = time.time() - age * DAY
            connection.execute(
                "UPDATE page SET received_at = ? WHERE task_no IN (SELECT task_no FROM sync_task WHERE task_id = ?)",
                (at, task),
            )
            connection.execute("UPDATE sync_task SET last_at = ? WHERE task_id = ?", (at, task))

    await door.workspace.ledger.write(older)


async def kept(door: Door) -> set[str]:
    return await door.workspace.ledger.read(
        lambda c: {row[0] for row in c.execute("SELECT task_id FROM page JOIN sync_task USING (task_no)")}
    )


async def test_pages_older_than_30_days_go_and_their_people_stay(tmp_path: Path) -> None:
    async with open_door(tmp_path / "home") as door:
        for task in ("old", "new"):
            await door.takes([task], task=task)
        await aged(door, {"old": 31, "new": 29})
        assert await retention.trim_all(door.workspace.ledger, time.time()) == 2
        assert await kept(door) == {"new"}
        assert await door.members() == {"old", "new"}
        assert await door.count("sync_task") == 1


async def test_a_page_that_is_not_applied_is_never_too_old(tmp_path: Path) -> None:
    from tests.receiver.heap import page_body

    async with open_door(tmp_path / "home") as door:
        assert (await door.post(page_body(["a"], task="old"))).status_code == 200
        await aged(door, {"old": 90})
        await retention.trim_all(door.workspace.ledger, time.time())
        assert await kept(door) == {"old"}


async def test_too_much_lets_the_oldest_go_first(tmp_path: Path) -> None:
    async with open_door(tmp_path / "home") as door:
        for number in range(6):
            await door.takes([f"u{number}"], task=f"t{number}")
        await aged(door, {f"t{number}": 10 - number for number in range(6)})
        size = await door.workspace.ledger.read(lambda c: c.execute("SELECT sum(kept) FROM page").fetchone()[0])

        def trim(connection: sqlite3.Connection) -> int:
            return retention.trim(connection, time.time(), largest=size * 55 // 100)

        while await door.workspace.ledger.write(trim):
            pass
        assert await kept(door) == {"t3", "t4", "t5"}
