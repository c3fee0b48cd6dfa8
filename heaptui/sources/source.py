"""One file or stream of ids that can be read several times, and the refusal of what is not text."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO, BinaryIO, Self

from heaptui.errors import UsageError

SPOOL_BYTES = 16 * 1024 * 1024
"""A stream longer than this is kept in a temporary file while it is read."""

_SAVE_AS = "Open it in Excel, save it as CSV UTF-8 (File › Save As), and import that file."
_UNPACK = "Unpack it, and import the file inside."
_EXPORT = "Export the ids as CSV or as one id per line, and import that file."
_BINARY = (
    (b"\xd0\xcf\x11\xe0", "This is an old Excel workbook.", _SAVE_AS),
    (b"PK\x03\x04", "This is a zip archive.", _UNPACK),
    (b"PK\x05\x06", "This is an empty zip archive.", _EXPORT),
    (b"\x1f\x8b", "This file is compressed with gzip.", _UNPACK),
    (b"BZh", "This file is compressed with bzip2.", _UNPACK),
    (b"\xfd7zXZ", "This file is compressed with xz.", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "This file is compressed with zstd.", _UNPACK),
    (b"7z\xbc\xaf", "This is a 7-Zip archive.", _UNPACK),
    (b"PAR1", "This is a Parquet file.", _EXPORT),
    (b"Obj\x01", "This is an Avro file.", _EXPORT),
    (b"ORC", "This is an ORC file.", _EXPORT),
    (b"SQLite format 3\x00", "This is an SQLite database.", _EXPORT),
    (b"%PDF-", "This is a PDF.", _EXPORT),
)
_TEXT_CONTROLS = b"\t\n\r\x0c\x1a\x1b"


class Source:
    """A file, or a stream kept for reading it again. Close it after use, or use it as a context manager.

    Attributes:
        name: the file's name, or "standard input".
        path: where it lies; None for a stream.
        size: bytes.
        modified_at: seconds since the epoch; None for a stream.
        digest: SHA-256 of the content, hexadecimal; empty until it was read to the end.
    """

    def __init__(self, name: str, path: Path | None, spool: IO[bytes] | None) -> None:
        self.name = name
        self.path = path
        self.digest = ""
        self.modified_at: float | None = None
        self._spool = spool
        if spool is not None:
            self.size = spool.seek(0, 2)
        else:
            assert path is not None
            status = path.stat()
            self.size, self.modified_at = status.st_size, status.st_mtime

    def open(self) -> IO[bytes]:
        """The content from its first byte. A stream has one position: open it again only when done with it."""
        if self._spool is not None:
            self._spool.seek(0)
            return self._spool
        assert self.path is not None
        try:
            return self.path.open("rb")
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def done(self, stream: IO[bytes]) -> None:
        """Give back what `open` gave; a stream stays for the next reader."""
        if stream is not self._spool:
            stream.close()

    def refuse_if_changed(self, bytes_read: int) -> None:
        """Make sure that what was read is what was opened.

        Raises:
            UsageError: the file was written meanwhile.
        """
        changed = bytes_read != self.size
        if self.path is not None:
            try:
                status = self.path.stat()
            except OSError as error:
                raise _unreadable(self.path, error) from error
            changed = changed or (status.st_size, status.st_mtime) != (self.size, self.modified_at)
        if changed:
            raise UsageError(
                "The file changed while it was read.",
                f"{self.name} is not what it was when it was opened.",
                "Wait until it is written, then import it again; nothing was changed.",
            )

    def close(self) -> None:
        """Forget a stream's content."""
        if self._spool is not None:
            self._spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_source(origin: str | Path | BinaryIO, *, name: str = "") -> Source:
    """A file by its path, standard input by "-", or any binary stream, as something that can be read several times.

    Pipes (also ``<(command)``) are read to their end into a temporary file, because looking at the format and reading
    are two passes.

    Raises:
        UsageError: missing, a directory, unreadable, empty or not text; title, detail and hint say so.
    """
    source = _opened(origin, name)
    stream = source.open()
    try:
        _refuse_what_is_not_text(source, stream.read(64 * 1024))
    except (UsageError, OSError):
        source.done(stream)
        source.close()
        raise
    source.done(stream)
    return source


def _opened(origin: str | Path | BinaryIO, name: str) -> Source:
    if origin == "-":
        return _spooled(sys.stdin.buffer, name or "standard input")
    if not isinstance(origin, str | Path):
        return _spooled(origin, name or "stream")
    path = Path(origin)
    try:
        if path.is_dir():
            raise UsageError("This is a folder.", f"{path} is not a file.", "Name the file inside it.")
        path.stat()
        if path.is_file():
            return Source(name or path.name, path, None)
        with path.open("rb") as pipe:
            return _spooled(pipe, name or path.name)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _spooled(stream: IO[bytes], name: str) -> Source:
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 (closed by the source)
    try:
        shutil.copyfileobj(stream, spool, 1024 * 1024)
    except BaseException:
        spool.close()
        raise
    return Source(name, None, spool)


def _unreadable(path: Path, error: Exception) -> UsageError:
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        return UsageError("The file does not exist.", f"There is no {path}.", "Look at the path, or export it again.")
    if isinstance(error, PermissionError):
        return UsageError("The file may not be read.", f"{path} belongs to somebody else.", f"chmod u+r {path}")
    reason = getattr(error, "strerror", None) or str(error)
    return UsageError("The file cannot be read.", f"{path}: {reason}.", "Copy it to this computer and try again.")


def _refuse_what_is_not_text(source: Source, start: bytes) -> None:
    if not start.strip():
        what = "It has no bytes." if not start else "It holds nothing but blanks."
        raise UsageError("The file is empty.", f"{source.name}: {what}", "Export it again; nothing was changed.")
    for signature, title, hint in _BINARY:
        if start.startswith(signature) and (b"\x00" in start or not signature.isascii()):
            what = f"{source.name} is not text."
            if b"xl/" in start or b"[Content_Types].xml" in start:
                raise UsageError("This is an Excel workbook.", what, _SAVE_AS)
            raise UsageError(title, what, hint)
    if start.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")) or utf16_without_mark(start):
        return
    odd = sum(start.count(bytes((code,))) for code in range(32) if code not in _TEXT_CONTROLS)
    if odd > len(start) * 0.1 and odd > 16:  # single control characters are bad rows, not a bad file
        raise UsageError("This is not a text file.", f"{source.name} holds binary data.", _EXPORT)


def utf16_without_mark(start: bytes) -> str:
    """Which of "utf-16-le" and "utf-16-be" this is, when zero bytes stand where UTF-16 text has them, else empty."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    zeros = even + odd
    if zeros * 10 < len(start):
        return ""
    for codec, here in (("utf-16-le", odd), ("utf-16-be", even)):
        if here * 20 >= zeros * 19:
            text = start.decode(codec, errors="replace")
            strange = sum(
                (character < " " and character not in "\t\r\n") or character == "\ufffd" for character in text
            )
            if strange * 20 <= len(text) and ("\n" in text or "\r" in text):
                return codec
    return ""
