"""Reading a request body within bounds: of size and time, and of size while it is inflated."""

import asyncio
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from spanledger.collector.limits import Limits
from spanledger.errors import SpanledgerError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Bodies", "Held", "Refused", "inflate", "read_body", "understood"]

ENCODINGS_MAX: Final = 4
"""How many times a body may be compressed."""
GZIP: Final = 31
"""`wbits` for zlib: 16 for gzip's header, 15 for the largest window."""
RAW: Final = -15
ZSTD_WINDOW_LOG_MAX: Final = 23
"""8 MiB, what RFC 8878 asks every reader to support: a frame may not ask for more memory."""


class Refused(SpanledgerError):
    """A request that is answered with an HTTP error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Held:
    """What one request holds of the memory for bodies."""

    def __init__(self, bodies: "Bodies") -> None:
        self._bodies = bodies
        self.bytes = 0

    def grow(self, size: int) -> None:
        """Hold `size` bytes more.

        Raises:
            Refused: with 503: all bodies together hold as much as they may.
        """
        if self._bodies.held_bytes + size > self._bodies.bytes_max:
            raise Refused(503, "too many bodies are being received: send again later")
        self.bytes += size
        self._bodies.held_bytes += size


class Bodies:
    """How much memory the bodies of all requests hold; for one event loop."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.held_bytes = 0

    @contextmanager
    def held(self) -> Generator[Held]:
        """What one request holds until the block ends."""
        held = Held(self)
        try:
            yield held
        finally:
            self.held_bytes -= held.bytes


async def read_body(
    chunks: AsyncIterator[bytes], bytes_max: int, held: Held, limits: Limits
) -> bytes:
    """The body as it comes, at most `bytes_max` long and not slower than `limits` allow.

    Raises:
        Refused: with 413 for too large, 408 for too slow, 503 for too much at once.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    body = bytearray()
    try:
        async with asyncio.timeout_at(begun + limits.body_grace_seconds) as deadline:
            async for chunk in chunks:
                held.grow(len(chunk))
                body += chunk
                if len(body) > bytes_max:
                    raise _too_large(bytes_max)
                deadline.reschedule(begun + _seconds_for(len(body), limits))
    except TimeoutError:
        raise Refused(408, "the body came too slowly") from None
    return bytes(body)


def _seconds_for(size: int, limits: Limits) -> float:
    """How long after its begin a body may have come no further than `size` bytes."""
    at_least = limits.body_grace_seconds + size / limits.body_bytes_per_second_min
    return min(at_least, limits.body_seconds_max)


def understood(encoding: str) -> Sequence[str]:
    """The encodings in a Content-Encoding, in the order in which they were applied.

    Raises:
        Refused: with 415 for one that is not known, or too many of them.
    """
    named = [name.strip().lower() for name in encoding.split(",")]
    applied = [name for name in named if name not in {"", "identity"}]
    for name in applied:
        if name not in _INFLATERS:
            known = ", ".join(_INFLATERS)
            raise Refused(415, f"content encoding {name[:100]!r} is not supported: use {known}")
    if len(applied) > ENCODINGS_MAX:
        raise Refused(415, f"a body may be compressed {ENCODINGS_MAX} times at most")
    return applied


def inflate(body: bytes, encoding: str, bytes_max: int) -> bytes:
    """The body, inflated as `encoding` (a Content-Encoding) says.

    Memory stays within a small multiple of `bytes_max`, whatever the body claims or unpacks to.

    Raises:
        Refused: with 413 where all steps together unpack to more than `bytes_max`, 415 for an
            unknown encoding, 400 for broken compression.
    """
    left = bytes_max
    for name in reversed(understood(encoding)):
        try:
            body = _inflated(body, _INFLATERS[name], left)
        except _TooLarge:
            raise _too_large(bytes_max) from None
        except (zlib.error, zstd.ZstdError) as error:
            raise Refused(400, f"the body is not valid {name}") from error
        except EOFError:
            raise Refused(400, f"the {name} body ends too early") from None
        left -= len(body)
    return body


class _TooLarge(Exception):
    pass


class _Inflater(Protocol):
    """What zlib's and zstd's objects have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /, max_length: int) -> bytes: ...


def _inflated(body: bytes, begin: Callable[[bytes], _Inflater], bytes_max: int) -> bytes:
    """All members of `body`, one after the other."""
    plain = bytearray()
    while True:
        inflater = begin(body)
        plain += inflater.decompress(body, bytes_max + 1 - len(plain))
        if len(plain) > bytes_max:
            raise _TooLarge
        if not inflater.eof:
            raise EOFError
        if not (body := inflater.unused_data):
            return bytes(plain)


def _zlib_or_raw(body: bytes) -> _Inflater:
    """What HTTP calls deflate has a zlib header; many senders leave it out."""
    has_header = len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0
    return zlib.decompressobj(zlib.MAX_WBITS if has_header else RAW)


def _zstd(_: bytes) -> _Inflater:
    parameter = zstd.DecompressionParameter.window_log_max
    return zstd.ZstdDecompressor(options={parameter: ZSTD_WINDOW_LOG_MAX})


def _gzip(_: bytes) -> _Inflater:
    return zlib.decompressobj(GZIP)


_INFLATERS: Final[Mapping[str, Callable[[bytes], _Inflater]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _zlib_or_raw,
    "zstd": _zstd,
}


def _too_large(bytes_max: int) -> Refused:
    return Refused(413, f"the body is larger than {bytes_max} bytes")
