"""How prices name their units, and which of our units that is.

The keys are those of the list data (genai-prices), which a user's overlay uses as well; a few that
it lacks are ours, made in the same way.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from spanledger.usage import PART_OF

__all__ = ["NEEDS_OWN_RATE", "PAID_INSTEAD", "PER", "PRICE_KEYS", "REQUESTS", "TOOL_FEES", "wholes"]

_MILLION: Final = 1_000_000
_THOUSAND: Final = 1000
_HOUR_MS: Final = 3_600_000

REQUESTS: Final = "requests"
"""The unit of a fee for the call itself: no provider reports it, each call is one."""

PRICE_KEYS: Final[Mapping[str, tuple[str, int]]] = MappingProxyType(
    {
        "input_mtok": ("input_tokens", _MILLION),
        "cache_read_mtok": ("cache_read_tokens", _MILLION),
        "cache_write_mtok": ("cache_write_tokens", _MILLION),
        "cache_write_5m_mtok": ("cache_write_5m_tokens", _MILLION),
        "cache_write_1h_mtok": ("cache_write_1h_tokens", _MILLION),
        "cache_write_12h_mtok": ("cache_write_12h_tokens", _MILLION),
        "input_audio_mtok": ("input_audio_tokens", _MILLION),
        "input_image_mtok": ("input_image_tokens", _MILLION),
        "input_video_mtok": ("input_video_tokens", _MILLION),
        "cache_audio_read_mtok": ("cache_read_audio_tokens", _MILLION),
        "cache_image_read_mtok": ("cache_read_image_tokens", _MILLION),
        "output_mtok": ("output_tokens", _MILLION),
        "output_reasoning_mtok": ("reasoning_tokens", _MILLION),
        "output_audio_mtok": ("output_audio_tokens", _MILLION),
        "output_image_mtok": ("output_image_tokens", _MILLION),
        "output_citation_mtok": ("citation_tokens", _MILLION),
        "other_model_mtok": ("other_model_tokens", _MILLION),
        "input_mchars": ("input_characters", _MILLION),
        "input_gpixels": ("input_pixels", 1_000_000_000),
        "input_document_kpages": ("input_pages", _THOUSAND),
        "audio_hours": ("audio_ms", _HOUR_MS),
        "input_audio_hours": ("audio_ms", _HOUR_MS),
        "output_video_hours": ("video_ms", _HOUR_MS),
        "images_kcount": ("images", _THOUSAND),
        "rerank_searches_kcount": ("rerank_searches", _THOUSAND),
        "web_searches_kcount": ("web_searches", _THOUSAND),
        "search_sources_kcount": ("search_sources", _THOUSAND),
        "social_searches_kcount": ("social_searches", _THOUSAND),
        "social_posts_kcount": ("social_posts", _THOUSAND),
        "social_users_kcount": ("social_users", _THOUSAND),
        "storage_searches_kcount": ("storage_searches", _THOUSAND),
        "code_executions_kcount": ("code_executions", _THOUSAND),
        "requests_kcount": (REQUESTS, _THOUSAND),
    }
)
"""Key of a price -> (our unit, how many of it the price is for)."""

PER: Final[Mapping[str, int]] = MappingProxyType(dict(PRICE_KEYS.values()))
"""Unit -> how many of it a price is for."""

NEEDS_OWN_RATE: Final = frozenset(
    {
        "cache_read_tokens",
        "cache_read_audio_tokens",
        "cache_read_image_tokens",
        "cache_write_tokens",
        "cache_write_1h_tokens",
        "cache_write_12h_tokens",
        "input_audio_tokens",
        "output_audio_tokens",
        "output_image_tokens",
    }
)
"""Parts that providers price apart. Others (reasoning, image and video input, five-minute writes)
cost what the unit that contains them costs, unless the book has a rate for them."""

_NO_TOKENS: Final = (
    "audio_ms", "input_characters", "input_pages", "input_pixels", "images", "rerank_searches"
)  # fmt: skip

PAID_INSTEAD: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "input_tokens": _NO_TOKENS,
        "output_tokens": _NO_TOKENS,
        "input_characters": ("input_tokens",),
    }
)
"""Unit -> units that may be paid instead of it, as one consumption is measured in several ways: the
tokens of a transcription are not missing a rate where the time is what has one."""

TOOL_FEES: Final = frozenset(
    {
        "web_searches",
        "search_sources",
        "social_searches",
        "social_posts",
        "social_users",
        "storage_searches",
        "code_executions",
        REQUESTS,
    }
)
"""Fees that tiers and regions leave as they are: only what the model reads and writes is cheaper in
a batch and dearer in a hurry."""


def wholes(unit: str) -> frozenset[str]:
    """Every unit that contains `unit`, directly or not."""
    direct = PART_OF.get(unit, ())
    return frozenset(direct).union(*(wholes(whole) for whole in direct))
