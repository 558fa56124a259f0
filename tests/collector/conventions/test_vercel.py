"""Vercel's AI SDK through its versions."""

import json
from typing import Any

import pytest

from spanledger.collector.conventions import to_call
from spanledger.collector.conventions.vercel import evidence, older_evidence, provider_metadata
from spanledger.usage import Usage
from tests.collector.span_records import build_span_record

STEP = {
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.provider": "anthropic.messages",
    "ai.model.id": "claude-haiku-4-5",
}

CLAUDE = Usage(input_tokens=900, cache_read_tokens=500, cache_write_tokens=200, output_tokens=70)


@pytest.mark.parametrize(
    "counts",
    [
        {"ai.usage.inputTokens": 900, "ai.usage.outputTokens": 70,
         "ai.usage.inputTokenDetails.noCacheTokens": 200,
         "ai.usage.inputTokenDetails.cacheReadTokens": 500,
         "ai.usage.inputTokenDetails.cacheWriteTokens": 200},
        {"ai.usage.promptTokens": 200, "ai.usage.completionTokens": 70,
         "ai.response.providerMetadata": json.dumps(
             {"anthropic": {"cacheReadInputTokens": 500, "cacheCreationInputTokens": 200}})},
        {"gen_ai.usage.input_tokens": 200, "gen_ai.usage.output_tokens": 70,
         "ai.response.providerMetadata": json.dumps(
             {"anthropic": {"usage": {"input_tokens": 200, "cache_read_input_tokens": 500,
                                      "cache_creation_input_tokens": 200, "output_tokens": 70}}})},
    ],
)  # fmt: skip
def test_each_version(counts: dict[str, Any]) -> None:
    """From version 6 on inside; before it as Anthropic counts."""
    call = to_call(build_span_record({**STEP, **counts}), "default")

    assert (call.provider, call.model, call.usage) == ("anthropic", "claude-haiku-4-5", CLAUDE)


def test_cached_input_without_metadata() -> None:
    """Version 5 states the cached tokens as Anthropic does, beside the fresh ones."""
    counts = {
        "ai.usage.inputTokens": 400, "ai.usage.cachedInputTokens": 300, "ai.usage.outputTokens": 7,
    }  # fmt: skip
    call = to_call(build_span_record({**STEP, **counts}), "default")

    assert call.usage == Usage(input_tokens=700, cache_read_tokens=300, output_tokens=7)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"openai": {}},
        {"openai": {"acceptedPredictionTokens": 0}},
        {"anthropic": {"stopSequence": None}},
        {"anthropic": {"usage": {"input_tokens": 3}}},
        {"anthropic": 7, "google": {"usageMetadata": [1]}},
    ],
)
def test_metadata_without_counts(metadata: dict[str, Any]) -> None:
    """Then the counts on the span stand."""
    found = {"metadata": json.dumps(metadata), "input_tokens": 3, "output_tokens": 4}

    assert evidence("anthropic", found) is None
    assert older_evidence("anthropic", found) is None


def test_metadata_needs_the_wholes() -> None:
    """Parts alone are no usage."""
    found = {"metadata": '{"openai": {"cachedPromptTokens": 5}}', "input_tokens": "x"}

    assert older_evidence("openai", found) is None
    assert provider_metadata({"metadata": '{"openai": 5}'}) == {}


def test_the_tier_is_in_the_metadata() -> None:
    """S4.3: flex costs half."""
    metadata = json.dumps({"openai": {"serviceTier": "flex"}})
    call = to_call(build_span_record({**STEP, "ai.response.providerMetadata": metadata}), "default")

    assert call.response_service_tier == "flex"
