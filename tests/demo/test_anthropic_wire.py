import zlib
from collections import deque
from typing import Any, cast

import anthropic
import httpx
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import Message

from spanledger.demo.provider import Statement

KEY = "sk-ant-test"
RULES = "Rules of the house, read with care every time. " * 100  # 4,700 characters, 1,175 tokens


def test_a_body_says_what_was_stated(provider_url: str, statements: deque[Statement]) -> None:
    """The SDK reads exactly the usage on record, zeros included (S4.3)."""
    with Anthropic(api_key=KEY, base_url=f"{provider_url}/anthropic") as client:
        answer = client.messages.create(
            model="claude-opus-4-5",
            max_tokens=500,
            messages=[{"role": "user", "content": "Good morning"}],
        )
    assert answer.usage.model_dump(exclude_unset=True) == statements[-1].usage
    # 12 characters are 3 tokens; the frame costs 7.
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (10, 0)
    assert answer.model == "claude-opus-4-5-20251101"
    assert (answer.id, answer.stop_reason) == (statements[-1].response_id, "end_turn")


def asked(text: str, **control: str) -> dict[str, Any]:
    """A request whose long system prompt is to be cached."""
    block = {
        "type": "text",
        "text": RULES + text,
        "cache_control": {"type": "ephemeral", **control},
    }
    return {
        "model": "claude-haiku-4-5",
        "max_tokens": 64,
        "system": [block],
        "messages": [{"role": "user", "content": "So?"}],
    }


@pytest.mark.parametrize(
    ("control", "written"),
    [
        ({}, {"ephemeral_5m_input_tokens": 1180, "ephemeral_1h_input_tokens": 0}),
        ({"ttl": "1h"}, {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1180}),
    ],
)
def test_a_marked_prompt_is_written_then_read(
    provider_url: str,
    statements: deque[Statement],
    control: dict[str, str],
    written: dict[str, int],
) -> None:
    """Cached input stands beside the fresh input, and writes are told apart by lifetime."""
    request = asked(f"Lifetime {control.get('ttl', '5m')}: twenty.", **control)
    assert len(request["system"][0]["text"]) == 4720
    with Anthropic(api_key=KEY, base_url=f"{provider_url}/anthropic") as client:
        answers: list[Message] = [client.messages.create(**request) for _ in range(2)]
    first, second = (answer.usage for answer in answers)
    assert first.cache_creation is not None
    assert first.cache_creation.model_dump() == written
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (1180, 0)
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens) == (0, 1180)
    assert first.input_tokens == second.input_tokens == 1 + 7
    assert len(statements) == 2


@pytest.mark.anyio
async def test_a_stream_adds_up_to_what_was_stated(
    provider_url: str, statements: deque[Statement]
) -> None:
    """The SDK's accumulator ends with the usage on record and the text of the body."""
    request = asked("As a stream.")
    async with AsyncAnthropic(api_key=KEY, base_url=f"{provider_url}/anthropic") as client:
        await client.messages.create(**request)
        whole = cast("Message", await client.messages.create(**request))
        async with client.messages.stream(**request) as stream:
            texts = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
    assert final.usage.model_dump(exclude_unset=True) == statements[-1].usage
    assert statements[-1].usage == statements[-2].usage
    assert "".join(texts) == "".join(b.text for b in whole.content if b.type == "text")
    assert final.stop_reason == whole.stop_reason


def test_the_events_of_a_stream(provider_url: str) -> None:
    """The order is Anthropic's, and the first word on output tokens is not the last."""
    with Anthropic(api_key=KEY, base_url=f"{provider_url}/anthropic") as client:
        events = list(
            client.messages.create(
                model="claude-haiku-4-5",
                max_tokens=200,
                messages=[{"role": "user", "content": "events"}],
                stream=True,
            )
        )
    kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    first, last = events[0], events[-2]
    assert first.type == "message_start"
    assert last.type == "message_delta"
    assert first.message.usage.output_tokens == 1 < last.usage.output_tokens
    assert first.message.usage.input_tokens == last.usage.input_tokens


def test_a_limit_ends_the_answer(provider_url: str) -> None:
    """The stop reason names the limit."""
    with Anthropic(api_key=KEY, base_url=f"{provider_url}/anthropic") as client:
        answer = client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=5,
            messages=[{"role": "user", "content": [{"type": "text", "text": "short"}]}],
            tools=[{"name": "look", "input_schema": {"type": "object"}}],
        )
    assert (answer.stop_reason, answer.usage.output_tokens) == ("max_tokens", 5)


def test_the_bytes_of_a_stream(provider_url: str) -> None:
    """The stream is gzip, flushed event by event; a ping is in it, and padding before the brace."""
    with (
        httpx.Client() as client,
        client.stream(
            "POST",
            f"{provider_url}/anthropic/v1/messages",
            headers={"x-api-key": KEY, "accept-encoding": "gzip"},
            json={"model": "claude-haiku-4-5", "max_tokens": 9, "stream": True, "messages": []},
        ) as response,
    ):
        raw = b"".join(response.iter_raw())
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["request-id"].startswith("req_")
    assert response.headers["anthropic-ratelimit-requests-limit"].isdigit()
    assert raw.count(b"\x00\x00\xff\xff") > 3  # the mark that a flush leaves
    text = zlib.decompress(raw, wbits=31)
    assert text.startswith(b'event: message_start\ndata: {"type":"message_start","message":{')
    assert b'\n\nevent: ping\ndata: {"type": "ping"}\n\n' in text
    assert text.endswith(b"}\n\n")
    assert b"  }\n" in text
    assert b"\r" not in text


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("401", anthropic.AuthenticationError, "authentication_error"),
        ("429", anthropic.RateLimitError, "rate_limit_error"),
        ("500", anthropic.InternalServerError, "api_error"),
    ],
)
def test_a_fault_raises_the_sdks_own_error(
    provider_url: str, fault: str, error: type[anthropic.APIStatusError], kind: str
) -> None:
    """The body has Anthropic's shape, request id included."""
    with (
        Anthropic(api_key=KEY, base_url=f"{provider_url}/anthropic", max_retries=0) as client,
        pytest.raises(error) as raised,
    ):
        client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=9,
            messages=[],
            extra_headers={"x-simulate": fault},
        )
    body = raised.value.response.json()
    assert (body["type"], body["error"]["type"]) == ("error", kind)
    assert body["request_id"] == raised.value.request_id
    assert ("retry-after" in raised.value.response.headers) == (fault == "429")


def test_a_cut_stream_breaks_off(provider_url: str, statements: deque[Statement]) -> None:
    """The loss surfaces as the HTTP layer's own error, as with the real service."""
    seen: list[str] = []
    with Anthropic(api_key=KEY, base_url=f"{provider_url}/anthropic", max_retries=0) as client:
        stream = client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=99,
            messages=[{"role": "user", "content": "cut"}],
            stream=True,
            extra_headers={"x-simulate": "disconnect"},
        )
        with pytest.raises(Exception, match=r"incomplete chunked read|Connection error"):
            seen.extend(event.type for event in stream)
    assert seen[0] == "message_start"
    assert "message_stop" not in seen
    assert len(statements) == 0
