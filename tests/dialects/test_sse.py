import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects.sse import EVENT_BYTES_MAX, Event, EventDecoder


def decode(*chunks: bytes, limit: int = EVENT_BYTES_MAX) -> list[Event]:
    """All events of a stream that comes in these chunks."""
    decoder = EventDecoder(limit=limit)
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.flush()


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [Event("", "a")]),
        (b"data:a\n\n", [Event("", "a")]),
        (b"data:  a\n\n", [Event("", " a")]),
        (b"event: ping\ndata: {}\n\n", [Event("ping", "{}")]),
        (b"data: a\nevent: late\n\n", [Event("late", "a")]),
        (b"event: x\nevent: y\ndata: a\n\n", [Event("y", "a")]),
        (b"data: a\ndata: b\n\n", [Event("", "a\nb")]),
        (b"data\n\n", [Event("", "")]),
        (b"data\ndata\n\n", [Event("", "\n")]),
        (b": a comment\n\ndata: a\n\n", [Event("", "a")]),
        (b"data: a\n:\ndata: b\n\n", [Event("", "a\nb")]),
        (b"id: 7\nretry: 10\nother: x\ndata: a\n\n", [Event("", "a")]),
        (b"datas: a\n\n", []),
        (b"event: nothing\n\ndata: a\n\n", [Event("", "a")]),
        (b"event: x\ndata: a\n\ndata: b\n\n", [Event("x", "a"), Event("", "b")]),
        (b"\n\n\ndata: a\n\n\n\n", [Event("", "a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event("", "a")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", [Event("", "b")]),
        (b"data: a: b\n\n", [Event("", "a: b")]),
        (b"data: \xe8\xb4\xb9\xe7\x94\xa8\n\n", [Event("", "费用")]),
        (b"data: \xff\n\n", [Event("", "\ufffd")]),
        (b"data: a\x0bb\x85\xe2\x80\xa8c\n\n", [Event("", "a\x0bb\ufffd\u2028c")]),
        (b"", []),
    ],
)
def test_standard(stream: bytes, events: list[Event]) -> None:
    """Fields, comments, several data lines and the byte order mark follow the standard."""
    assert decode(stream) == events


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a", [Event("", "a")]),
        (b"data: a\n", [Event("", "a")]),
        (b"event: x\r\ndata: a\r", [Event("x", "a")]),
        (b"event: x\n", []),
        (b"data: a\n\n:", [Event("", "a")]),
    ],
)
def test_open_end(stream: bytes, events: list[Event]) -> None:
    """An event that the stream leaves open is returned at its end, once."""
    decoder = EventDecoder()
    assert decoder.feed(stream) + decoder.flush() == events
    assert decoder.flush() == []


def test_events_come_at_once() -> None:
    """An event is returned by the chunk that ends it, a carriage return included."""
    decoder = EventDecoder()
    assert decoder.feed(b"data: a\r") == []
    assert decoder.feed(b"\r") == [Event("", "a")]
    assert decoder.feed(b"\ndata: b\n") == []
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\n") == [Event("", "b")]


def test_line_end_in_two_chunks() -> None:
    """A line feed that follows a carriage return in the next chunk ends no second line."""
    assert decode(b"data: a\r", b"", b"\ndata: b\r", b"\n\r", b"\n") == [Event("", "a\nb")]


FIELDS = st.sampled_from(
    [b"data: x", b"data:", b"data: \xc3\xbc", b"event: e", b": note", b"id: 1", b"junk", b"", b""]
)
LINES = st.lists(FIELDS, max_size=12)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in chunks that end at `places`."""
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


@given(
    stream=st.one_of(
        LINES.map(b"\r\n".join),
        st.lists(st.sampled_from([b"data: x", b"\r", b"\n", b"\r\n", b":", b"\xef\xbb\xbf"])).map(
            b"".join
        ),
        st.binary(max_size=80),
    ),
    places=st.lists(st.integers(min_value=0, max_value=200), max_size=8),
    limit=st.sampled_from([8, 16, EVENT_BYTES_MAX]),
)
def test_chunks_do_not_matter(stream: bytes, places: list[int], limit: int) -> None:
    """However the network cuts a stream, the same events come out and the same are dropped."""
    whole, pieces = EventDecoder(limit=limit), EventDecoder(limit=limit)
    expected = whole.feed(stream) + whole.flush()
    events = [event for chunk in cut(stream, places) for event in pieces.feed(chunk)]
    assert events + pieces.flush() == expected
    assert pieces.dropped == whole.dropped


@given(lines=LINES)
def test_line_ends_do_not_matter(lines: list[bytes]) -> None:
    """LF, CRLF and CR make the same events."""
    by_end = [decode(end.join([*lines, b"", b""])) for end in (b"\n", b"\r\n", b"\r")]
    assert by_end[0] == by_end[1] == by_end[2]


@given(events=st.lists(st.builds(Event, st.sampled_from(["", "ping"]), st.text(max_size=20))))
def test_what_was_written_is_read(events: list[Event]) -> None:
    """Events written as a stream come back as they were, but for carriage returns."""
    events = [Event(event.name, event.data.replace("\r", " ")) for event in events]
    stream = "".join(
        f"event: {event.name}\n"
        + "".join(f"data: {line}\n" for line in event.data.split("\n"))
        + "\n"
        for event in events
    )
    assert decode(stream.encode()) == events


@pytest.mark.parametrize(
    "event",
    [
        b"data: 0123456789",
        b"data: 0123\ndata: 4567",
        b"event: 0123456789\ndata: a",
        b": 0123456789012",
    ],
)
def test_too_long_an_event_is_dropped(event: bytes) -> None:
    """An event beyond the limit is dropped whole and counted; those around it are kept."""
    decoder = EventDecoder(limit=14)
    events = decoder.feed(b"data: a\n\n" + event + b"\ndata: rest\n\n" + b"data: b\n\n")
    assert events == [Event("", "a"), Event("", "b")]
    assert decoder.dropped == 1


def test_event_of_exactly_the_limit() -> None:
    """The limit itself is still within it."""
    assert decode(b"data: 0123\n\n", limit=10) == [Event("", "0123")]
    assert decode(b"data: 01234\n\n", limit=10) == []


def test_open_end_of_a_dropped_event() -> None:
    """An event that was too long and never ended is counted at the end of the stream."""
    decoder = EventDecoder(limit=10)
    assert decoder.feed(b"data: 01234567") + decoder.flush() == []
    assert decoder.dropped == 1


@pytest.mark.parametrize("chunk", [b"x" * 1000, b"data: x\n" * 100, b"event: xxxxx\n" * 100])
def test_memory_is_bounded(chunk: bytes) -> None:
    """A stream that never ends an event keeps no more than a few times the limit in memory."""
    decoder = EventDecoder(limit=10_000)
    tracemalloc.start()
    try:
        for _ in range(200):
            decoder.feed(chunk)
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 50_000
