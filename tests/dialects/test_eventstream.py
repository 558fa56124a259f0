import json
import tracemalloc
from base64 import b64encode
from itertools import pairwise
from struct import pack
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects.eventstream import MessageDecoder
from spanledger.dialects.sse import EVENT_BYTES_MAX, Event
from tests.dialects.event_streams import headers, message, plain

ALL_TYPES = (
    b"\x01t\x00"  # true
    b"\x01f\x01"  # false
    b"\x01b\x02\xff"  # a byte
    b"\x01s\x03\x00\x01"  # 16 bits
    b"\x01i\x04\x00\x00\x00\x01"  # 32
    b"\x01l\x05\x00\x00\x00\x00\x00\x00\x00\x01"  # 64
    b"\x01y\x06\x00\x03abc"  # bytes
    b"\x01d\x08\x00\x00\x01\x00\x00\x00\x00\x00"  # a time
    b"\x01u\x09" + bytes(16)  # a UUID
)


def decode(*chunks: bytes, limit: int = EVENT_BYTES_MAX) -> list[Event]:
    """All events of a stream that comes in these chunks."""
    decoder = MessageDecoder(limit=limit)
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.flush()


def test_events() -> None:
    """A message is an event with its type as its name and its payload as its data."""
    stream = plain("messageStart", b'{"role":"assistant"}') + plain("metadata", b"{}")
    assert decode(stream) == [
        Event("messageStart", '{"role":"assistant"}'),
        Event("metadata", "{}"),
    ]


def test_all_types_of_headers() -> None:
    """Headers of every type are passed over on the way to those that matter."""
    assert decode(message(ALL_TYPES + headers({":event-type": "x"}), b"1")) == [Event("x", "1")]


def test_empty_message() -> None:
    """A message may have neither headers nor payload."""
    assert decode(message(b"", b"")) == [Event("", "")]


@pytest.mark.parametrize(
    ("payload", "data"),
    [
        (b'{"bytes":"%s","p":"abc"}' % b64encode(b'{"type":"ping"}'), '{"type":"ping"}'),
        (b'{"p": "abc", "bytes" : "%s"}' % b64encode("ü".encode()), "ü"),
        (b'{"bytes":""}', ""),
        (b'{"bytes":"a"}', ""),
        (b'{"bytes":5}', '{"bytes":5}'),
    ],
)
def test_wrapped_events(payload: bytes, data: str) -> None:
    """What InvokeModelWithResponseStream wraps in base64 comes out as its maker wrote it."""
    assert decode(plain("chunk", payload)) == [Event("chunk", data)]


def test_only_chunks_are_unwrapped() -> None:
    """An image in an event of another type stays what it is."""
    assert decode(plain("image", b'{"bytes":"YQ=="}')) == [Event("image", '{"bytes":"YQ=="}')]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (
            {":message-type": "exception", ":exception-type": "throttlingException"},
            "throttlingException",
        ),
        ({":message-type": "exception"}, "_OTHER"),
        ({":message-type": "error", ":error-code": "InternalFailure"}, "InternalFailure"),
        ({":message-type": "error", ":error-message": "why"}, "_OTHER"),
    ],
)
def test_exceptions(fields: dict[str, str], name: str) -> None:
    """Exceptions and errors look like the error events of other providers; their text is left."""
    (event,) = decode(message(headers(fields), b'{"message":"Too many tokens"}'))
    assert event.name == "error"
    assert json.loads(event.data) == {"error": {"type": name}}


def test_many_headers() -> None:
    """However many different headers a stream has, and however long, each names its event."""
    names = [f"event-{n}" for n in range(200)] + ["long" * 500]
    stream = b"".join(plain(name, b"{}") for name in names)
    assert [event.name for event in decode(stream + stream)] == names * 2


def test_cut_message() -> None:
    """A message that was cut is no event, and what came before it is."""
    stream = plain("a", b"1")
    assert decode(stream + stream[:-1]) == [Event("a", "1")]
    assert decode(stream + stream[:5]) == [Event("a", "1")]


def test_damaged_message() -> None:
    """A message whose checksum is wrong is dropped and counted; those around it are kept."""
    damaged = bytearray(plain("a", b"12345"))
    damaged[-6] ^= 1
    decoder = MessageDecoder()
    stream = plain("a", b"1") + damaged + plain("b", b"2")
    assert decoder.feed(stream) == [Event("a", "1"), Event("b", "2")]
    assert decoder.dropped == 1


@pytest.mark.parametrize(
    "block",
    [b"\x05ab", b"\x01a\x07\x00", b"\x01a\x07\x00\x09x", b"\x01a\x0a", b"\x01a\x09\x00", b"\x00"],
)
def test_broken_headers(block: bytes) -> None:
    """A message whose headers do not follow the format is dropped and counted."""
    decoder = MessageDecoder()
    assert decoder.feed(message(block, b"{}") + plain("b", b"2")) == [Event("b", "2")]
    assert decoder.dropped == 1


@pytest.mark.parametrize(
    "rubbish",
    [
        b"data: {}\n\ndata: {}\n\n",
        bytes(16),
        pack(">III", 15, 0, crc32(pack(">II", 15, 0))),
        pack(">III", 20, 5, crc32(pack(">II", 20, 5))),
    ],
)
def test_no_event_stream(rubbish: bytes) -> None:
    """Bytes that are no message end the reading: nothing after them can be told apart."""
    decoder = MessageDecoder()
    assert decoder.feed(plain("a", b"1") + rubbish + plain("b", b"2")) == [Event("a", "1")]
    assert decoder.broken
    assert decoder.feed(plain("c", b"3")) == []


def test_too_long_a_message_is_dropped() -> None:
    """A message beyond the limit is dropped and counted; the limit itself is within it."""
    fits, long = message(b"", b"12345678"), message(b"", b"123456789")
    decoder = MessageDecoder(limit=24)
    assert decoder.feed(fits + long + fits) == [Event("", "12345678")] * 2
    assert decoder.dropped == 1


MESSAGES = st.lists(
    st.builds(plain, st.sampled_from(["metadata", "chunk"]), st.binary(max_size=30)), max_size=5
)


@given(
    stream=st.one_of(MESSAGES.map(b"".join), st.binary(max_size=80)),
    places=st.lists(st.integers(min_value=0, max_value=600), max_size=8),
    limit=st.sampled_from([90, EVENT_BYTES_MAX]),
)
def test_chunks_do_not_matter(stream: bytes, places: list[int], limit: int) -> None:
    """However the network cuts a stream, the same events come out and the same are dropped."""
    whole, pieces = MessageDecoder(limit=limit), MessageDecoder(limit=limit)
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    events = [e for start, end in pairwise(edges) for e in pieces.feed(stream[start:end])]
    assert events == whole.feed(stream)
    assert (pieces.dropped, pieces.broken) == (whole.dropped, whole.broken)


@given(
    events=st.lists(
        st.tuples(st.sampled_from(["metadata", "messageStop"]), st.text(max_size=30)), max_size=6
    )
)
def test_second_opinion(events: list[tuple[str, str]]) -> None:
    """Botocore's own parser finds the same events in the same bytes."""
    stream = b"".join(plain(name, payload.encode()) for name, payload in events)
    theirs = EventStreamBuffer()
    theirs.add_data(stream)
    assert [(event.name, event.data) for event in decode(stream)] == [
        (found.headers[":event-type"], found.payload.decode()) for found in theirs
    ]


def test_memory_is_bounded() -> None:
    """A message that never ends keeps no more than a few times the limit in memory."""
    prelude = pack(">II", 2**31, 0)
    decoder = MessageDecoder(limit=10_000)
    decoder.feed(prelude + pack(">I", crc32(prelude)))
    tracemalloc.start()
    try:
        for _ in range(200):
            decoder.feed(b"x" * 1000)
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 50_000
    assert decoder.dropped == 1
