"""The format of a source is detected, and can be given instead."""

import io

import pytest

from heaptui.errors import UsageError
from heaptui.sources import Layout, detect_format, inspect_source, open_source, read_ids

TABLE = "user_id,name,mail\n0048213,佐藤 愛,a.sato@example.jp\n0051120,森 健,k.mori@example.jp\n"


def source_of(content: bytes, name="ids.csv"):
    return open_source(io.BytesIO(content), name=name)


def values_of(content: bytes, column=0, **given):
    with source_of(content) as source:
        layout = detect_format(source, **given)
        return [value for chunk in read_ids(source, layout, column) for value in chunk]


@pytest.mark.parametrize(
    ("codec", "shown"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp932", "CP932"),
    ],
)
def test_japanese_tables_are_read_in_every_encoding(codec, shown):
    with source_of(TABLE.encode(codec)) as source:
        inspection = inspect_source(source)
        assert inspection.format.encoding_name == shown
        assert inspection.format.columns == ("user_id", "name", "mail")
        assert inspection.format.layout_name == "comma"
        names = list(read_ids(source, inspection.format, "name"))
    assert names == [["佐藤 愛", "森 健"]]


def test_western_accents_are_not_taken_for_japanese():
    content = "id,name\n1,José Pérez\n2,Zoë Müller\n3,don’t\n4,François\n".encode("cp1252")
    with source_of(content) as source:
        layout = detect_format(source)
        assert layout.encoding_name == "CP1252"
        assert list(read_ids(source, layout, 1)) == [["José Pérez", "Zoë Müller", "don’t", "François"]]


def test_half_width_katakana_is_taken_for_japanese():
    with source_of("id,name\n1,ﾔﾏﾀﾞ\n2,ｻﾄｳ\n".encode("cp932")) as source:
        assert detect_format(source).encoding_name == "CP932"


def test_the_encoding_shows_even_far_into_the_file():
    plain = b"id,name\n" + b"1234567,sato\n" * 200_000
    with source_of(plain + "7654321,佐藤\n".encode("cp932")) as source:
        assert detect_format(source).encoding == "cp932"
    with source_of(plain + "7654321,佐藤\n".encode()) as source:
        assert detect_format(source).encoding == "utf-8"


def test_bytes_that_are_not_utf8_cost_only_their_row():
    content = "".join(f"会員{number}\n" for number in range(50)).encode() + b"\xff\xfe\n" + "会員99\n".encode()
    with source_of(content) as source:
        reading = read_ids(source, detect_format(source), 0)
        assert sum(map(len, reading)) == 51
    assert [(row.line, row.reason) for row in reading.report.bad_rows] == [(51, "not UTF-8")]


def test_a_given_encoding_is_used_and_an_unknown_one_is_an_error():
    content = "会員1\n".encode("euc-jp")
    assert values_of(content, encoding="euc-jp") == ["会員1"]
    for wrong in ("klingon", "base64"):
        with pytest.raises(UsageError, match="Unknown encoding"):
            values_of(content, encoding=wrong)


def test_a_given_encoding_still_drops_the_byte_order_mark():
    assert values_of(b"\xef\xbb\xbfu1\nu2\n", encoding="utf8") == ["u1", "u2"]


@pytest.mark.parametrize(("delimiter", "shown"), [(",", "comma"), ("\t", "tab"), (";", "semicolon"), ("|", "pipe")])
def test_delimiters_are_detected(delimiter, shown):
    rows = [["user_id", "amount", "note"], ["17", "3.5", "a"], ["18", "4.0", "b"]]
    content = "\r\n".join(delimiter.join(row) for row in rows).encode()
    with source_of(content) as source:
        layout = detect_format(source)
        assert (layout.layout_name, layout.columns, layout.header_line) == (shown, tuple(rows[0]), 1)
    assert values_of(content) == ["17", "18"]


def test_decimal_commas_do_not_hide_a_semicolon():
    with source_of(b"id;amount\n1;3,5\n2;4,5\n") as source:
        assert detect_format(source).columns == ("id", "amount")


@pytest.mark.parametrize("rows", ["17,a,\n18,b,\n", '17,"a"b\n18,"c"d\n', "17,a, b\n18,c\n19,d, e\n"])
def test_rows_wider_than_the_header_or_broken_do_not_hide_the_delimiter(rows):
    with source_of(f"id,note\n{rows}".encode()) as source:
        assert detect_format(source).columns == ("id", "note")


def test_a_pipe_within_ids_is_no_delimiter():
    ids = [f"auth0|5f7c8ec7c33c6c004bbafe{number}" for number in range(10, 40)]
    assert values_of("\n".join(ids).encode()) == ids


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_understood(end):
    assert values_of(end.join(["user_id", "u1", "u2", ""]).encode()) == ["u1", "u2"]
    assert values_of(end.join(["id,n", "u1,a", "u2,b"]).encode()) == ["u1", "u2"]


@pytest.mark.parametrize(
    "content",
    [
        "0048213\n0051120\n",
        "u1\nu2\nu3\n",
        "a@example.jp\nb@example.jp\n",
        "u1,x1\nu2,x2\n",
        "17,sato\n18,mori\n",
        "sato\n",
    ],
)
def test_a_first_row_of_ids_is_no_header(content):
    with source_of(content.encode()) as source:
        layout = detect_format(source)
        assert layout.header_line == 0
        assert layout.columns[0] == "column 1"


@pytest.mark.parametrize(
    "content",
    [
        "user_id\nsato\nmori\n",
        "Kunde\n0048213\n0051120\n",
        "people\nu1\nu2\n",
        "Username,Team\nsato,red\nmori,blue\n",
        "会員番号,氏名\n17,佐藤\n",
        "id\n",
    ],
)
def test_a_first_row_of_names_is_a_header(content):
    with source_of(content.encode()) as source:
        assert detect_format(source).header_line == 1


def test_whether_there_is_a_header_can_be_given():
    assert values_of(b"id\n17\n", header=False) == ["id", "17"]
    assert values_of(b"17\n18\n", header=True) == ["18"]


def test_naming_the_column_makes_the_first_row_a_header():
    assert values_of(b"u1\nu2\n", id_column="u1") == ["u2"]


def test_blank_lines_before_the_header_are_passed_over():
    assert values_of(b"\n\nuser_id,plan\n17,pro\n") == ["17"]


def test_a_header_over_several_lines_is_one_row():
    with source_of(b'"user\nid",plan\n17,pro\n18,pro\n') as source:
        layout = detect_format(source)
        reading = read_ids(source, layout, 0)
        assert list(reading) == [["17", "18"]]
        assert reading.report.rows == 2


def test_json_lines_are_detected():
    with source_of(b'{"user_id": "a", "n": 1}\n{"user_id": "b", "extra": null}\n') as source:
        layout = detect_format(source)
        assert (layout.layout, layout.columns) == (Layout.JSON_OBJECTS, ("user_id", "n", "extra"))
        assert layout.layout_name == "JSON lines"
    with source_of(b'"a"\n"b"\n12\n', name="ids.jsonl") as source:
        assert detect_format(source).layout == Layout.JSON_VALUES
    with source_of(rb'"\u4f50"' + b'\n"b"\n') as source:
        assert detect_format(source).layout == Layout.JSON_VALUES


def test_quoted_lines_without_a_json_ending_are_csv():
    assert values_of(b'"a"\n"b""c"\n') == ["a", 'b"c']


def test_a_column_is_found_by_name_by_number_or_nearly():
    with source_of(b"User ID,plan,plan\n1,x,y\n") as source:
        layout = detect_format(source)
    assert layout.column_index("User ID") == 0
    assert layout.column_index("user_id") == 0
    assert layout.column_index("3") == 2
    with pytest.raises(UsageError, match="More than one column"):
        layout.column_index("plan")
    with pytest.raises(UsageError, match="There is no column plam") as caught:
        layout.column_index("plam")
    assert caught.value.hint == "Did you mean plan?"
