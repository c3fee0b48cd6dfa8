"""`heaptui doctor`: what a bug report needs, and whether this works without a desktop session."""

from __future__ import annotations

import asyncio
import os
import platform
import sqlite3
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from heaptui import __version__
from heaptui.cli.context import Settings, emit, run
from heaptui.config import Profile
from heaptui.errors import ExitCode, HeaptuiError
from heaptui.model.words import counted

_PACKAGES = ("textual", "rich", "httpx", "msgspec", "click", "keyring", "starlette", "uvicorn", "pyroaring", "filelock")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def doctor(settings: Settings, *, as_json: bool) -> None:
    """Say what this installation is and what of it works here, also from cron.

    \b
    Examples:
      heaptui doctor
      env -i HOME="$HOME" heaptui doctor      (as cron would see it)
    """
    facts, healthy = run(_facts(settings))
    if as_json or settings.json:
        emit({**facts, "healthy": healthy})
    else:
        for name, value in facts.items():
            click.echo(f"{name + ':':<12} {value}")
        click.echo("All of it works." if healthy else "Something does not work here, see above.")
    if not healthy:
        raise SystemExit(ExitCode.USAGE)


async def _facts(settings: Settings) -> tuple[dict[str, Any], bool]:
    facts: dict[str, Any] = {
        "heaptui": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "sqlite": sqlite3.sqlite_version,
        "packages": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        "terminal": f"{os.environ.get('TERM', 'none')}, {'a terminal' if sys.stdout.isatty() else 'no terminal'}",
        "config": str(settings.home.config_file),
        "data": str(settings.home.data_dir),
    }
    try:
        profile = await asyncio.to_thread(settings.chosen_profile)
        facts["profile"] = f"{profile.name}, {profile.instance_name or 'no endpoint'}"
        healthy = await _look_at_keys_and_ledger(settings, profile, facts)
    except HeaptuiError as error:
        facts["problem"] = str(error)
        healthy = False
    return facts, healthy


async def _look_at_keys_and_ledger(settings: Settings, profile: Profile, facts: dict[str, Any]) -> bool:
    from heaptui.services.ledgers import inspect_ledger
    from heaptui.services.workspace import ledger_path
    from heaptui.store.secrets import lookup_secrets

    started = time.perf_counter()
    secrets = await lookup_secrets(settings.home, profile, settings.environ)
    took = time.perf_counter() - started
    keys = ", ".join(f"{name} ({secret.describe()})" for name, secret in secrets.given().items())
    facts["keys"] = f"{keys or 'none'}; looked up in {took:.1f} s"
    for note in secrets.notes:
        facts["keyring"] = f"{note} Keep the keys in a private file: heaptui profile set {profile.name} … --store file"
    path = ledger_path(settings.home, profile, secrets)
    if not path.exists():
        facts["ledger"] = f"none yet at {path}"
        return not secrets.notes
    ledger = await inspect_ledger(path)
    facts["ledger"] = (
        f"{path}, {counted(ledger.cohorts, 'cohort')}, {counted(ledger.runs, 'run')}, {len(ledger.copies)} copies"
    )
    facts["running"] = "; ".join(ledger.running) or "no heaptui has it open"
    if ledger.problems:
        facts["damage"] = ledger.problems[0]
    return not ledger.problems and not secrets.notes


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
