"""OpenInference (Arize, Phoenix): parts inside their wholes, under `llm.token_count`."""

import re
from typing import Final

from spanledger.collector.conventions.genai import STANDARD, raw_usage
from spanledger.collector.conventions.record import TEXT_MAX, SpanRecord, as_object
from spanledger.collector.conventions.table import Convention, Found

__all__ = ["OPENINFERENCE", "asked_model", "response_id"]

_PROMPT: Final = "llm.token_count.prompt_details."
_COMPLETION: Final = "llm.token_count.completion_details."

OPENINFERENCE: Final = Convention(
    title="OpenInference",
    names={
        **STANDARD,
        "provider": ("llm.provider", "llm.system", *STANDARD["provider"]),
        "request_model": (
            "llm.request.model_name",
            "llm.model_name",
            "embedding.model_name",
            "reranker.model_name",
            *STANDARD["request_model"],
        ),
        "response_model": (
            "llm.response.model_name",
            "llm.model_name",
            *STANDARD["response_model"],
        ),
        "input_tokens": ("llm.token_count.prompt", *STANDARD["input_tokens"]),
        "output_tokens": ("llm.token_count.completion", *STANDARD["output_tokens"]),
        "total_tokens": ("llm.token_count.total", *STANDARD["total_tokens"]),
        "cache_read_tokens": (
            _PROMPT + "cache_read",
            _PROMPT + "cache_input",
            *STANDARD["cache_read_tokens"],
        ),
        "cache_write_tokens": (_PROMPT + "cache_write", *STANDARD["cache_write_tokens"]),
        "input_audio_tokens": (_PROMPT + "audio", *STANDARD["input_audio_tokens"]),
        "reasoning_tokens": (_COMPLETION + "reasoning", *STANDARD["reasoning_tokens"]),
        "output_audio_tokens": (_COMPLETION + "audio", *STANDARD["output_audio_tokens"]),
        "asked_with": ("llm.invocation_parameters", "embedding.invocation_parameters"),
        "agent_id": ("agent.id", "agent.name", *STANDARD["agent_id"]),
    },
    evidence=raw_usage,
)

_HEAD: Final = 4096
"""So much of an answer is searched for its id."""

_ID: Final = re.compile(r'"id":\s*"((?:chatcmpl|cmpl|resp|msg|gen)[-_][\w-]{4,120})"')


def asked_model(found: Found) -> str:
    """The model in the parameters of the request: a call that failed names it nowhere else."""
    asked = as_object(found.get("asked_with")) or {}
    model = asked.get("model") or asked.get("model_name")
    return model[:TEXT_MAX] if isinstance(model, str) else ""


def response_id(record: SpanRecord) -> str:
    """The id that the answer on the span has, as there is no attribute for it; else empty."""
    output = record.attributes.get("output.value")
    found = _ID.search(output[:_HEAD]) if isinstance(output, str) else None
    return found[1] if found else ""
