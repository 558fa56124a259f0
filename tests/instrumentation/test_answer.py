"""Bodies are read as they pass: event by event, or one document within a bound."""

import gzip
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects import bedrock, gemini, ollama, openai
from spanledger.dialects.dialect import Answer, Dialect
from spanledger.instrumentation.answer import BODY_BYTES_MAX, HELD_BYTES_MAX, AnswerReader
from tests.dialects.event_streams import recorded_stream
from tests.instrumentation.provider import EVENTS, JSON, recorded


def read(dialect: Dialect, chunks: list[bytes], *, ended: bool = True, **headers: str) -> Answer:
    """The answer in `chunks`."""
    reader = AnswerReader(dialect, {name.replace("_", "-"): headers[name] for name in headers})
    for chunk in chunks:
        reader.hold(chunk)
    return reader.answer(ended=ended)


@given(cuts=st.lists(st.integers(0, 1500), max_size=8))
def test_chunking_does_not_change_the_answer(cuts: list[int]) -> None:
    """The same stream, cut anywhere and compressed, says the same."""
    body = gzip.compress(recorded("openai_chat_stream.sse").body)
    edges = [0, *sorted(cuts), len(body)]
    chunks = [body[start:end] for start, end in pairwise(edges)]

    answer = read(openai.CHAT, chunks, content_type=EVENTS, content_encoding="gzip")

    assert answer.usage is not None
    assert (answer.usage["completion_tokens"], answer.complete) == (46, True)


def test_the_last_event_counts_without_its_blank_line() -> None:
    """Some servers leave it out, and it holds the usage."""
    answer = read(
        openai.CHAT, [b'data: {"usage":{"prompt_tokens":3}}'], content_type="Text/Event-Stream"
    )
    assert answer.usage == {"prompt_tokens": 3}
    assert not answer.complete


@pytest.mark.parametrize(("ended", "complete"), [(True, True), (False, False)])
def test_what_is_no_json_says_nothing(*, ended: bool, complete: bool) -> None:
    """A login page instead of an answer has no usage; if it was cut, that is said."""
    answer = read(openai.CHAT, [b"<html>"], ended=ended, content_type="text/html")
    assert answer == Answer(complete=complete)


def test_a_whole_document_is_complete_though_the_connection_was_not_read_to_its_end() -> None:
    """What was parsed is whole, whether or not the app waited for the transport's end."""
    answer = read(openai.CHAT, [recorded("openai_chat.json").body], ended=False, content_type=JSON)
    assert answer.complete
    assert answer.usage is not None


def test_lines_are_events() -> None:
    """Ollama streams lines of JSON, of which the last one states the usage."""
    body = recorded("ollama_chat_stream.ndjson").body
    answer = read(ollama.CHAT, [body[:50], body[50:]], content_type="application/x-ndjson")
    assert answer.usage == {"prompt_eval_count": 26, "eval_count": 282}
    assert answer.complete


def test_amazons_messages_are_events() -> None:
    """Bedrock streams binary messages, of which the last one states the usage."""
    body = recorded_stream(recorded("bedrock_converse_stream.json").body)
    content_type = "application/vnd.amazon.eventstream"
    answer = read(bedrock.CONVERSE, [body[:50], body[50:]], content_type=content_type)
    assert answer.usage is not None
    assert (answer.usage["outputTokens"], answer.complete) == (9, True)
    assert not read(bedrock.CONVERSE, [body[:-1]], content_type=content_type).complete


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (recorded("bedrock_invoke_mistral.json").body, {"inputTokenCount": 11}),
        (b"?", {"inputTokenCount": 11}),
        (b'{"usage": {"inputTokens": 5}}', {"inputTokens": 5}),
    ],
)
@pytest.mark.parametrize("encoding", ["", "unheard-of"])
def test_headers_state_what_the_body_does_not(
    body: bytes, usage: dict[str, int], encoding: str
) -> None:
    """The counts in Bedrock's headers stand where the body has none, or cannot be read."""
    headers = {"content-encoding": encoding, "x-amzn-bedrock-input-token-count": "11"}
    reader = AnswerReader(bedrock.INVOKE, headers)
    reader.hold(body)
    expected = {"inputTokenCount": 11} if encoding else usage
    assert reader.answer(ended=True).usage == expected


def test_geminis_array_is_read_even_where_it_was_cut() -> None:
    """The chunks that came whole count: their totals are running ones."""
    body = recorded("gemini_stream_array.json").body
    whole = read(gemini.GENERATE, [body], content_type=JSON)
    last = body.rindex(b'"finishReason"')

    part = read(gemini.GENERATE, [body[:last]], ended=False, content_type=JSON)

    assert whole.complete
    assert whole.usage is not None
    assert not part.complete
    assert part.usage is not None
    assert part.usage["promptTokenCount"] == whole.usage["promptTokenCount"]


def test_a_body_beyond_the_bound_is_let_go() -> None:
    """Its usage is lost, which is said, and its memory is not held."""
    body = [b'{"usage":{"prompt_tokens":1},"x":"', b"x" * BODY_BYTES_MAX, b'"}']
    assert read(openai.CHAT, body, content_type=JSON) == Answer(complete=True)


def test_an_unknown_encoding_says_nothing() -> None:
    """Bytes that cannot be decoded are not guessed at."""
    body = [recorded("openai_chat.json").body]
    assert read(openai.CHAT, body, content_type=JSON, content_encoding="secret").usage is None


def test_what_the_model_wrote_is_there_where_no_usage_was_stated() -> None:
    """S4.3: the texts of a stream without usage, longer than is held at once or not."""
    stream = recorded("openai_chat_stream.sse").body
    silent = b"\n\n".join(event for event in stream.split(b"\n\n") if b'"usage":{' not in event)
    delta = silent.split(b"\n\n")[1] + b"\n\n"

    for times in (1, 2000):
        reader = AnswerReader(openai.CHAT, {"content-type": EVENTS})
        for _ in range(times):
            if reader.hold(delta):
                reader.read()
        assert reader.answer(ended=False).usage is None
        assert reader.written().texts == ("Grüße – 费用" * times,)  # noqa: RUF001 - as recorded
        assert reader.weight < HELD_BYTES_MAX


def test_nothing_is_kept_where_usage_was_stated() -> None:
    """Whoever states usage in time costs no memory more."""
    reader = AnswerReader(openai.CHAT, {"content-type": EVENTS})
    reader.hold(recorded("openai_chat_stream.sse").body)

    assert reader.answer(ended=True).usage is not None
    assert reader.weight == 0
    assert reader.written().texts == ()


def test_a_document_keeps_its_texts() -> None:
    """A whole body is read once more, as long as it is there."""
    reader = AnswerReader(openai.CHAT, {"content-type": JSON})
    reader.hold(b'{"choices": [{"message": {"content": "four"}}]}')

    assert reader.answer(ended=True).usage is None
    assert reader.weight == 47
    assert reader.written().texts == ("four",)
