"""Reading a request body within bounds: before, while and after it is inflated."""

import zlib
from collections.abc import AsyncIterator
from typing import Final

from spanledger.errors import SpanledgerError

__all__ = ["Refused", "inflate", "read_body"]

GZIP_OR_ZLIB: Final = 47
"""`wbits` for zlib: 32 for either header, 15 for the largest window."""


class Refused(SpanledgerError):
    """A request that is answered with an HTTP error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def read_body(chunks: AsyncIterator[bytes], encoding: str, bytes_max: int) -> bytes:
    """The body as it comes, at most `bytes_max` long.

    Memory stays within a small multiple of `bytes_max`, whatever the body claims or unpacks to.

    Raises:
        Refused: with 413 for too large, 415 for an unknown encoding, 400 for broken compression.
    """
    if encoding not in {"", "identity", "gzip", "deflate"}:
        raise Refused(415, f"content encoding {encoding[:100]!r} is not supported: use gzip")
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > bytes_max:
            raise _too_large(bytes_max)
    return bytes(body)


def inflate(body: bytes, encoding: str, bytes_max: int) -> bytes:
    """The body, inflated as `encoding` (a Content-Encoding) says, at most `bytes_max` long.

    Raises:
        Refused: with 413 for too large, 400 for broken compression.
    """
    if encoding in {"", "identity"}:
        return body
    inflater = zlib.decompressobj(GZIP_OR_ZLIB)
    try:
        plain = inflater.decompress(body, bytes_max + 1)
    except zlib.error as error:
        raise Refused(400, "the body is not valid gzip") from error
    if len(plain) > bytes_max:
        raise _too_large(bytes_max)
    if not inflater.eof:
        raise Refused(400, "the gzip body ends too early")
    return plain


def _too_large(bytes_max: int) -> Refused:
    return Refused(413, f"the body is larger than {bytes_max} bytes")
