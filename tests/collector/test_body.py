"""Bodies are read within bounds, whatever they claim to be."""

import asyncio
import gzip
import sys
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.collector.body import Bodies, Refused, inflate, read_body
from spanledger.collector.limits import Limits

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


async def chunked(body: bytes, size: int) -> AsyncIterator[bytes]:
    """`body` in pieces of `size` bytes, as a socket delivers it."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def read(body: bytes, encoding: str, bytes_max: int, size: int = 7) -> bytes:
    """Read a body that arrives in small pieces, and inflate it."""
    with Bodies(10**9).held() as held:
        sent = asyncio.run(read_body(chunked(body, size), bytes_max, held, Limits()))
    return inflate(sent, encoding, bytes_max)


@given(st.binary(max_size=2000), st.integers(1, 300), st.sampled_from(["gzip", "identity"]))
def test_a_body_within_the_bound_arrives_whole(body: bytes, size: int, encoding: str) -> None:
    """However it is cut on the way."""
    sent = gzip.compress(body) if encoding == "gzip" else body

    assert read(sent, encoding, bytes_max=2000, size=size) == body


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_the_bound_is_exact(encoding: str) -> None:
    """A body of the largest size is taken; one byte more is not."""
    fits, too_large = (
        gzip.compress(b"a" * length) if encoding == "gzip" else b"a" * length
        for length in (1000, 1001)
    )

    assert len(read(fits, encoding, 1000)) == 1000
    with pytest.raises(Refused, match="larger than 1000 bytes") as refused:
        read(too_large, encoding, 1000)
    assert refused.value.status == 413


def test_a_bomb_costs_no_more_memory_than_the_bound() -> None:
    """Threat 6: 200 MB packed into 200 KB are never unpacked."""
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=1)
    tracemalloc.start()

    with pytest.raises(Refused):
        read(bomb, "gzip", 1_000_000, size=64_000)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
}


def raw_deflate(body: bytes) -> bytes:
    """Without a header, as many senders have it."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@given(st.binary(max_size=500), st.lists(st.sampled_from(sorted(PACKERS)), max_size=4))
def test_several_encodings_are_undone_in_order(body: bytes, applied: list[str]) -> None:
    """The last that was applied is undone first."""
    sent = body
    for name in applied:
        sent = PACKERS[name](sent)

    assert inflate(sent, ", ".join([*applied, "identity"]), 10_000) == body


@given(st.binary(max_size=500))
def test_deflate_is_read_with_and_without_its_header(body: bytes) -> None:
    """HTTP says with; half of the world says without."""
    assert inflate(raw_deflate(body), "deflate", 500) == body


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_members_follow_each_other(name: str) -> None:
    """Both formats allow it, and the bound holds for all together."""
    sent = PACKERS[name](b"a" * 60) + PACKERS[name](b"b" * 60)

    assert inflate(sent, name, 120) == b"a" * 60 + b"b" * 60
    with pytest.raises(Refused, match="larger than 119 bytes"):
        inflate(sent, name, 119)


@pytest.mark.parametrize("name", sorted(PACKERS))
def test_broken_compression_is_refused(name: str) -> None:
    """A cut body, rubbish, and nothing at all."""
    for broken in (PACKERS[name](b"body" * 9)[:-3], b"\x00rubbish", b""):
        with pytest.raises(Refused) as refused:
            inflate(broken, name, 1000)
        assert refused.value.status == 400


def test_all_steps_together_stay_within_the_bound() -> None:
    """Threat 6: what an inner step unpacks to counts as well."""
    inner = gzip.compress(b"\0" * 900)
    padded = gzip.compress(inner + gzip.compress(bytes(50)))

    with pytest.raises(Refused, match="larger than 960 bytes"):
        inflate(padded, "gzip, gzip", 960)


def test_a_window_that_is_too_large_is_refused() -> None:
    """Threat 6: the header of a frame may ask for memory that its content never needs."""
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    sent = packer.compress(b"a" * 1000) + packer.flush()

    assert zstd.decompress(sent) == b"a" * 1000
    with pytest.raises(Refused, match="not valid zstd"):
        inflate(sent, "zstd", 1_000_000)


@pytest.mark.parametrize("encoding", ["br", "gzip, br", "gzip, gzip, gzip, gzip, gzip", "*"])
def test_other_encodings_are_not_supported(encoding: str) -> None:
    """415 says which are."""
    with pytest.raises(Refused) as refused:
        inflate(b"", encoding, 10)
    assert refused.value.status == 415


def test_bodies_hold_no_more_than_they_may_together() -> None:
    """A body that does not fit is refused, and what it held is free again."""
    bodies = Bodies(10)
    with bodies.held() as first, bodies.held() as second:
        first.grow(6)
        with pytest.raises(Refused) as refused:
            second.grow(5)
        second.grow(4)
    assert refused.value.status == 503
    assert bodies.held_bytes == 0


@pytest.mark.parametrize("before", [b"", b"some"])
def test_a_body_that_stops_coming_is_refused(before: bytes) -> None:
    """R13: an unfinished body ends with its deadline."""

    async def stalled() -> AsyncIterator[bytes]:
        yield before
        await asyncio.Event().wait()

    limits = Limits(body_grace_seconds=0.01, body_seconds_max=0.02)
    with Bodies(100).held() as held, pytest.raises(Refused, match="too slowly") as refused:
        asyncio.run(read_body(stalled(), 100, held, limits))
    assert refused.value.status == 408
