"""`--home` on a bundle: it is unpacked into a temporary folder that goes when the command ends."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from heaptui.config import Home
from heaptui.errors import UsageError

MOST_BYTES = 2 * 1024**3
FOLDERS = ("config", "data")


def home_of(option: str | None, environ: Mapping[str, str]) -> Home:
    """The home that is meant: a folder, or a bundle of a run.

    Raises:
        UsageError: a file that is not there, or is no bundle.
    """
    chosen = option or environ.get("HEAPTUI_HOME")
    path = Path(chosen).expanduser().absolute() if chosen else None
    if path is not None and path.suffix == ".zip" and not path.exists():
        raise UsageError(f"There is no such file: {path}.", "A bundle of a run was meant.", "Name it with its folder.")
    if path is None or not path.is_file() or not (path.suffix == ".zip" or zipfile.is_zipfile(path)):
        return Home.find(option, environ)
    folder = Path(tempfile.mkdtemp(prefix="heaptui-bundle-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if info.filename.split("/")[0] in FOLDERS]
            good = bool(infos) and sum(info.file_size for info in infos) <= MOST_BYTES
            for info in infos if good else ():
                # `extract` keeps every name inside the folder, whatever it says.
                archive.extract(info, folder)
    except (zipfile.BadZipFile, OSError):
        good = False
    if not good:
        raise UsageError(f"{path} is no bundle of heaptui.", "Nothing was opened.", "Make one: heaptui run bundle RUN")
    return Home.find(str(folder), {})
