import json
from collections import deque

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from spanledger.demo.provider import Statement

KEY = "sk-test"
LONG = "You are a patient assistant of the chat test. " * 120  # 5,520 characters, 1,380 tokens


def test_a_body_says_what_was_stated(provider_url: str, statements: deque[Statement]) -> None:
    """The SDK reads from a JSON answer exactly the usage on record (S4.3)."""
    with OpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1") as client:
        answer = client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "How much is a cup?"}]
        )
    assert answer.usage is not None
    assert answer.usage.model_dump(exclude_unset=True) == statements[-1].usage
    # 18 characters are 5 tokens; the message and the reply cost 3 each.
    assert answer.usage.prompt_tokens == 5 + 3 + 3
    assert answer.usage.total_tokens == 11 + answer.usage.completion_tokens
    assert (answer.model, answer.id) == ("gpt-4o-2024-08-06", statements[-1].response_id)
    assert answer.choices[0].finish_reason == "stop"


def test_a_stream_says_the_same_as_a_body(provider_url: str, statements: deque[Statement]) -> None:
    """Streamed or whole, the same question has the same answer and usage."""
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say it twice."}]
    with OpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1") as client:
        whole = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
        streamed = list(
            client.chat.completions.create(
                model="gpt-4o-mini",
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    last = streamed[-1]
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.model_dump(exclude_unset=True) == statements[-1].usage
    assert statements[0].usage == statements[1].usage
    assert whole.choices[0].message.content == "".join(
        chunk.choices[0].delta.content or "" for chunk in streamed[:-1]
    )
    assert [chunk.usage for chunk in streamed[:-1]] == [None] * (len(streamed) - 1)


@pytest.mark.anyio
async def test_the_async_client_reads_the_same(
    provider_url: str, statements: deque[Statement]
) -> None:
    """Sync and async clients see one wire format."""
    async with AsyncOpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1") as client:
        stream = await client.chat.completions.create(
            model="gpt-5",
            messages=[{"role": "user", "content": "Think first."}],
            stream=True,
            stream_options={"include_usage": True},
        )
        usages = [chunk.usage async for chunk in stream if chunk.usage]
    assert [usage.model_dump(exclude_unset=True) for usage in usages] == [statements[-1].usage]
    details = usages[0].completion_tokens_details
    assert details is not None
    assert details.reasoning_tokens in {128, 256, 384}
    assert usages[0].completion_tokens > details.reasoning_tokens


def test_without_the_option_a_stream_states_no_usage(
    provider_url: str, statements: deque[Statement]
) -> None:
    """As with OpenAI itself, nobody hears the usage of a stream unless the request asks."""
    with OpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1") as client:
        chunks = list(
            client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "hush"}], stream=True
            )
        )
    assert all("usage" not in chunk.model_fields_set for chunk in chunks)
    assert statements[-1].usage is None


def test_a_repeated_long_prompt_is_cached(provider_url: str, statements: deque[Statement]) -> None:
    """The second call reads the shared beginning from the cache, in blocks of 128."""
    with OpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1") as client:
        for question in ("first", "second"):
            client.chat.completions.create(
                model="gpt-4.1",
                messages=[
                    {"role": "system", "content": LONG},
                    {"role": "user", "content": question},
                ],
            )
    cached = [s.usage["prompt_tokens_details"] for s in statements if s.usage]
    assert cached == [
        {"cached_tokens": 0, "audio_tokens": 0},
        {"cached_tokens": 1280, "audio_tokens": 0},
    ]


def test_a_limit_ends_the_answer(provider_url: str, statements: deque[Statement]) -> None:
    """The limit covers reasoning and text, and the finish reason names it."""
    with OpenAI(api_key=KEY, base_url=f"{provider_url}/openai/v1") as client:
        answers = [
            client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": "long story"}],
                max_completion_tokens=9,
            )
            for model in ("gpt-4o", "gpt-5-mini")
        ]
    assert [a.choices[0].finish_reason for a in answers] == ["length", "length"]
    assert [a.usage.completion_tokens for a in answers if a.usage] == [9, 9]
    assert len(statements) == 2


def test_the_bytes_of_a_stream(provider_url: str) -> None:
    """Lines end in LF, nothing is compressed, and `[DONE]` is the last word."""
    with (
        httpx.Client() as client,
        client.stream(
            "POST",
            f"{provider_url}/openai/v1/chat/completions",
            headers={"authorization": "Bearer sk-test"},
            json={"model": "gpt-4o", "stream": True, "messages": []},
        ) as response,
    ):
        raw = b"".join(response.iter_raw())
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "content-encoding" not in response.headers
    assert raw.endswith(b"\n\ndata: [DONE]\n\n")
    assert b"\r" not in raw
    events = raw.removesuffix(b"data: [DONE]\n\n").split(b"\n\n")[:-1]
    assert all(event.startswith(b"data: {") for event in events)
    first = json.loads(events[0].removeprefix(b"data: "))
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
