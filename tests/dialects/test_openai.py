from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.openai import CHAT, EMBEDDINGS, RESPONSES
from spanledger.dialects.reader import read_answer
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

Recorded = Callable[[str], bytes]
ReadStream = Callable[[Dialect, Iterable[bytes]], Answer]


def test_chat_body(recorded: Recorded) -> None:
    """S4.3: a chat completion states its model, id, end, tier, and usage with parts in wholes."""
    answer = read_answer(CHAT, recorded("openai_chat.json"))
    assert answer is not None
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(
        input_tokens=2306,
        cache_read_tokens=1920,
        input_audio_tokens=0,
        output_tokens=497,
        reasoning_tokens=448,
        output_audio_tokens=0,
    )
    assert replace(answer, usage=None) == Answer(
        model="gpt-5-mini-2025-08-07",
        response_id="chatcmpl-CbK2vQmTz8Hn4",
        finish_reasons=("stop",),
        service_tier="default",
        complete=True,
    )


def test_chat_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """S3.4: a chat stream gives its usage in the chunk without choices, before `[DONE]`."""
    answer = read_stream(CHAT, [recorded("openai_chat_stream.sse")])
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(
        input_tokens=1117,
        cache_read_tokens=1024,
        input_audio_tokens=0,
        output_tokens=46,
        reasoning_tokens=0,
        output_audio_tokens=0,
    )
    assert replace(answer, usage=None) == Answer(
        model="gpt-4o-2024-08-06",
        response_id="chatcmpl-CbK3a1",
        finish_reasons=("length",),
        service_tier="default",
        complete=True,
    )


def test_cut_chat_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """A chat stream that stops before its usage is not complete, and states none."""
    whole = recorded("openai_chat_stream.sse")
    answer = read_stream(CHAT, [whole[: whole.index(b'"choices":[],"usage"')]])
    assert answer == Answer(
        model="gpt-4o-2024-08-06",
        response_id="chatcmpl-CbK3a1",
        finish_reasons=("length",),
        service_tier="default",
    )


def test_error_in_chat_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """An error inside a stream is named by its type where it has no code, and ends nothing."""
    assert read_stream(CHAT, [recorded("openai_chat_stream_error.sse")]) == Answer(
        model="gpt-4o-2024-08-06", response_id="chatcmpl-CbK4", error_type="server_error"
    )


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES, EMBEDDINGS])
def test_error_body(recorded: Recorded, dialect: Dialect) -> None:
    """The body of a 429 names its error by code, and states no usage."""
    assert read_answer(dialect, recorded("openai_error_429.json")) == Answer(
        error_type="rate_limit_exceeded", complete=True
    )


def test_every_choice_has_its_end() -> None:
    """The finish reasons of several choices come in their order; one without is left out."""
    body: Json = {
        "choices": [{"finish_reason": "stop"}, {"finish_reason": None}, {"finish_reason": "length"}]
    }
    assert CHAT.read_answer(body).finish_reasons == ("stop", "length")


def test_responses_body(recorded: Recorded) -> None:
    """A response cut at its limit says so by the reason, with cache reads and writes in input."""
    answer = read_answer(RESPONSES, recorded("openai_responses.json"))
    assert answer is not None
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(
        input_tokens=5329,
        cache_read_tokens=4096,
        cache_write_tokens=1024,
        output_tokens=800,
        reasoning_tokens=768,
    )
    assert replace(answer, usage=None) == Answer(
        model="gpt-5-2025-08-07",
        response_id="resp_68f0c2a91c",
        finish_reasons=("max_output_tokens",),
        service_tier="flex",
        complete=True,
    )


def test_responses_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """S3.4: a responses stream ends with an event that holds the whole response and its usage."""
    answer = read_stream(RESPONSES, [recorded("openai_responses_stream.sse")])
    assert answer.usage is not None
    assert read_usage("openai", answer.usage) == Usage(
        input_tokens=37, cache_read_tokens=0, output_tokens=11, reasoning_tokens=0
    )
    assert replace(answer, usage=None) == Answer(
        model="gpt-5-mini-2025-08-07",
        response_id="resp_77a1",
        finish_reasons=("completed",),
        service_tier="default",
        complete=True,
    )


def test_cut_responses_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """Before its last event a response has a model, an id and the tier asked for: no more."""
    whole = recorded("openai_responses_stream.sse")
    answer = read_stream(RESPONSES, [whole[: whole.index(b"event: response.completed")]])
    assert answer == Answer(
        model="gpt-5-mini-2025-08-07", response_id="resp_77a1", service_tier="auto"
    )


def test_failed_response(recorded: Recorded, read_stream: ReadStream) -> None:
    """A failed response is complete: it names its error and what it consumed."""
    answer = read_stream(RESPONSES, [recorded("openai_responses_stream_failed.sse")])
    assert answer.error_type == "rate_limit_exceeded"
    assert answer.finish_reasons == ("failed",)
    assert answer.complete
    assert answer.usage is not None
    assert answer.usage["input_tokens"] == 90


def test_error_in_responses_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """An error event in place of the last event names the error and leaves the stream cut."""
    assert read_stream(RESPONSES, [recorded("openai_responses_stream_error.sse")]) == Answer(
        model="gpt-5-2025-08-07",
        response_id="resp_99c1",
        service_tier="auto",
        error_type="server_error",
    )


@pytest.mark.parametrize(
    ("event", "error_type"),
    [
        (
            {"type": "error", "error": {"type": "t", "code": "too_many_requests"}},
            "too_many_requests",
        ),
        ({"type": "error", "message": "no name at all"}, "_OTHER"),
        ({"code": "named_by_its_event"}, "named_by_its_event"),
    ],
)
def test_error_event_shapes(event: Json, error_type: str) -> None:
    """OpenAI documents a flat error event and sends a nested one: both are read."""
    assert RESPONSES.read_event(Answer(), "error", event) == Answer(error_type=error_type)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_background_response(status: str) -> None:
    """A response that goes on in the background is not complete, and has no end yet."""
    answer = RESPONSES.read_answer({"id": "resp_1", "status": status, "usage": None})
    assert answer == Answer(response_id="resp_1")


def test_embeddings_body(recorded: Recorded) -> None:
    """Embeddings have input only: output is absent, not zero."""
    answer = read_answer(EMBEDDINGS, recorded("openai_embeddings.json"))
    assert answer == Answer(
        model="text-embedding-3-small",
        usage={"prompt_tokens": 8, "total_tokens": 8},
        complete=True,
    )
    assert read_usage("openai", {"prompt_tokens": 8, "total_tokens": 8}) == Usage(input_tokens=8)


@pytest.mark.parametrize(
    ("body", "request_"),
    [
        ({"model": "gpt-4o", "stream": True}, Request(model="gpt-4o", stream=True)),
        ({"model": "gpt-4o", "stream": None}, Request(model="gpt-4o")),
        ({"model": "o3", "service_tier": "flex"}, Request(model="o3", service_tier="flex")),
        ({"conversation": "conv_1"}, Request(conversation_id="conv_1")),
        ({"conversation": {"id": "conv_2"}}, Request(conversation_id="conv_2")),
        ({"model": 4, "stream": "yes", "conversation": [1]}, Request()),
    ],
)
def test_request(body: Json, request_: Request) -> None:
    """A request says its model, stream, tier and conversation; a wrong type says nothing."""
    assert RESPONSES.read_request("/v1/responses", body) == request_


def test_azure_deployment() -> None:
    """Azure's path names the model where the body does not."""
    path = "/openai/deployments/my-gpt4o/chat/completions"
    assert CHAT.read_request(path, {}).model == "my-gpt4o"
    assert CHAT.read_request(path, {"model": "gpt-4o"}).model == "gpt-4o"
