"""What selects the price of a call besides its model, its time, its tier, and its being a batch."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from spanledger.call import PriceContext
from spanledger.dialects.dialect import Json
from spanledger.dialects.fields import section, text
from spanledger.dialects.ours import CONTEXT

__all__ = ["VALUE_MAX", "price_context"]

VALUE_MAX: Final = 64
"""A longer value selects nothing; it is left out."""

_NONE: Final[Mapping[str, str]] = MappingProxyType({})

_STATED: Final = {
    # Anthropic.
    "speed": "speed",
    "inference_geo": "inference_geo",
    # Perplexity.
    "search_context_size": "search_context_size",
    "search_type": "search_type",
    # Images, as requests before the key of ours stated them.
    "size": "image_size",
    "quality": "image_quality",
}
"""Names in usage objects that select a price, with the names that the price book matches."""

_NAMES: Final = frozenset({*_STATED, CONTEXT})

_OURS: Final = frozenset(
    {
        "annotated",
        "api",
        "completion_window",
        "image_quality",
        "image_size",
        "latency",
        "search_context_size",
        "search_type",
        "tool",
    }
)
"""Names that our dialects put into the usage."""

_PLAIN: Final = frozenset({("speed", "standard"), ("latency", "standard")})
"""What is so unless somebody says otherwise selects nothing, and need not be carried along."""

_UNKNOWN: Final = frozenset({"", "not_available"})

_REGIONS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:^|\.)bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com",
        r"^bedrock-mantle\.([a-z0-9-]+)\.api\.aws$",
        r"^([a-z0-9-]+)-aiplatform\.googleapis\.com$",
        r"^aiplatform\.([a-z0-9-]+)\.rep\.googleapis\.com$",
        r"^([a-z0-9-]+)\.api\.openai\.com$",
        r"^([a-z0-9-]+)\.api\.x\.ai$",
        r"^api\.([a-z]+)\.mistral\.ai$",
        r"^([a-z]+)\.api\.fireworks\.ai$",
        r"\.([a-z0-9]+)\.models\.ai\.azure\.com$",
        r"^([a-z0-9]+)\.api\.cognitive\.microsoft\.com$",
        r"^dashscope-([a-z]+)\.aliyuncs\.com$",
        r"^api\.moonshot\.(cn)$",
    )
)
"""Hosts that name the region they serve from."""

_FIXED: Final = {
    "aiplatform.googleapis.com": ("region", "global"),
    "dashscope.aliyuncs.com": ("region", "cn"),
    "api.minimaxi.com": ("region", "cn"),
}

_THINKERS: Final = frozenset({"gcp.gemini", "gcp.vertex_ai", "dashscope"})
"""Some of their models answer at another price when they have thought."""


def price_context(
    provider: str,
    raw: Json,
    *,
    host: str = "",
    model: str = "",
    asked: Mapping[str, str] = _NONE,
) -> PriceContext:
    """Names and values, sorted, that select the price of a call.

    Args:
        provider: `gen_ai.provider.name`.
        raw: the usage object as it came; an empty one where there is none.
        host: `server.address`, where known.
        model: the one that was asked for; it may name a region where the host does not.
        asked: what the caller knows besides. What the answer says comes before it.
    """
    place = _place(host.lower(), model if model.startswith("arn:") else "")
    if not place and not asked and provider not in _THINKERS and _NAMES.isdisjoint(raw):
        return ()
    found = {**place, **asked}
    for name in _STATED.keys() & raw.keys():
        if value := text(raw, name):
            found[_STATED[name]] = value
    if ours := section(raw, CONTEXT):
        found.update({name: value for name in _OURS if (value := text(ours, name))})
    if provider in _THINKERS and _has_thought(raw):
        found["thinking"] = "true"
    pairs = ((name, value.lower()) for name, value in found.items())
    return tuple(sorted(pair for pair in pairs if _selects(*pair)))


def _selects(name: str, value: str) -> bool:
    known = value not in _UNKNOWN and len(value) <= VALUE_MAX
    return known and (name, value) not in _PLAIN


def _has_thought(raw: Json) -> bool:
    details = section(raw, "completion_tokens_details") or {}
    thoughts = raw.get("thoughtsTokenCount") or details.get("reasoning_tokens")
    return isinstance(thoughts, int) and thoughts > 0


_ARN: Final = re.compile(r"^arn:aws[\w-]*:bedrock:([a-z0-9-]+):")


@lru_cache(maxsize=1024)
def _place(host: str, model: str) -> dict[str, str]:
    """The region by the host, else by the model's ARN; the host itself where Google has two."""
    place: dict[str, str] = {}
    if host.endswith(".googleapis.com") or host == "aiplatform.googleapis.com":
        place["host"] = host
    if fixed := _FIXED.get(host):
        place[fixed[0]] = fixed[1]
        return place
    match = next((found for region in _REGIONS if (found := region.search(host))), None)
    match = match or _ARN.search(model)
    if match is not None:
        place["region"] = match[1]
    return place
