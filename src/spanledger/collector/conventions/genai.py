"""OpenTelemetry's GenAI conventions, as they are and as they were, and who writes by them.

Ours, the instrumentations of OpenTelemetry, Anthropic's own spans, OpenLLMetry, OpenLIT, Logfire,
Pydantic AI, Semantic Kernel. The older names stand behind the current ones, so that a span with
both is read by the current.
"""

from typing import Final

from spanledger import attributes as names
from spanledger.collector.conventions.quantities import ANTHROPIC_COUNTS, GOOGLE_COUNTS
from spanledger.collector.conventions.record import as_object
from spanledger.collector.conventions.table import Convention, Found, Names
from spanledger.dialects.dialect import Json
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

__all__ = ["GENAI", "OPENLIT", "OURS", "STANDARD", "TRACELOOP_JS", "raw_usage"]

STANDARD: Final[Names] = {
    "provider": (names.PROVIDER_NAME, "gen_ai.system"),
    "address": (names.SERVER_ADDRESS, "gen_ai.openai.api_base", "llm.openai.api_base"),
    "request_model": (names.REQUEST_MODEL, "llm.request.model"),
    "response_model": (names.RESPONSE_MODEL, "llm.response.model"),
    "response_id": (names.RESPONSE_ID,),
    "stream": (names.REQUEST_STREAM, "gen_ai.is_streaming", "llm.is_streaming"),
    "first_chunk_seconds": (
        names.RESPONSE_TIME_TO_FIRST_CHUNK,
        "gen_ai.client.operation.time_to_first_chunk",
    ),
    "error_type": (names.ERROR_TYPE,),
    "attempt": (names.ATTEMPT,),
    "user_id": (
        names.USER_ID,
        "enduser.id",
        "langfuse.user.id",
        "traceloop.association.properties.user_id",
        "gen_ai.openai.request.user",
        "gen_ai.request.user",
        "llm.user",
    ),
    "conversation_id": (
        names.CONVERSATION_ID,
        "session.id",
        "langfuse.session.id",
        "traceloop.association.properties.session_id",
    ),
    "agent_id": (names.AGENT_ID, names.AGENT_NAME),
    "team": (names.TEAM,),
    "department": (names.DEPARTMENT,),
    "message_id": (names.MESSAGE_ID,),
    "feature": (names.FEATURE,),
    "route": (names.ROUTE,),
    "api_key_id": (names.API_KEY_HASH,),
    "skip_charge": (names.SKIP_CHARGE,),
    "replay": (names.REPLAY,),
    "usage_partial": (names.USAGE_PARTIAL,),
    "usage_source": (names.USAGE_SOURCE,),
    "usage_raw": (names.USAGE_RAW, "gen_ai.usage.raw"),
    "batch": (names.REQUEST_BATCH,),
    "request_service_tier": (
        names.REQUEST_SERVICE_TIER,
        "openai.request.service_tier",
        "gen_ai.openai.request.service_tier",
    ),
    "response_service_tier": (
        names.RESPONSE_SERVICE_TIER,
        "openai.response.service_tier",
        "gen_ai.openai.response.service_tier",
        "anthropic.response.service_tier",
    ),
    "cost_amount": (names.COST_AMOUNT,),
    "cost_currency": (names.COST_CURRENCY,),
    "cost_source": (names.COST_SOURCE,),
    "input_tokens": (
        names.USAGE["input_tokens"],
        "gen_ai.usage.prompt_tokens",
        "llm.usage.prompt_tokens",
    ),
    "output_tokens": (
        names.USAGE["output_tokens"],
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
    ),
    "total_tokens": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
    "cache_read_tokens": (
        names.USAGE["cache_read_tokens"],
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.cached_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cached_tokens",
        "llm.usage.cache_read_input_tokens",
    ),
    "cache_write_tokens": (
        names.USAGE["cache_write_tokens"],
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "llm.usage.cache_creation_input_tokens",
    ),
    "cache_write_5m_tokens": ("anthropic.usage.cache_creation.ephemeral_5m_input_tokens",),
    "cache_write_1h_tokens": ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",),
    "reasoning_tokens": (
        names.USAGE["reasoning_tokens"],
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.usage.details.thoughts_tokens",
        "llm.usage.reasoning_tokens",
    ),
    "input_audio_tokens": (names.USAGE["input_audio_tokens"],),
    "input_image_tokens": (names.USAGE["input_image_tokens"],),
    "input_video_tokens": ("gen_ai.usage.video.input_tokens",),
    "cache_read_audio_tokens": ("gen_ai.usage.audio.cache_read.input_tokens",),
    "cache_read_image_tokens": ("gen_ai.usage.image.cache_read.input_tokens",),
    "output_audio_tokens": (names.USAGE["output_audio_tokens"],),
    "output_image_tokens": (names.USAGE["output_image_tokens"],),
}
"""What every convention falls back on."""


def raw_usage(provider: str, found: Found) -> tuple[Usage, Json] | None:
    """The usage as the provider's own object states it: the evidence, so it comes first."""
    raw = as_object(found.get("usage_raw"))
    return None if raw is None else (read_usage(provider, raw), raw)


GENAI: Final = Convention(title="GenAI semantic conventions", names=STANDARD, evidence=raw_usage)
"""Cached input is inside the input, reasoning inside the output, as they demand."""

OURS: Final = Convention(
    title="Spanledger", names=STANDARD, evidence=raw_usage, cost_is_stated=True
)

OPENLIT: Final = Convention(
    title="OpenLIT",
    names={**STANDARD, "total_tokens": ()},
    evidence=raw_usage,
    cache_apart=ANTHROPIC_COUNTS,
    thoughts_apart=GOOGLE_COUNTS,
)
"""It hands on what the provider counts; its total is a sum of its own."""

TRACELOOP_JS: Final = Convention(
    title="OpenLLMetry for JavaScript",
    names=STANDARD,
    evidence=raw_usage,
    cache_apart=ANTHROPIC_COUNTS,
)
"""It hands on what Anthropic counts; the one for Python adds the cached input to the input."""
