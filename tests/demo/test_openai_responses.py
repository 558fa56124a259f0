from collections import deque

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI

from spanledger.demo.provider import Statement

KEY = "sk-test"


def test_a_body_says_what_was_stated(provider_url: str, statements: deque[Statement]) -> None:
    """The SDK reads the usage on record; reasoning is an item of its own."""
    with OpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1") as client:
        answer = client.responses.create(
            model="gpt-5", input="Why is the sky blue?", reasoning={"effort": "high"}
        )
    assert answer.usage is not None
    assert answer.usage.model_dump(exclude_unset=True) == statements[-1].usage
    assert answer.usage.input_tokens == 5 + 3
    assert answer.usage.output_tokens_details.reasoning_tokens in {256, 512, 768}
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert (answer.model, answer.status) == ("gpt-5-2025-08-07", "completed")
    assert answer.id == statements[-1].response_id
    assert answer.output_text


@pytest.mark.anyio
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5-mini"])
async def test_a_stream_ends_with_the_whole_answer(
    provider_url: str, statements: deque[Statement], model: str
) -> None:
    """Typed events are numbered, build up the text, and the last one holds all of it."""
    async with AsyncOpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1") as client:
        stream = await client.responses.create(model=model, input="And at dusk?", stream=True)
        events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.usage is not None
    assert last.response.usage.model_dump(exclude_unset=True) == statements[-1].usage
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == last.response.output_text


def test_the_sdks_own_accumulator_accepts_the_stream(provider_url: str) -> None:
    """The helper that checks the order of events has nothing to complain of."""
    with (
        OpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1") as client,
        client.responses.stream(model="gpt-5", input="Accumulate.") as stream,
    ):
        final = stream.get_final_response()
    assert final.output_text


def test_a_limit_leaves_the_answer_incomplete(
    provider_url: str, statements: deque[Statement]
) -> None:
    """The last event is then `response.incomplete`, with usage all the same."""
    with OpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1") as client:
        *_, last = client.responses.create(
            model="gpt-4o", input="Go on.", max_output_tokens=4, stream=True
        )
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "max_output_tokens"
    assert last.response.usage is not None
    assert last.response.usage.output_tokens == 4
    assert len(statements) == 1


def test_the_bytes_of_a_stream(provider_url: str) -> None:
    """Each event has its name on a line of its own; there is no `[DONE]`."""
    answer = httpx.post(
        f"{provider_url}/openai/v1/responses",
        headers={"authorization": "Bearer sk-test"},
        json={"model": "gpt-4o", "stream": True, "input": "raw"},
    )
    events = answer.content.split(b"\n\n")
    assert events[0].startswith(b'event: response.created\ndata: {"type":"response.created",')
    assert events[-2].startswith(b"event: response.completed\ndata: {")
    assert events[-1] == b""
    assert b"[DONE]" not in answer.content
