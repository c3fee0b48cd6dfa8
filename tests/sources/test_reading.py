"""Reading ids: every valid value verbatim, every other row with its line and reason."""

import csv
import hashlib
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaptui.model.identifiers import MAX_BYTES, invalid_reason
from heaptui.sources import (
    Format,
    Layout,
    ReadingCancelled,
    detect_format,
    open_source,
    read_ids,
    shown,
)
from heaptui.sources.read import CHUNK, MAX_BAD_ROWS
from heaptui.sources.validity import all_plainly_valid, sift

CELL = st.text(max_size=12)
ANY_CELL = st.text(st.characters(), max_size=12)  # lone surrogates too


def read(content: bytes, column=0, layout=None, name="ids.csv"):
    with open_source(io.BytesIO(content), name=name) as source:
        reading = read_ids(source, layout or detect_format(source), column)
        values = [value for chunk in reading for value in chunk]
    assert reading.report.complete
    assert reading.report.valid == len(values)
    assert reading.report.invalid == sum(reading.report.reasons.values())
    return values, reading.report


def bad(report):
    return [(row.line, row.reason) for row in report.bad_rows]


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=20),
    delimiter=st.sampled_from(",\t;|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]),
    end=st.sampled_from(["\n", "\r\n"]),
    column=st.integers(0, 2),
)
def test_what_csv_writes_is_read_back_exactly(rows, delimiter, quoting, codec, end, column):
    text = io.StringIO(newline="")
    names = ("a" * 10_000, "b", "c")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([names, *rows])
    layout = Format(Layout.SEPARATED, codec, delimiter, header_line=1, columns=names)
    values, report = read(text.getvalue().encode(codec), column, layout)
    assert values == [row[column] for row in rows if invalid_reason(row[column]) is None]
    assert report.rows == len(rows)


@settings(deadline=None)
@given(st.lists(st.text("あ漢ｱ会員Aa0,\"'|\\ ~-\n", max_size=8), min_size=1, max_size=20))
def test_cp932_is_read_back_exactly(ids):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[value, "x"] for value in ids])
    layout = Format(Layout.SEPARATED, "cp932", ",", columns=("a", "b"))
    assert read(text.getvalue().encode("cp932"), 0, layout)[0] == [v for v in ids if invalid_reason(v) is None]


@settings(deadline=None)
@given(st.lists(ANY_CELL, min_size=1, max_size=20), st.booleans(), st.booleans())
def test_json_lines_are_read_back_exactly(ids, as_objects, escaped):
    lines = [json.dumps({"n": 1, "id": value} if as_objects else value, ensure_ascii=escaped) for value in ids]
    layout = Format(
        Layout.JSON_OBJECTS if as_objects else Layout.JSON_VALUES, "utf-8", columns=("id",) if as_objects else ("v",)
    )
    values, report = read("\n".join(lines).encode("utf-8", "surrogatepass"), 0, layout)
    assert values == [value for value in ids if invalid_reason(value) is None]
    assert bad(report) == [
        (line, reason) for line, value in enumerate(ids, 1) if (reason := invalid_reason(value)) is not None
    ]


@settings(deadline=None)
@given(st.lists(ANY_CELL | st.text("a \n", max_size=3) | st.sampled_from(["x" * MAX_BYTES, "x" * 988, "é" * 494])))
def test_the_fast_check_agrees_with_the_validator(values):
    reasons = [invalid_reason(value) for value in values]
    if all_plainly_valid(values):
        assert not any(reasons)
    kept, lines, refused = sift(values, range(1, len(values) + 1))
    assert kept == [value for value, reason in zip(values, reasons, strict=True) if reason is None]
    assert [values[line - 1] for line in lines] == kept
    assert [(line, reason) for line, reason, _ in refused] == [
        (n, reason) for n, reason in enumerate(reasons, 1) if reason
    ]


def test_thirty_seven_bad_rows_are_named_and_the_rest_goes_in():
    rows = [f"{number:07d}" for number in range(100_000)]
    kinds = {"empty": "", "too long": "x" * 988, "control character": "a\x07b", "lone surrogate": "\ud800"}
    expected = []
    for place in range(37):
        reason = list(kinds)[place % 4]
        rows.insert(place * 2_000 + 5, kinds[reason])
        expected.append((place * 2_000 + 5 + 2, reason))
    content = "\n".join(["user_id,plan", *(f"{row},pro" for row in rows)]).encode("utf-8", "surrogatepass")
    values, report = read(content)
    assert bad(report) == expected
    assert (report.rows, report.valid, report.invalid) == (100_037, 100_000, 37)
    assert values == [f"{number:07d}" for number in range(100_000)]
    assert report.empty == 10


def test_a_lone_surrogate_is_named_in_utf16_too():
    values, report = read("user_id\nu1\n\ud800\nu2\n".encode("utf-16", "surrogatepass"))
    assert values == ["u1", "u2"]
    assert [row.line for row in report.bad_rows] == [3]


def test_values_are_never_trimmed():
    values, report = read(b"user_id,plan\n 17,x\n18 ,x\n\xe3\x80\x8019,x\n20,x\n   ,x\n")
    assert values == [" 17", "18 ", "\u300019", "20"]
    assert (report.damage.blanks.count, report.damage.blanks.lines) == (3, [2, 3, 4])
    assert bad(report) == [(6, "empty")]


def test_blank_lines_are_empty_rows():
    for content in (b"u1\n\nu2\n", b"u1,a\n\nu2,b\n", b'"u1"\n\n"u2"\n', b'"u1",a\n\n"u2",b\n'):
        values, report = read(content)
        assert (values, bad(report)) == (["u1", "u2"], [(2, "empty")])


def test_a_row_without_the_column_is_invalid():
    for content in (b"a,b,id\n1,2,3\n4,5\n6,7,8\n", b'a,b,id\n1,2,"3"\n4,5\n6,7,8\n'):
        values, report = read(content, "id")
        assert values == ["3", "8"]
        assert [(row.line, row.reason, row.shown) for row in report.bad_rows] == [
            (3, "no such column in this row", "4,5")
        ]


def test_rows_with_too_many_columns_are_counted():
    for content in (b"id,name\n1,Sato\n2,Mori, Ken\n", b'id,name\n1,"Sato"\n2,Mori, Ken\n'):
        values, report = read(content)
        assert values == ["1", "2"]
        assert (report.longer.count, report.longer.lines) == (1, [3])


def test_quoted_cells_may_hold_delimiters_quotes_and_lines():
    content = b'note,id\n"a, ""b""\nc",17\n"",18\nplain 5" pipe,19\n"x\r\ny",20\n,\n'
    values, report = read(content, "id")
    assert values == ["17", "18", "19", "20"]
    assert bad(report) == [(8, "empty")]


def test_a_quoted_cell_may_cross_blocks():
    filler = "".join(f"{number},x\n" for number in range(200_000))
    text = f'id,note\n{filler}a1,"' + "long\n" * 20_000 + f'"\n{filler}b2,"y"\n'
    values, report = read(text.encode())
    assert (len(values), report.invalid) == (400_002, 0)
    assert values[-1] == "b2"


def test_a_quote_that_is_never_closed_costs_one_row():
    rows = "".join(f"{number},x\n" for number in range(150_000))
    for stray in ('bad,"x', '"bad,x', '"bad"x,y'):
        values, report = read(f"id,note\n{rows}{stray}\n{rows}".encode())
        assert len(values) == 300_000
        assert bad(report) == [(150_002, "quotes do not match")]


def test_a_quote_closed_by_a_later_row_costs_one_row():
    values, report = read(b'id,note\n1,"x\n2,y\n3,"z"\n4,w\n')
    assert (values, bad(report)) == (["2", "3", "4"], [(2, "quotes do not match")])


def test_a_stray_carriage_return_is_a_control_character():
    for content in (b"u1\nu2\ru3\nu4\n", b'"u1"\nu2\ru3\nu4\n'):
        values, report = read(content)
        assert (values, bad(report)) == (["u1", "u4"], [(2, "control character")])
        assert report.bad_rows[0].shown == "u2␛u3"


def test_a_line_end_split_by_two_blocks_is_one_line_end():
    content = b"x" * 900 + b"\r\n"
    for shift in range(3):
        values, report = read(b"y" * shift + content * 3_000, layout=Format(Layout.SEPARATED, "utf-8"))
        assert (len(values), report.invalid) == (3_000, 0)


def test_json_values_that_are_no_ids_are_named():
    lines = [
        b'"a"',
        b"12",
        b"1e3",
        b"1.0",
        b"null",
        b"true",
        b"[1]",
        b'{"id": 1}',
        b"oops",
        b"",
        b"NaN",
        b'"\\ud800"',
        b'"b" "c"',
    ]
    values, report = read(b"\n".join([*lines, b"[" * 100_000]), layout=Format(Layout.JSON_VALUES, "utf-8"))
    assert values == ["a", "12", "1e3", "1.0"]
    neither = "neither text nor a number"
    assert bad(report) == [
        (5, "empty"),
        (6, neither),
        (7, neither),
        (8, neither),
        (9, "not JSON"),
        (10, "empty"),
        (11, "not JSON"),
        (12, "lone surrogate"),
        (13, "not JSON"),
        (14, "not JSON"),
    ]
    assert report.damage.rounded.lines == [3]
    assert report.damage.decimal.lines == [4]


def test_json_objects_give_the_value_of_the_key():
    content = b'{"id": 12345678901234567890, "m": "x"}\n{"m": "y"}\n{"id": ["a"]}\n{"id": null}\n"id"\n{"id": "b"}\n'
    values, report = read(content, "id")
    assert values == ["12345678901234567890", "b"]
    assert bad(report) == [
        (2, "no such column in this row"),
        (3, "neither text nor a number"),
        (4, "empty"),
        (5, "no such column in this row"),
    ]


def test_what_a_spreadsheet_damaged_is_counted_and_kept():
    values, report = read("user_id\n1.23E+15\n1.23457e+15\n17.0\n１２３\n0048213\n1E+15\nE+1\nv1.0\n".encode())
    assert len(values) == 8
    damage = report.damage
    assert (damage.rounded.count, damage.rounded.lines) == (3, [2, 3, 7])
    assert (damage.decimal.count, damage.decimal.lines) == (1, [4])
    assert (damage.wide.count, damage.wide.lines) == (1, [5])
    assert (damage.leading_zero.count, damage.leading_zero.lines) == (1, [6])
    assert damage


def test_zeros_that_may_be_lost_are_suspected():
    kept = [f"{number * 7919 % 10_000_000:07d}" for number in range(1, 1_001)]
    _, whole = read("\n".join(kept).encode())
    assert whole.damage.leading_zero
    assert not whole.damage.maybe_lost_zeros
    _, report = read("\n".join(value.lstrip("0") for value in kept).encode())
    assert report.damage.usual_width == 7
    assert report.damage.maybe_lost_zeros.count == whole.damage.leading_zero.count
    assert report.damage.maybe_lost_zeros.lines == whole.damage.leading_zero.lines


def test_undamaged_ids_raise_no_suspicion():
    for values in (["u1", "u22"] * 20, ["1", "22", "333"] * 20, ["0x12", "3e5a"] * 20):
        assert not read("\n".join(values).encode())[1].damage


def test_bad_rows_are_kept_up_to_a_limit_and_counted_beyond():
    _, report = read(b"id\n" + b"a long id with\x01 inside\n" * 5_000)
    assert len(report.bad_rows) == MAX_BAD_ROWS
    assert report.reasons == {"control character": 5_000}


def test_values_are_shown_without_what_cannot_be_seen():
    assert shown("a\x1b[2Jb\u202ec\ud800") == "a␛[2Jb␛c␛"
    assert shown("a\tb") == r"a\tb"
    assert shown("x" * 60) == "x" * 60
    assert shown("x" * 61) == "x" * 59 + "…"


def test_chunks_have_a_size_and_the_report_a_digest(tmp_path):
    content = "".join(f"{number}\n" for number in range(50_000)).encode()
    (tmp_path / "ids.txt").write_bytes(content)
    with open_source(tmp_path / "ids.txt") as source:
        reading = read_ids(source, detect_format(source), 0)
        assert [len(chunk) for chunk in reading] == [CHUNK, CHUNK, 10_000]
        assert reading.report.digest == source.digest == hashlib.sha256(content).hexdigest()
        assert reading.report.bytes_read == reading.report.bytes_total == source.size == len(content)
        assert source.modified_at == (tmp_path / "ids.txt").stat().st_mtime


def test_progress_is_told_and_reading_can_be_cancelled():
    content = b"1234567\n" * 1_000_000
    told = []
    with open_source(io.BytesIO(content)) as source:
        layout = detect_format(source)
        list(read_ids(source, layout, 0, progress=lambda report: told.append(report.bytes_read)))
        assert told[-1] == len(content)
        assert told == sorted(told)
        assert len(told) >= 7
        reading = read_ids(source, layout, 0, cancelled=lambda: reading.report.rows > 200_000)
        with pytest.raises(ReadingCancelled):
            list(reading)
        assert not reading.report.complete
        assert not reading.report.digest
