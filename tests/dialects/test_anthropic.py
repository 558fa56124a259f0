from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from spanledger.dialects.anthropic import MESSAGES, VERTEX
from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.reader import read_answer
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

Recorded = Callable[[str], bytes]
ReadStream = Callable[[Dialect, Iterable[bytes]], Answer]


def test_message_body(recorded: Recorded) -> None:
    """S4.3: a message's fresh, read and written input make up our input; writes keep their life."""
    answer = read_answer(MESSAGES, recorded("anthropic_messages.json"))
    assert answer is not None
    assert answer.usage is not None
    assert read_usage("anthropic", answer.usage) == Usage(
        input_tokens=19_505,  # 41 fresh, 18,064 read, 1,400 written
        cache_read_tokens=18_064,
        cache_write_tokens=1400,
        cache_write_5m_tokens=400,
        cache_write_1h_tokens=1000,
        output_tokens=503,
        reasoning_tokens=380,
    )
    assert replace(answer, usage=None) == Answer(
        model="claude-sonnet-4-5-20250929",
        response_id="msg_01XFDUDYJgAACzvnptvVoYEL",
        finish_reasons=("end_turn",),
        service_tier="standard",
        complete=True,
    )


def test_message_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """S3.4: the start states the input and the split of writes, the delta the final output."""
    answer = read_stream(MESSAGES, [recorded("anthropic_messages_stream.sse")])
    assert answer.usage is not None
    assert read_usage("anthropic", answer.usage) == Usage(
        input_tokens=2316,  # 12 fresh, 2,048 read, 256 written
        cache_read_tokens=2048,
        cache_write_tokens=256,
        cache_write_5m_tokens=256,
        cache_write_1h_tokens=0,
        output_tokens=64,
    )
    assert replace(answer, usage=None) == Answer(
        model="claude-haiku-4-5-20251001",
        response_id="msg_014p7gG3wDgGV9EUtLvnow3U",
        finish_reasons=("max_tokens",),
        service_tier="standard",
        complete=True,
    )


def test_cut_message_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """A stream cut in its text keeps the input, which is billed, and is not complete."""
    whole = recorded("anthropic_messages_stream.sse")
    answer = read_stream(MESSAGES, [whole[: whole.index(b"event: message_delta")]])
    assert answer.usage is not None
    assert read_usage("anthropic", answer.usage).input_tokens == 2316
    assert read_usage("anthropic", answer.usage).output_tokens == 1
    assert not answer.complete
    assert answer.finish_reasons == ()


def test_error_in_message_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """An overload in the middle of a stream is named; what was stated before it stands."""
    answer = read_stream(MESSAGES, [recorded("anthropic_messages_stream_error.sse")])
    assert answer.usage is not None
    assert answer.usage["input_tokens"] == 25
    assert replace(answer, usage=None) == Answer(
        model="claude-haiku-4-5-20251001",
        response_id="msg_01Overl",
        service_tier="priority",
        error_type="overloaded_error",
    )


def test_error_body(recorded: Recorded) -> None:
    """The body of a 401 names its error by type."""
    assert read_answer(MESSAGES, recorded("anthropic_error_401.json")) == Answer(
        error_type="authentication_error", complete=True
    )


def test_delta_wins_where_it_speaks() -> None:
    """A 0 in the delta replaces the start's count; null and absence leave it."""
    start: Json = {"type": "message_start", "message": {"usage": {"a": 5, "b": 6, "c": 7}}}
    delta: Json = {"type": "message_delta", "usage": {"a": 0, "b": None}}
    answer = MESSAGES.read_event(MESSAGES.read_event(Answer(), "", start), "", delta)
    assert answer.usage == {"a": 0, "b": 6, "c": 7}


def test_delta_without_usage() -> None:
    """A delta that states no usage or reason withdraws none."""
    before = Answer(usage={"output_tokens": 3}, finish_reasons=("tool_use",))
    assert MESSAGES.read_event(before, "message_delta", {"delta": {}}) == before


def test_delta_without_start() -> None:
    """A stream whose start went missing still states what its delta does."""
    event: Json = {"type": "message_delta", "usage": {"output_tokens": 3}}
    assert MESSAGES.read_event(Answer(), "", event) == Answer(usage={"output_tokens": 3})


@pytest.mark.parametrize(
    "event", [{"type": "message_start"}, {"type": "message_start", "message": 1}]
)
def test_start_without_message(event: Json) -> None:
    """A start that says nothing is an answer that says nothing."""
    assert MESSAGES.read_event(Answer(), "message_start", event) == Answer()


def test_unnamed_error() -> None:
    """An error event without an error is an error all the same."""
    assert MESSAGES.read_event(Answer(), "error", {}).error_type == "_OTHER"


def test_request() -> None:
    """A request says its model, stream and tier; Anthropic knows no conversations."""
    body: Json = {
        "model": "claude-opus-4-1",
        "stream": True,
        "service_tier": "auto",
        "conversation": "not theirs",
    }
    assert MESSAGES.read_request("/v1/messages", body) == Request(
        model="claude-opus-4-1", stream=True, service_tier="auto"
    )


def test_user() -> None:
    """S3.1: the user that the metadata name is the call's."""
    body: Json = {"model": "m", "metadata": {"user_id": "u-7"}}
    assert MESSAGES.read_request("/v1/messages", body) == Request(model="m", user_id="u-7")


VERTEX_PATH = "/v1/projects/p/locations/l/publishers/anthropic/models/"


@pytest.mark.parametrize(
    ("method", "body", "asked"),
    [
        ("rawPredict", {}, Request()),
        ("streamRawPredict", {}, Request(stream=True)),
        ("streamRawPredict", {"stream": True}, Request(stream=True)),
        ("rawPredict", {"stream": True}, Request(stream=True)),
    ],
)
def test_vertex_request(method: str, body: Json, asked: Request) -> None:
    """On Vertex AI the model stands in the path, version and all."""
    path = f"{VERTEX_PATH}claude-sonnet-4-5@20250929:{method}"
    assert VERTEX.read_request(path, body) == replace(asked, model="claude-sonnet-4-5@20250929")
    assert VERTEX.path.search(path)


def test_other_vertex_paths() -> None:
    """Counting tokens costs nothing, and other publishers have other formats."""
    assert not VERTEX.path.search(f"{VERTEX_PATH}count-tokens:rawPredict")
    assert not VERTEX.path.search(
        f"{VERTEX_PATH}mistral-large:rawPredict".replace("anthropic", "mistralai")
    )
    assert VERTEX.read_request("/elsewhere", {}) == Request()


def test_vertex_answer(recorded: Recorded, read_stream: ReadStream) -> None:
    """The answers are those of Anthropic."""
    stream = recorded("anthropic_messages_stream.sse")
    assert read_stream(VERTEX, [stream]) == read_stream(MESSAGES, [stream])


def test_prompt() -> None:
    """What the model reads: instructions, all turns, tools, their inputs and their results."""
    body: Json = {
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "Rain?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Look.", "signature": "xx"},
                    {"type": "tool_use", "id": "t1", "name": "look", "input": {"city": "Rome"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "Wet."},
                    {"type": "tool_result", "content": [{"type": "text", "text": "Very wet."}]},
                    {"type": "image", "source": {"type": "base64", "data": "AAAA"}},
                ],
            },
        ],
        "tools": [{"name": "look"}],
    }
    assert list(MESSAGES.read_prompt(body)) == [
        "Be brief.",
        "Rain?",
        "Look.",
        '{"city":"Rome"}',
        "Wet.",
        "Very wet.",
        '{"name":"look"}',
    ]


def test_output() -> None:
    """What the model wrote in a whole message: texts, thoughts and tools' names and inputs."""
    body: Json = {
        "content": [
            {"type": "thinking", "thinking": "Look."},
            {"type": "text", "text": "One moment."},
            {"type": "tool_use", "id": "t1", "name": "look", "input": {"city": "Rome"}},
        ]
    }
    assert list(MESSAGES.read_output(body)) == ["Look.", "One moment.", "look", '{"city":"Rome"}']


@pytest.mark.parametrize(
    ("event", "texts"),
    [
        ({"content_block": {"type": "tool_use", "name": "look", "input": {}}}, ["look"]),
        ({"delta": {"type": "text_delta", "text": "Ra"}}, ["Ra"]),
        ({"delta": {"type": "thinking_delta", "thinking": "Lo"}}, ["Lo"]),
        ({"delta": {"type": "input_json_delta", "partial_json": '{"ci'}}, ['{"ci']),
        ({"delta": {"type": "signature_delta", "signature": "xx"}}, []),
        ({"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}, []),
        ({"type": "ping"}, []),
    ],
)
def test_output_of_events(event: Json, texts: list[str]) -> None:
    """What each event of a stream adds to it."""
    assert list(MESSAGES.read_output(event)) == texts
