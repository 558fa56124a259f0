"""What a model wrote is kept small, and found again when it is asked for."""

import hashlib
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects import cohere, gemini, ollama, openai
from spanledger.dialects.dialect import Dialect
from spanledger.dialects.ndjson import LineDecoder
from spanledger.dialects.sse import EventDecoder
from spanledger.instrumentation.written import (
    KEPT_BYTES_MAX,
    TAKEN_BYTES_MAX,
    Kept,
    Written,
    written_in_document,
    written_in_events,
)
from tests.instrumentation.provider import recorded

WORDS = ("The ", "answer ", "is ", "费用 ", "👩🏽‍🚀 ", '"quoted" ', "\n")


def stream(words: list[str]) -> bytes:
    """A stream of OpenAI's in which a model writes these words."""
    chunks = (
        {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"content": word}}]}
        for word in words
    )
    events = (f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return ("".join(events) + "data: [DONE]\n\n").encode()


def noise(seed: int) -> str:
    """Sixty thousand characters in which nothing repeats itself."""
    return hashlib.shake_256(bytes([seed])).hexdigest(30_000)


def in_pieces(data: bytes, edges: list[int]) -> Kept:
    """`data`, kept piece by piece."""
    kept = Kept()
    for start, end in pairwise([0, *sorted(edges), len(data)]):
        kept.add(data[start:end])
    return kept


@given(
    words=st.lists(st.sampled_from(WORDS), max_size=40),
    edges=st.lists(st.integers(0, 4000), max_size=6),
)
def test_chunking_does_not_change_the_text(words: list[str], edges: list[int]) -> None:
    """Wherever the network cuts, what the model wrote is put together again."""
    data = stream(words)
    kept = in_pieces(data, [min(edge, len(data)) for edge in edges])
    text = "".join(words)

    assert written_in_events(openai.CHAT, EventDecoder, kept) == Written((text,) if text else ())


def test_what_is_not_looked_at_is_not_touched() -> None:
    """What came at once is held as it is: no exchange pays for keeping it."""
    data = stream(["once"])
    kept = in_pieces(data, [])

    assert next(kept.pieces()) is data


def test_a_long_stream_takes_a_tenth_of_its_size() -> None:
    """Events repeat themselves, so that a megabyte of them is kept in little."""
    data = stream([f"word{number * 7919 % 10_007} " for number in range(20_000)])
    kept = in_pieces(data, list(range(65_536, len(data), 65_536)))
    weight = kept.weight
    text = written_in_events(openai.CHAT, EventDecoder, kept).texts[0]

    assert len(data) > 10 * weight
    assert text.count("word") == 20_000


def test_memory_is_bounded_and_the_share_says_how_much_was_kept() -> None:
    """Of what cannot be made small the start is kept, and the rest is measured."""
    pieces = [stream([noise(number)]) for number in range(60)]
    kept = Kept()
    for piece in pieces:
        kept.add(piece)
    whole, weight = sum(map(len, pieces)), kept.weight
    (text,) = written_in_events(openai.CHAT, EventDecoder, kept).texts

    assert weight < 2 * KEPT_BYTES_MAX < whole
    assert kept.share == pytest.approx(len(text) / (60 * 60_000), rel=0.01)


@pytest.mark.parametrize("piece_bytes", [64 * 1024, 16 * 1024 * 1024])
def test_an_endless_stream_that_repeats_itself_is_read_for_a_moment(piece_bytes: int) -> None:
    """It becomes next to nothing when it is compressed; how much is read of it is bounded too."""
    event = stream(["word "]).removesuffix(b"data: [DONE]\n\n")
    piece = event * (piece_bytes // len(event))
    kept = Kept()
    for _ in range(64 * 1024 * 1024 // piece_bytes):
        kept.add(piece)
    written = written_in_events(openai.CHAT, EventDecoder, kept)
    words, sent = written.texts[0].count("word "), 64 * 1024 * 1024 // len(event)

    assert sum(map(len, kept.pieces())) == TAKEN_BYTES_MAX
    assert words == pytest.approx(TAKEN_BYTES_MAX / len(event), abs=1)
    assert words / written.share == pytest.approx(sent, rel=0.01)


def test_nothing_is_left_where_usage_is_stated() -> None:
    """What nobody will ask for is let go."""
    kept = in_pieces(stream(["once"]), [20])
    kept.drop()

    assert kept.weight == 0
    assert written_in_events(openai.CHAT, EventDecoder, kept).texts == ()


def test_an_event_that_was_cut_says_nothing() -> None:
    """Half an event is no JSON; those before it count."""
    kept = in_pieces(stream(["one ", "two"])[:-30], [])

    assert written_in_events(openai.CHAT, EventDecoder, kept).texts == ("one ",)


def test_lines_are_events() -> None:
    """Ollama's streams have no events but lines."""
    kept = in_pieces(recorded("ollama_chat_stream.ndjson").body, [100])
    written = written_in_events(ollama.CHAT, LineDecoder, kept)

    assert written.texts
    assert written.share == 1.0


@pytest.mark.parametrize(
    ("dialect", "body", "written"),
    [
        (openai.CHAT, recorded("openai_chat.json").body, Written(("Two rows, one price.",))),
        (gemini.GENERATE, b"[]", Written(readable=False)),
        (openai.CHAT, b"{}", Written(readable=False)),
        (openai.CHAT, b"<html>", Written(readable=False)),
        (openai.CHAT, b"[" * 100_000, Written(readable=False)),
        (openai.CHAT, b'[1, "a"]', Written()),
        (cohere.EMBED, recorded("cohere_embed.json").body, Written()),
    ],
)
def test_a_document_is_read_whole(dialect: Dialect, body: bytes, written: Written) -> None:
    """Its texts are found one by one; what is no answer says so."""
    assert written_in_document(dialect, body) == written


def test_an_array_of_chunks_is_one_answer() -> None:
    """Gemini streams an array to those who do not ask for events."""
    written = written_in_document(gemini.GENERATE, recorded("gemini_stream_array.json").body)

    assert len(written.texts) > 1
