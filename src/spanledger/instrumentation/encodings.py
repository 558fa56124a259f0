"""Undoing `Content-Encoding` as the bytes come, in pieces of bounded size."""

import importlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import Any, Final

__all__ = ["BadEncoding", "Decode", "decoding"]


class BadEncoding(Exception):
    """The bytes are not what `Content-Encoding` says."""


Decode = Callable[[bytes], Iterable[bytes]]
"""Encoded bytes as they come -> what they decode to so far."""

_PIECE_BYTES: Final = 1024 * 1024
"""The most that is decoded at once: a few bytes may stand for gigabytes."""

_GZIP: Final = zlib.MAX_WBITS | 16


def decoding(content_encoding: str) -> Decode | None:
    """How to undo a `Content-Encoding` header; `None` where we cannot.

    Brotli and Zstandard need a module that the app has installed: HTTP clients ask for them only
    then.
    """
    if content_encoding == "gzip":
        return _inflating(_GZIP)
    codings = [name.strip().lower() for name in content_encoding.split(",")]
    steps = [_decoder(name) for name in reversed(codings) if name not in {"", "identity"}]
    known = [step for step in steps if step is not None]
    return reduce(_chained, known, _plain) if len(known) == len(steps) else None


def _plain(data: bytes) -> Iterable[bytes]:
    return (data,)


def _chained(first: Decode, then: Decode) -> Decode:
    def decode(data: bytes) -> Iterator[bytes]:
        for piece in first(data):
            yield from then(piece)

    return decode


def _decoder(coding: str) -> Decode | None:
    match coding:
        case "gzip" | "x-gzip":
            return _inflating(_GZIP)
        case "deflate":
            return _deflate()
        case "br":
            return _brotli()
        case "zstd":
            return _zstd()
        case _:
            return None


def _inflating(window_bits: int) -> Decode:
    inflater = zlib.decompressobj(window_bits)

    def decode(data: bytes) -> Iterator[bytes]:
        try:
            while not inflater.eof and (piece := inflater.decompress(data, _PIECE_BYTES)):
                yield piece
                data = inflater.unconsumed_tail
        except zlib.error as error:
            raise BadEncoding from error

    return decode


def _deflate() -> Decode:
    """Deflate with its header as the standard says, or without as some servers send it."""
    head = bytearray()
    inflate: Decode | None = None

    def decode(data: bytes) -> Iterable[bytes]:
        nonlocal inflate
        if inflate is not None:
            return inflate(data)
        head.extend(data)
        if len(head) < 2:
            return ()
        has_header = head[0] & 0x0F == zlib.DEFLATED and (head[0] << 8 | head[1]) % 31 == 0
        inflate = _inflating(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
        return inflate(bytes(head))

    return decode


def _brotli() -> Decode | None:
    module = _first_module("brotli", "brotlicffi")
    if module is None:
        return None
    decompressor = module.Decompressor()
    process = getattr(decompressor, "process", None) or decompressor.decompress

    def decode(data: bytes) -> Iterator[bytes]:
        try:
            while piece := process(data, output_buffer_limit=_PIECE_BYTES):
                yield piece
                data = b""
        except module.error as error:
            raise BadEncoding from error

    return decode


def _zstd() -> Decode | None:
    module = _first_module("compression.zstd", "backports.zstd", "zstandard")
    if module is None:
        return None
    decompressor = module.ZstdDecompressor()
    if hasattr(decompressor, "decompressobj"):
        decompress = decompressor.decompressobj().decompress

        def decode_at_once(data: bytes) -> Iterator[bytes]:
            try:
                yield decompress(data)
            except module.ZstdError as error:
                raise BadEncoding from error

        return decode_at_once

    def decode(data: bytes) -> Iterator[bytes]:
        try:
            while not decompressor.eof and (
                piece := decompressor.decompress(data, max_length=_PIECE_BYTES)
            ):
                yield piece
                data = b""
        except module.ZstdError as error:
            raise BadEncoding from error

    return decode


def _first_module(*names: str) -> Any:  # noqa: ANN401 - modules without types
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None
