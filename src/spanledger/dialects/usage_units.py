"""What a usage object counts beside tokens: searches, time, characters, pages, images, pixels."""

from decimal import ROUND_CEILING, Decimal
from types import MappingProxyType
from typing import Final

from spanledger.dialects.counts import Shape, count_in, gather, list_in, total
from spanledger.dialects.dialect import Json
from spanledger.dialects.ours import COUNTED
from spanledger.errors import InvalidUsage
from spanledger.usage import PART_OF, QUANTITY_MAX, UNITS

__all__ = ["read_units"]

_TOKENS: Final = frozenset(("input_tokens", "output_tokens", *PART_OF))

_STATED: Final[Shape] = {
    # Anthropic, and OpenRouter for its own tool.
    "server_tool_use": {"web_search_requests": "web_searches"},
    # Perplexity: chat completions, and its responses.
    "num_search_queries": "web_searches",
    "tool_calls_details": {"search_web": {"invocation": "web_searches"}},
    "citation_tokens": "citation_tokens",
    # OpenAI's responses since 2026.
    "tool_usage": {"web_search": {"num_requests": "web_searches"}},
    # xAI: the successful calls of its tools, which are those that it bills.
    "server_side_tool_usage_details": {
        "web_search_calls": "web_searches",
        "x_search_calls": "social_searches",
        "file_search_calls": "storage_searches",
        "code_interpreter_calls": "code_executions",
        "image_generation_calls": "images",
        "x_posts_fetched": "social_posts",
        "x_users_fetched": "social_users",
    },
    "server_side_tool_usage": {
        "SERVER_SIDE_TOOL_WEB_SEARCH": "web_searches",
        "SERVER_SIDE_TOOL_X_SEARCH": "social_searches",
        "SERVER_SIDE_TOOL_COLLECTIONS_SEARCH": "storage_searches",
        "SERVER_SIDE_TOOL_CODE_EXECUTION": "code_executions",
    },
    # Cohere, and those who rank by its dialect.
    "billed_units": {"search_units": "rerank_searches"},
    "search_units": "rerank_searches",
    # Mistral reads documents.
    "pages_processed": "input_pages",
    # Mistral's agents.
    "connectors": {
        "web_search": "web_searches",
        "code_interpreter": "code_executions",
        "image_generation": "images",
    },
    # Google's older embeddings, on Vertex AI.
    "billableCharacterCount": "input_characters",
    # What the request alone determines: speech and images.
    "input_characters": "input_characters",
    "characters": "input_characters",
    "images": "images",
    # What our dialects have counted in the answer, where nobody has stated it.
    COUNTED: MappingProxyType({unit: unit for unit in UNITS if unit not in _TOKENS}),
}

_SOURCES: Final = "num_sources_used"
"""xAI's live search was paid by the source; since it has tools these are only counted."""

_TOOLS: Final = "num_server_side_tools_used"

_PIXELS: Final = ("image_pixels", "video_pixels")
_SECONDS: Final = ("seconds", "duration", "prompt_audio_seconds")
_GROUNDING: Final = "grounding_tool_count"

_NAMES: Final = frozenset((*_STATED, _SOURCES, *_PIXELS, *_SECONDS, _GROUNDING))

_GROQ_MS_MIN: Final = 10_000
"""Groq bills ten seconds at least (its price page, "minimum of 10s per request")."""

_MS_MAX: Final = QUANTITY_MAX


def read_units(provider: str, raw: Json) -> dict[str, int]:
    """The quantities in `raw` that are no tokens of the input or the output, by our names.

    Raises:
        InvalidUsage: the numbers cannot be true, or are no numbers.
    """
    if _NAMES.isdisjoint(raw):
        return {}
    found = gather(raw, _STATED)
    if _TOOLS not in raw and (sources := count_in(raw, _SOURCES)) is not None:
        found["search_sources"] = sources
    if (pixels := total(*(count_in(raw, name) for name in _PIXELS))) is not None:
        found["input_pixels"] = pixels
    if (audio_ms := _audio_ms(provider, raw)) is not None:
        found["audio_ms"] = audio_ms
    if _GROUNDING in raw and (searches := _google_searches(raw)) is not None:
        found["web_searches"] = searches
    return found


def _google_searches(raw: Json) -> int | None:
    """Searches of the web among the tools that Google's interactions count."""
    kinds = [entry for entry in list_in(raw, _GROUNDING) if entry.get("type") == "google_search"]
    return total(*(count_in(entry, "count") for entry in kinds))


def _audio_ms(provider: str, raw: Json) -> int | None:
    """How long the audio was, as it is billed.

    Where OpenAI states the seconds that it bills they are whole, and stand above the exact length:
    8.47 seconds are 9 (its reference, verbose transcription). So a length that stands alone is
    rounded up for OpenAI and Azure, and exact to the millisecond for everybody else.
    """
    # Mistral's own library writes an empty object where there was no sound.
    name = next((name for name in _SECONDS if raw.get(name) not in (None, {})), "")
    if not name:
        return None
    exact = _seconds(raw[name], name)
    if provider in {"openai", "azure.ai.openai"}:
        exact = exact.to_integral_value(ROUND_CEILING)
    elif provider == "groq":
        exact = max(exact, Decimal(_GROQ_MS_MIN) / 1000) if exact else exact
    return int((exact * 1000).to_integral_value(ROUND_CEILING))


def _seconds(value: object, name: str) -> Decimal:
    """A length of time, read by its shortest text: 8.47 is not 8.470000000000001."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"{name} is a {type(value).__name__}, not a number of seconds"
        raise InvalidUsage(msg)
    if not 0 <= value <= _MS_MAX // 1000:
        msg = f"{name} is not between 0 and {_MS_MAX // 1000} seconds"
        raise InvalidUsage(msg)
    return Decimal(str(value))
