"""The look at a source before it is imported."""

import io

import pytest

from heaptui.sources import inspect_source, open_source
from heaptui.sources.columns import looks_like


def inspected(content: bytes, name="ids.csv", **given):
    with open_source(io.BytesIO(content), name=name) as source:
        return inspect_source(source, **given)


def test_an_export_is_described_column_by_column():
    rows = [
        f"{number * 7919 % 10_000_000:07d},p{number % 900}@例.jp,{7812234509112880 + number}" for number in range(1_000)
    ]
    rows += ["0048213,,7812234509119999", "0007919,x@例.jp,7812234509119998"]
    inspection = inspected("\r\n".join(["user_id,Identity,Heap user id", *rows]).encode("cp932"))
    assert (inspection.rows, inspection.rows_exact, inspection.format.encoding_name) == (1_002, True, "CP932")
    user, identity, heap = inspection.columns
    assert (user.name, user.looks, user.repeated, user.filled) == ("user_id", "7 digits", 1, 1.0)
    assert user.example == "0000000"
    assert user.damage.leading_zero
    assert (identity.looks, identity.repeated) == ("e-mail", 100)
    assert 0.99 < identity.filled < 1
    assert heap.looks == "Heap's own id"
    assert inspection.best == 0
    assert inspection.first_rows[1] == ("0007919", "p1@例.jp", "7812234509112881")


@pytest.mark.parametrize(
    ("values", "looks"),
    [
        (["0048213", "0051120"], "7 digits"),
        (["1", "22", "4444"], "1 to 4 digits"),
        (["a@example.jp", "b.c@x.co.uk"], "e-mail"),
        (["5f7c8ec7-c33c-4c00-8bba-fe1234567890"], "UUID"),
        (["7812234509112880"], "Heap's own id"),
        (["+81 90-1234-5678", "(03) 1234-5678", "090-1234-5678"], "phone"),
        (["user_17", "2025-12-03"], "text"),
        (["0048213"] * 9 + ["n/a"], "7 digits"),
        ([], "text"),
        (["", " "], "text"),
    ],
)
def test_values_have_a_look(values, looks):
    assert looks_like(values) == looks


@pytest.mark.parametrize(
    ("header", "row", "best"),
    [
        ("email,external_id,id", "a@x.jp,u1,9", "external_id"),
        ("Heap user id,Identity", "7812234509112880,u1", "Identity"),
        ("plan,city,id", "pro,osaka,17", "id"),
        ("email,user_id", "a@x.jp,u1", "user_id"),
        ("name,email", "sato,a@x.jp", "email"),
        ("氏名,会員番号", "佐藤,0012", "会員番号"),
        ("when,member code", "tuesday,0017", "member code"),
    ],
)
def test_the_most_likely_id_column_is_proposed(header, row, best):
    inspection = inspected(f"{header}\n{row}\n".encode())
    assert inspection.columns[inspection.best].name == best


def test_an_empty_id_column_is_not_proposed():
    rows = "".join(f",c{number}\n" for number in range(50))
    inspection = inspected(f"external_id,customer code\n{rows}".encode())
    assert inspection.columns[0].filled == 0.0


def test_rows_of_long_sources_are_counted_beyond_the_sample():
    inspection = inspected(b"id,plan\n" + b"0048213,pro\n" * 500_000)
    assert (inspection.rows, inspection.rows_exact) == (500_000, True)
    assert inspection.rows_looked_at < 500_000
    quoted = inspected(b"id,plan\n" + b'0048213,"pro"\n' * 500_000)
    assert (quoted.rows, quoted.rows_exact) == (500_000, False)
    two_lines_each = inspected(b"id,note\n" + b'0048213,"a\nb"\n' * 300_000)
    assert two_lines_each.rows == pytest.approx(300_000, rel=0.01)


def test_rows_of_very_long_sources_are_estimated(monkeypatch):
    monkeypatch.setattr("heaptui.sources.inspect.COUNTED_BYTES", 1_000_000)
    inspection = inspected(b"id,plan\n" + b"0048213,pro\n" * 500_000)
    assert not inspection.rows_exact
    assert inspection.rows == pytest.approx(500_000, rel=0.01)


def test_json_objects_are_described_by_key():
    inspection = inspected(b'{"user_id": 17, "mail": "a@x.jp"}\noops\n{"user_id": 18, "tags": ["x"]}\n', "a.jsonl")
    assert (inspection.rows, inspection.broken) == (3, 1)
    assert [column.name for column in inspection.columns] == ["user_id", "mail", "tags"]
    assert inspection.columns[0].examples == ("17", "18")
    assert inspection.best == 0


def test_a_header_alone_has_no_rows():
    inspection = inspected(b"user_id,plan\n")
    assert (inspection.rows, inspection.rows_exact, inspection.first_rows) == (0, True, ())
    assert [column.name for column in inspection.columns] == ["user_id", "plan"]


def test_a_last_row_with_an_open_quote_is_counted():
    inspection = inspected(b'user_id,note\n17,"x"\n18,"y\n')
    assert (inspection.rows, inspection.broken) == (2, 1)
