"""What is counted beside tokens, as each provider spells it."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.dialects.dialect import Json
from spanledger.dialects.ours import COUNTED
from spanledger.dialects.usage import read_usage
from spanledger.dialects.usage_units import read_units
from spanledger.errors import InvalidUsage
from spanledger.usage import QUANTITY_MAX


@pytest.mark.parametrize(
    ("provider", "raw", "units"),
    [
        # Searches of the web.
        (
            "anthropic",
            {"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 1}},
            {"web_searches": 3},
        ),
        ("anthropic", {"server_tool_use": {"web_search_requests": 0}}, {"web_searches": 0}),
        ("anthropic", {"server_tool_use": {"web_fetch_requests": 5}}, {}),
        ("anthropic", {"server_tool_use": None}, {}),
        ("openrouter", {"server_tool_use": {"web_search_requests": 1}}, {"web_searches": 1}),
        ("perplexity", {"num_search_queries": 18}, {"web_searches": 18}),
        ("perplexity", {"num_search_queries": None, "citation_tokens": None}, {}),
        ("perplexity", {"citation_tokens": 20_016}, {"citation_tokens": 20_016}),
        (
            "perplexity",
            {"tool_calls_details": {"search_web": {"invocation": 2}, "fetch_url": 7}},
            {"web_searches": 2},
        ),
        ("openai", {"tool_usage": {"web_search": {"num_requests": 2}}}, {"web_searches": 2}),
        ("openai", {"tool_usage": {"image_gen": {"output_tokens": 0}}}, {}),
        (
            "openai",
            {
                "tool_usage": {"web_search": {"num_requests": 2}},
                COUNTED: {"web_searches": 3, "storage_searches": 1},
            },
            {"web_searches": 2, "storage_searches": 1},
        ),
        ("mistral_ai", {"connectors": {"web_search": 1}}, {"web_searches": 1}),
        (
            "mistral_ai",
            {"connectors": {"code_interpreter": 2, "image_generation": 1}},
            {"code_executions": 2, "images": 1},
        ),
        ("gcp.gemini", {COUNTED: {"web_searches": 3}}, {"web_searches": 3}),
        (
            "gcp.gemini",
            {
                "grounding_tool_count": [
                    {"type": "google_search", "count": 2},
                    {"type": "google_maps", "count": 4},
                    {"type": "google_search", "count": 1},
                ]
            },
            {"web_searches": 3},
        ),
        ("gcp.gemini", {"grounding_tool_count": [{"type": "google_maps", "count": 4}]}, {}),
        ("gcp.gemini", {"grounding_tool_count": None}, {}),
        # xAI: its tools, and what was there before them.
        (
            "x_ai",
            {
                "num_sources_used": 0,
                "num_server_side_tools_used": 10,
                "server_side_tool_usage_details": {
                    "web_search_calls": 1,
                    "x_search_calls": 2,
                    "code_interpreter_calls": 3,
                    "file_search_calls": 4,
                    "mcp_calls": 9,
                    "image_generation_calls": 5,
                },
            },
            {
                "web_searches": 1,
                "social_searches": 2,
                "code_executions": 3,
                "storage_searches": 4,
                "images": 5,
            },
        ),
        (
            "x_ai",
            {
                "server_side_tool_usage": {
                    "SERVER_SIDE_TOOL_X_SEARCH": 3,
                    "SERVER_SIDE_TOOL_WEB_SEARCH": 2,
                    "SERVER_SIDE_TOOL_CODE_EXECUTION": 1,
                    "SERVER_SIDE_TOOL_COLLECTIONS_SEARCH": 4,
                    "SERVER_SIDE_TOOL_VIEW_IMAGE": 7,
                }
            },
            {
                "web_searches": 2,
                "social_searches": 3,
                "code_executions": 1,
                "storage_searches": 4,
            },
        ),
        ("x_ai", {"num_sources_used": 12}, {"search_sources": 12}),
        ("x_ai", {"num_sources_used": 12, "num_server_side_tools_used": 1}, {}),
        ("x_ai", {"num_sources_used": None}, {}),
        # Ranking.
        ("cohere", {"billed_units": {"search_units": 7}}, {"rerank_searches": 7}),
        ("cohere", {"billed_units": {"search_units": 1.0}}, {"rerank_searches": 1}),
        ("openrouter", {"search_units": 1, "total_tokens": 150}, {"rerank_searches": 1}),
        # Pages, pixels, characters, images.
        ("mistral_ai", {"pages_processed": 29, "doc_size_bytes": 5000}, {"input_pages": 29}),
        ("voyageai", {"text_tokens": 5, "image_pixels": 2_000_000}, {"input_pixels": 2_000_000}),
        (
            "voyageai",
            {"image_pixels": 600, "video_pixels": 4000, "total_tokens": 8},
            {"input_pixels": 4600},
        ),
        ("openai", {"input_characters": 1200}, {"input_characters": 1200}),
        ("elevenlabs", {"characters": 1200}, {"input_characters": 1200}),
        ("gcp.vertex_ai", {"billableCharacterCount": 64}, {"input_characters": 64}),
        ("gcp.gemini", {"images": 2}, {"images": 2}),
        ("openai", {COUNTED: {"images": 2}}, {"images": 2}),
        ("openai", {"images": 1, COUNTED: {"images": 2}}, {"images": 1}),
        # Our key counts no tokens: those have readers of their own.
        ("openai", {COUNTED: {"input_tokens": 5, "reasoning_tokens": 4, "other": 3}}, {}),
        # Time.
        ("openai", {"type": "duration", "seconds": 127}, {"audio_ms": 127_000}),
        ("openai", {"type": "duration", "seconds": 9, "duration": 8.47}, {"audio_ms": 9000}),
        ("openai", {"type": "duration", "seconds": 90.0}, {"audio_ms": 90_000}),
        ("openai", {"duration": 8.470000267028809}, {"audio_ms": 9000}),
        ("azure.ai.openai", {"duration": 8.01}, {"audio_ms": 9000}),
        ("openai", {"duration": 0}, {"audio_ms": 0}),
        ("groq", {"duration": 18}, {"audio_ms": 18_000}),
        ("groq", {"duration": 12.5}, {"audio_ms": 12_500}),
        ("groq", {"duration": 3.2}, {"audio_ms": 10_000}),
        ("groq", {"duration": 0}, {"audio_ms": 0}),
        ("fireworks", {"duration": 12.3456}, {"audio_ms": 12_346}),
        ("mistral_ai", {"prompt_audio_seconds": 240, "prompt_tokens": 4}, {"audio_ms": 240_000}),
        ("mistral_ai", {"prompt_audio_seconds": None, "prompt_tokens": 4}, {}),
        ("mistral_ai", {"prompt_audio_seconds": {}, "prompt_tokens": 4}, {}),
        # Nothing of the kind.
        ("openai", {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 1}}, {}),
        ("openai", {}, {}),
    ],
)
def test_units(provider: str, raw: Json, units: dict[str, int]) -> None:
    """S4.3: each fee has its quantity; null is absent, and 0 stays 0."""
    assert read_units(provider, raw) == units
    reported = read_usage(provider, raw).reported()
    assert {unit: reported[unit] for unit in units} == units


IMPOSSIBLE = ["5", -1, 1.5, math.nan, math.inf, True, [5], {"n": 5}, QUANTITY_MAX + 1, 10**5000]


@pytest.mark.parametrize("value", IMPOSSIBLE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    "path",
    [
        "server_tool_use.web_search_requests",
        "num_search_queries",
        "citation_tokens",
        "tool_usage.web_search.num_requests",
        "server_side_tool_usage_details.x_search_calls",
        "num_sources_used",
        "billed_units.search_units",
        "pages_processed",
        "image_pixels",
        "input_characters",
        "images",
        f"{COUNTED}.storage_searches",
    ],
)
def test_impossible_counts(path: str, value: object) -> None:
    """S4.3: what cannot be true is refused with a sentence, never guessed."""
    raw: object = value
    for name in reversed(path.split(".")):
        raw = {name: raw}
    with pytest.raises(InvalidUsage, match=r".+"):
        read_usage("", raw)  # pyright: ignore[reportArgumentType] - it is an object by now


@pytest.mark.parametrize(
    "raw",
    [
        {"seconds": "9"},
        {"seconds": True},
        {"seconds": -0.5},
        {"seconds": math.nan},
        {"seconds": math.inf},
        {"seconds": 100_001},
        {"duration": [9]},
        {"prompt_audio_seconds": {"n": 9}},
        {"server_tool_use": 3},
        {"grounding_tool_count": {"type": "google_search"}},
        {"grounding_tool_count": [{"type": "google_search", "count": "3"}]},
        {COUNTED: 5},
    ],
)
def test_rubbish(raw: Json) -> None:
    """S4.3: lengths of time and lists are held to the same."""
    with pytest.raises(InvalidUsage, match=r".+"):
        read_units("groq", raw)


@given(st.decimals(min_value=0, max_value=100_000, places=3, allow_nan=False))
def test_no_millisecond_is_lost(seconds: Decimal) -> None:
    """A length in seconds comes through JSON as a double, and is still exact to the millisecond."""
    (found,) = read_units("fireworks", {"duration": float(seconds)}).values()
    assert found == seconds * 1000


@given(st.floats(min_value=0, max_value=100_000))
def test_who_rounds_rounds_up(seconds: float) -> None:
    """No provider bills less than was heard, nor more than a second beyond it."""
    exact = Decimal(str(seconds))
    for provider, least in (("openai", 0), ("groq", 10), ("fireworks", 0)):
        billed = Decimal(read_units(provider, {"duration": seconds})["audio_ms"]) / 1000
        assert exact <= billed <= max(exact, Decimal(least)) + 1
