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
from heaptui.model.commands import giving
from heaptui.model.routes import WAYS, way_facts
from heaptui.model.words import counted

_PACKAGES = ("textual", "rich", "httpx", "msgspec", "click", "keyring", "starlette", "uvicorn", "pyroaring", "filelock")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def doctor(settings: Settings, *, as_json: bool) -> None:
    """Say what this installation is and what of it works here, also from cron. Nothing is asked of Braze.

    Exits with 2 when something is missing, such as keys that open a way into Braze.

    \b
    Examples:
      heaptui doctor
      env -i HOME="$HOME" heaptui doctor      (as cron would see it)
    """
    facts, problems = run(_facts(settings))
    if as_json or settings.json:
        emit({**facts, "healthy": not problems, "problems": problems})
    else:
        for name, value in facts.items():
            click.echo(f"{name + ':':<12} {value}")
        if problems:
            click.echo("\n".join(["Not all of it works:", *(f"  {problem}" for problem in problems)]))
        else:
            click.echo("All of it works here. Whether Braze accepts the keys: heaptui verify")
    if problems:
        raise SystemExit(ExitCode.USAGE)


async def _facts(settings: Settings) -> tuple[dict[str, Any], list[str]]:
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
        return facts, await _look_at_keys_and_ledger(settings, profile, facts)
    except HeaptuiError as error:
        return facts, [str(error)]


async def _look_at_keys_and_ledger(settings: Settings, profile: Profile, facts: dict[str, Any]) -> list[str]:
    """What does not work; adds to the facts."""
    from heaptui.services.ledgers import inspect_ledger
    from heaptui.services.profiles import ProfileFacts
    from heaptui.services.workspace import ledger_path
    from heaptui.store.secrets import lookup_secrets

    started = time.perf_counter()
    secrets = await lookup_secrets(settings.home, profile, settings.environ)
    took = time.perf_counter() - started
    given = {name: secret.describe() for name, secret in secrets.given().items()}
    keys = ", ".join(f"{name} ({described})" for name, described in given.items())
    facts["keys"] = f"{keys or 'none'}; looked up in {took:.1f} s"
    ways = ProfileFacts(profile, given, tuple(secrets.notes))
    facts["way"] = ways.way
    problems = [
        f"{note} Keep the keys in a private file: heaptui profile set {profile.name} … --store file"
        for note in secrets.notes
    ]
    if not profile.endpoint:
        problems.append(f"There is no endpoint: {giving(profile, ['endpoint=ADDRESS'])}")
    if not ways.may_send:
        wanted = [way_facts(profile.route)] if profile.route else WAYS
        needed = "; or ".join(f"{way.title}: {giving(profile, way.keys)}" for way in wanted)
        problems.append(f"No keys that open a way into Braze are given. {needed}")
    problems += [f"{name} {secret.doubt}" for name, secret in secrets.given().items() if secret.doubt]
    path = ledger_path(settings.home, profile, secrets)
    if not path.exists():
        facts["ledger"] = f"none yet at {path}"
        return problems
    ledger = await inspect_ledger(path)
    facts["ledger"] = (
        f"{path}, {counted(ledger.cohorts, 'cohort')}, {counted(ledger.runs, 'run')}, copies: {len(ledger.copies)}"
    )
    facts["running"] = "; ".join(ledger.running) or "no heaptui has it open"
    return [*problems, *ledger.problems[:1]]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
