"""`heaptui cohort import`, `members` and `export`: ids in from files and streams, and out again."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, called, emit, named_cohort, run
from heaptui.cli.output import plain, rows, say
from heaptui.errors import UsageError
from heaptui.model.belief import Direction
from heaptui.model.cohorts import Cohort
from heaptui.model.identifiers import Identifier, Kind
from heaptui.model.words import headcount, joining

if TYPE_CHECKING:
    from heaptui.services.imports import ImportPreview

BAD_ROWS_SHOWN = 20


@click.command("import")
@click.argument("file", metavar="FILE|-")
@click.option("--name", help="A new cohort, or the file cohort of this name whose people are replaced.")
@click.option("--into", metavar="COHORT", help="An existing cohort whose people are replaced.")
@click.option("--id-column", metavar="COLUMN", help="Name or number of the column with the ids; remembered.")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="What the ids are in Braze.")
@click.option("--alias-label", default="", metavar="LABEL", help="The label of the alias in Braze.")
@click.option("--expect", type=click.IntRange(min=0), metavar="N", help="Warn unless there are so many people.")
@click.option("--encoding", help="Read it in this encoding. Default: detected.")
@click.option("--delimiter", help='Cells end with this character; "" for one id per line. Default: detected.')
@click.option("--header/--no-header", default=None, help="The first row names the columns, or not. Default: detected.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def import_command(settings: Settings, /, file: str, *, as_json: bool, **options: Any) -> None:
    """Take the ids of a file into a cohort. CSV, TSV, JSON lines, or one id per line.

    \b
    Examples:
      heaptui cohort import reports.csv --name "Announcement: uses Reports"
      bq query ... | heaptui cohort import - --into 4c7e2a --expect 12345
    """
    from heaptui.services.imports import ImportRequest

    kind = options.pop("kind")
    request = ImportRequest(path=file, kind=Kind(kind) if kind else None, **options)

    async def work() -> None:
        async with settings.workspace("import") as workspace:
            preview = await workspace.cohorts.preview_import(request)
            imported = await workspace.cohorts.apply_import(preview)
            name = await called(workspace, imported)
        _narrate(preview)
        if as_json or settings.json:
            emit(_import_json(preview, imported))
        else:
            click.echo(_import_line(preview))
        say(f"next: heaptui sync {name} --dry-run")

    run(work())


def _narrate(preview: ImportPreview) -> None:
    guessed = " (the most likely one; another: --id-column COLUMN)" if preview.guessed else ""
    how = " (remembered)" if preview.remembered else guessed
    say(
        f"{preview.encoding}, {preview.delimiter}, {rows(preview.rows)};"
        f" ids from {plain(preview.column)}{how}, as {preview.space}"
    )
    for row in preview.bad_rows[:BAD_ROWS_SHOWN]:
        say(f"line {row.line:,}: {row.reason}" + (f": {row.shown}" if row.shown.strip() else ""))
    if preview.invalid > BAD_ROWS_SHOWN:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in preview.reasons.most_common())
        say(f"… {preview.invalid:,} invalid rows in all: {reasons}")
    for warning in preview.warnings:
        say(f"! {plain(warning)}")
    if preview.unusual:
        say(f"! {preview.unusual} Undo: heaptui cohort undo-import {preview.cohort_id}")


def _import_line(preview: ImportPreview) -> str:
    return (
        f"{headcount(preview.members)}, {preview.duplicates:,} repeated, {preview.invalid:,} invalid;"
        f" {joining(preview.adds, preview.removes)}, {preview.unchanged:,} stay. Nothing sent."
    )


def _import_json(preview: ImportPreview, imported: Cohort) -> dict[str, Any]:
    return {
        "cohort_id": imported.cohort_id,
        "name": imported.name,
        "rows": preview.rows,
        "valid": preview.valid,
        "invalid": preview.invalid,
        "duplicates": preview.duplicates,
        "members": preview.members,
        "adds": preview.adds,
        "removes": preview.removes,
        "unchanged": preview.unchanged,
        "id_column": preview.column,
        "warnings": [*preview.warnings, *([preview.unusual] if preview.unusual else [])],
    }


@click.command()
@click.argument("reference", metavar="COHORT")
@click.option("--limit", type=click.IntRange(min=0), help="So many at most. Default: everybody.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Leave so many out first.")
@click.option("--waiting", "which", type=click.Choice(["join", "leave"]), help="Only people who wait to join or leave.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def members(
    settings: Settings, reference: str, *, limit: int | None, offset: int, which: str | None, as_json: bool
) -> None:
    """Print the ids of a cohort, one per line.

    \b
    Example:
      heaptui cohort members "VIP 2024" --waiting leave
    """
    direction = {"join": Direction.ADD, "leave": Direction.REMOVE, None: None}[which]

    async def work() -> None:
        async with settings.workspace("command") as workspace:
            cohort_id = await named_cohort(workspace, reference)
            chunks = workspace.cohorts.export(cohort_id, waiting=direction, offset=offset, limit=limit)
            async for chunk in chunks:
                if as_json or settings.json:
                    _write_json(sys.stdout, chunk)
                else:
                    sys.stdout.writelines(f"{person.value}\n" for person in chunk)

    run(work())


@click.command()
@click.argument("reference", metavar="COHORT")
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Default: standard output.")
@click.option("--for-braze", is_flag=True, help="A file for Braze's Import Users: no key is needed, nothing is sent.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["list", "attribute"]),
    default="list",
    show_default=True,
    help="With --for-braze: ids alone, or the cohort's attribute with true and false.",
)
@click.option("--only-known", is_flag=True, help="With --for-braze: only people Braze knows; asks with a REST key.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON lines instead of CSV; with --for-braze, a report.")
@click.pass_obj
def export(
    settings: Settings,
    reference: str,
    *,
    output: Path | None,
    for_braze: bool,
    form: str,
    only_known: bool,
    as_json: bool,
) -> None:
    """Write all people of a cohort as CSV with a header.

    With --for-braze, the file keeps the rules of Braze's Import Users, and the clicks are told.

    \b
    Examples:
      heaptui cohort export "Paying" -o paying.csv
      heaptui cohort export "Paying" --for-braze --as attribute --only-known -o paying.csv
    """
    if for_braze:
        from heaptui.cli.braze_file import export_for_braze

        as_attribute = form == "attribute"
        run(
            export_for_braze(
                settings,
                reference,
                output,
                as_attribute=as_attribute,
                only_known=only_known,
                as_json=as_json or settings.json,
            )
        )
        return
    if only_known or form == "attribute":
        raise UsageError("--as attribute and --only-known go with --for-braze.", "Nothing was written.")

    async def work() -> None:
        async with settings.workspace("command") as workspace:
            one = await workspace.cohorts.show(await named_cohort(workspace, reference))
            with destination(output) as file:
                if as_json or settings.json:
                    async for chunk in workspace.cohorts.export(one.cohort_id):
                        _write_json(file, chunk)
                    return
                csv_file = csv.writer(file, lineterminator="\n")
                alias = one.space.kind is Kind.ALIAS
                csv_file.writerow(("alias_label", "alias_name") if alias else (one.space.kind,))
                async for chunk in workspace.cohorts.export(one.cohort_id):
                    csv_file.writerows(
                        (person.space.label, person.value) if alias else (person.value,) for person in chunk
                    )
        if output is not None:
            say(f"{headcount(one.members)} written to {output}")

    run(work())


@contextmanager
def destination(output: Path | None) -> Iterator[IO[str]]:
    """Standard output, or a file that appears whole or not at all."""
    if output is None:
        yield sys.stdout
        return
    half = output.with_name(f".{output.name}.part")
    try:
        with half.open("w", encoding="utf-8", newline="") as file:
            yield file
        half.replace(output)
    except OSError as error:
        raise UsageError(
            f"{output} cannot be written.", f"{error.strerror or error}.", "Choose another file."
        ) from error
    finally:
        half.unlink(missing_ok=True)


def _write_json(file: IO[str], chunk: list[Identifier]) -> None:
    import msgspec

    lines = [
        {"kind": person.space.kind, "label": person.space.label, "value": person.value}
        if person.space.label
        else {"kind": person.space.kind, "value": person.value}
        for person in chunk
    ]
    file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines).decode())
