"""Which exchanges are attempts of one call, and that only the one that was answered costs."""

import asyncio
import contextvars
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anthropic
import boto3
import cohere
import groq
import httpx2
import openai
import pytest
from botocore.config import Config
from google import genai
from google.genai import types
from mistralai.client import Mistral
from mistralai.client.utils import BackoffStrategy, RetryConfig
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from spanledger.pricing.cost import Cost
from tests.instrumentation.calls import CHAT, CHAT_PATH, Recording
from tests.instrumentation.provider import Provider, Reply, recorded
from tests.neighbours.rows import rows_of

KEY = "canary-key"
MESSAGES: Any = [{"role": "user", "content": "hi"}]

REFUSED = Reply(b'{"error": {}}', status=503, headers={"retry-after-ms": "1", "retry-after": "0"})

Tie = tuple[object, object]
"""Id of the retries, and number of the attempt."""


def ties(recording: Recording) -> list[Tie]:
    """Of each exchange in the order of their ends."""
    facts = [dict(span.attributes or {}) for span in recording.spans]
    return [(it.get("spanledger.retry.id"), it.get("spanledger.attempt")) for it in facts]


def with_openai(url: str) -> None:
    """Says how often it has tried."""
    with openai.OpenAI(api_key=KEY, base_url=url + "/v1") as client:
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)


def with_anthropic(url: str) -> None:
    """The same."""
    with anthropic.Anthropic(api_key=KEY, base_url=url) as client:
        client.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=MESSAGES)


def with_groq(url: str) -> None:
    """The same, through httpx."""
    with groq.Groq(api_key=KEY, base_url=url) as client:
        client.chat.completions.create(model="llama-3.3-70b-versatile", messages=MESSAGES)


def google(url: str) -> genai.Client:
    """Tries again by tenacity, and says nothing of it."""
    again = types.HttpRetryOptions(attempts=3, initial_delay=0.001, max_delay=0.001, jitter=0.001)
    return genai.Client(
        api_key=KEY,
        vertexai=False,
        http_options=types.HttpOptions(base_url=url, retry_options=again),
    )


def with_google(url: str) -> None:
    """Through httpx2."""
    with google(url) as client:
        client.models.generate_content(model="gemini-2.5-flash", contents="hi")


def with_google_async(url: str) -> None:
    """Through aiohttp."""

    async def call() -> None:
        async with google(url).aio as client:
            await client.models.generate_content(model="gemini-2.5-flash", contents="hi")

    asyncio.run(call())


def with_mistral(url: str) -> None:
    """Says nothing of it."""
    again = RetryConfig("backoff", BackoffStrategy(1, 2, 1.5, 5000), retry_connection_errors=True)
    with Mistral(api_key=KEY, server_url=url, retry_config=again) as client:
        client.chat.complete(model="mistral-small-latest", messages=MESSAGES)


def with_cohere(url: str) -> None:
    """Says nothing of it."""
    with cohere.ClientV2(KEY, base_url=url) as client:
        client.chat(model="command-a-03-2025", messages=MESSAGES)


def with_bedrock(url: str) -> None:
    """Names the call in a header."""
    library: Any = boto3
    client = library.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="canary",
        aws_secret_access_key=KEY,
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
    )
    client.converse(
        modelId="amazon.nova-lite-v1:0", messages=[{"role": "user", "content": [{"text": "hi"}]}]
    )


SDKS: list[tuple[Callable[[str], None], str]] = [
    (with_openai, "openai_chat.json"),
    (with_anthropic, "anthropic_messages.json"),
    (with_groq, "openai_chat.json"),
    (with_google, "gemini_generate.json"),
    (with_google_async, "gemini_generate.json"),
    (with_mistral, "openai_chat.json"),
    (with_cohere, "cohere_chat.json"),
    (with_bedrock, "bedrock_converse.json"),
]


@pytest.mark.parametrize(("call", "answer"), SDKS, ids=[call.__name__ for call, _ in SDKS])
def test_the_attempts_of_an_sdk_are_tied_and_one_costs(
    provider: Provider, recording: Recording, call: Callable[[str], None], answer: str
) -> None:
    """One id on all three, numbered; the refused two cost nothing, by the collector's word."""
    provider.answer_with(REFUSED, REFUSED, recorded(answer))
    with recording.on():
        call(provider.url)

    found = ties(recording)
    assert [attempt for _, attempt in found] == [1, 2, 3]
    assert len({retry_id for retry_id, _ in found}) == 1
    assert found[0][0]
    rows = rows_of([encode_spans(recording.spans).SerializeToString()])
    amounts = [row.cost.amount for row in rows if isinstance(row.cost, Cost)]
    assert amounts.count(Decimal(0)) == 2
    assert len([row for row in rows if row.call.usage.reported()]) == 1


def test_a_call_that_is_answered_at_once_has_no_id(
    provider: Provider, recording: Recording
) -> None:
    """There is nothing to tie it to."""
    provider.answer_with(recorded("openai_chat.json"))
    with recording.on():
        with_openai(provider.url)

    assert ties(recording) == [(None, 1)]


Post = Callable[..., None]


@pytest.fixture
def post(provider: Provider, recording: Recording) -> Post:
    """One exchange of an app that tries again by itself; what it is answered, and what it sends."""

    def post(status: int, body: object = CHAT, path: str = CHAT_PATH, **headers: str) -> None:
        provider.answer_with(Reply(status=status))
        with recording.on(), httpx2.Client(verify=False, trust_env=False) as client:
            client.post(provider.url + path, json=body, headers=headers)

    return post


@pytest.mark.parametrize(
    ("status", "tied"), [(400, False), (401, False), (408, True), (429, True), (500, True)]
)
def test_only_what_is_worth_another_try_is_tied(
    post: Post, recording: Recording, status: int, *, tied: bool
) -> None:
    """Who sends a refused request once more has corrected something, or asks something else."""
    post(status)
    post(200)

    ids = [retry_id for retry_id, _ in ties(recording)]
    assert (ids[0] is not None and ids[0] == ids[1]) is tied


def test_a_connection_that_failed_is_worth_another_try(recording: Recording) -> None:
    """There is no status then."""

    def fail(_request: object) -> httpx2.Response:
        message = "canary"
        raise httpx2.ConnectError(message)

    for transport in (
        httpx2.MockTransport(fail),
        httpx2.MockTransport(lambda _: httpx2.Response(200)),
    ):
        with recording.on(), httpx2.Client(transport=transport) as client:
            try:
                client.post("http://provider" + CHAT_PATH, json=CHAT)
            except httpx2.ConnectError:
                continue

    (first, one), (second, two) = ties(recording)
    assert (first, one, two) == (second, 1, 2)


@pytest.mark.parametrize(
    "other", [{"body": {**CHAT, "model": "gpt-5"}}, {"path": "/v2/chat/completions"}]
)
def test_another_request_is_another_call(
    post: Post, recording: Recording, other: dict[str, Any]
) -> None:
    """Another body, or another place: a fallback is no retry."""
    post(503)
    post(200, **other)

    assert ties(recording)[1] == (None, None)


def test_only_the_next_exchange_is_tied(post: Post, recording: Recording) -> None:
    """What is asked again after something else is asked anew."""
    post(503)
    post(200, path="/v2/chat/completions")
    post(200)

    assert [retry_id is not None for retry_id, _ in ties(recording)] == [True, False, False]


def test_another_context_is_another_call(post: Post, recording: Recording) -> None:
    """Two users who are refused at once are not each other's retry."""
    contextvars.copy_context().run(post, 503)
    post(200)

    assert ties(recording)[1] == (None, None)


def test_a_key_of_the_apps_ties_wherever_the_attempts_are_made(
    post: Post, recording: Recording
) -> None:
    """An idempotency key is the same on all attempts; its hash is told, and not the key."""
    headers = {"idempotency-key": "canary-idempotency"}
    for _ in range(2):
        contextvars.copy_context().run(post, 503, **headers)

    first, second = ties(recording)
    assert first == second
    assert first[0] is not None
    assert "canary" not in str(first)


def test_a_body_that_is_a_stream_is_not_compared(provider: Provider, recording: Recording) -> None:
    """It can perhaps be read only once, and that is the app's."""
    provider.answer_with(REFUSED, Reply())
    with recording.on(), httpx2.Client(verify=False, trust_env=False) as client:
        for _ in range(2):
            client.post(provider.url + CHAT_PATH, content=iter([b'{"model": "gpt-4o"}']))

    (first, _), (second, _) = ties(recording)
    assert (first is None, second) == (False, None)
