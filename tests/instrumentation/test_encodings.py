"""Content encodings are undone as the bytes come, however they are cut."""

import gzip
import zlib

import pytest
from backports import zstd  # what httpx2 uses below Python 3.14
from hypothesis import given
from hypothesis import strategies as st

from spanledger.instrumentation.encodings import decoding

TEXT = b"data: Gr\xc3\xbc\xc3\x9fe\r\n\r\n" * 100


def raw_deflate(data: bytes) -> bytes:
    """Deflate without its header, as some servers send it."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


ENCODED = {
    "": TEXT,
    "identity": TEXT,
    "gzip": gzip.compress(TEXT),
    "X-GZIP": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    " deflate ": raw_deflate(TEXT),
    "zstd": zstd.compress(TEXT),
    "deflate, gzip": gzip.compress(zlib.compress(TEXT)),
    "gzip, zstd, identity": zstd.compress(gzip.compress(TEXT)),
}


def decode(coding: str, data: bytes, size: int) -> bytes:
    """The decoded bytes of `data`, fed in chunks of `size`."""
    undo = decoding(coding)
    assert undo is not None
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    return b"".join(piece for chunk in chunks for piece in undo(chunk))


@pytest.mark.parametrize("coding", ENCODED)
@given(size=st.integers(1, 2000))
def test_any_cut_gives_the_same(coding: str, size: int) -> None:
    """Chunk borders mean nothing, in any chain of encodings."""
    assert decode(coding, ENCODED[coding], size) == TEXT


def test_each_event_comes_out_at_once() -> None:
    """A server that flushes after each event is read event by event."""
    undo = decoding("gzip")
    assert undo is not None
    compressor = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        sent = compressor.compress(event) + compressor.flush(zlib.Z_SYNC_FLUSH)
        assert b"".join(undo(sent)) == event


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_bomb_comes_out_in_bounded_pieces(coding: str) -> None:
    """A few bytes that stand for many are never decoded all at once."""
    size = 20 * 1024 * 1024
    bomb = {"gzip": gzip.compress, "zstd": zstd.compress}[coding](bytes(size))
    undo = decoding(coding)
    assert undo is not None
    lengths = [len(piece) for piece in undo(bomb)]
    assert sum(lengths) == size
    assert max(lengths) <= 1024 * 1024


def test_what_follows_the_end_is_nothing() -> None:
    """Bytes after the end of the compressed data do not keep the decoder going."""
    assert decode("gzip", gzip.compress(TEXT) + b"garbage", 10_000) == TEXT


@pytest.mark.parametrize("coding", ["compress", "gzip, aes128gcm", "br"])
def test_an_encoding_that_cannot_be_undone_is_said_to_be(coding: str) -> None:
    """No decoder, no guess; Brotli's is not installed here."""
    assert decoding(coding) is None
