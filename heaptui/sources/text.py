"""Bytes to text: which encoding a source has, and its text in blocks of whole lines."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import IO

from heaptui.errors import UsageError
from heaptui.sources.source import Source, utf16_without_mark

BLOCK_BYTES = 1024 * 1024
MAX_LINE = 16 * BLOCK_BYTES
"""Characters; a longer line means that this is no list of ids, and stops the reading instead of filling the memory."""

BYTE_ORDER_MARK = "\ufeff"

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
    "cp932": "CP932",
    "cp1252": "CP1252",
}
_FOREIGN_SAMPLE = 256 * 1024
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_WITHIN_A_WORD = re.compile(r"(?<![^\x00-\x7f])(?:(?<=[A-Za-z])[^\x00-\x7f]|[^\x00-\x7f](?=[A-Za-z]))(?![^\x00-\x7f])")
_ENCODED_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    """Put a lone surrogate where bytes cannot be decoded, so that the validator refuses the value they stand in."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    surrogate = _ENCODED_SURROGATE.match(error.object, error.start)
    if surrogate and error.encoding == "utf-8":
        return surrogate[0].decode("utf-8", "surrogatepass"), surrogate.end()
    broken = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in broken), error.end


MARK_UNDECODABLE = "heaptui.mark-undecodable"
codecs.register_error(MARK_UNDECODABLE, _mark_undecodable)


def encoding_name(codec: str) -> str:
    """How people call this codec."""
    return _NAMES.get(codec, codec.upper())


def known_encoding(name: str) -> str:
    """The codec for a name that somebody gave.

    Raises:
        UsageError: Python knows no such encoding.
    """
    try:
        b"x".decode(name, "replace")  # codecs that are no text encodings fail here
        return codecs.lookup(name).name
    except LookupError as error:
        raise UsageError(
            "Unknown encoding.", f"There is no encoding {name}.", "Use utf-8, utf-16, cp932 or cp1252."
        ) from error


def detect_encoding(source: Source) -> str:
    """The codec of the source: its mark, else UTF-16 by its zero bytes, UTF-8, CP932, or CP1252 if nothing else.

    Looks at the first bytes that are not ASCII, however far into the source they are.
    """
    stream = source.open()
    try:
        block = stream.read(BLOCK_BYTES)
        for mark, codec in _MARKS:
            if block.startswith(mark):
                return codec
        if codec := utf16_without_mark(block[: 64 * 1024]):
            return codec
        while block.isascii():
            if not block:
                return "utf-8"
            block = stream.read(BLOCK_BYTES)
        first = next(index for index in range(0, len(block), 4096) if not block[index : index + 4096].isascii())
        sample = block[max(0, first - 4096) :] + stream.read(_FOREIGN_SAMPLE)
        return _codec_of(sample[: _FOREIGN_SAMPLE + 4096])
    finally:
        source.done(stream)


def _codec_of(sample: bytes) -> str:
    lines = [line for line in re.split(rb"[\r\n]+", sample)[:-1] or [sample] if not line.isascii()]
    if not lines:
        lines = [sample]
    if sum(_decodes(line, "utf-8") for line in lines) * 2 >= len(lines):
        return "utf-8"
    if sum(_decodes(line, "cp932") for line in lines) * 10 >= len(lines) * 9:
        text = b"\n".join(lines).decode("cp932", errors="ignore")
        foreign, within_words = len(_FOREIGN.findall(text)), len(_WITHIN_A_WORD.findall(text))
        if within_words * 2 <= foreign:  # Western accents, misread as Japanese, stand alone within Western words
            return "cp932"
    return "cp1252"


def _decodes(line: bytes, codec: str) -> bool:
    try:
        line.decode(codec, "surrogatepass" if codec == "utf-8" else "strict")
    except UnicodeDecodeError:
        return False
    return True


def line_blocks(
    stream: IO[bytes], codec: str, *, bare_cr: bool, on_bytes: Callable[[bytes], None] | None = None
) -> Iterator[tuple[int, str]]:
    r"""Whole lines of the stream, about 1 MiB at a time: (number of the first line, lines joined by ``\n``).

    Line ends become ``\n``: all of them when `bare_cr` (files whose only line end is ``\r``), else ``\r\n`` only, so
    that a stray ``\r`` stays visible in the value it stands in. No value that Braze takes contains a line end, so this
    never changes one.

    Raises:
        UsageError: a line is longer than `MAX_LINE`.
    """
    decoder = codecs.getincrementaldecoder(codec)(MARK_UNDECODABLE)
    line_number, held = 1, ""
    pieces: list[str] = []
    waiting, first = 0, True
    while True:
        raw = stream.read(BLOCK_BYTES)
        if on_bytes is not None:
            on_bytes(raw)
        text = held + decoder.decode(raw, final=not raw)
        held = ""
        if first:
            text, first = text.removeprefix(BYTE_ORDER_MARK), False
        if "\r" in text:
            if raw and text.endswith("\r"):  # its "\n" may be in the next block
                text, held = text[:-1], "\r"
            text = text.replace("\r\n", "\n")
            if bare_cr:
                text = text.replace("\r", "\n")
        end = text.rfind("\n")
        if end >= 0:
            block = "".join([*pieces, text[:end]])
            yield line_number, block
            line_number += block.count("\n") + 1
            pieces, text = [], text[end + 1 :]
            waiting = 0
        pieces.append(text)
        waiting += len(text)
        if waiting > MAX_LINE:
            raise UsageError(
                f"Line {line_number:,} has no end.",
                f"It is longer than {MAX_LINE:,} characters.",
                "One id per line is needed; nothing was changed.",
            )
        if not raw:
            break
    if waiting:
        yield line_number, "".join(pieces)
