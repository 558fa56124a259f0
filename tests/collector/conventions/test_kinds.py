"""Which spans are calls of a model."""

from typing import Any

import pytest

from spanledger.collector.conventions.kinds import (
    family,
    is_model_call,
    operation_of,
    starts_others,
)
from tests.collector.span_records import build_span_record
from tests.collector.spans import CHAT


@pytest.mark.parametrize(
    ("attributes", "operation"),
    [
        ({"gen_ai.operation.name": "chat"}, "chat"),
        ({"gen_ai.operation.name": "generate_content"}, "generate_content"),
        ({"gen_ai.operation.name": "embedding"}, "embeddings"),
        ({"openinference.span.kind": "LLM"}, "chat"),
        ({"openinference.span.kind": "EMBEDDING"}, "embeddings"),
        ({"openinference.span.kind": "RERANKER"}, "rerank"),
        ({"langfuse.observation.type": "generation"}, "chat"),
        ({"langfuse.observation.type": "embedding"}, "embeddings"),
        ({"ai.operationId": "ai.streamText.doStream"}, "chat"),
        ({"ai.operationId": "ai.embedMany.doEmbed"}, "embeddings"),
        ({"llm.request.type": "chat"}, "chat"),
        ({"llm.request.type": "completion", "gen_ai.operation.name": "chat"}, "chat"),
        ({"llm.request.type": "completion"}, "text_completion"),
        ({"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o"}, "chat"),
        (
            {"llm.request.type": "unknown", "gen_ai.system": "x", "gen_ai.request.model": "m"},
            "chat",
        ),
    ],
)
def test_calls(attributes: dict[str, Any], operation: str) -> None:
    """S4.2: by the word that a convention has for it, under our name."""
    record = build_span_record(attributes)

    assert operation_of(record) == operation
    assert is_model_call(record)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"http.request.method": "POST"},
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9},
        {"gen_ai.operation.name": "execute_tool"},
        {"gen_ai.operation.name": 7},
        {"openinference.span.kind": "CHAIN", "llm.token_count.prompt": 9},
        {"openinference.span.kind": "AGENT", "gen_ai.operation.name": "chat"},
        {"langfuse.observation.type": "span"},
        {"langfuse.observation.type": "agent"},
        {"ai.operationId": "ai.streamText", "ai.usage.inputTokens": 9},
        {"ai.operationId": "ai.toolCall"},
        {"traceloop.span.kind": "workflow", "gen_ai.system": "x", "gen_ai.request.model": "m"},
        {"llm.request.type": "moderation"},
        {"gen_ai.system": "openai"},
        {**CHAT, "spanledger.covered": True},
        {**CHAT, "logfire.span_type": "pending_span"},
        {
            "gen_ai.operation.name": "chat",
            "logfire.span_type": "span",
            "request_data": "{}",
            "gen_ai.response.model": "gpt-4o",
        },
    ],
)
def test_what_is_no_call(attributes: dict[str, Any]) -> None:
    """Threat 6: what lies around a call repeats its usage, and is known by its kind alone."""
    assert not is_model_call(build_span_record(attributes))


@pytest.mark.parametrize("told", ["gen_ai.response.id", "gen_ai.usage.input_tokens"])
def test_an_answer_of_logfires_is_a_call(told: str) -> None:
    """Only a stream's first span has neither the id of the answer nor its usage."""
    attributes = {
        "gen_ai.operation.name": "chat", "logfire.span_type": "span", "request_data": "{}",
        told: "chatcmpl-1" if told.endswith(".id") else 8,
    }  # fmt: skip

    assert is_model_call(build_span_record(attributes))


def test_a_failed_opening_of_a_stream_is_a_call() -> None:
    """Logfire writes no log after it: there was no stream."""
    attributes = {
        "gen_ai.operation.name": "chat", "logfire.span_type": "span", "request_data": "{}",
    }  # fmt: skip

    assert is_model_call(build_span_record(attributes, failed=True))


@pytest.mark.parametrize(
    ("attributes", "starts"),
    [({"gen_ai.operation.name": "execute_tool"}, True), ({"traceloop.span.kind": "tool"}, True),
     ({"openinference.span.kind": "CHAIN"}, False), (CHAT, False), ({}, False)],
)  # fmt: skip
def test_what_starts_others(attributes: dict[str, Any], starts: bool) -> None:  # noqa: FBT001 - a table of cases
    """Tools and agents run programs of their own; chains pass on what they are given."""
    assert starts_others(build_span_record(attributes)) == starts


def test_families() -> None:
    """An embedding is never the same call as a chat; a chat may be called a completion."""
    assert family("chat") == family("generate_content") == family("text_completion")
    assert len({family("chat"), family("embeddings"), family("rerank")}) == 3
