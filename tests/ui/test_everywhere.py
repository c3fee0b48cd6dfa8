"""One letter, one meaning: what y, e, z, /, esc and ? do on every screen that has something for them."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from textual.command import CommandList
from textual.widgets import Input

from heaptui.errors import LedgerError
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.clipboard import SENT
from heaptui.ui.commands import EVERYWHERE, commands_of
from heaptui.ui.exports import write_csv
from heaptui.ui.palette import palette_of
from heaptui.ui.screens.page import Page
from heaptui.ui.widgets.dialogs import Told
from tests.services.world import ids
from tests.ui.conftest import Desk, highlight, lines_of, settled, shows, status, text_of, until, walk_to


class Face(Struct, frozen=True):
    """A screen: how to get there from the cohorts, and what the keys of everywhere do on it."""

    keys: tuple[str, ...]
    ready: str
    copied: str = ""
    """A part of what y copies; empty where there is nothing to copy."""
    titles: str = ""
    """The first line of the file that e writes; empty where it writes something else or nothing."""
    typed: str = ""
    counted: str = ""
    """What a filter says after `typed`; empty where there is no table, or no rows."""
    panes: int = 1
    told: str = ""
    """What the copied is called; empty where it speaks for itself."""


FACES = {
    "cohorts": Face((), "Cart abandoners", "Cart abandoners\t{carts}\t3900\t● to sync", "", "cart", "1 of 3 match", 2),
    "people": Face(("enter",), "3,900 people", "u000300", "", "u00031", "10 of 3,900 match"),
    "segments": Face(
        ("2", "plus", *"cart", "enter"), "Filter group 1", "Filter group 1", panes=2,
        told="as text; y again: as Markdown",
    ),
    "overlap": Face(
        ("2", "tab", "tab"), "Some of them", "only Cart abandoners", ",Cohorts,People,", "only", "3 of 4 match", 3
    ),
    "plan": Face(
        ("space", "s"), "nothing has been sent", "Cart abandoners\t1,200\t300",
        "Cohort,Join,Leave,Stay,Requests,Points ≤,State", "cart", "1 of 1 match", 2,
    ),
    "runs": Face(
        ("4",), "✓ done", "2 cohorts\t✓ done", "Run,When,By,Cohorts,Result,Accepted,Why", "none such", "0 of 1 match", 2
    ),
    "batches": Face(
        ("4", "enter", "tab"), "[Batches", "Batch", "Batch,Change,People,State,Tries,Answer,Braze says", "join",
        "4 of 4 match", 2,
    ),
    "exchanges": Face(
        ("4", "enter", "tab", "tab", "tab"), "[Exchanges", "POST http://", "Time,What,Try,Answer,Took,Address", "name",
        "2 of 6 match", 2,
    ),
    "currents": Face(("5",), "[5 Currents", "Heap Export", told="the steps for Braze"),
    "credentials": Face(
        ("6",), "verdict after", "READY", "What,Given,Result,ms", "label", "1 of ", 2, "the verdict, without keys"
    ),
    "paste": Face(("6", "p"), "Are these keys right?"),
    "way": Face(
        ("W",), "How should people", "Heap", "Way,Needs,Have,Data points,In Braze", "csv", "1 of 4 match", 2,
        "the note to the Heap account manager",
    ),
    "upload": Face(("b",), "Write a file for Braze", "Import Users", told="the steps for Braze"),
    "trace": Face(
        ("t", *"u000350", "enter"), "step by step", "Cart abandoners", "Cohort,Now,Accepted by Braze,Came in by", "cart",
        "1 of ", 2, "the answer, and what to do",
    ),
    "settings": Face(
        ("comma",), "[Settings]", "Endpoint\thttp://", "Setting,Now,From,Name", "guard", "2 of 42 match", 2
    ),
    "import": Face(("i",), "Drop a file here", panes=2),
}  # fmt: skip


@asynccontextmanager
async def on(desk: Desk, screen: str, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Any]:
    """The dashboard on one of its screens, with the cursor on “Cart abandoners”."""
    face = FACES[screen]
    async with HeaptuiApp(desk.opening).run_test(size=size) as pilot:
        await shows(pilot, "Cart abandoners")
        highlight(pilot.app, desk.carts)
        await walk_to(pilot, face.keys)
        await shows(pilot, face.ready)
        yield pilot


def rows_of(folder: Path) -> list[list[str]]:
    """The lines of the one file in a folder."""
    (path,) = folder.iterdir()
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("screen", FACES)
async def test_a_key_means_the_same_on_every_screen_or_says_why_it_is_off(desk: Desk, screen: str) -> None:
    face = FACES[screen]
    async with on(desk, screen) as pilot:
        every_command_works_or_says_why(pilot)
        if isinstance(pilot.app.screen.focused, Input):
            # In a field letters are letters.
            return
        await each_pane_is_alone_once(pilot, face)
        await y_copies_and_claims_no_more_than_it_knows(pilot, face, desk)
        await e_writes_every_row(pilot, face, desk)
        await a_filter_counts_and_escape_clears_it(pilot, face)


def every_command_works_or_says_why(pilot: Any) -> None:
    page = pilot.app.screen
    assert isinstance(page, Page)
    listed = {command_id: told for _, told, command_id in palette_of(page)}
    assert set(listed) == {command.command_id for command in commands_of(page.SCOPE)}
    for command in commands_of(page.SCOPE):
        why = page.why_off(command.command_id)
        assert (f"now not: {why}" in listed[command.command_id]) == bool(why)
        target, _, name = command.action.partition("(")[0].rpartition(".")
        assert hasattr(pilot.app if target == "app" else page, f"action_{name}"), command


async def each_pane_is_alone_once(pilot: Any, face: Face) -> None:
    page = pilot.app.screen
    panes = page.panes
    assert len(panes) == face.panes
    for _ in panes if face.panes > 1 else ():
        await pilot.press("z")
        await pilot.pause()
        (alone,) = [pane for pane in panes if pane.size.height]
        assert "This pane alone: z shows the next" in status(pilot.app)
        assert page.focused in alone.walk_children(with_self=True)
        assert alone.outer_size.width == page.query_one("#body").size.width
    await pilot.press("z")
    await pilot.pause()
    assert not page.query(".-alone, .-aside")
    assert "This pane alone" not in status(pilot.app)
    assert all(pane.size.height for pane in panes)


async def y_copies_and_claims_no_more_than_it_knows(pilot: Any, face: Face, desk: Desk) -> None:
    page = pilot.app.screen
    if face.copied:
        await until(pilot, lambda: not page.why_off("pane.copy"))
    await pilot.press("y")
    if not face.copied:
        assert status(pilot.app).strip() == page.why_off("pane.copy")
        return
    await until(pilot, lambda: status(pilot.app).startswith(f" {SENT}: "))
    assert face.copied.format(carts=desk.carts) in pilot.app.clipboard
    told = status(pilot.app).removeprefix(f" {SENT}: ").rstrip("…")
    assert told == face.told or " ".join(pilot.app.clipboard.split()).startswith(told)


async def e_writes_every_row(pilot: Any, face: Face, desk: Desk) -> None:
    if face.titles:
        await pilot.press("e")
        await until(pilot, lambda: ".csv, in " in status(pilot.app))
        titles, *rows = rows_of(desk.opening.home.out_dir)
        assert ",".join(titles) == face.titles
        assert len(rows) == len(pilot.app.screen.pane.rows)


async def a_filter_counts_and_escape_clears_it(pilot: Any, face: Face) -> None:
    if face.counted:
        page = pilot.app.screen
        all_rows = len(page.pane.rows)
        await pilot.press("slash", *face.typed)
        await until(pilot, lambda: face.counted in status(pilot.app) and "esc clears" in status(pilot.app))
        await pilot.press("enter", "escape")
        await until(pilot, lambda: len(page.pane.rows) == all_rows)
        assert pilot.app.screen is page


async def test_an_off_key_says_why_when_it_is_pressed(desk: Desk) -> None:
    async with on(desk, "currents") as pilot:
        for key, why in (("l", "Nothing was received yet."), ("0", "There is no tour here"), ("escape", "q quits")):
            await pilot.press(key)
            await until(pilot, lambda why=why: why in status(pilot.app))


async def test_why_a_key_is_off_gives_way_to_the_hint(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heaptui.ui.screens.speaking.ANSWER_STAYS", 1.0)
    async with on(desk, "cohorts") as pilot:
        await settled(pilot)
        hint = status(pilot.app)
        await pilot.press("escape")
        await until(pilot, lambda: "where esc leads to" in status(pilot.app))
        await until(pilot, lambda: status(pilot.app) == hint)


async def test_a_sentence_that_is_too_long_for_its_line_goes_on_in_another(desk: Desk) -> None:
    async with on(desk, "cohorts", (60, 20)) as pilot:
        await shows(pilot, "Nothing is sent before you say so.")
        await pilot.press("space")
        await until(pilot, lambda: "1 marked" in lines_of(pilot.app)[-2])


async def test_y_says_copied_where_a_tool_confirms_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "tools" / "pbcopy"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o700)
    async with on(desk, "people") as pilot:
        monkeypatch.delenv("SSH_TTY")
        monkeypatch.delenv("SSH_CONNECTION", raising=False)
        monkeypatch.setenv("PATH", str(tool.parent))
        await pilot.press("y")
        await until(pilot, lambda: status(pilot.app) == " Copied: u000300")


async def test_a_run_is_found_by_any_of_its_cohorts_and_says_by_which(desk: Desk) -> None:
    async with on(desk, "runs") as pilot:
        for typed, told in (("vip", "VIP 2024 + 1"), ("cart", "Cart abandoners + 1")):
            await pilot.press("slash", *typed)
            await until(pilot, lambda: "1 of 1 match" in status(pilot.app))
            await shows(pilot, told)
            await pilot.press("escape")
            await shows(pilot, "2 cohorts")


async def test_a_mark_leaves_the_cursor_where_the_facts_are(desk: Desk) -> None:
    async with on(desk, "cohorts") as pilot:
        screen = pilot.app.screen
        await pilot.press("space")
        await until(pilot, lambda: screen.marked == {desk.carts})
        assert screen.current.cohort_id == desk.carts
        await pilot.press("space")
        await until(pilot, lambda: not screen.marked)


@pytest.mark.parametrize("demo", [True, False], ids=["demo", "no demo"])
async def test_what_is_written_in_the_demo_is_told_to_go_with_it(desk: Desk, *, demo: bool) -> None:
    async with HeaptuiApp(desk.opening, demo=demo).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("4")
        await shows(pilot, "✓ done")
        for key, told in (("e", "1 in runs-"), ("w", "saved: ")):
            await pilot.press(key)
            await until(pilot, lambda told=told: told in status(pilot.app).casefold())
            assert status(pilot.app).startswith(" Kept until the demo ends. ") == demo


async def test_e_writes_people_that_were_never_in_sight(desk: Desk) -> None:
    async with on(desk, "people") as pilot:
        await pilot.press("e")
        await until(pilot, lambda: status(pilot.app).startswith(" 3,900 in "))
    assert [row[0] for row in rows_of(desk.opening.home.out_dir)[1:]] == ids(300, 4200)


async def test_with_a_filter_e_writes_what_matches(desk: Desk) -> None:
    async with on(desk, "people") as pilot:
        await pilot.press("slash", *"u0030", "enter")
        await until(pilot, lambda: "100 of 3,900 match" in status(pilot.app))
        await pilot.press("e")
        await until(pilot, lambda: status(pilot.app).startswith(" 100 in "))
    assert [row[1] for row in rows_of(desk.opening.home.out_dir)[1:]] == ids(3000, 3100)


async def test_a_name_like_a_formula_is_no_formula_in_the_file_and_an_id_stays_an_id(desk: Desk) -> None:
    from heaptui.ui.exports import export_table
    from heaptui.ui.widgets.record_table import Column, RecordTable, Row

    table = RecordTable(Column("Cohort", 0), Column("Id", 0, ids=True), Column("People", 0))
    table.rows = [Row("1", ("=1+1", "-0042", "12,345")), Row("2", ("VIP", "@sato", "·"))]
    await export_table(desk.opening.home, "names", table)
    assert rows_of(desk.opening.home.out_dir)[1:] == [["'=1+1", "-0042", "12345"], ["VIP", "@sato", "·"]]


async def test_a_file_that_cannot_be_finished_does_not_appear(tmp_path: Path) -> None:
    async def lines() -> AsyncIterator[list[list[str]]]:
        yield [["one"]]
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        await write_csv(tmp_path / "rows.csv", ["id"], lines())
    assert list(tmp_path.iterdir()) == []


async def test_escape_brings_the_other_panes_back_before_it_leaves(desk: Desk) -> None:
    async with on(desk, "batches") as pilot:
        await pilot.press("z", "escape")
        await shows(pilot, "[Batches")
        await shows(pilot, "In full")
        await pilot.press("escape")
        await shows(pilot, "newest first")


async def test_a_line_whose_details_cannot_be_read_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreadable(*_: object, **__: object) -> None:
        raise LedgerError("The ledger is away.")

    async with on(desk, "cohorts") as pilot:
        await settled(pilot)
        monkeypatch.setattr(pilot.app.workspace.ledger, "read", unreadable)
        await pilot.press("down", "up")
        await until(pilot, lambda: isinstance(pilot.app.screen, Told))
        await walk_to(pilot, ["escape"])
        assert pilot.app.is_running


@pytest.mark.parametrize("tab", ["1", "2", "3", "4"])
async def test_a_dialog_about_what_cannot_be_read_is_closed_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tab: str
) -> None:
    async def unreadable(*_: object, **__: object) -> None:
        raise LedgerError("The ledger is away.")

    async with on(desk, "cohorts") as pilot:
        await settled(pilot)
        pilot.app.planned = [desk.carts]
        monkeypatch.setattr(pilot.app.workspace.ledger, "read", unreadable)
        await walk_to(pilot, [tab])
        await until(pilot, lambda: isinstance(pilot.app.screen, Told))
        await walk_to(pilot, ["escape"])
        assert not isinstance(pilot.app.screen, Told)
        assert "The ledger is away." in status(pilot.app)


async def test_a_pane_is_alone_until_its_tab_is_left(desk: Desk) -> None:
    async with on(desk, "cohorts") as pilot:
        await pilot.press("z")
        await until(pilot, lambda: "In the cohort" not in text_of(pilot.app))
        await walk_to(pilot, ["question_mark", "escape"])
        await settled(pilot)
        assert "In the cohort" not in text_of(pilot.app)
        await walk_to(pilot, ["4", "1"])
        await shows(pilot, "In the cohort")


@pytest.mark.parametrize(
    ("screen", "told"),
    [
        ("cohorts", "changed since the last sync"),
        ("runs", "Braze accepted every request"),
        ("credentials", "seen to work just now"),
    ],
)
async def test_help_begins_with_what_is_highlighted(desk: Desk, screen: str, told: str) -> None:
    async with on(desk, screen) as pilot:
        await pilot.press("question_mark")
        await shows(pilot, told)


async def test_the_keys_of_the_screen_come_before_those_of_everywhere(desk: Desk) -> None:
    async with on(desk, "upload") as pilot:
        await pilot.press("question_mark")
        await shows(pilot, "Everybody, or only people Braze knows.")
        shown = text_of(pilot.app)
        assert shown.index("Write the file.") < shown.index("Go to the cohorts.")
        assert "Copy the steps for Braze." in shown or "Copy the steps for Braze" in str(pilot.app.screen._lines)


async def test_the_help_of_a_narrow_terminal_goes_on_behind_its_key_and_says_how_it_closes(desk: Desk) -> None:
    async with on(desk, "runs", (60, 20)) as pilot:
        await pilot.press("question_mark")
        await shows(pilot, "esc closes · y copies")
        await pilot.press("end", "pageup")
        await shows(pilot, "of a run that went well")
        shown = [line[3:].rstrip("│ ▁▂▃▄▅▆▇█") for line in lines_of(pilot.app)]
        at = next(number for number, line in enumerate(shown) if line.startswith("y      Copy a message"))
        assert shown[at + 1].startswith("       ")
        assert shown[at + 1].strip()


async def test_the_palette_begins_with_the_keys_of_the_footer_and_ends_with_what_is_not_of_heaptui(desk: Desk) -> None:
    async with on(desk, "cohorts") as pilot:
        await pilot.press("colon")
        await shows(pilot, "(cohorts.mark)")
        listed = pilot.app.screen.query_one(CommandList)
        await until(pilot, lambda: listed.option_count > len(commands_of("cohorts")))
        titles = [str(listed.get_option_at_index(number).prompt) for number in range(listed.option_count)]
        assert [title.split()[0] for title in titles[:5]] == ["mark", "sync", "import", "open", "order"]
        assert titles.index(next(t for t in titles if "(app.quit)" in t)) > titles.index(
            next(t for t in titles if "(cohorts.upload)" in t)
        )
        assert [title.split()[0] for title in titles[-2:]] == ["Theme", "Screenshot"]
        await pilot.press(*"imp", "enter")
        await shows(pilot, "Import a file into a cohort")


async def test_a_name_with_brackets_is_told_as_it_is_in_the_palette(desk: Desk) -> None:
    async with on(desk, "cohorts") as pilot:
        await pilot.app.opened.cohorts.rename(desk.vip, "[b]VIP[/b]")
        await shows(pilot, "[b]VIP[/b]")
        highlight(pilot.app, desk.vip)
        await pilot.press("colon", *"release")
        await shows(pilot, "“[b]VIP[/b]” is not on hold.")


async def test_the_way_back_is_in_the_footer_also_of_a_narrow_terminal(desk: Desk) -> None:
    async with on(desk, "way", (60, 20)) as pilot:
        assert text_of(pilot.app).splitlines()[-1].rstrip().endswith("esc back · ? help · : more")


def test_what_works_everywhere_stands_once_in_the_table() -> None:
    everywhere = {command.key for command in commands_of("") if command.scope == EVERYWHERE}
    assert {"y", "e", "z", "t", "slash", "escape", "question_mark", "colon"} <= everywhere


async def test_what_a_dialog_tells_is_copied_as_honestly(desk: Desk) -> None:
    async with on(desk, "cohorts") as pilot:
        await pilot.press("question_mark", "ｙ")
        await until(pilot, lambda: any(SENT in told.message for told in pilot.app._notifications))
        assert "Plan a sync of what is marked or highlighted." in pilot.app.clipboard


async def test_a_filter_in_the_preview_of_a_segment_is_a_cohort_to_add(desk: Desk) -> None:
    async with on(desk, "segments") as pilot:
        await pilot.press("slash")
        await shows(pilot, "Add a filter")


async def test_a_file_that_cannot_be_written_is_told_and_the_dashboard_goes_on(desk: Desk) -> None:
    desk.opening.home.out_dir.write_text("a file where the folder should be")
    async with on(desk, "runs") as pilot:
        await pilot.press("e")
        await until(pilot, lambda: "Nothing was written" in status(pilot.app))
