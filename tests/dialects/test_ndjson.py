import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects.ndjson import LineDecoder
from spanledger.dialects.sse import EVENT_BYTES_MAX, Event


@pytest.mark.parametrize(
    ("stream", "lines"),
    [
        (b'{"a":1}\n{"b":2}\n', ['{"a":1}', '{"b":2}']),
        (b'{"a":1}\r\n{"b":2}\r\n', ['{"a":1}', '{"b":2}']),
        (b"\n\n a \n\r\n \nb\n", ["a", "b"]),
        (b"\xe8\xb4\xb9\n\xff\n", ["费", "\ufffd"]),
        (b"", []),
        (b"\n", []),
    ],
)
def test_lines(stream: bytes, lines: list[str]) -> None:
    """Each line is an event without a name; blank ones are none."""
    decoder = LineDecoder()
    assert decoder.feed(stream) == [Event("", line) for line in lines]
    assert decoder.flush() == []


def test_open_end() -> None:
    """The last line counts without its line feed: it is the one that holds the usage."""
    decoder = LineDecoder()
    assert decoder.feed(b"a\nb") == [Event("", "a")]
    assert decoder.flush() == [Event("", "b")]
    assert decoder.flush() == []


def test_lines_come_at_once() -> None:
    """A line is returned by the chunk that ends it."""
    decoder = LineDecoder()
    assert decoder.feed(b"a") == []
    assert decoder.feed(b"") == []
    assert decoder.feed(b"b\nc") == [Event("", "ab")]
    assert decoder.feed(b"\n") == [Event("", "c")]


def test_too_long_a_line_is_dropped() -> None:
    """A line beyond the limit is dropped whole and counted; those around it are kept."""
    decoder = LineDecoder(limit=4)
    assert decoder.feed(b"a\n1234\n12345\n123") == [Event("", "a"), Event("", "1234")]
    assert decoder.feed(b"45\nb\n1234") == [Event("", "b")]
    assert decoder.feed(b"5") + decoder.flush() == []
    assert decoder.dropped == 3


@given(
    stream=st.one_of(
        st.lists(st.sampled_from([b"{}", b"\n", b"\r\n", b" ", b"\xc3\xbc"])).map(b"".join),
        st.binary(max_size=80),
    ),
    places=st.lists(st.integers(min_value=0, max_value=200), max_size=8),
    limit=st.sampled_from([2, 8, EVENT_BYTES_MAX]),
)
def test_chunks_do_not_matter(stream: bytes, places: list[int], limit: int) -> None:
    """However the network cuts a stream, its lines come out, and the same are dropped."""
    decoder = LineDecoder(limit=limit)
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    events = [e for start, end in pairwise(edges) for e in decoder.feed(stream[start:end])]
    lines = stream.split(b"\n")
    assert [event.data for event in events + decoder.flush()] == [
        line.strip().decode("utf-8", "replace")
        for line in lines
        if len(line) <= limit and line.strip()
    ]
    assert decoder.dropped == sum(len(line) > limit for line in lines)


def test_memory_is_bounded() -> None:
    """A line that never ends keeps no more than a few times the limit in memory."""
    decoder = LineDecoder(limit=10_000)
    tracemalloc.start()
    try:
        for _ in range(200):
            decoder.feed(b"x" * 1000)
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 50_000
