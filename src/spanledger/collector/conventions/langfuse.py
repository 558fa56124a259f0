"""Langfuse's SDKs: the usage is an object, in buckets that share nothing, or the provider's own."""

from collections.abc import Mapping
from typing import Final

from spanledger.collector.conventions.genai import STANDARD
from spanledger.collector.conventions.record import as_object
from spanledger.collector.conventions.table import Convention, Found
from spanledger.dialects.counts import count_in
from spanledger.dialects.dialect import Json
from spanledger.dialects.usage import read_usage
from spanledger.usage import Usage

__all__ = ["LANGFUSE"]

_READ: Final = frozenset(
    {
        "cache_read_input_tokens",
        "cached_tokens",
        "input_cache_read",
        "input_cache_read_input_tokens",
        "input_cached",
        "input_cached_tokens",
    }
)
_WRITTEN: Final = frozenset(
    {
        "cache_creation_input_tokens",
        "input_cache_creation",
        "input_cache_creation_input_tokens",
        "input_cache_write",
        "input_cache_write_tokens",
    }
)
_WRITTEN_5M: Final = frozenset({"input_cache_creation_5m", "input_cache_write_5m"})
_WRITTEN_1H: Final = frozenset({"input_cache_creation_1h", "input_cache_write_1h"})
_AUDIO: Final = frozenset({"input_audio", "input_audio_tokens", "input_modality_AUDIO"})
_IMAGES: Final = frozenset({"input_image", "input_image_tokens", "input_modality_IMAGE"})
_THOUGHTS: Final = frozenset({"output_reasoning", "output_reasoning_tokens"})
_SPOKEN: Final = frozenset({"output_audio", "output_audio_tokens", "output_modality_AUDIO"})

_INPUT: Final = ("input", "cache", "cached")
_OUTPUT: Final = ("output",)


def evidence(provider: str, found: Found) -> tuple[Usage, Json] | None:
    """The usage that `usage_details` states."""
    details = as_object(found.get("usage_details"))
    if not details:
        return None
    if "input" in details or "output" in details:
        return _from_buckets(details), {}
    return read_usage(provider, details), details


def _from_buckets(details: Mapping[str, object]) -> Usage:
    """The buckets of a side are added up, unless the stated total says that they are parts."""
    counts = {name: count_in(details, name) or 0 for name in details if name != "total"}
    total = count_in(details, "total")
    fresh = total is None or total != counts.get("input", 0) + counts.get("output", 0)

    def side(whole: str, begins: tuple[str, ...]) -> int | None:
        names = [name for name in counts if name.split("_", 1)[0] in begins]
        if not names:
            return None
        return sum(counts[name] for name in names) if fresh else counts.get(whole, 0)

    def part(names: frozenset[str]) -> int | None:
        stated = [counts[name] for name in names if name in counts]
        return sum(stated) if stated else None

    short, long = part(_WRITTEN_5M), part(_WRITTEN_1H)
    written = part(_WRITTEN)
    if short is not None or long is not None:
        written = (written or 0) + (short or 0) + (long or 0)
    return Usage(
        input_tokens=side("input", _INPUT),
        cache_read_tokens=part(_READ),
        cache_write_tokens=written,
        cache_write_5m_tokens=short,
        cache_write_1h_tokens=long,
        input_audio_tokens=part(_AUDIO),
        input_image_tokens=part(_IMAGES),
        output_tokens=side("output", _OUTPUT),
        reasoning_tokens=part(_THOUGHTS),
        output_audio_tokens=part(_SPOKEN),
    )


LANGFUSE: Final = Convention(
    title="Langfuse SDKs",
    names={
        **STANDARD,
        "provider": (*STANDARD["provider"], "langfuse.observation.metadata.ls_provider"),
        "request_model": ("langfuse.observation.model.name", *STANDARD["request_model"]),
        "usage_details": ("langfuse.observation.usage_details",),
        "level": ("langfuse.observation.level",),
        "response_service_tier": (
            *STANDARD["response_service_tier"],
            "langfuse.observation.metadata.service_tier",
        ),
        "response_id": (*STANDARD["response_id"], "langfuse.observation.metadata.id"),
        "user_id": ("langfuse.user.id", "langfuse.trace.user_id", *STANDARD["user_id"]),
        "conversation_id": (
            "langfuse.session.id",
            "langfuse.trace.session_id",
            *STANDARD["conversation_id"],
        ),
    },
    evidence=evidence,
)
"""Its cost is computed from a list of prices, so it is none that a provider stated."""
