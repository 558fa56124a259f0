import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanledger.dialects.bedrock import (
    CONVERSE,
    INVOKE,
    INVOKE_EMBEDDINGS,
    ROWS,
    usage_in_headers,
)
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.eventstream import MessageDecoder
from spanledger.dialects.ours import CONTEXT
from spanledger.dialects.reader import read_answer
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage
from tests.dialects.event_streams import recorded_stream

Recorded = Callable[[str], bytes]
ReadStream = Callable[..., Answer]

STREAMS = [
    ("bedrock_converse_stream.json", CONVERSE),
    ("bedrock_converse_stream_error.json", CONVERSE),
    ("bedrock_invoke_anthropic_stream.json", INVOKE),
    ("bedrock_invoke_llama_stream.json", INVOKE),
    ("bedrock_invoke_mistral_stream.json", INVOKE),
    ("bedrock_invoke_nova_stream.json", INVOKE),
]


def usage_of(answer: Answer | None) -> Usage:
    """The usage of an answer that has one."""
    assert answer is not None
    assert answer.usage is not None
    return read_usage("aws.bedrock", answer.usage)


def test_converse(recorded: Recorded) -> None:
    """S4.3: fresh, read and written input are apart, and make up our input."""
    answer = read_answer(CONVERSE, recorded("bedrock_converse.json"))
    assert usage_of(answer) == Usage(
        input_tokens=7520,
        cache_read_tokens=0,
        cache_write_tokens=7502,
        cache_write_5m_tokens=7502,
        output_tokens=386,
    )
    assert usage_of(answer).total_tokens == 7906
    assert answer is not None
    assert replace(answer, usage=None) == Answer(
        finish_reasons=("tool_use",), service_tier="priority", complete=True
    )


def test_converse_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """S3.4: the last event of a stream has the usage, the one before it the reason."""
    stream = recorded_stream(recorded("bedrock_converse_stream.json"))
    answer = read_stream(CONVERSE, [stream], MessageDecoder)
    assert usage_of(answer) == Usage(
        input_tokens=1036, cache_read_tokens=1024, cache_write_tokens=0, output_tokens=9
    )
    assert replace(answer, usage=None) == Answer(
        finish_reasons=("end_turn",), service_tier="default", complete=True
    )


def test_cut_converse_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """A stream that was cut before its last event is not complete, and has no usage."""
    stream = recorded_stream(recorded("bedrock_converse_stream.json"))
    assert read_stream(CONVERSE, [stream[:-1]], MessageDecoder) == Answer(
        finish_reasons=("end_turn",)
    )


def test_exception_in_a_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """An exception in a stream is named."""
    stream = recorded_stream(recorded("bedrock_converse_stream_error.json"))
    for dialect in (CONVERSE, INVOKE):
        answer = read_stream(dialect, [stream], MessageDecoder)
        assert answer == Answer(error_type="throttlingException")


def test_unnamed_error() -> None:
    """An error without a name is an error all the same."""
    assert CONVERSE.read_event(Answer(), "error", {}).error_type == "_OTHER"
    assert INVOKE.read_event(Answer(), "error", {}).error_type == "_OTHER"


@pytest.mark.parametrize(
    ("name", "usage", "said"),
    [
        (
            "bedrock_invoke_anthropic.json",
            Usage(
                input_tokens=2057,
                cache_read_tokens=2048,
                cache_write_tokens=0,
                cache_write_5m_tokens=0,
                cache_write_1h_tokens=0,
                output_tokens=5,
            ),
            Answer(
                model="claude-haiku-4-5-20251001",
                response_id="msg_bdrk_01Abc",
                finish_reasons=("end_turn",),
            ),
        ),
        (
            "bedrock_invoke_nova.json",
            Usage(input_tokens=5, cache_read_tokens=0, cache_write_tokens=0, output_tokens=3),
            Answer(finish_reasons=("end_turn",)),
        ),
        (
            "bedrock_invoke_llama.json",
            Usage(input_tokens=17, output_tokens=4),
            Answer(finish_reasons=("stop",)),
        ),
        (
            "bedrock_invoke_titan.json",
            Usage(input_tokens=5, output_tokens=6),
            Answer(finish_reasons=("FINISH",)),
        ),
    ],
)
def test_invoked(recorded: Recorded, name: str, usage: Usage, said: Answer) -> None:
    """S4.3: the usage of each maker's own format is found."""
    answer = read_answer(INVOKE, recorded(name))
    assert usage_of(answer) == usage
    assert answer is not None
    assert replace(answer, usage=None) == replace(said, complete=True)


def test_embedding(recorded: Recorded) -> None:
    """An embedding counts its input, and no output."""
    answer = read_answer(INVOKE_EMBEDDINGS, recorded("bedrock_invoke_titan_embed.json"))
    assert usage_of(answer) == Usage(input_tokens=8)


def test_openai_format() -> None:
    """Models that speak OpenAI's format are read as such."""
    body: Json = {
        "id": "chatcmpl-1",
        "model": "openai.gpt-oss-120b",
        "choices": [{"finish_reason": "stop", "message": {"content": "Hello."}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    }
    answer = INVOKE.read_answer(body)
    assert usage_of(answer) == Usage(input_tokens=9, output_tokens=3)
    assert (answer.response_id, answer.finish_reasons) == ("chatcmpl-1", ("stop",))


def test_usage_in_headers(recorded: Recorded) -> None:
    """S4.3: where the maker's body states no usage, the headers do."""
    answer = read_answer(INVOKE, recorded("bedrock_invoke_mistral.json"))
    assert answer == Answer(finish_reasons=("stop",), complete=True)
    stated = INVOKE.read_headers(
        {
            "content-type": "application/json",
            "x-amzn-bedrock-input-token-count": "11",
            "x-amzn-bedrock-output-token-count": "2",
            "x-amzn-bedrock-cache-read-input-token-count": "100",
            "x-amzn-bedrock-cache-write-input-token-count": "0",
            "x-amzn-bedrock-invocation-latency": "531",
        }
    )
    assert stated is not None
    assert read_usage("aws.bedrock", stated) == Usage(
        input_tokens=111, cache_read_tokens=100, cache_write_tokens=0, output_tokens=2
    )


@pytest.mark.parametrize("value", ["", "-1", "1.5", "many", "²", "٣", "9" * 5000])
def test_headers_without_counts(value: str) -> None:
    """A header that is no count states none."""
    assert usage_in_headers({"x-amzn-bedrock-input-token-count": value}) is None
    assert usage_in_headers({}) is None


@pytest.mark.parametrize(
    ("name", "usage", "said"),
    [
        (
            "bedrock_invoke_anthropic_stream.json",
            Usage(
                input_tokens=2457,
                cache_read_tokens=2048,
                cache_write_tokens=400,
                cache_write_5m_tokens=0,
                cache_write_1h_tokens=400,
                output_tokens=5,
            ),
            Answer(
                model="claude-haiku-4-5-20251001",
                response_id="msg_bdrk_01Def",
                finish_reasons=("end_turn",),
            ),
        ),
        (
            "bedrock_invoke_nova_stream.json",
            Usage(input_tokens=105, cache_read_tokens=100, cache_write_tokens=0, output_tokens=3),
            Answer(finish_reasons=("end_turn",)),
        ),
        (
            "bedrock_invoke_llama_stream.json",
            Usage(input_tokens=17, output_tokens=3),
            Answer(finish_reasons=("stop",)),
        ),
        (
            "bedrock_invoke_mistral_stream.json",
            Usage(input_tokens=11, output_tokens=2),
            Answer(finish_reasons=("stop",)),
        ),
    ],
)
def test_invoked_streams(
    recorded: Recorded, read_stream: ReadStream, name: str, usage: Usage, said: Answer
) -> None:
    """S3.4: the maker's usage stands, and where there is none what Bedrock measured."""
    stream = recorded_stream(recorded(name))
    answer = read_stream(INVOKE, [stream], MessageDecoder)
    assert usage_of(answer) == usage
    assert replace(answer, usage=None) == replace(said, complete=True)
    cut = read_stream(INVOKE, [stream[:-1]], MessageDecoder)
    assert not cut.complete


def test_cut_stream_of_counts(recorded: Recorded, read_stream: ReadStream) -> None:
    """A cut stream of Llama keeps the counts it came to."""
    stream = recorded_stream(recorded("bedrock_invoke_llama_stream.json"))
    answer = read_stream(INVOKE, [stream[:-1]], MessageDecoder)
    assert usage_of(answer) == Usage(input_tokens=17, output_tokens=2)


def test_error_of_the_maker() -> None:
    """An error that the maker reports inside a chunk is named."""
    overloaded: Json = {"type": "error", "error": {"type": "overloaded_error"}}
    assert INVOKE.read_event(Answer(), "chunk", overloaded).error_type == "overloaded_error"


@pytest.mark.parametrize(
    "results", [[{"tokenCount": "6"}, {"tokenCount": 1}], [{"outputText": "x"}], [7]]
)
def test_results_without_counts(results: list[object]) -> None:
    """Results that are not all counted have no sum."""
    answer = INVOKE.read_answer({"inputTextTokenCount": 5, "results": results})
    assert answer.usage == {"inputTextTokenCount": 5}


@pytest.mark.parametrize(("name", "dialect"), STREAMS)
@given(places=st.lists(st.integers(min_value=0, max_value=3000), max_size=12))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_chunks_do_not_matter(
    recorded: Recorded,
    read_stream: ReadStream,
    name: str,
    dialect: Dialect,
    places: list[int],
) -> None:
    """However the network cuts a stream, the same answer comes out."""
    stream = recorded_stream(recorded(name))
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(edges)]
    whole = read_stream(dialect, [stream], MessageDecoder)
    assert read_stream(dialect, chunks, MessageDecoder) == whole


@pytest.mark.parametrize(("name", "dialect"), STREAMS)
def test_recorded_streams_are_streams(recorded: Recorded, name: str, dialect: Dialect) -> None:
    """Botocore's own parser reads the recorded streams to their end."""
    theirs = EventStreamBuffer()
    theirs.add_data(recorded_stream(recorded(name)))
    decoder = MessageDecoder()
    ours = decoder.feed(recorded_stream(recorded(name)))
    assert len(list(theirs)) == len(ours) > 1
    assert (decoder.dropped, decoder.broken) == (0, False)
    assert dialect in ROWS


ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"


@pytest.mark.parametrize(
    ("path", "dialect", "request_"),
    [
        (
            "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse",
            CONVERSE,
            Request(model="us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ),
        (
            "/model/amazon.nova-lite-v1:0/converse-stream",
            CONVERSE,
            Request(model="amazon.nova-lite-v1:0", stream=True),
        ),
        (f"/model/{ARN}/converse", CONVERSE, Request(model=ARN)),
        (
            f"/model/{ARN.replace(':', '%3A').replace('/', '%2F')}/invoke",
            INVOKE,
            Request(model=ARN),
        ),
        (
            "/model/meta.llama3-8b-instruct-v1%3A0/invoke-with-response-stream",
            INVOKE,
            Request(model="meta.llama3-8b-instruct-v1:0", stream=True),
        ),
        (
            "/model/amazon.titan-embed-text-v2%3A0/invoke",
            INVOKE_EMBEDDINGS,
            Request(model="amazon.titan-embed-text-v2:0"),
        ),
        ("/model/m/count-tokens", None, Request(model="m")),
        ("/guardrail/g/version/1/apply", None, Request()),
        ("/async-invoke", None, Request()),
    ],
)
def test_requests(path: str, dialect: Dialect | None, request_: Request) -> None:
    """The model and the method stand in the path; the model is kept as it was named."""
    assert [row for row in ROWS if row.path.search(path)] == ([dialect] if dialect else [])
    assert CONVERSE.read_request(path, {}) == request_


def test_tier_and_user() -> None:
    """A request of Converse may ask for a tier; one of Anthropic's may name a user."""
    asked = CONVERSE.read_request("/model/m/converse", {"serviceTier": {"type": "flex"}})
    assert asked == Request(model="m", service_tier="flex")
    user: Json = {"anthropic_version": "bedrock-2023-05-31", "metadata": {"user_id": "u-1"}}
    assert INVOKE.read_request("/model/m/invoke", user) == Request(model="m", user_id="u-1")


def test_prompt() -> None:
    """What the model reads: instructions, all turns, tools, their inputs and their results."""
    body: Json = {
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
        "messages": [
            {"role": "user", "content": [{"text": "Rain?"}, {"image": {"format": "png"}}]},
            {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Look."}}},
                    {"toolUse": {"name": "look", "input": {"city": "Rome"}}},
                ],
            },
            {
                "role": "user",
                "content": [{"toolResult": {"content": [{"text": "Wet."}, {"json": {"mm": 3}}]}}],
            },
        ],
        "toolConfig": {"tools": [{"toolSpec": {"name": "look"}}]},
    }
    assert sorted(CONVERSE.read_prompt(body)) == [
        "Be brief.",
        "Look.",
        "Rain?",
        "Wet.",
        '{"city":"Rome"}',
        '{"mm":3}',
        '{"toolSpec":{"name":"look"}}',
    ]


def test_output(recorded: Recorded) -> None:
    """What the model wrote: texts, thoughts, and tools' names and inputs."""
    assert read_output("bedrock_converse.json", CONVERSE, recorded) == [
        "I will look it up.",
        "weather",
        '{"city":"Paris"}',
        "They ask for rain.",
    ]
    stream = recorded_stream(recorded("bedrock_converse_stream.json"))
    assert stream_output(CONVERSE, stream) == ["Rain", " is likely, ", "à Paris."]


@pytest.mark.parametrize(
    ("event", "texts"),
    [
        ({"start": {"toolUse": {"name": "look", "toolUseId": "t"}}}, ["look"]),
        ({"delta": {"toolUse": {"input": '{"ci'}}}, ['{"ci']),
        ({"delta": {"reasoningContent": {"text": "Hm."}}}, ["Hm."]),
        ({"delta": {"reasoningContent": {"signature": "xx"}}}, []),
        ({"contentBlockStart": {"start": {"toolUse": {"name": "look"}}}}, ["look"]),
    ],
)
def test_output_of_events(event: Json, texts: list[str]) -> None:
    """What each event adds to it, on Converse and in Nova's own format."""
    assert list(CONVERSE.read_output(event)) == texts


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("bedrock_invoke_anthropic.json", ["Hello."]),
        ("bedrock_invoke_nova.json", ["Hello."]),
        ("bedrock_invoke_llama.json", ["Hello."]),
        ("bedrock_invoke_titan.json", ["Hello."]),
        ("bedrock_invoke_mistral.json", ["Hello."]),
    ],
)
def test_invoked_output(recorded: Recorded, name: str, texts: list[str]) -> None:
    """What the model wrote is found in each maker's format."""
    assert read_output(name, INVOKE, recorded) == texts


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("bedrock_invoke_anthropic_stream.json", ["Hello."]),
        ("bedrock_invoke_nova_stream.json", ["Hello", "."]),
        ("bedrock_invoke_llama_stream.json", ["Hel", "lo"]),
        ("bedrock_invoke_mistral_stream.json", ["Hel", "lo"]),
    ],
)
def test_invoked_output_of_streams(recorded: Recorded, name: str, texts: list[str]) -> None:
    """And in its events."""
    assert stream_output(INVOKE, recorded_stream(recorded(name))) == texts


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ({"prompt": "Rain?"}, ["Rain?"]),
        ({"inputText": "Rain?"}, ["Rain?"]),
        ({"texts": ["a", "b"], "input_type": "search_query"}, ["a", "b"]),
        ({"messages": [{"content": [{"text": "Rain?"}]}]}, ["Rain?"]),
        ({"query": "Rain?", "documents": ["wet", {"text": "dry"}]}, ["Rain?", "wet", "dry"]),
        (
            {
                "anthropic_version": "bedrock-2023-05-31",
                "messages": [{"content": [{"type": "tool_use", "input": {"a": 1}}]}],
            },
            ['{"a":1}'],
        ),
    ],
)
def test_invoked_prompt(body: Json, texts: list[str]) -> None:
    """What the model reads is found in each maker's format."""
    assert list(INVOKE.read_prompt(body)) == texts


def read_output(name: str, dialect: Dialect, recorded: Recorded) -> list[str]:
    """The texts of a recorded body."""
    return list(dialect.read_output(json.loads(recorded(name))))


def stream_output(dialect: Dialect, stream: bytes) -> list[str]:
    """The texts of a stream's events."""
    events = MessageDecoder().feed(stream)
    return [text for event in events for text in dialect.read_output(json.loads(event.data))]


def test_latency() -> None:
    """S4.3: who is answered faster pays more; who asked for it in vain does not."""
    usage = {"inputTokens": 3000, "outputTokens": 500}
    body: Json = {"usage": usage, "performanceConfig": {"latency": "optimized"}}
    assert CONVERSE.read_answer(body).usage == {**usage, CONTEXT: {"latency": "optimized"}}
    assert CONVERSE.read_event(Answer(), "metadata", body).usage == {
        **usage,
        CONTEXT: {"latency": "optimized"},
    }
    assert CONVERSE.read_answer({"usage": usage}).usage == usage


def test_metrics_in_a_body() -> None:
    """The last chunk of a stream, kept as if it were the answer, has Amazon's counts."""
    body: Json = {
        "generation": "",
        "prompt_token_count": None,
        "generation_token_count": 500,
        "amazon-bedrock-invocationMetrics": {"inputTokenCount": 2000, "outputTokenCount": 500},
    }
    answer = INVOKE.read_answer(body)
    assert answer.complete
    assert usage_of(answer) == Usage(input_tokens=2000, output_tokens=500)
