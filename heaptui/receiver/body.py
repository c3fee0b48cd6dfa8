"""Reading a request body within a limit that counts what it unpacks to."""

from __future__ import annotations

import zlib

from starlette.exceptions import HTTPException
from starlette.requests import Request

_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request, cap: int) -> bytes:
    """The whole body, unpacked when it is gzip.

    Raises:
        HTTPException: 413 beyond `cap` bytes, 415 for an unknown encoding, 400 for broken gzip.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise HTTPException(415, f"content-encoding {encoding} is not supported")
    unpacker = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        try:
            plain = unpacker.decompress(chunk, cap + 1 - size) if unpacker else chunk
        except zlib.error as error:
            raise HTTPException(400, "the body is not gzip") from error
        parts.append(plain)
        size += len(plain)
        if size > cap:
            raise HTTPException(413, f"the body is larger than {cap} bytes")
    if unpacker and parts and not unpacker.eof:
        raise HTTPException(400, "the body is cut short")
    return b"".join(parts)
