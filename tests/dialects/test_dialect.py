from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from spanledger.dialects.dialect import Answer, Dialect, Request
from spanledger.dialects.table import DIALECTS

Recorded = Callable[[str], bytes]
ReadStream = Callable[[Dialect, Iterable[bytes]], Answer]

STREAMS = {
    "openai_chat_stream.sse": "openai.chat",
    "openai_chat_stream_error.sse": "openai.chat",
    "openai_responses_stream.sse": "openai.responses",
    "openai_responses_stream_error.sse": "openai.responses",
    "openai_responses_stream_failed.sse": "openai.responses",
    "azure_chat_stream.sse": "openai.chat",
    "openrouter_chat_stream.sse": "openai.chat",
    "groq_chat_stream.sse": "openai.chat",
    "moonshot_chat_stream.sse": "openai.chat",
    "openai_images_stream.sse": "openai.images",
    "openai_transcription_stream.sse": "openai.transcription",
    "openai_speech_stream.sse": "openai.speech",
    "anthropic_messages_stream.sse": "anthropic.messages",
    "anthropic_messages_stream_error.sse": "anthropic.messages",
    "gemini_stream.sse": "gemini.generate_content",
    "vertex_stream.sse": "gemini.generate_content",
    "gemini_interaction_stream.sse": "gemini.interactions",
    "gemini_interaction_stream_error.sse": "gemini.interactions",
    "cohere_chat_stream.sse": "cohere.chat",
}
BY_NAME = {dialect.name: dialect for dialect in DIALECTS}

KEYS = st.sampled_from(
    [
        "model",
        "id",
        "type",
        "status",
        "error",
        "code",
        "usage",
        "choices",
        "finish_reason",
        "response",
        "message",
        "delta",
        "stop_reason",
        "conversation",
        "stream",
        "candidates",
        "finishReason",
        "promptFeedback",
        "usageMetadata",
        "trafficType",
        "serviceTier",
        "incomplete_details",
        "messages",
        "content",
        "tools",
        "tool_calls",
        "function",
        "arguments",
        "reasoning",
        "input",
        "output",
        "text",
        "prompt",
        "metadata",
        "user",
        "previous_response_id",
        "n",
        "size",
        "duration",
        "cost",
        "x_groq",
        "user_id",
        "stopReason",
        "messageStop",
        "results",
        "outputs",
        "tokenCount",
        "prompt_token_count",
        "amazon-bedrock-invocationMetrics",
        "meta",
        "billed_units",
        "documents",
        "inputs",
        "predictions",
        "embeddings",
        "statistics",
        "token_count",
        "done",
        "eval_count",
        "event_type",
        "interaction",
        "errors",
    ]
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(
        [
            "\ud800",
            "message_start",
            "message_delta",
            "message_stop",
            "message-end",
            "stream-end",
            "interaction.completed",
            "error",
            "in_progress",
            "response.output_text.delta",
            "9" * 5000,
        ]
    ),
)
BODIES: st.SearchStrategy[Any] = st.dictionaries(
    KEYS,
    st.recursive(
        VALUES,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)
        ),
        max_leaves=10,
    ),
    max_size=10,
)
NAMES = ["", "message_start", "error", "response.completed", "metadata", "messageStop"]


@given(body=BODIES, name=st.sampled_from(NAMES))
@settings(max_examples=200)
def test_any_object_is_accepted(body: Any, name: str) -> None:
    """Whatever object a provider sends, every function of a dialect answers without raising."""
    for dialect in DIALECTS:  # to draw an object takes much longer than to read it
        note(dialect.name)
        accept(dialect, body, name)


def accept(dialect: Dialect, body: Any, name: str) -> None:
    """Have `body` read in every way that the dialect has."""
    assert isinstance(dialect.read_request("/", body), Request)
    for answer in (dialect.read_answer(body), dialect.read_event(Answer(), name, body)):
        assert isinstance(answer, Answer)
        texts = (answer.model, answer.response_id, answer.service_tier, answer.error_type)
        "".join((*texts, *answer.finish_reasons)).encode()  # raises for half a surrogate pair
    for said in (*dialect.read_prompt(body), *dialect.read_output(body)):
        assert said.encode()


@pytest.mark.parametrize("file", STREAMS)
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_line_ends_and_single_bytes(
    recorded: Recorded, read_stream: ReadStream, file: str, newline: bytes
) -> None:
    """A recorded stream says the same with any line end, whole or byte by byte."""
    whole = recorded(file)
    dialect = BY_NAME[STREAMS[file]]
    other = b"\xef\xbb\xbf" + newline.join(whole.splitlines()) + newline + newline
    expected = read_stream(dialect, [whole])
    assert read_stream(dialect, [other]) == expected
    assert read_stream(dialect, (other[n : n + 1] for n in range(len(other)))) == expected


@pytest.mark.parametrize("file", STREAMS)
@given(places=st.lists(st.integers(min_value=0, max_value=5000), max_size=12))
@settings(max_examples=50)
def test_any_chunking(
    recorded: Recorded, read_stream: ReadStream, file: str, places: list[int]
) -> None:
    """S3.4: wherever the network cuts a recorded stream, it says the same."""
    whole = recorded(file)
    dialect = BY_NAME[STREAMS[file]]
    edges = [0, *sorted(min(place, len(whole)) for place in places), len(whole)]
    chunks = [whole[start:end] for start, end in pairwise(edges)]
    assert read_stream(dialect, chunks) == read_stream(dialect, [whole])


@pytest.mark.parametrize("file", STREAMS)
def test_every_prefix_is_read(recorded: Recorded, read_stream: ReadStream, file: str) -> None:
    """A stream cut at any byte raises nothing, and is complete only if the whole is."""
    whole = recorded(file)
    dialect = BY_NAME[STREAMS[file]]
    complete = read_stream(dialect, [whole]).complete
    for length in range(0, len(whole), 7):
        assert read_stream(dialect, [whole[:length]]).complete <= complete


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_headers_say_nothing_by_default(dialect: Dialect) -> None:
    """Ordinary headers state no usage in any dialect."""
    assert dialect.read_headers({"content-type": "application/json", "x-request-id": "1"}) is None


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_names_are_unique(dialect: Dialect) -> None:
    """A dialect is known by its name."""
    assert BY_NAME[dialect.name] is dialect
