"""The real SDKs of OpenAI, Anthropic and Google over loopback: one span per attempt."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types
from opentelemetry.trace import StatusCode

from tests.instrumentation.calls import Recording, describe
from tests.instrumentation.provider import Provider, Reply, cut, gzipped, recorded, with_crlf

pytestmark = pytest.mark.filterwarnings(
    # Google's SDK calls through aiohttp where it is installed, by a class of its own.
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
)

KEY = "canary-key"
PROMPT = "canary-prompt"
MESSAGES: Any = [{"role": "user", "content": PROMPT}]

Call = Callable[[str], list[str]]
"""Base URL -> the chunks of the answer, as the app sees them."""


def plain(reply: Reply) -> Reply:
    """The answer as it was recorded."""
    return reply


def openai_chat(url: str, *, retries: int = 0) -> list[str]:
    """OpenAI, chat completions."""
    with openai.OpenAI(api_key=KEY, base_url=url + "/v1", max_retries=retries) as client:
        answer = client.chat.completions.create(model="gpt-5-mini", messages=MESSAGES)
        return [answer.to_json()]


def openai_chat_stream(url: str) -> list[str]:
    """OpenAI, chat completions, streamed."""
    with openai.OpenAI(api_key=KEY, base_url=url + "/v1", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="gpt-4o",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
        return [chunk.to_json() for chunk in stream]


def openai_chat_async(url: str) -> list[str]:
    """OpenAI, chat completions, streamed, asynchronous."""

    async def call() -> list[str]:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=url + "/v1", max_retries=0) as client:
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=MESSAGES, stream=True
            )
            return [chunk.to_json() async for chunk in stream]

    return asyncio.run(call())


def openai_responses(url: str) -> list[str]:
    """OpenAI, responses."""
    with openai.OpenAI(api_key=KEY, base_url=url + "/v1", max_retries=0) as client:
        return [client.responses.create(model="gpt-5", input=PROMPT).to_json()]


def openai_responses_stream(url: str) -> list[str]:
    """OpenAI, responses, streamed."""
    with openai.OpenAI(api_key=KEY, base_url=url + "/v1", max_retries=0) as client:
        stream = client.responses.create(model="gpt-5", input=PROMPT, stream=True)
        return [event.to_json() for event in stream]


def openai_embeddings(url: str) -> list[str]:
    """OpenAI, embeddings."""
    with openai.OpenAI(api_key=KEY, base_url=url + "/v1", max_retries=0) as client:
        return [client.embeddings.create(model="text-embedding-3-small", input=PROMPT).to_json()]


def anthropic_messages(url: str) -> list[str]:
    """Anthropic, messages."""
    with anthropic.Anthropic(api_key=KEY, base_url=url, max_retries=0) as client:
        answer = client.messages.create(model="claude-haiku-4-5", messages=MESSAGES, max_tokens=9)
        return [answer.to_json()]


def anthropic_stream(url: str) -> list[str]:
    """Anthropic, messages, streamed."""
    with anthropic.Anthropic(api_key=KEY, base_url=url, max_retries=0) as client:
        stream = client.messages.create(
            model="claude-haiku-4-5", messages=MESSAGES, max_tokens=9, stream=True
        )
        return [event.to_json() for event in stream]


def anthropic_async(url: str) -> list[str]:
    """Anthropic, messages, streamed, asynchronous."""

    async def call() -> list[str]:
        async with (
            anthropic.AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0) as client,
            client.messages.stream(
                model="claude-haiku-4-5", messages=MESSAGES, max_tokens=9
            ) as stream,
        ):
            return [event.to_json() async for event in stream]

    return asyncio.run(call())


ONCE = types.HttpRetryOptions(attempts=1)


def google(url: str, *, retries: types.HttpRetryOptions | None = ONCE) -> genai.Client:
    """A client of Google's that calls `url`."""
    options = types.HttpOptions(base_url=url, retry_options=retries)
    return genai.Client(api_key=KEY, vertexai=False, http_options=options)


def gemini(url: str) -> list[str]:
    """Gemini, generateContent."""
    with google(url) as client:
        answer = client.models.generate_content(model="gemini-2.5-flash", contents=PROMPT)
        return [answer.model_dump_json(exclude={"sdk_http_response"})]


def gemini_stream(url: str) -> list[str]:
    """Gemini, streamGenerateContent."""
    with google(url) as client:
        stream = client.models.generate_content_stream(model="gemini-2.5-pro", contents=PROMPT)
        return [chunk.model_dump_json(exclude={"sdk_http_response"}) for chunk in stream]


def gemini_async(url: str, *, retries: types.HttpRetryOptions | None = ONCE) -> list[str]:
    """Gemini, streamGenerateContent, asynchronous."""

    async def call() -> list[str]:
        async with google(url, retries=retries).aio as client:
            stream = await client.models.generate_content_stream(
                model="gemini-2.5-pro", contents=PROMPT
            )
            return [chunk.model_dump_json(exclude={"sdk_http_response"}) async for chunk in stream]

    return asyncio.run(call())


# call, its recorded answer, provider, operation, (input, cached, output) summed up by hand
CALLS: dict[str, tuple[Call, str, str, str, tuple[int | None, int | None, int | None]]] = {
    "openai chat": (openai_chat, "openai_chat.json", "openai", "chat", (2306, 1920, 497)),
    "openai chat stream": (
        openai_chat_stream, "openai_chat_stream.sse", "openai", "chat", (1117, 1024, 46),
    ),
    "openai chat async": (
        openai_chat_async, "openai_chat_stream.sse", "openai", "chat", (1117, 1024, 46),
    ),
    "anthropic": (
        anthropic_messages, "anthropic_messages.json", "anthropic", "chat",
        (41 + 1400 + 18064, 18064, 503),
    ),
    "anthropic stream": (
        anthropic_stream, "anthropic_messages_stream.sse", "anthropic", "chat",
        (12 + 256 + 2048, 2048, 64),
    ),
    "anthropic async": (
        anthropic_async, "anthropic_messages_stream.sse", "anthropic", "chat",
        (12 + 256 + 2048, 2048, 64),
    ),
    "gemini": (
        gemini, "gemini_generate.json", "gcp.gemini", "generate_content",
        (5120 + 50, 4000, 120 + 500),
    ),
    "gemini stream": (
        gemini_stream, "gemini_stream.sse", "gcp.gemini", "generate_content", (31, None, 9 + 100),
    ),
    "gemini async": (
        gemini_async, "gemini_stream.sse", "gcp.gemini", "generate_content", (31, None, 9 + 100),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("wire", [plain, gzipped, with_crlf], ids=["plain", "gzip", "crlf"])
def test_a_call_is_one_span_with_the_providers_usage(
    provider: Provider, recording: Recording, name: str, wire: Callable[[Reply], Reply]
) -> None:
    """S4.3: each SDK's call leaves one span with what its provider counted, and the same answer."""
    call, file, provider_name, operation, (input_tokens, cached, output_tokens) = CALLS[name]
    reply = recorded(file)
    provider.answer_with(wire(reply) if file.endswith(".sse") or wire is not with_crlf else reply)

    without_us = call(provider.url)
    with recording.on():
        with_us = call(provider.url)

    assert with_us == without_us
    facts = recording.facts
    assert facts["gen_ai.provider.name"] == provider_name
    assert facts["gen_ai.operation.name"] == operation
    assert facts["gen_ai.usage.input_tokens"] == input_tokens
    assert facts.get("gen_ai.usage.cache_read.input_tokens") == cached
    assert facts["gen_ai.usage.output_tokens"] == output_tokens
    assert facts["gen_ai.request.stream"] is file.endswith(".sse")
    assert facts["server.address"] == "127.0.0.1"
    assert "spanledger.usage.partial" not in facts
    assert recording.span.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(
    ("call", "file", "operation"),
    [
        (openai_responses, "openai_responses.json", "chat"),
        (openai_responses_stream, "openai_responses_stream.sse", "chat"),
        (openai_embeddings, "openai_embeddings.json", "embeddings"),
    ],
)
def test_the_other_apis_of_openai(
    provider: Provider, recording: Recording, call: Call, file: str, operation: str
) -> None:
    """Responses and embeddings are model calls too."""
    provider.answer_with(recorded(file))

    with recording.on():
        call(provider.url)

    assert recording.facts["gen_ai.operation.name"] == operation
    assert recording.facts["gen_ai.usage.input_tokens"] > 0
    assert recording.facts["spanledger.usage.source"] == "provider"


def outcome(call: Call, url: str) -> tuple[object, ...]:
    """The exception of a call, as far as the app can look at it."""
    try:
        return tuple(call(url))
    except (openai.APIError, anthropic.APIError, errors.APIError) as error:
        return describe(error)
    except Exception as error:  # noqa: BLE001 - whatever the SDK lets through is to be compared
        return describe(error)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("failure", ["cut", "429", "500", "401", "refused"])
def test_a_failure_looks_the_same_through_the_sdk(
    provider: Provider, recording: Recording, name: str, failure: str
) -> None:
    """Cut, refused, 429, 500, 401: each attempt is one failed span, and the SDK raises alike."""
    call, file, *_ = CALLS[name]
    reply = recorded(file)
    if failure == "cut":
        provider.answer_with(cut(reply))
    elif failure != "refused":
        body = b'{"error":{"message":"canary-answer","code":%s}}' % failure.encode()
        provider.answer_with(replace(Reply(body), status=int(failure)))
    url = "http://127.0.0.1:1" if failure == "refused" else provider.url

    without_us = outcome(call, url)
    requests = len(provider.requests)
    with recording.on():
        with_us = outcome(call, url)

    assert with_us == without_us
    assert isinstance(with_us[0], type)
    # Where nobody listens nothing is counted.
    assert len(recording.spans) == max(len(provider.requests) - requests, 1)
    for span in recording.spans:
        facts = dict(span.attributes or {})
        assert span.status.status_code is StatusCode.ERROR
        cut_off = {"estimated"} if failure == "cut" else set[str]()
        assert facts["spanledger.usage.source"] in {"none", "provider"} | cut_off
        if failure.isdigit():
            assert facts["error.type"] == failure
        else:
            assert str(facts["error.type"]).startswith(("httpx2.", "aiohttp."))


@pytest.mark.soak
def test_googles_sdk_tries_a_second_time_by_itself(recording: Recording) -> None:
    """By default and over aiohttp, some seconds after it was refused: a failed span each."""
    with recording.on():
        outcome(lambda url: gemini_async(url, retries=None), "http://127.0.0.1:1")

    assert [span.status.status_code for span in recording.spans] == [StatusCode.ERROR] * 2


def test_each_attempt_is_a_span(provider: Provider, recording: Recording) -> None:
    """A retry is an exchange of its own; only the one with usage can cost money."""
    overloaded = Reply(b"{}", status=500, headers={"retry-after-ms": "1"})
    provider.answer_with(overloaded, overloaded, recorded("openai_chat.json"))

    with recording.on():
        openai_chat(provider.url, retries=2)

    facts = [dict(span.attributes or {}) for span in recording.spans]
    assert [attributes["spanledger.attempt"] for attributes in facts] == [1, 2, 3]
    assert [attributes.get("error.type") for attributes in facts] == ["500", "500", None]
    assert [attributes["spanledger.usage.source"] for attributes in facts] == [
        "none",
        "none",
        "provider",
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_anthropics_own_span_is_covered_by_ours(
    provider: Provider, recording: Recording, *, stream: bool
) -> None:
    """The SDK records the call itself: ours below it is the billable one, and says so on theirs."""
    provider.answer_with(
        recorded("anthropic_messages_stream.sse" if stream else "anthropic_messages.json")
    )
    with (
        recording.on(),
        anthropic.Anthropic(
            api_key=KEY,
            base_url=provider.url,
            max_retries=0,
            open_telemetry={"tracer_provider": recording.provider},
        ) as client,
    ):
        answer = client.messages.create(
            model="claude", messages=MESSAGES, max_tokens=9, stream=stream
        )
        if stream:
            list(answer)

    scopes = {
        span.instrumentation_scope.name: span
        for span in recording.spans
        if span.instrumentation_scope
    }
    theirs, ours = scopes["com.anthropic.sdk.python"], scopes["spanledger"]
    assert len(recording.spans) == 2
    assert (theirs.attributes or {})["spanledger.covered"] is True
    assert "spanledger.covered" not in (ours.attributes or {})
    assert ours.parent == theirs.context


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("failure", ["none", "cut", "401"])
def test_nothing_secret_is_on_a_span(
    provider: Provider, recording: Recording, name: str, failure: str
) -> None:
    """No key, header, query, prompt, answer or error text: only what the table of names allows."""
    call, file, *_ = CALLS[name]
    reply = recorded(file)
    failures = {
        "none": reply,
        "cut": cut(reply),
        "401": Reply(b'{"error":{"message":"canary-answer"}}', status=401),
    }
    provider.answer_with(failures[failure])

    with recording.on():
        outcome(lambda url: call(url + "/canary-path?key=canary-query"), provider.url)
        outcome(call, provider.url)

    assert recording.spans
    for span in recording.spans:
        assert "canary" not in span.to_json()
        assert not span.events
