import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from spanledger.dialects.dialect import Answer, Json, Request
from spanledger.dialects.gemini_interactions import INTERACTIONS
from spanledger.dialects.reader import read_answer
from spanledger.dialects.sse import EventDecoder
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

Recorded = Callable[[str], bytes]
ReadStream = Callable[..., Answer]


def test_interaction(recorded: Recorded) -> None:
    """S4.3: thoughts join the output, tool results the input; modalities are parts of both."""
    answer = read_answer(INTERACTIONS, recorded("gemini_interaction.json"))
    assert answer is not None
    assert answer.usage is not None
    usage = read_usage("gcp.gemini", answer.usage)
    assert usage == Usage(
        input_tokens=1050,
        cache_read_tokens=512,
        input_image_tokens=258,
        output_tokens=240,
        reasoning_tokens=120,
    )
    assert usage.total_tokens == answer.usage["total_tokens"]
    assert replace(answer, usage=None) == Answer(
        model="gemini-3-flash",
        response_id="v1_int_1",
        finish_reasons=("requires_action",),
        service_tier="flex",
        complete=True,
    )


def test_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """S3.4: the last event of a stream has the usage."""
    answer = read_stream(INTERACTIONS, [recorded("gemini_interaction_stream.sse")])
    assert answer.usage is not None
    assert read_usage("gcp.gemini", answer.usage) == Usage(
        input_tokens=7, output_tokens=12, reasoning_tokens=0
    )
    assert replace(answer, usage=None) == Answer(
        model="gemini-3-flash",
        response_id="v1_int_2",
        finish_reasons=("completed",),
        complete=True,
    )


def test_error_in_a_stream(recorded: Recorded, read_stream: ReadStream) -> None:
    """An error in the middle of a stream is named, and the stream is not complete."""
    assert read_stream(INTERACTIONS, [recorded("gemini_interaction_stream_error.sse")]) == Answer(
        model="gemini-3-flash", response_id="v1_int_2", error_type="deadline_exceeded"
    )
    assert INTERACTIONS.read_event(Answer(), "error", {}).error_type == "_OTHER"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (
            {"id": "i", "status": "in_progress"},
            Answer(response_id="i"),
        ),
        (
            {"status": "failed", "errors": [{"code": "internal"}]},
            Answer(finish_reasons=("failed",), error_type="internal", complete=True),
        ),
        (
            {"status": "failed"},
            Answer(finish_reasons=("failed",), error_type="_OTHER", complete=True),
        ),
        (
            {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}},
            Answer(error_type="RESOURCE_EXHAUSTED", complete=True),
        ),
    ],
)
def test_other_ends(body: Json, answer: Answer) -> None:
    """An interaction in the background is not complete; one that failed says why if it can."""
    assert INTERACTIONS.read_answer(body) == answer


def test_status_update() -> None:
    """A change of status may bring the usage before the last event does."""
    event: Json = {"status": "requires_action", "usage": {"total_input_tokens": 5}}
    assert INTERACTIONS.read_event(Answer(), "interaction.status_update", event) == Answer(
        finish_reasons=("requires_action",), usage={"total_input_tokens": 5}
    )


def test_requests() -> None:
    """A request names a model or an agent, and the interaction that it goes on from."""
    body: Json = {
        "model": "gemini-3-flash",
        "stream": True,
        "service_tier": "flex",
        "previous_interaction_id": "v1_int_0",
    }
    assert INTERACTIONS.read_request("/v1beta/interactions", body) == Request(
        model="gemini-3-flash",
        stream=True,
        service_tier="flex",
        previous_response_id="v1_int_0",
    )
    agent: Json = {"agent": "deep-research-pro"}
    assert INTERACTIONS.read_request("/", agent) == Request(model="deep-research-pro")


@pytest.mark.parametrize(
    ("asked", "texts"),
    [
        ("Rain?", ["Rain?"]),
        ([{"type": "text", "text": "Rain?"}, {"type": "image", "data": "AAAA"}], ["Rain?"]),
        ([{"type": "user_input", "content": [{"type": "text", "text": "Rain?"}]}], ["Rain?"]),
        ([{"type": "function_result", "result": "wet"}], ["wet"]),
    ],
)
def test_prompt(asked: object, texts: list[str]) -> None:
    """What the model reads: instructions, the input in any of its forms, and tools."""
    body: Json = {"system_instruction": "Be brief.", "input": asked, "tools": [{"name": "look"}]}
    assert list(INTERACTIONS.read_prompt(body)) == ["Be brief.", *texts, '{"name":"look"}']


def test_output(recorded: Recorded) -> None:
    """What the model wrote: texts, thoughts and calls of functions, at once and in a stream."""
    assert list(INTERACTIONS.read_output(json.loads(recorded("gemini_interaction.json")))) == [
        "weather",
        '{"city":"Paris"}',
        "I will look.",
        "They ask for rain.",
    ]
    events = EventDecoder().feed(recorded("gemini_interaction_stream.sse"))[:-1]
    said = [t for e in events for t in INTERACTIONS.read_output(json.loads(e.data))]
    assert said == ["Rain", " again."]
