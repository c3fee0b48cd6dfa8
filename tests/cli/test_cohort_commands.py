"""`heaptui cohort …` as people and scripts call it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from heaptui.cli.main import main
from heaptui.config import Config, Home, Profile, save_config
from heaptui.errors import ExitCode

CONTRACT = {"cohort_id", "name", "rows", "valid", "invalid", "duplicates", "members", "adds", "removes"}


@pytest.fixture(autouse=True)
def _profile() -> None:
    save_config(Home.find(None, os.environ), Config({"acme": Profile(name="acme")}))


@pytest.fixture
def call(capsys):
    def called(*arguments: str) -> tuple[int, str, str]:
        code = main(["cohort", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return called


@pytest.fixture
def import_ids(call, tmp_path):
    def imported(people: list[str], *options: str) -> dict:
        path = tmp_path / "people.csv"
        path.write_text("\n".join(["user_id", *people, ""]), encoding="utf-8")
        code, out, _ = call("import", str(path), "--json", *options)
        assert code == ExitCode.DONE
        return json.loads(out)

    return imported


def ids(start: int, stop: int) -> list[str]:
    return [f"u{number:05d}" for number in range(start, stop)]


def heaptui(*arguments: str, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "heaptui", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_import_answers_with_the_promised_fields(import_ids):
    first = import_ids([*ids(0, 100), *ids(0, 5), "", "a\tb"], "--name", "Carts", "--delimiter", "")
    assert first.keys() >= CONTRACT
    assert {key: first[key] for key in CONTRACT - {"cohort_id"}} == {
        "name": "Carts",
        "rows": 107,
        "valid": 105,
        "invalid": 2,
        "duplicates": 5,
        "members": 100,
        "adds": 100,
        "removes": 0,
    }
    second = import_ids(ids(10, 120), "--into", first["cohort_id"])
    assert (second["cohort_id"], second["adds"], second["removes"]) == (first["cohort_id"], 20, 10)


def test_import_tells_people_what_it_read_what_changes_and_what_comes_next(call, tmp_path):
    path = tmp_path / "carts.csv"
    rows = [f"{number:07d},a{number}@example.jp" for number in range(1, 60)]
    path.write_text("\r\n".join(["会員番号,メール", *rows, ""]), encoding="cp932")
    code, out, err = call("import", str(path), "--name", "カート放棄（高額）", "--expect", "60")
    assert code == ExitCode.DONE
    assert out == "59 people, 0 repeated, 0 invalid; +59 join, 0 leave, 0 stay. Nothing sent.\n"
    how = "the most likely one; another: --id-column COLUMN"
    assert err.startswith(f"CP932, comma, 59 rows; ids from 会員番号 ({how}), as external_id\n")
    assert "! 1 fewer than Heap shows." in err
    assert "beginning with 0" in err
    assert err.rstrip().splitlines()[-1].startswith("next: heaptui sync 'カート放棄（高額）' --dry-run")


def test_a_column_without_a_name_is_told_by_its_number_once(call, tmp_path):
    path = tmp_path / "people.txt"
    path.write_text("Anna Berg\nBob Stone\n")
    code, _, err = call("import", str(path), "--name", "Carts")
    assert code == ExitCode.DONE
    assert err.startswith("UTF-8, one id per line, 2 rows; ids from column 1, as external_id\n")
    assert "“column 1” does not look like a column of ids" in err


def test_invalid_rows_are_listed_with_line_and_reason_and_exit_0(call, tmp_path):
    path = tmp_path / "people.txt"
    path.write_text("\n".join([*ids(0, 10), "a\x1bb", *["x" * 988] * 30, *ids(10, 12)]))
    code, out, err = call("import", str(path), "--name", "Carts")
    assert code == ExitCode.DONE
    assert "12 people, 0 repeated, 31 invalid" in out
    assert "line 11: control character: a␛b\n" in err
    assert err.count("\nline ") == 20
    assert "… 31 invalid rows in all: 30 too long, 1 control character" in err


def test_an_unusual_change_is_warned_of_and_made(call, import_ids, tmp_path):
    import_ids(ids(0, 100), "--name", "VIP")
    small = tmp_path / "small.csv"
    small.write_text("user_id\nu00001\nu00002\n")
    code, _, err = call("import", str(small), "--name", "VIP")
    assert code == ExitCode.DONE
    assert "! 98 of 100 people would leave." in err
    assert "heaptui cohort undo-import heaptui-file-" in err
    code, out, _ = call("undo-import", "VIP", "--json")
    assert json.loads(out)["members"] == 100
    assert call("undo-import", "VIP")[0] == ExitCode.USAGE


@pytest.mark.parametrize(
    "content", [None, b"", b"\x00\x01\x02\x03" * 999, b"user_id\n", b"user_id,a\n,b\n"], ids=range(5)
)
def test_a_file_that_cannot_be_used_exits_2_and_changes_nothing(call, import_ids, tmp_path, content):
    import_ids(ids(0, 10), "--name", "Carts")
    path = tmp_path / "bad.csv"
    if content is not None:
        path.write_bytes(content)
    code, out, err = call("import", str(path), "--name", "Carts")
    assert (code, out) == (ExitCode.USAGE, "")
    assert len(err.splitlines()) >= 2
    assert json.loads(call("list", "--json")[1])["cohorts"][0]["members"] == 10


def test_ids_come_from_a_pipe():
    child = heaptui("cohort", "import", "-", "--name", "Carts", "--kind", "alias", "--alias-label", "email", "--json")
    out, _ = child.communicate("\n".join(ids(0, 1000)))
    assert child.returncode == ExitCode.DONE
    assert json.loads(out)["members"] == 1000


def test_waiting_for_a_pipe_can_be_interrupted():
    child = heaptui("--profile", "acme", "cohort", "import", "-", "--name", "Carts")
    child.stdin.write("u00001\n" * 20_000)
    child.stdin.flush()  # more than a pipe holds, so the child is reading now
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == ExitCode.INTERRUPTED
    assert child.stderr.read() == "\nInterrupted.\n"
    child.stdin.close()
    child.stdout.close()
    child.stderr.close()


def test_list_answers_with_the_promised_fields(call, import_ids):
    made = import_ids(ids(0, 100), "--name", "Carts")
    assert json.loads(call("list", "--json")[1]) == {
        "cohorts": [
            {
                "cohort_id": made["cohort_id"],
                "name": "Carts",
                "source": "file",
                "state": "new",
                "members": 100,
                "delivered": 0,
                "adds": 100,
                "removes": 0,
            }
        ]
    }


def test_list_speaks_of_people_and_aligns_by_cells(call, import_ids):
    import_ids(ids(0, 1234), "--name", "Carts\x1b[2J")
    import_ids(ids(0, 10), "--name", "カート放棄（高額）")
    lines = call("list")[1].splitlines()
    assert lines[0].split() == ["cohort", "id", "people", "waiting", "from", "state"]
    assert lines[1].startswith("Carts␛[2J ")
    assert "1,234   +1,234  people.csv  new" in lines[1]
    assert "   10      +10  people.csv  new" in lines[2]


def test_an_empty_list_says_what_to_do(call):
    assert json.loads(call("list", "--json")[1]) == {"cohorts": []}
    code, out, err = call("list")
    assert (code, out) == (ExitCode.DONE, "")
    assert "heaptui cohort import" in err


def test_show_tells_everything_of_one_cohort(call, import_ids):
    made = import_ids(ids(0, 100), "--name", "Carts 7d")
    call("rename", "Carts 7d", "Carts")
    code, out, err = call("show", "Carts 7d")
    assert code == ExitCode.DONE
    assert f"Carts ({made['cohort_id']})" in out
    assert "100 join, 0 leave" in out
    assert "u00000  u00001" in out
    assert "“Carts 7d” is called “Carts” now" in err
    shown = json.loads(call("show", made["cohort_id"][-4:], "--json")[1])
    assert (shown["kind"], shown["id_column"], shown["former_names"]) == ("external_id", "user_id", ["Carts 7d"])


def test_members_streams_ids_and_nothing_else(call, import_ids):
    import_ids(ids(0, 25_000), "--name", "Carts")
    assert call("members", "Carts")[1].split() == ids(0, 25_000)
    assert call("members", "Carts", "--offset", "24990", "--limit", "5")[1].split() == ids(24_990, 24_995)
    assert call("members", "Carts", "--waiting", "leave")[1] == ""
    lines = call("members", "Carts", "--waiting", "join", "--limit", "1", "--json")[1].splitlines()
    assert [json.loads(line) for line in lines] == [{"kind": "external_id", "value": "u00000"}]


def test_an_export_can_be_imported_again(call, import_ids, tmp_path):
    awkward = ["0017", 'say "hi"', "a,b", "ü", "u 1", *ids(0, 20)]
    source = tmp_path / "awkward.jsonl"
    source.write_text("\n".join(json.dumps(value) for value in awkward))
    assert call("import", str(source), "--name", "Awkward")[0] == ExitCode.DONE
    for number, options in enumerate(([], ["--json"])):
        target = tmp_path / f"out{number}.{'jsonl' if options else 'csv'}"
        code, out, _ = call("export", "Awkward", "-o", str(target), *options)
        assert (code, out) == (ExitCode.DONE, "")
        column = ["--id-column", "value"] if options else []
        code, out, _ = call("import", str(target), "--into", "Awkward", "--json", *column)
        assert code == ExitCode.DONE
        answer = json.loads(out)
        assert (answer["members"], answer["adds"], answer["removes"]) == (len(awkward), 0, 0)


def test_an_alias_is_exported_with_its_label(call, import_ids):
    import_ids(["a@example.jp"], "--name", "Mail", "--kind", "alias", "--alias-label", "email")
    assert call("export", "Mail")[1] == "alias_label,alias_name\nemail,a@example.jp\n"


def test_an_export_that_cannot_be_written_is_told_and_leaves_nothing(call, import_ids, tmp_path):
    import_ids(ids(0, 5), "--name", "Carts")
    code, _, err = call("export", "Carts", "-o", str(tmp_path / "nowhere" / "out.csv"))
    assert code == ExitCode.USAGE
    assert "cannot be written" in err


def test_a_retired_cohort_is_out_of_the_list_and_says_how_to_bring_it_back(call, import_ids):
    made = import_ids(ids(0, 5), "--name", "VIP 2023")
    code, out, _ = call("retire", "VIP 2023")
    assert code == ExitCode.DONE
    assert f"heaptui cohort undo-import {made['cohort_id']}" in out
    assert json.loads(call("list", "--json")[1]) == {"cohorts": []}
    assert call("import", "people.csv", "--into", made["cohort_id"])[0] == ExitCode.USAGE
    assert json.loads(call("undo-import", made["cohort_id"], "--json")[1])["state"] == "new"
    assert call("release", "VIP 2023")[0] == ExitCode.DONE


def test_read_only_looks_and_refuses_changes_with_5(call, import_ids, tmp_path):
    import_ids(ids(0, 5), "--name", "Carts")
    assert call("list", "--read-only")[0] == ExitCode.DONE
    for change in (
        ["rename", "Carts", "New"],
        ["retire", "Carts"],
        ["import", str(tmp_path / "people.csv"), "--name", "X"],
    ):
        code, out, err = call(*change, "--read-only")
        assert (code, out) == (ExitCode.HELD, "")
        assert "read-only" in err


def test_nobody_of_that_name_exits_2_and_names_the_nearest(call, import_ids):
    import_ids(ids(0, 5), "--name", "Cart abandoners")
    code, _, err = call("show", "Cart abandonners")
    assert code == ExitCode.USAGE
    assert "Did you mean “Cart abandoners”?" in err


def test_members_into_head_ends_quietly(import_ids):
    import_ids(ids(0, 60_000), "--name", "Carts")
    child = heaptui("cohort", "members", "Carts")
    assert child.stdout.readline() == "u00000\n"
    child.stdout.close()
    assert child.wait(30) == ExitCode.DONE
    assert child.stderr.read() == ""
    child.stdin.close()
    child.stderr.close()
