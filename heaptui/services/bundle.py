"""A bundle of one run: one file that opens in the same screens, without secrets and, unless asked, without ids."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import platform
import secrets
import sqlite3
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from heaptui import __version__
from heaptui.config import Config, Home, Profile, save_config
from heaptui.errors import UsageError
from heaptui.model.scrub import Scrubber
from heaptui.store import run_facts
from heaptui.store.bundles import write_bundle

if TYPE_CHECKING:
    from heaptui.services.workspace import Workspace

READ_ME = """A run of heaptui, for whoever looks into it. Open it with
  heaptui --read-only --home {name}
It holds the run, its journal, the exchanges that failed, the run it is compared with, versions and settings.
It holds no keys. {ids}
"""


class BundleService:
    """Packs one run into one file."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def make(self, run_id: int, target: Path | None = None, *, with_ids: bool = False) -> Path:
        """Write the bundle of a run and return its path.

        Raises:
            UsageError: there is no such run, or the file cannot be written.
        """
        workspace = self._workspace
        await workspace.history.show(run_id)
        good = await workspace.ledger.read(lambda connection: run_facts.last_good_run(connection, run_id))
        runs = [run_id] if good is None else [good, run_id]
        path = (target or workspace.home.out_dir / f"heaptui-{workspace.profile.name}-run-{run_id}.zip").absolute()
        salt = None if with_ids else secrets.token_bytes(16)
        scrub = Scrubber(salt, [(name.replace("_", " "), one) for name, one in workspace.secrets.given().items()])
        with tempfile.TemporaryDirectory(prefix="heaptui-bundle-") as folder:
            home = Home.find(folder, {})
            profile = _without_secrets(workspace.profile)
            await asyncio.to_thread(save_config, home, Config({profile.name: profile}))
            await asyncio.to_thread(
                write_bundle,
                workspace.ledger.opened,
                home.data_dir / f"{profile.name}.db",
                runs,
                scrub,
                with_ids=with_ids,
            )
            texts = await _texts(home, profile, run_id)
            texts["README.txt"] = READ_ME.format(
                name=path.name,
                ids="It holds ids of people: treat it as personal data."
                if with_ids
                else "Ids of people are hashed with a salt that is nowhere.",
            )
            texts["manifest.json"] = json.dumps(_manifest(run_id, runs, with_ids=with_ids), indent=2)
            try:
                await asyncio.to_thread(_packed, Path(folder), texts, path)
            except OSError as error:
                raise UsageError(f"{path} cannot be written.", f"{error.strerror or error}.") from error
        return path


def _without_secrets(profile: Profile) -> Profile:
    """The settings; commands that fetch keys stay at home."""
    commands = {name: () for name in Profile.__struct_fields__ if name.endswith("_command")}
    return msgspec.structs.replace(profile, secret_store="", from_environment=False, **commands)


async def _texts(home: Home, profile: Profile, run_id: int) -> dict[str, str]:
    """What can be read without heaptui, made from the bundle itself, so that it holds nothing else."""
    from heaptui.services.workspace import open_workspace

    async with open_workspace(home, profile, {}, read_only=True) as opened:
        desk = await opened.support.desk(run_id)
        log = [msgspec.json.encode(line).decode() async for line in opened.support.log(run_id)]
        receipt = await opened.history.receipt(run_id)
    told = "\n".join(f"{name:<11}{text}" if name else text for name, text in desk.lines())
    return {"diagnosis.txt": told + "\n", "log.jsonl": "\n".join(log) + "\n", "receipt.md": receipt}


def _manifest(run_id: int, runs: list[int], *, with_ids: bool) -> dict[str, object]:
    versions = {}
    for name in ("textual", "httpx", "msgspec", "pyroaring", "filelock"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "run": run_id,
        "runs": runs,
        "with_ids": with_ids,
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "heaptui": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
        "versions": versions,
        "terminal": {name: os.environ.get(name, "") for name in ("TERM", "LANG", "LC_ALL", "TZ")},
    }


def _packed(folder: Path, texts: dict[str, str], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = path.with_suffix(".part")
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix in (".db", ".toml"):
                archive.write(file, file.relative_to(folder))
    os.replace(half, path)
