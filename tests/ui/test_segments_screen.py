"""The segments tab with keys only: build, count, keep, look up, and go on when Braze does not answer."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from heaptui.sandbox.world import Segment
from heaptui.ui.app import HeaptuiApp
from heaptui.ui.screens.segments import SegmentsScreen
from tests.ui.conftest import SIZES, Desk, highlight, lines_of, shows, status, text_of, until


def with_rest(desk: Desk, sandbox: Any) -> HeaptuiApp:
    desk.opening.environ["HEAPTUI_REST_API_KEY"] = sandbox.keys.rest_api_key
    return HeaptuiApp(desk.opening)


async def opened(pilot: Any, expression: str) -> None:
    """Go to the tab and type an expression."""
    await shows(pilot, "Cart abandoners")
    await pilot.press("2")
    await shows(pilot, "[2 Segments]")
    await until(pilot, lambda: pilot.app.screen.cohorts)
    await pilot.press("equals_sign")
    pilot.app.screen.query_one("#expression").value = expression
    await pilot.press("enter")
    await shows(pilot, "in Heap now")


CARTS_WITHOUT_VIP = '"Cart abandoners" and not "VIP 2024"'


@pytest.mark.parametrize("size", SIZES)
async def test_the_builder_fits_every_size_with_its_counts(desk: Desk, size: tuple[int, int]) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=size) as pilot:
        await opened(pilot, '"カート放棄（高額）" and not "VIP 2024"')
        await shows(pilot, "Exclusion group 1")
        await shows(pilot, "takes away")
        await shows(pilot, "= 250 people in Heap now, exact")
        await shows(pilot, "never synced")
        lines = lines_of(pilot.app)
        assert len(lines) == size[1]
        assert all(cell_len(line) == size[0] for line in lines), [line for line in lines if cell_len(line) != size[0]]
        if size[0] >= 110:
            await shows(pilot, "Click in Braze")
            await shows(pilot, "Two ways to the same people")
        for view in ("[In Braze]", "[Overlap]"):
            await pilot.press("tab")
            await shows(pilot, view)
            assert all(cell_len(line) == size[0] for line in lines_of(pilot.app))
        await shows(pilot, "Some of them")


@pytest.mark.parametrize("size", SIZES)
async def test_an_empty_segment_says_in_full_how_it_is_filled_and_has_no_empty_titles(
    desk: Desk, size: tuple[int, int]
) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=size) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("2")
        await shows(pilot, "b opens a draft.")
        assert "Click in Braze" not in text_of(pilot.app)
        assert "Before it works in Braze" not in text_of(pilot.app)
        await pilot.press("p")
        await shows(pilot, "[1 Cohorts")
        await pilot.press("space", "p")
        await shows(pilot, "Before it works in Braze")


async def test_a_segment_is_built_with_keys_turned_and_taken_apart(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("2")
        await shows(pilot, "Nothing here yet")
        await pilot.press("plus", *"cart", "enter")
        await shows(pilot, "= 3,900 people in Heap now, exact")
        await pilot.press("plus", *"vip", "enter")
        await shows(pilot, '"Cart abandoners" and "VIP 2024"')
        await pilot.press("o")
        await shows(pilot, '"Cart abandoners" or "VIP 2024"')
        await shows(pilot, "= 3,902 people in Heap now")
        await pilot.press("i")
        await shows(pilot, "does not include")
        await pilot.press("delete")
        await pilot.press("minus", *"高額", "enter")
        await shows(pilot, "AND NOT")
        await shows(pilot, "= 3,850 people in Heap now")
        await pilot.press("plus")
        pilot.app.screen.query_one("#wanted").value = "Email Available is true"
        await pilot.pause()
        await pilot.press("enter")
        await shows(pilot, "A filter that only Braze can evaluate")
        await pilot.press("d")
        await until(pilot, lambda: "only Braze" in status(pilot.app))


async def test_a_mistake_in_the_text_is_told_while_typing(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("2")
        await until(pilot, lambda: pilot.app.screen.cohorts)
        await pilot.press("equals_sign")
        await pilot.press(*"vip")
        await until(pilot, lambda: "“VIP 2024”" in status(pilot.app))
        pilot.app.screen.query_one("#expression").value = '"VIP 2024"'
        await shows(pilot, "= 2 people in Heap now")
        await pilot.press("escape")
        await shows(pilot, "Nothing here yet")


async def test_what_a_japanese_input_method_types_is_understood(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await opened(pilot, '"VIP 2024"')
        await pilot.press("equals_sign")
        field = pilot.app.screen.query_one("#expression")
        field.value = "「カート放棄（高額）」"
        field.cursor_position = len(field.value)
        await pilot.press("\u3000", *"and", "\u3000", *"not", "\u3000", "“", *"VIP", "space", *"2024", "”", "enter")
        await shows(pilot, "= 250 people in Heap now")


async def test_a_draft_is_kept_and_opened_by_the_next_dashboard(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await opened(pilot, CARTS_WITHOUT_VIP)
        await pilot.press("w")
        await shows(pilot, "Keep as a draft")
        await pilot.press(*"Mine", "enter")
        await shows(pilot, "Kept as “Mine”")
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("2")
        await shows(pilot, CARTS_WITHOUT_VIP)
        await pilot.press("x")
        await shows(pilot, "Nothing here yet")
        await pilot.press("b", "enter")
        await shows(pilot, CARTS_WITHOUT_VIP)


async def test_what_is_missing_is_planned_and_the_clicks_are_shown(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await opened(pilot, '"Cart abandoners" and not "カート放棄（高額）"')
        await pilot.press("c")
        await shows(pilot, "Audience › Segments › Create Segment")
        await shows(pilot, "Heap Cohorts › includes › カート放棄（高額）")
        await pilot.press("escape", "c")
        await shows(pilot, "Engagement › Segments")
        await pilot.press("escape", "y")
        await until(pilot, lambda: "as text; y again: as Markdown" in status(pilot.app))
        assert "AND NOT" in pilot.app.clipboard
        await pilot.press("y", "y")
        await until(pilot, lambda: '"in_braze_now"' in pilot.app.clipboard)
        await pilot.press("s")
        await shows(pilot, "nothing has been sent")
        assert set(pilot.app.planned) == {desk.carts, desk.trials}


async def test_marked_cohorts_are_previewed_and_one_of_them_becomes_a_cohort_of_its_own(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        for cohort in (desk.carts, desk.vip):
            highlight(pilot.app, cohort)
            await pilot.press("space")
        await pilot.press("p")
        await shows(pilot, "= 3,902 people in Heap now")
        await pilot.press("d")
        await shows(pilot, "As own cohort (d)")
        await pilot.press(*"Both", "enter")
        await shows(pilot, "“Both” is a cohort of 3,902 people now")
        await pilot.press("1")
        await shows(pilot, "Both")
        highlight(pilot.app, next(row.key for row in pilot.app.screen.table.rows if row.cells[0] == "Both"))
        await shows(pilot, 'Computed    "Cart abandoners" or "VIP 2024"')


async def test_overlaps_show_a_matrix_regions_and_people(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(120, 36)) as pilot:
        await opened(pilot, CARTS_WITHOUT_VIP)
        await pilot.press("tab", "tab")
        await shows(pilot, "[Overlap]")
        await shows(pilot, "In exactly these")
        await shows(pilot, "only Cart abandoners")
        await shows(pilot, "Some of them, 24 of 3,850")
        assert "━" in text_of(pilot.app)


async def test_a_match_rate_is_measured_and_stays_on_both_tabs(sandbox: Any, desk: Desk) -> None:
    async with with_rest(desk, sandbox).run_test(size=(120, 36)) as pilot:
        await opened(pilot, '"VIP 2024"')
        await pilot.press("m")
        await shows(pilot, "2 of them exist in Braze, all 2 asked")
        await pilot.press("1")
        await shows(pilot, "100 %")
        await pilot.press("2", "tab", "1", "2")
        await shows(pilot, "[2 Segments]")


def build(sandbox: Any, count: int, desk: Desk) -> None:
    for number in range(count):
        segment = Segment(f"s{number}", f"Segment {number}", description="Everybody", sizes=[100 + number] * 29)
        sandbox.world.segments[segment.segment_id] = segment
    sandbox.world.segments["ours"] = Segment("ours", "Our carts", include=[desk.carts], sizes=list(range(1, 30)))


async def test_five_hundred_segments_stream_in_and_can_be_filtered(sandbox: Any, desk: Desk) -> None:
    build(sandbox, 500, desk)
    sandbox.fault(effect="slow", seconds=0.01, match={"path": "/segments/details"})
    async with with_rest(desk, sandbox).run_test(size=(80, 24)) as pilot:
        await opened(pilot, '"Cart abandoners"')
        await pilot.press("tab")
        await shows(pilot, "Segment 0")
        assert "reading" in text_of(pilot.app), "the first page is there before the texts are"
        await shows(pilot, "[In Braze 501]")
        # Another tab ends the reading; this one goes on with it.
        await pilot.press("1")
        await shows(pilot, "[1 Cohorts]")
        await pilot.press("2")
        await shows(pilot, "[In Braze 501]")
        await pilot.press("slash", *"our carts", "enter")
        await shows(pilot, "1 of 501")
        await shows(pilot, "501 of 501 read", 30)
        await shows(pilot, "Mentions    Cart abandoners")
        await shows(pilot, "People each day")
        assert any("┤" in line and "█" in line for line in lines_of(pilot.app))
        await pilot.press("escape", "tab", "tab")
        await shows(pilot, "[Preview]")


@pytest.mark.parametrize("effect", [401, 403, 429, 500, "slow"])
async def test_the_screen_stays_usable_whatever_braze_answers(
    sandbox: Any, desk: Desk, effect: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heaptui.clients.braze_rest.BACKOFF_SECONDS", 0.01)
    build(sandbox, 5, desk)
    rule = {"effect": "slow", "seconds": 3} if effect == "slow" else {"effect": "status", "status": effect}
    sandbox.fault(**rule, reset="delta", seconds=500) if effect == 429 else sandbox.fault(**rule)
    async with with_rest(desk, sandbox).run_test(size=(80, 24)) as pilot:
        await opened(pilot, '"VIP 2024"')
        await pilot.press("tab")
        if effect == "slow":
            await shows(pilot, "reading")
        else:
            await shows(pilot, "✗")
            await shows(pilot, "segments.list" if effect == 403 else str(effect))
        await pilot.press("tab", "tab")
        await shows(pilot, "= 2 people in Heap now")
        await pilot.press("m")
        if effect != "slow":
            await shows(pilot, "users.export.ids" if effect == 403 else str(effect))
            await pilot.press("escape")
        await pilot.press("x")
        await shows(pilot, "Nothing here yet")


async def test_the_first_screen_is_not_kept_waiting_by_the_tab(desk: Desk) -> None:
    async with HeaptuiApp(desk.opening).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("2")
        await until(pilot, lambda: isinstance(pilot.app.screen, SegmentsScreen))
        await pilot.press("tab")
        await until(pilot, lambda: "REST key" in status(pilot.app))


async def test_the_import_ranks_columns_by_how_many_of_their_ids_exist(sandbox: Any, desk: Desk, tmp_path: Any) -> None:
    rows = [f"{number},a{number}@example.jp,u{number:06d}\n" for number in range(400)]
    file = tmp_path / "export.csv"
    file.write_text("user_id,Identity,crm\n" + "".join(rows))
    async with with_rest(desk, sandbox).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("i")
        await shows(pilot, "importing sends nothing")
        pilot.app.screen.query_one("#path").value = str(file)
        await pilot.press("enter")
        await shows(pilot, "100 %")
        table = pilot.app.screen.query_one("#column-table")
        assert [row.cells[0] for row in table.rows] == ["crm", "user_id", "Identity"]
        await until(pilot, lambda: table.cursor == 0)
        table.cursor = 2
        await pilot.press("w")
        await shows(pilot, "an e-mail address where an id is")
    assert sandbox.braze.rest.highest["/users/export/ids"] <= 20


async def test_the_import_goes_by_looks_where_braze_cannot_be_asked(sandbox: Any, desk: Desk, tmp_path: Any) -> None:
    sandbox.braze.rest.permissions.discard("users.export.ids")
    file = tmp_path / "export.csv"
    file.write_text("user_id,Identity\nu000001,a@example.jp\n")
    async with with_rest(desk, sandbox).run_test(size=(80, 24)) as pilot:
        await shows(pilot, "Cart abandoners")
        await pilot.press("i")
        pilot.app.screen.query_one("#path").value = str(file)
        await pilot.press("enter")
        await shows(pilot, "users.export.ids")
        await shows(pilot, "1 person")
