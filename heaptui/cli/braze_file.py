"""`heaptui cohort export --for-braze` and `cohort attribute`: the ways into Braze that are no partner call."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from heaptui.cli.context import Settings, emit, named_cohort, run
from heaptui.cli.output import plain, say
from heaptui.model.words import counted, headcount

if TYPE_CHECKING:
    from heaptui.services.upload import Upload

LEFT_OUT_SHOWN = 20


async def export_for_braze(
    settings: Settings, reference: str, output: Path | None, *, as_attribute: bool, only_known: bool, as_json: bool
) -> None:
    """Write the file, and tell what is in it, what is not, and what to click.

    Raises:
        UsageError: the cohort's ids cannot stand in such a file, or there is no key to ask Braze with.
    """
    from heaptui.cli.cohort_files import destination

    async with settings.workspace("command") as workspace:
        cohort_id = await named_cohort(workspace, reference)
        upload = await workspace.uploads.plan(cohort_id, as_attribute=as_attribute, only_known=only_known)
        if upload.look_ups:
            minutes = f", about {upload.look_up_seconds / 60:.0f} min" if upload.look_up_seconds >= 60 else ""
            say(f"asking Braze for {headcount(upload.people)}: {upload.look_ups:,} look-ups{minutes}")
        if as_json and output is None:
            from heaptui.config import private_dir

            output = upload_path(private_dir(settings.home.out_dir), upload)
        with destination(output) as file:
            async for text in workspace.uploads.text(upload):
                file.write(text)
    if as_json:
        emit(_upload_json(upload, output))
    else:
        _tell(upload, output)


def upload_path(folder: Path, upload: Upload) -> Path:
    """A name that tells what is in the file and when it was written."""
    return folder / f"{upload.attribute or upload.cohort.tail}_{time.strftime('%Y-%m-%d_%H%M%S')}.csv"


def _tell(upload: Upload, output: Path | None) -> None:
    where = f"written to {output}" if output else "written"
    form = f"{upload.attribute}: {upload.joined:,} true, {upload.left:,} false" if upload.attribute else "list of ids"
    say(f"{counted(upload.rows, 'row')} {where} ({form}; {upload.bytes:,} bytes of at most 500 MB); nothing was sent")
    if upload.only_known:
        say(f"{headcount(upload.unknown)} left out: unknown to Braze")
    else:
        say("! Braze creates a person for every id it does not know. Only known ones: --only-known, with a REST key")
    for value, reason in upload.left_out[:LEFT_OUT_SHOWN]:
        say(f"left out: {plain(value)}: {reason}, which Braze's CSV cannot carry")
    if upload.left_out_count > LEFT_OUT_SHOWN:
        say(f"… {upload.left_out_count:,} left out in all")
    say(f"data points: at most {upload.points:,}")
    say("Then in Braze:")
    for step in upload.steps():
        say(f"  {plain(step)}")


def _upload_json(upload: Upload, output: Path | None) -> dict[str, Any]:
    return {
        "file": str(output),
        "cohort_id": upload.cohort.cohort_id,
        "attribute": upload.attribute or None,
        "rows": upload.rows,
        "true": upload.joined if upload.attribute else None,
        "false": upload.left if upload.attribute else None,
        "unknown": upload.unknown if upload.only_known else None,
        "left_out": upload.left_out_count,
        "left_out_ids": [{"value": value, "reason": reason} for value, reason in upload.left_out],
        "data_points": upload.points,
        "bytes": upload.bytes,
        "clicks": upload.steps(),
    }


@click.command()
@click.argument("reference", metavar="COHORT")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def attribute(settings: Settings, reference: str, name: str | None, *, as_json: bool) -> None:
    """Show or choose the custom attribute that stands for a cohort in Braze.

    It is used by the way "attribute" and by files for Braze. It can be changed until it is first sent.

    \b
    Example:
      heaptui cohort attribute "Cart abandoners" heap_cart_abandoners
    """

    async def work() -> None:
        async with settings.workspace("command") as workspace:
            cohort_id = await named_cohort(workspace, reference)
            if name is not None:
                await workspace.cohorts.choose_attribute(cohort_id, name)
            found, since = await workspace.cohorts.attribute_of(cohort_id)
        if as_json or settings.json:
            emit({"cohort_id": cohort_id, "attribute": found, "sent_since": since})
        else:
            click.echo(found)
            say(
                "it was sent, so it stays" if since else "it can still be changed: heaptui cohort attribute COHORT NAME"
            )

    run(work())
