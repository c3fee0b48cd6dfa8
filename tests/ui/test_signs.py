"""Text as the screens lay it out: widths are cells, whatever the letters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from heaptui.ui import signs

TEXT = st.text(st.sampled_from("ab 高カ（）…1"), max_size=60)


@given(st.text(max_size=300) | TEXT, st.integers(4, 60), st.none() | st.integers(0, 12))
def test_wrapped_lines_fit_and_no_letter_is_lost(text: str, width: int, indent: int | None) -> None:
    text = signs.safe(text)
    pieces = signs.wrap(text, width, indent)
    assert all(cell_len(piece) <= width for piece in pieces)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")


@given(TEXT, st.integers(-9, 3))
def test_what_has_no_room_is_broken_all_the_same(text: str, width: int) -> None:
    assert "".join(signs.wrap(text, width)).replace(" ", "") == text.replace(" ", "")


def test_what_follows_stands_behind_its_label() -> None:
    assert signs.wrap("Who mends  a Braze admin copies the key", 24) == [
        "Who mends  a Braze admin",
        "           copies the",
        "           key",
    ]
    assert signs.wrap("1  dashboard › Audience › Segments", 22) == ["1  dashboard ›", "   Audience › Segments"]


@given(TEXT, st.integers(0, 40))
def test_fitted_text_is_exactly_as_wide_as_asked(text: str, width: int) -> None:
    assert cell_len(signs.fit(text, width)) == width


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=200), st.integers(20, 80), st.integers(1, 5))
def test_a_chart_is_no_wider_than_asked_and_its_highest_column_reaches_the_top(
    values: list[int], width: int, height: int
) -> None:
    lines = signs.chart(values, width, height)
    assert all(cell_len(line) <= width for line in lines)
    shown = values[-(width - 8) :]
    if max(values) and max(shown) == max(values):
        assert len(lines) == height
        assert "█" in lines[0]


def test_who_waits_fits_its_column_whatever_their_number() -> None:
    assert [signs.waiting(*both) for both in ((0, 0), (1204, 310), (12_352, 11_133), (999_950, 999_950))] == [
        "·",
        "+1,204 −310",
        "+12k −11k",
        "+1000k −1000k",
    ]


def test_counts_on_the_edge_of_a_chart_are_short() -> None:
    assert [signs.short(count) for count in (0, 950, 1500, 12_345, 2_000_000)] == ["0", "950", "1.5k", "12k", "2M"]
