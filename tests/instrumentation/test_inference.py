"""What spans of others say of themselves, by the conventions that are about."""

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from spanledger.instrumentation.inference import (
    is_http,
    is_late_report,
    is_of_family,
    looks_like_inference,
    named_model,
    names_another_model,
)
from tests.instrumentation.spans import span

Attributes = dict[str, object]


@pytest.mark.parametrize(
    ("attributes", "scope", "expected"),
    [
        ({"gen_ai.operation.name": "chat"}, "", True),
        ({"gen_ai.operation.name": "embeddings"}, "", True),
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "openai"}, "", False),
        ({"gen_ai.operation.name": "execute_tool"}, "", False),
        ({"gen_ai.provider.name": "openai"}, "", True),
        ({"gen_ai.system": "openai"}, "", True),
        ({"llm.request.type": "chat"}, "", True),
        ({"traceloop.span.kind": "workflow", "gen_ai.system": "openai"}, "", False),
        ({"openinference.span.kind": "LLM", "llm.system": "openai"}, "", True),
        ({"openinference.span.kind": "EMBEDDING"}, "", True),
        ({"openinference.span.kind": "AGENT", "llm.model_name": "gpt-4o"}, "", False),
        ({"langfuse.observation.type": "generation"}, "langfuse-sdk", True),
        ({"langfuse.observation.type": "span"}, "langfuse-sdk", False),
        ({}, "com.anthropic.sdk.python", True),
        ({}, "app", False),
        ({"http.request.method": "POST"}, "app", False),
    ],
)
def test_what_stands_for_a_model_call(
    attributes: Attributes, scope: str, *, expected: bool
) -> None:
    """The first attribute that tells a kind decides; without one, what only model calls have."""
    assert looks_like_inference(span(attributes, scope=scope)) is expected


def test_what_cannot_be_read_is_none() -> None:
    """A span that was not sampled, or comes from another process, has no attributes."""
    assert not looks_like_inference(trace.INVALID_SPAN)
    assert not is_http(trace.INVALID_SPAN)


@pytest.mark.parametrize(
    ("name", "attributes", "model"),
    [
        ("chat gpt-4o", {}, "gpt-4o"),
        ("embeddings text-embedding-3-small", {}, "text-embedding-3-small"),
        ("chat", {}, ""),
        ("openai.chat", {}, ""),
        ("chat gpt-4o", {"gen_ai.operation.name": "invoke_agent"}, ""),
    ],
)
def test_a_name_tells_what_attributes_do_not_yet(
    name: str, attributes: Attributes, model: str
) -> None:
    """OpenLIT names its spans by the conventions, and puts the rest on them when they end."""
    assert named_model(span(attributes, name=name)) == model


@pytest.mark.parametrize(
    ("attributes", "families"),
    [
        ({"gen_ai.operation.name": "generate_content"}, ["generation"]),
        ({"gen_ai.operation.name": "embeddings"}, ["embeddings"]),
        ({"gen_ai.operation.name": "rerank"}, ["rerank"]),
        ({"openinference.span.kind": "LLM"}, ["generation"]),
        ({"openinference.span.kind": "RERANKER"}, ["rerank"]),
        ({"langfuse.observation.type": "embedding"}, ["embeddings"]),
        ({"gen_ai.system": "openai"}, ["generation", "embeddings", "rerank"]),
    ],
)
def test_kinds_of_call(attributes: Attributes, families: list[str]) -> None:
    """The same goes by many names; who does not say may be anything."""
    found = [
        family
        for family in ("generation", "embeddings", "rerank")
        if is_of_family(span(attributes), family)
    ]
    assert found == families


@pytest.mark.parametrize(
    ("named", "asked", "another"),
    [
        ("gpt-4o", "gpt-4o", False),
        ("openai/gpt-4o", "gpt-4o", False),
        ("gpt-4o-2024-08-06", "gpt-4o", False),
        ("gpt-4o", "o3", True),
        ("gpt-4o", "", False),
    ],
)
def test_models(named: str, asked: str, *, another: bool) -> None:
    """Versions and prefixes do not matter, and nothing said is no contradiction."""
    assert names_another_model(span({"gen_ai.request.model": named}), asked) is another
    assert not names_another_model(span({}), asked)


@pytest.mark.parametrize(
    ("attributes", "scope", "name", "late"),
    [
        ({}, "opentelemetry.instrumentation.openai.v1", "openai.response", True),
        ({}, "opentelemetry.instrumentation.openai.v1", "openai.chat", False),
        ({"logfire.span_type": "log", "gen_ai.operation.name": "chat"}, "logfire.openai", "", True),
        ({"logfire.span_type": "log"}, "logfire", "hello", False),
        ({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7}, "theirs", "", True),
        ({"gen_ai.usage.input_tokens": 7}, "theirs", "", False),
        ({"gen_ai.operation.name": "chat"}, "theirs", "", False),
    ],
)
def test_what_tells_of_a_call_that_is_over(
    attributes: Attributes, scope: str, name: str, *, late: bool
) -> None:
    """A name of the table, a log of Logfire's about a call, or a span born with usage."""
    assert is_late_report(span(attributes, scope=scope, name=name)) is late


def test_an_http_span_is_a_clients() -> None:
    """A server's has the same attributes, and is the app's own."""
    assert is_http(span({"http.request.method": "POST"}))
    assert is_http(span({"http.method": "POST"}))
    assert not is_http(trace.NonRecordingSpan(trace.INVALID_SPAN_CONTEXT))
    assert span({}).kind is SpanKind.CLIENT
