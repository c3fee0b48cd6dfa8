"""Paths as terminals paste them."""

import os
import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaptui.errors import UsageError
from heaptui.sources import newest, pasted_path


@pytest.mark.parametrize(
    ("pasted", "meant"),
    [
        ("/tmp/cart.csv", "/tmp/cart.csv"),
        ("  /tmp/cart.csv \n", "/tmp/cart.csv"),
        ("'/tmp/my file.csv'", "/tmp/my file.csv"),
        ('"/tmp/my file.csv" ', "/tmp/my file.csv"),
        (r"/tmp/My\ File\ \(1\).csv", "/tmp/My File (1).csv"),
        (r"'/tmp/it'\''s.csv'", "/tmp/it's.csv"),
        ("/tmp/O'Brien list.csv", "/tmp/O'Brien list.csv"),
        ("/tmp/plain blanks typed.csv", "/tmp/plain blanks typed.csv"),
        ("file:///tmp/My%20File.csv", "/tmp/My File.csv"),
        ("file://localhost/tmp/%E3%82%AB%E3%83%BC%E3%83%88.csv", "/tmp/カート.csv"),
        ("'file:///tmp/a%20b.csv'", "/tmp/a b.csv"),
        ("file:///tmp/a#1?.csv", "/tmp/a#1?.csv"),
        ("file:///C:/Users/k/a%20b.csv", "C:/Users/k/a b.csv"),
        (r"C:\Users\k\new.csv", r"C:\Users\k\new.csv"),
        (r'"C:\Users\k\two words.csv"', r"C:\Users\k\two words.csv"),
        (r"\\server\share\ids.csv", r"\\server\share\ids.csv"),
        ("/tmp/カート放棄.csv", "/tmp/カート放棄.csv"),
        ("~nobody-is-called-so/ids.csv", "~nobody-is-called-so/ids.csv"),
    ],
)
def test_a_pasted_path_is_understood(pasted, meant):
    assert pasted_path(pasted) == Path(meant)


def test_the_home_directory_is_filled_in(monkeypatch):
    monkeypatch.setenv("HOME", "/home/kei")
    assert pasted_path("~/ids.csv") == Path("/home/kei/ids.csv")
    assert pasted_path(r"~/my\ ids.csv") == Path("/home/kei/my ids.csv")


@pytest.mark.parametrize("nothing", ["", "   ", "\n"])
def test_no_path_at_all_is_an_error(nothing):
    with pytest.raises(UsageError, match="No file was named"):
        pasted_path(nothing)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30))
def test_whatever_a_shell_quotes_is_understood(name):
    path = f"/tmp/{name}/x.csv"
    assert pasted_path(shlex.quote(path)) == Path(path)
    assert pasted_path(Path(path).absolute().as_uri()) == Path(path)


def test_the_newest_file_of_a_pattern_is_meant(tmp_path):
    for age, name in enumerate(["cart_3.csv", "cart_1.csv", "other.csv", "cart_2.csv"]):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "cart_dir.csv").mkdir()
    assert newest(str(tmp_path / "cart_*.csv")).name == "cart_3.csv"


def test_a_name_with_brackets_is_a_name_before_it_is_a_pattern(tmp_path):
    (tmp_path / "export [1].csv").touch()
    assert newest(str(tmp_path / "export [1].csv")).name == "export [1].csv"


def test_a_pattern_without_a_file_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="No file matches"):
        newest(str(tmp_path / "*.csv"))
