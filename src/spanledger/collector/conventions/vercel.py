"""Vercel's AI SDK: of its nested spans those of one step each; the outer ones repeat their sum."""

from collections.abc import Mapping
from typing import Final, cast

from spanledger.collector.conventions.genai import STANDARD
from spanledger.collector.conventions.quantities import ANTHROPIC_COUNTS
from spanledger.collector.conventions.record import as_object
from spanledger.collector.conventions.table import Convention, Found
from spanledger.dialects.counts import count_in
from spanledger.dialects.dialect import Json
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

__all__ = ["VERCEL", "VERCEL_BEFORE_6", "provider_metadata"]

_RAW: Final = (
    ("anthropic", "usage", "anthropic"),
    ("bedrock", "usage", "aws.bedrock"),
    ("google", "usageMetadata", "gcp.gemini"),
    ("vertex", "usageMetadata", "gcp.vertex_ai"),
)
"""Where the metadata has the provider's own usage object, and whose it is."""

_NEEDED: Final = frozenset({"input_tokens", "output_tokens"})


def provider_metadata(found: Found) -> Mapping[str, Mapping[str, object]]:
    """What the SDK hands on of the provider's answer, by the names of its packages."""
    metadata = as_object(found.get("metadata")) or {}
    return {
        name: cast("Mapping[str, object]", value)
        for name, value in metadata.items()
        if isinstance(value, dict)
    }


def evidence(_provider: str, found: Found) -> tuple[Usage, Json] | None:
    """The provider's own usage object, where the metadata has a whole one."""
    metadata = provider_metadata(found)
    for package, key, provider in _RAW:
        raw = metadata.get(package, {}).get(key)
        if isinstance(raw, dict):
            stated = cast("Mapping[str, object]", raw)
            usage = read_usage(provider, stated)
            if usage.reported().keys() >= _NEEDED:
                return usage, stated
    return None


def older_evidence(provider: str, found: Found) -> tuple[Usage, Json] | None:
    """The same; before version 5 the metadata has the cached tokens alone."""
    if (stated := evidence(provider, found)) is not None:
        return stated
    metadata = provider_metadata(found)
    asked = found.get("input_tokens")
    said = found.get("output_tokens")
    if type(asked) is not int or type(said) is not int:
        return None
    if part := metadata.get("openai", metadata.get("azure", {})):
        return _openai(part, asked, said)
    return _anthropic(metadata["anthropic"], asked, said) if "anthropic" in metadata else None


def _openai(part: Mapping[str, object], asked: int, said: int) -> tuple[Usage, Json] | None:
    read = count_in(part, "cachedPromptTokens")
    thoughts = count_in(part, "reasoningTokens")
    if read is None and thoughts is None:
        return None
    usage = Usage(
        input_tokens=asked, cache_read_tokens=read, output_tokens=said, reasoning_tokens=thoughts
    )
    return usage, {}


def _anthropic(part: Mapping[str, object], asked: int, said: int) -> tuple[Usage, Json] | None:
    read = count_in(part, "cacheReadInputTokens")
    written = count_in(part, "cacheCreationInputTokens")
    if read is None and written is None:
        return None
    usage = Usage(
        input_tokens=asked + (read or 0) + (written or 0),
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=said,
    )
    return usage, {}


_TOLD: Final = "ai.telemetry.metadata."

_NAMES: Final = {
    **STANDARD,
    "provider": (*STANDARD["provider"], "ai.model.provider"),
    "request_model": (*STANDARD["request_model"], "ai.model.id"),
    "response_model": (*STANDARD["response_model"], "ai.response.model"),
    "response_id": (*STANDARD["response_id"], "ai.response.id"),
    "input_tokens": (
        *STANDARD["input_tokens"],
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "ai.usage.tokens",
    ),
    "output_tokens": (
        *STANDARD["output_tokens"],
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
    ),
    "total_tokens": (*STANDARD["total_tokens"], "ai.usage.totalTokens"),
    "cache_read_tokens": (
        "ai.usage.inputTokenDetails.cacheReadTokens",
        "ai.usage.cachedInputTokens",
        *STANDARD["cache_read_tokens"],
    ),
    "cache_write_tokens": (
        "ai.usage.inputTokenDetails.cacheWriteTokens",
        *STANDARD["cache_write_tokens"],
    ),
    "reasoning_tokens": (
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
        *STANDARD["reasoning_tokens"],
    ),
    "metadata": ("ai.response.providerMetadata",),
    "first_chunk_milliseconds": ("ai.response.msToFirstChunk",),
    "feature": (*STANDARD["feature"], "ai.telemetry.functionId"),
    "user_id": (*STANDARD["user_id"], _TOLD + "userId", _TOLD + "user_id"),
    "conversation_id": (
        *STANDARD["conversation_id"],
        _TOLD + "sessionId",
        _TOLD + "conversationId",
        _TOLD + "chatId",
    ),
}

VERCEL: Final = Convention(title="Vercel AI SDK", names=_NAMES, evidence=evidence)
"""From version 6 on: parts inside their wholes, whoever the provider is."""

VERCEL_BEFORE_6: Final = Convention(
    title="Vercel AI SDK before version 6",
    names=_NAMES,
    evidence=older_evidence,
    cache_apart=ANTHROPIC_COUNTS,
)
"""The counts are as the provider gave them."""
