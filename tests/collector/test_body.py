"""Bodies are read within bounds, whatever they claim to be."""

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.collector.body import Bodies, Refused, inflate, read_body
from spanledger.collector.limits import Limits


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
