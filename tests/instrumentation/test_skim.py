"""Skimming a stream says exactly what parsing each of its events says."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from spanledger.dialects.dialect import Answer, Dialect, Json
from spanledger.dialects.reader import follow
from spanledger.dialects.sse import EventDecoder
from spanledger.dialects.streams import Decoder, event_decoder
from spanledger.dialects.table import DIALECTS
from spanledger.instrumentation.skim import UNREAD, EventSkimmer
from tests.instrumentation.provider import RECORDED

STREAMS = sorted(RECORDED.glob("*.sse")) + sorted(RECORDED.glob("*.ndjson"))

WORDS = st.text(max_size=12)
KEYS = st.sampled_from(
    [*UNREAD, "id", "model", "usage", "choices", "finish_reason", "type", "error", "~", "response"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 10**16) | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


def as_json(body: object, ascii_only: object) -> str:
    """`body` as a provider would write it."""
    return json.dumps(body, ensure_ascii=bool(ascii_only), separators=(",", ":"))


EVENTS = st.builds(as_json, st.dictionaries(KEYS, VALUES, max_size=5), st.booleans())
BLOCKS = EVENTS.map(lambda data: f"data: {data}") | st.sampled_from(
    ["data: [DONE]", ": ping", "data: {", "event: error", "", "data: {\x01}", 'data: {"~":0}']
)


def parsed(dialect: Dialect, decoder: Decoder, body: bytes) -> Answer:
    """The answer by parsing every event."""
    answer = Answer()
    for event in [*decoder.feed(body), *decoder.flush()]:
        answer = follow(dialect, answer, event)
    return answer


def skimmed(dialect: Dialect, decoder: Callable[[], Decoder], chunks: list[bytes]) -> Answer:
    """The answer of the skimmer."""
    skimmer = EventSkimmer(dialect, decoder)
    for chunk in chunks:
        skimmer.feed(chunk)
    return skimmer.answer()


def pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    """`body`, cut at some of `cuts`."""
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


def say_the_same(decoder: Callable[[], Decoder], body: bytes, cuts: list[int]) -> None:
    """Skimmed and parsed, `body` says the same in each dialect, its own and the others."""
    chunks = pieces(body, cuts)
    for dialect in DIALECTS:
        note(dialect.name)
        assert repr(skimmed(dialect, decoder, chunks)) == repr(parsed(dialect, decoder(), body))


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
@settings(max_examples=10)
@given(cuts=st.lists(st.integers(0, 100_000), max_size=6), crlf=st.booleans())
def test_recorded_streams_say_the_same(stream: Path, cuts: list[int], *, crlf: bool) -> None:
    """Each recorded stream, in each dialect, with either line end and cut anywhere."""
    body = stream.read_bytes().replace(b"\r\n", b"\n")
    body = body.replace(b"\n", b"\r\n") if crlf else body
    kind = "text/event-stream" if stream.suffix == ".sse" else "application/x-ndjson"
    decoder = event_decoder(kind)
    assert decoder is not None

    say_the_same(decoder, body, cuts)


@settings(max_examples=100)
@given(
    blocks=st.lists(BLOCKS, max_size=6),
    order=st.lists(st.integers(0, 5), max_size=30),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, 10_000), max_size=3),
)
def test_any_stream_says_the_same(
    blocks: list[str], order: list[int], end: str, cuts: list[int]
) -> None:
    """Events that come again and again, nested and broken ones, lone carriage returns."""
    drawn = [blocks[place % len(blocks)] for place in order] if blocks else []
    body = "".join(block + end + end for block in drawn).encode("utf-8", "replace")

    say_the_same(EventDecoder, body, cuts)


def test_most_events_are_not_parsed() -> None:
    """A long answer costs the parsing of its few kinds of events."""
    seen: list[object] = []
    chat = next(dialect for dialect in DIALECTS if dialect.name == "openai.chat")

    def read_event(answer: Answer, name: str, data: Json) -> Answer:
        seen.append(data)
        return chat.read_event(answer, name, data)

    watched = replace(chat, read_event=read_event)
    body = b"".join(
        b'data: {"id":"c","model":"m","choices":[{"delta":{"content":"word %d"}}]}\n\n' % number
        for number in range(500)
    )

    assert skimmed(watched, EventDecoder, [body]).model == "m"
    assert 1 <= len(seen) <= 4


def test_an_event_without_end_is_bounded() -> None:
    """What comes after the bound is decoded the plain way, and the usage after it is found."""
    chat = next(dialect for dialect in DIALECTS if dialect.name == "openai.chat")
    chunks = [b'data: {"x":"', *[b"x" * 300_000] * 5, b'"}\n\ndata: {"usage":{"a":1}}\n\n']

    assert skimmed(chat, EventDecoder, chunks).usage == {"a": 1}
