"""Files that are no lists of ids are refused with a title, a detail and a hint."""

import gzip
import io
import os
import sqlite3
import threading
import zipfile

import pytest

from heaptui.errors import ExitCode, UsageError
from heaptui.sources import inspect_source, open_source, read_ids


def refusal(path) -> UsageError:
    with pytest.raises(UsageError) as caught, open_source(path) as source:
        inspect_source(source)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.title
    assert caught.value.detail
    assert caught.value.hint
    return caught.value


def written(tmp_path, content: bytes, name="ids.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", b"\r\n"])
def test_an_empty_file_is_refused(tmp_path, content):
    assert refusal(written(tmp_path, content)).title == "The file is empty."


def test_a_missing_file_is_refused(tmp_path):
    assert refusal(tmp_path / "nowhere.csv").title == "The file does not exist."
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file" / "below.csv").title == "The file does not exist."
    assert refusal("a\x00b.csv").title == "The file does not exist."


def test_a_folder_is_refused(tmp_path):
    assert refusal(tmp_path).title == "This is a folder."


def test_a_name_the_system_cannot_open_is_refused(tmp_path):
    assert refusal(tmp_path / ("x" * 300)).title == "The file cannot be read."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    path = written(tmp_path, b"1\n")
    path.chmod(0)
    assert refusal(path).title == "The file may not be read."


def test_an_excel_workbook_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "book.csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    error = refusal(path)
    assert error.title == "This is an Excel workbook."
    assert "CSV UTF-8" in error.hint


def test_archives_and_databases_are_refused_by_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("ids.csv", "1\n2\n")
    assert refusal(tmp_path / "a.zip").title == "This is a zip archive."
    assert "gzip" in refusal(written(tmp_path, gzip.compress(b"1\n2\n"))).title
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    assert refusal(tmp_path / "a.db").title == "This is an SQLite database."
    assert refusal(written(tmp_path, b"PAR1\x15\x04\x00\x00\x12")).title == "This is a Parquet file."


def test_other_binary_data_is_refused(tmp_path):
    assert refusal(written(tmp_path, bytes(range(256)) * 40)).title == "This is not a text file."


def test_ids_that_begin_like_a_signature_are_no_archive(tmp_path):
    with open_source(written(tmp_path, b"ORC-1\nBZh-2\nPAR1-3\n")) as source:
        assert inspect_source(source).rows == 3


def test_a_few_control_characters_do_not_make_a_file_binary(tmp_path):
    with open_source(written(tmp_path, b"a\x00b\n12\n13\n\x01\n")) as source:
        assert inspect_source(source).rows == 4


def test_a_json_document_is_refused_with_the_way_out(tmp_path):
    for content in (b'["a", "b"]', b'[\n  "a",\n  "b"\n]', b'{\n  "ids": ["a"]\n}'):
        error = refusal(written(tmp_path, content, "ids.json"))
        assert error.title == "This is one JSON document, not JSON lines."
        assert "jq" in error.hint


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'<?xml version="1.0"?>\n<users>\n<id>1</id>\n</users>\n', "XML"),
        (b"<users>\n  <id>1</id>\n</users>\n", "XML"),
        (b"\xef\xbb\xbf<!-- an export -->\n<users/>\n", "XML"),
        (b"<!DOCTYPE html>\n<html><body>Please log in</body></html>\n", "HTML"),
        (
            b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">\n<rect width="4"/>\n</svg>\n',
            "SVG, a picture",
        ),
    ],
)
def test_pages_and_pictures_are_refused_by_what_they_look_like(tmp_path, content, kind):
    assert refusal(written(tmp_path, content)).title == f"This looks like {kind}, not ids."


@pytest.mark.parametrize(
    "content", [b'{"ids": [\n"a",\n"b"\n]}\n', b'[{"id": "a"},\n{"id": "b"}]\n', b'[ "a",\n"b" ]\n']
)
def test_a_json_document_is_refused_however_its_lines_are_broken(tmp_path, content):
    assert refusal(written(tmp_path, content)).title == "This is one JSON document, not JSON lines."


@pytest.mark.parametrize("first", [b"<NA>", b"<a@b.example>", b"{0F3C9A52-2D61-4B7C-9A53-1C2D3E4F5A6B}", b"[7]x"])
def test_ids_that_begin_with_a_bracket_are_ids(tmp_path, first):
    with open_source(written(tmp_path, first + b"\n12\n13\n")) as source:
        assert inspect_source(source, header=False).rows == 3


def test_json_objects_without_keys_are_refused(tmp_path):
    assert refusal(written(tmp_path, b"{}\n{}\n")).title == "The JSON objects have no keys."


def test_ids_on_one_line_are_refused(tmp_path):
    content = ",".join(str(number) for number in range(1000, 3000)).encode()
    assert refusal(written(tmp_path, content)).title == "All ids are on one line."


def test_a_line_without_end_stops_the_reading(tmp_path):
    path = written(tmp_path, b"id\n1\n" + b"x" * (40 * 1024 * 1024))
    with open_source(path) as source, pytest.raises(UsageError, match="Line 3 has no end"):
        inspect_source(source)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path):
    path = written(tmp_path, b"id\n1\n2\n")
    with open_source(path) as source:
        layout = inspect_source(source).format
        with path.open("ab") as more:
            more.write(b"3\n")
        with pytest.raises(UsageError, match="changed while it was read"):
            list(read_ids(source, layout, 0))


def test_a_stream_is_read_twice():
    with open_source(io.BytesIO(b"id\n1\n2\n"), name="standard input") as source:
        inspection = inspect_source(source)
        assert (inspection.rows, inspection.name, inspection.modified_at) == (2, "standard input", None)
        assert list(read_ids(source, inspection.format, "id")) == [["1", "2"]]


def test_standard_input_is_a_dash(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"7\n8\n")))
    with open_source("-") as source:
        assert source.name == "standard input"
        assert list(read_ids(source, inspect_source(source).format, 0)) == [["7", "8"]]


def test_an_empty_stream_is_refused():
    assert refusal(io.BytesIO(b"")).title == "The file is empty."


def test_a_named_pipe_is_read_like_a_stream(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"a1\nb2\n"))
    writer.start()
    with open_source(pipe) as source:
        assert list(read_ids(source, inspect_source(source).format, 0)) == [["a1", "b2"]]
    writer.join()
