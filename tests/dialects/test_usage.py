import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from genai_prices import extract_usage
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spanledger.dialects.dialect import Json
from spanledger.dialects.usage import read_usage
from spanledger.errors import InvalidUsage
from spanledger.usage import PART_OF, QUANTITY_MAX, Usage


@pytest.mark.parametrize(
    ("provider", "raw", "usage"),
    [
        ("openai", {}, Usage()),
        ("openai", {"unheard_of": 5}, Usage()),
        ("openai", {"prompt_tokens": 0}, Usage(input_tokens=0)),
        ("openai", {"prompt_tokens": None, "completion_tokens": 2}, Usage(output_tokens=2)),
        ("openai", {"prompt_tokens": 12.0}, Usage(input_tokens=12)),
        ("openai", {"prompt_tokens": 3, "prompt_tokens_details": None}, Usage(input_tokens=3)),
        ("openai", {"prompt_tokens": 3, "prompt_tokens_details": {}}, Usage(input_tokens=3)),
        (
            "openai",
            {
                "prompt_tokens": 90,
                "completion_tokens": 80,
                "prompt_tokens_details": {
                    "cached_tokens": 10,
                    "cache_write_tokens": 20,
                    "audio_tokens": 30,
                    "image_tokens": 40,
                    "text_tokens": 20,
                },
                "completion_tokens_details": {
                    "reasoning_tokens": 5,
                    "audio_tokens": 6,
                    "image_tokens": 7,
                },
            },
            Usage(
                input_tokens=90,
                cache_read_tokens=10,
                cache_write_tokens=20,
                input_audio_tokens=30,
                input_image_tokens=40,
                output_tokens=80,
                reasoning_tokens=5,
                output_audio_tokens=6,
                output_image_tokens=7,
            ),
        ),
        (
            "openai",
            {
                "input_tokens": 90,
                "output_tokens": 80,
                "input_tokens_details": {
                    "cached_tokens": 10,
                    "cache_write_tokens": 20,
                    "cache_write_tokens_details": {"ttl_30m_tokens": 15, "ttl_12h_tokens": 5},
                    "audio_tokens": 30,
                    "image_tokens": 40,
                },
                "output_tokens_details": {
                    "reasoning_tokens": 5,
                    "audio_tokens": 6,
                    "image_tokens": 7,
                },
            },
            Usage(
                input_tokens=90,
                cache_read_tokens=10,
                cache_write_tokens=20,
                cache_write_12h_tokens=5,
                input_audio_tokens=30,
                input_image_tokens=40,
                output_tokens=80,
                reasoning_tokens=5,
                output_audio_tokens=6,
                output_image_tokens=7,
            ),
        ),
        (
            "anthropic",
            {"input_tokens": 4, "output_tokens": 0},
            Usage(input_tokens=4, output_tokens=0),
        ),
        (
            "anthropic",
            {"input_tokens": 4, "cache_creation_input_tokens": 6, "cache_creation": None},
            Usage(input_tokens=10, cache_write_tokens=6),
        ),
        (
            "anthropic",
            {
                "input_tokens": 4,
                "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2},
            },
            Usage(
                input_tokens=7,
                cache_write_tokens=3,
                cache_write_5m_tokens=1,
                cache_write_1h_tokens=2,
            ),
        ),
        (
            "anthropic",
            {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 3},
            Usage(cache_read_tokens=0, cache_write_tokens=0, output_tokens=3),
        ),
        ("gcp.gemini", {"thoughtsTokenCount": 9}, Usage(output_tokens=9, reasoning_tokens=9)),
        ("gcp.gemini", {"toolUsePromptTokenCount": 9}, Usage(input_tokens=9)),
        ("gcp.gemini", {"totalTokenCount": 9}, Usage()),
        (
            "gcp.gemini",
            {
                "promptTokenCount": 9,
                "candidatesTokenCount": 8,
                "promptTokensDetails": [
                    {"modality": "AUDIO", "tokenCount": 1},
                    {"modality": "AUDIO", "tokenCount": 2},
                    {"modality": "VIDEO", "tokenCount": 6},
                    {"modality": "IMAGE"},
                ],
                "candidatesTokensDetails": [
                    {"modality": "AUDIO", "tokenCount": 3},
                    {"modality": "IMAGE", "tokenCount": 4},
                ],
            },
            Usage(
                input_tokens=9,
                input_audio_tokens=3,
                input_video_tokens=6,
                output_tokens=8,
                output_audio_tokens=3,
                output_image_tokens=4,
            ),
        ),
    ],
)
def test_units(provider: str, raw: Json, usage: Usage) -> None:
    """S4.3: each provider's counts come to the same units; null is absent, and 0 stays 0."""
    assert read_usage(provider, raw) == usage


@pytest.mark.parametrize("provider", ["aws.bedrock", "gcp.vertex_ai", "openai", ""])
def test_shape_tells_the_reader(provider: str) -> None:
    """Behind any provider the fields tell whose counting it is, so that none is misread."""
    chat: Json = {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 5}}
    messages: Json = {"input_tokens": 9, "cache_read_input_tokens": 5}
    gemini: Json = {"promptTokenCount": 9, "cachedContentTokenCount": 5}
    responses: Json = {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 5}}
    inputs = [read_usage(provider, raw).input_tokens for raw in (chat, messages, gemini, responses)]
    assert inputs == [9, 14, 9, 9]


def test_provider_settles_a_doubt() -> None:
    """An Anthropic usage without cache fields is read as Anthropic's by its provider."""
    raw: Json = {
        "input_tokens": 9,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    assert read_usage("anthropic", raw).reasoning_tokens == 4


def test_compatible_endpoint_of_anthropic() -> None:
    """Anthropic behind its OpenAI-compatible path counts as OpenAI does."""
    assert read_usage("anthropic", {"prompt_tokens": 9}) == Usage(input_tokens=9)


@pytest.mark.parametrize(
    ("provider", "raw", "usage"),
    [
        # xAI, from a bill: 10,120 + 1,499 + 2,809 = 14,428.
        (
            "x_ai",
            {
                "prompt_tokens": 10_120,
                "completion_tokens": 1499,
                "total_tokens": 14_428,
                "prompt_tokens_details": {"cached_tokens": 128},
                "completion_tokens_details": {"reasoning_tokens": 2809},
            },
            Usage(
                input_tokens=10_120,
                cache_read_tokens=128,
                output_tokens=4308,
                reasoning_tokens=2809,
            ),
        ),
        # The same behind a gateway that names another provider: the total tells.
        (
            "openai",
            {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            Usage(input_tokens=32, output_tokens=103, reasoning_tokens=94),
        ),
        # And without a total: the provider tells.
        (
            "x_ai",
            {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            Usage(input_tokens=32, output_tokens=103, reasoning_tokens=94),
        ),
        # A gateway that has put it inside already.
        (
            "x_ai",
            {
                "prompt_tokens": 32,
                "completion_tokens": 103,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            Usage(input_tokens=32, output_tokens=103, reasoning_tokens=94),
        ),
        (
            "x_ai",
            {
                "input_tokens": 125,
                "output_tokens": 48,
                "total_tokens": 173,
                "output_tokens_details": {"reasoning_tokens": 40},
            },
            Usage(input_tokens=125, output_tokens=48, reasoning_tokens=40),
        ),
        (
            "perplexity",
            {
                "prompt_tokens": 33,
                "completion_tokens": 7163,
                "total_tokens": 7196,
                "citation_tokens": 20_016,
                "num_search_queries": 18,
                "reasoning_tokens": 73_997,
            },
            Usage(
                input_tokens=33,
                output_tokens=81_160,
                reasoning_tokens=73_997,
                citation_tokens=20_016,
                web_searches=18,
            ),
        ),
        (
            "deepseek",
            {
                "prompt_tokens": 100,
                "completion_tokens": 7,
                "total_tokens": 107,
                "prompt_cache_hit_tokens": 64,
                "prompt_cache_miss_tokens": 36,
            },
            Usage(input_tokens=100, cache_read_tokens=64, output_tokens=7),
        ),
        (
            "moonshot_ai",
            {
                "prompt_tokens": 19,
                "completion_tokens": 21,
                "total_tokens": 40,
                "cached_tokens": 10,
            },
            Usage(input_tokens=19, cache_read_tokens=10, output_tokens=21),
        ),
        (
            "openrouter",
            {
                "prompt_tokens": 194,
                "completion_tokens": 2,
                "total_tokens": 196,
                "cost": 0.95,
                "cost_details": {"upstream_inference_cost": 19},
                "prompt_tokens_details": {
                    "cached_tokens": 0,
                    "cache_write_tokens": 100,
                    "audio_tokens": 0,
                },
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
            Usage(
                input_tokens=194,
                cache_read_tokens=0,
                cache_write_tokens=100,
                input_audio_tokens=0,
                output_tokens=2,
                reasoning_tokens=0,
            ),
        ),
        # Claude behind LiteLLM: Anthropic's names beside OpenAI's, but OpenAI's containment.
        (
            "openai",
            {
                "prompt_tokens": 2006,
                "completion_tokens": 300,
                "total_tokens": 2306,
                "prompt_tokens_details": {
                    "cached_tokens": 1500,
                    "cache_creation_tokens": 406,
                    "cache_creation_token_details": {
                        "ephemeral_5m_input_tokens": 6,
                        "ephemeral_1h_input_tokens": 400,
                    },
                },
                "cache_creation_input_tokens": 406,
                "cache_read_input_tokens": 1500,
            },
            Usage(
                input_tokens=2006,
                cache_read_tokens=1500,
                cache_write_tokens=406,
                cache_write_5m_tokens=6,
                cache_write_1h_tokens=400,
                output_tokens=300,
            ),
        ),
        (
            "groq",
            {
                "queue_time": 0.02,
                "prompt_tokens": 18,
                "prompt_time": 0.001,
                "completion_tokens": 556,
                "completion_time": 0.46,
                "total_tokens": 574,
                "total_time": 0.461,
            },
            Usage(input_tokens=18, output_tokens=556),
        ),
        (
            "mistral_ai",
            {"prompt_tokens": 5, "completion_tokens": 6, "prompt_audio_seconds": None},
            Usage(input_tokens=5, output_tokens=6),
        ),
        # A transcription says `input_token_details`, in the singular.
        (
            "openai",
            {
                "type": "tokens",
                "input_tokens": 14,
                "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
                "output_tokens": 45,
                "total_tokens": 59,
            },
            Usage(input_tokens=14, input_audio_tokens=10, output_tokens=45),
        ),
    ],
)
def test_speakers_of_the_openai_dialect(provider: str, raw: Json, usage: Usage) -> None:
    """S4.3: those who speak OpenAI's dialect with an accent are understood."""
    assert read_usage(provider, raw) == usage


@pytest.mark.parametrize(
    ("provider", "raw", "usage"),
    [
        # Real figures of Claude on Bedrock: 18 + 7,502 + 386 = 7,906.
        (
            "aws.bedrock",
            {
                "cacheDetails": [{"inputTokens": 7502, "ttl": "5m"}],
                "cacheReadInputTokenCount": 0,
                "cacheReadInputTokens": 0,
                "cacheWriteInputTokenCount": 7502,
                "cacheWriteInputTokens": 7502,
                "inputTokens": 18,
                "outputTokens": 386,
                "serverToolUsage": {},
                "totalTokens": 7906,
            },
            Usage(
                input_tokens=7520,
                cache_read_tokens=0,
                cache_write_tokens=7502,
                cache_write_5m_tokens=7502,
                output_tokens=386,
            ),
        ),
        (
            "aws.bedrock",
            {
                "inputTokens": 1,
                "outputTokens": 2,
                "cacheWriteInputTokens": 12,
                "cacheDetails": [
                    {"ttl": "1h", "inputTokens": 8},
                    {"ttl": "5m", "inputTokens": 4},
                    {"ttl": ["1d"], "inputTokens": 5},
                ],
            },
            Usage(
                input_tokens=13,
                cache_write_tokens=12,
                cache_write_5m_tokens=4,
                cache_write_1h_tokens=8,
                output_tokens=2,
            ),
        ),
        (
            "aws.bedrock",
            {
                "inputTokenCount": 9,
                "outputTokenCount": 4,
                "invocationLatency": 500,
                "firstByteLatency": 200,
                "cacheReadInputTokenCount": 90,
            },
            Usage(input_tokens=99, cache_read_tokens=90, output_tokens=4),
        ),
        ("aws.bedrock", {"outputTokens": 4}, Usage(output_tokens=4)),
        (
            "aws.bedrock",
            {"inputTokens": 1, "cacheDetails": [{"ttl": "1h", "inputTokens": 8}]},
            Usage(input_tokens=9, cache_write_tokens=8, cache_write_1h_tokens=8),
        ),
        (
            "aws.bedrock",
            {"prompt_token_count": 3, "generation_token_count": 4},
            Usage(input_tokens=3, output_tokens=4),
        ),
        (
            "aws.bedrock",
            {"inputTextTokenCount": 3, "tokenCount": 4},
            Usage(input_tokens=3, output_tokens=4),
        ),
        (
            "cohere",
            {
                "billed_units": {"input_tokens": 17.0, "output_tokens": 12.0},
                "tokens": {"input_tokens": 215.0, "output_tokens": 14.0},
                "cached_tokens": 200,
            },
            Usage(input_tokens=17, output_tokens=12),
        ),
        ("cohere", {"billed_units": {"search_units": 1}}, Usage(rerank_searches=1)),
        ("cohere", {"billed_units": None}, Usage()),
        (
            "cohere",
            {"billed_units": {"text_tokens": 5, "image_tokens": 258}},
            Usage(input_tokens=263, input_image_tokens=258),
        ),
        (
            "cohere",
            {"billed_units": {"input_tokens": 5, "text_tokens": 5, "image_tokens": 258}},
            Usage(input_tokens=263, input_image_tokens=258),
        ),
        (
            "cohere",
            {"billed_units": {"input_tokens": 263, "image_tokens": 258}},
            Usage(input_tokens=263, input_image_tokens=258),
        ),
        (
            "cohere",
            {"billed_units": {"input_tokens": 100, "image_tokens": 2000}},
            Usage(input_tokens=2100, input_image_tokens=2000),
        ),
        (
            "cohere",
            {"billed_units": {"image_tokens": 20}},
            Usage(input_tokens=20, input_image_tokens=20),
        ),
        (
            "ollama",
            {"prompt_eval_count": 26, "eval_count": 298},
            Usage(input_tokens=26, output_tokens=298),
        ),
        ("ollama", {"prompt_eval_count": 8}, Usage(input_tokens=8)),
        # Thoughts beside the output, and inside it: the total tells.
        (
            "gcp.gemini",
            {
                "total_input_tokens": 10,
                "total_output_tokens": 5,
                "total_thought_tokens": 3,
                "total_tokens": 18,
            },
            Usage(input_tokens=10, output_tokens=8, reasoning_tokens=3),
        ),
        (
            "gcp.gemini",
            {
                "total_input_tokens": 10,
                "total_output_tokens": 5,
                "total_thought_tokens": 3,
                "total_tokens": 15,
            },
            Usage(input_tokens=10, output_tokens=5, reasoning_tokens=3),
        ),
        ("voyageai", {"total_tokens": 10}, Usage(input_tokens=10)),
        (
            "voyageai",
            {"text_tokens": 5, "image_pixels": 2_000_000, "total_tokens": 3576},
            Usage(input_tokens=5, input_pixels=2_000_000),
        ),
        ("openai", {"total_tokens": 10}, Usage()),
    ],
)
def test_own_dialects(provider: str, raw: Json, usage: Usage) -> None:
    """S4.3: what each provider bills is what is counted."""
    assert read_usage(provider, raw) == usage


@pytest.mark.parametrize(
    ("provider", "raw", "usage"),
    [
        # Compacted on the way: that round stands beside what is stated at the top.
        (
            "anthropic",
            {
                "input_tokens": 23_000,
                "cache_read_input_tokens": 0,
                "cache_creation_input_tokens": 0,
                "output_tokens": 1000,
                "iterations": [
                    {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3500},
                    {"type": "message", "input_tokens": 23_000, "output_tokens": 1000},
                ],
            },
            Usage(
                input_tokens=203_000,
                cache_read_tokens=0,
                cache_write_tokens=0,
                output_tokens=4500,
            ),
        ),
        # Compacted on demand: nothing else was done, and nothing is stated at the top.
        (
            "anthropic",
            {
                "input_tokens": 0,
                "output_tokens": 0,
                "iterations": [{"type": "compaction", "input_tokens": 2930, "output_tokens": 1313}],
            },
            Usage(input_tokens=2930, cache_write_tokens=None, output_tokens=1313),
        ),
        # Two rounds around another model, whose tokens have a price of their own; the top has the
        # first round's reads alone.
        (
            "anthropic",
            {
                "input_tokens": 4,
                "cache_read_input_tokens": 85_338,
                "cache_creation_input_tokens": 4814,
                "output_tokens": 946,
                "iterations": [
                    {
                        "type": "message",
                        "input_tokens": 2,
                        "output_tokens": 833,
                        "cache_read_input_tokens": 85_338,
                        "cache_creation_input_tokens": 2793,
                        "cache_creation": {"ephemeral_1h_input_tokens": 2793},
                    },
                    {
                        "type": "advisor_message",
                        "model": "claude-opus-5",
                        "input_tokens": 90_314,
                        "output_tokens": 5644,
                    },
                    {
                        "type": "message",
                        "input_tokens": 2,
                        "output_tokens": 113,
                        "cache_read_input_tokens": 88_131,
                        "cache_creation_input_tokens": 2021,
                        "cache_creation": {"ephemeral_5m_input_tokens": 2021},
                    },
                ],
            },
            Usage(
                input_tokens=178_287,
                cache_read_tokens=173_469,
                cache_write_tokens=4814,
                cache_write_5m_tokens=2021,
                cache_write_1h_tokens=2793,
                output_tokens=946,
                other_model_tokens=95_958,
            ),
        ),
        # The last round alone is listed, and the top is the sum.
        (
            "anthropic",
            {
                "input_tokens": 6,
                "cache_read_input_tokens": 108_069,
                "output_tokens": 794,
                "iterations": [
                    {"type": "message", "input_tokens": 2, "cache_read_input_tokens": 44_408}
                ],
            },
            Usage(input_tokens=108_075, cache_read_tokens=108_069, output_tokens=794),
        ),
        ("anthropic", {"input_tokens": 4, "iterations": None}, Usage(input_tokens=4)),
        # Gemini in OpenAI's dialect counts its thoughts into the total alone.
        (
            "gcp.gemini",
            {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 2500},
            Usage(input_tokens=1000, output_tokens=1500, reasoning_tokens=1300),
        ),
        (
            "gcp.vertex_ai",
            {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200},
            Usage(input_tokens=1000, output_tokens=200),
        ),
        ("gcp.gemini", {"prompt_tokens": 10, "total_tokens": 12}, Usage(input_tokens=10)),
        (
            "mistral_ai",
            {"prompt_tokens": 30, "completion_tokens": 200, "total_tokens": 1730},
            Usage(input_tokens=30, output_tokens=200),
        ),
        # Documents are read as images, and images may be cached.
        (
            "gcp.gemini",
            {
                "promptTokenCount": 6000,
                "cachedContentTokenCount": 5000,
                "promptTokensDetails": [
                    {"modality": "DOCUMENT", "tokenCount": 5100},
                    {"modality": "IMAGE", "tokenCount": 258},
                    {"modality": "TEXT", "tokenCount": 642},
                ],
                "cacheTokensDetails": [
                    {"modality": "DOCUMENT", "tokenCount": 4800},
                    {"modality": "IMAGE", "tokenCount": 100},
                ],
            },
            Usage(
                input_tokens=6000,
                cache_read_tokens=5000,
                input_image_tokens=5358,
                cache_read_image_tokens=4900,
            ),
        ),
        # The live interface.
        (
            "gcp.gemini",
            {
                "promptTokenCount": 1200,
                "responseTokenCount": 800,
                "totalTokenCount": 2000,
                "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 1000}],
                "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 800}],
            },
            Usage(
                input_tokens=1200,
                input_audio_tokens=1000,
                output_tokens=800,
                output_audio_tokens=800,
            ),
        ),
        (
            "gcp.gemini",
            {
                "total_input_tokens": 120,
                "total_cached_tokens": 60,
                "total_output_tokens": 35,
                "input_tokens_by_modality": [
                    {"modality": "video", "tokens": 40},
                    {"modality": "document", "tokens": 30},
                    {"modality": "audio", "tokens": 20},
                ],
                "cached_tokens_by_modality": [
                    {"modality": "audio", "tokens": 9},
                    {"modality": "image", "tokens": 8},
                ],
            },
            Usage(
                input_tokens=120,
                cache_read_tokens=60,
                input_audio_tokens=20,
                input_image_tokens=30,
                input_video_tokens=40,
                cache_read_audio_tokens=9,
                cache_read_image_tokens=8,
                output_tokens=35,
            ),
        ),
        # OpenAI's realtime: what is cached by kind.
        (
            "openai",
            {
                "input_tokens": 1500,
                "input_token_details": {
                    "text_tokens": 400,
                    "audio_tokens": 1000,
                    "image_tokens": 100,
                    "cached_tokens": 900,
                    "cached_tokens_details": {
                        "text_tokens": 250,
                        "audio_tokens": 600,
                        "image_tokens": 50,
                    },
                },
                "output_tokens": 500,
                "output_token_details": {"text_tokens": 100, "audio_tokens": 400},
            },
            Usage(
                input_tokens=1500,
                cache_read_tokens=900,
                input_audio_tokens=1000,
                input_image_tokens=100,
                cache_read_audio_tokens=600,
                cache_read_image_tokens=50,
                output_tokens=500,
                output_audio_tokens=400,
            ),
        ),
        # LiteLLM states Anthropic's searches twice.
        (
            "openai",
            {
                "prompt_tokens": 20,
                "prompt_tokens_details": {"web_search_requests": 2},
                "completion_tokens": 5,
                "server_tool_use": {"web_search_requests": 2},
            },
            Usage(input_tokens=20, output_tokens=5, web_searches=2),
        ),
        (
            "openai",
            {"prompt_tokens": 20, "prompt_tokens_details": {"web_search_requests": 1}},
            Usage(input_tokens=20, web_searches=1),
        ),
        # Perplexity's responses.
        (
            "perplexity",
            {
                "input_tokens": 4000,
                "input_tokens_details": {
                    "cache_read_input_tokens": 1000,
                    "cache_creation_input_tokens": 500,
                },
                "output_tokens": 400,
                "tool_calls_details": {"search_web": {"invocation": 2}},
            },
            Usage(
                input_tokens=4000,
                cache_read_tokens=1000,
                cache_write_tokens=500,
                output_tokens=400,
                web_searches=2,
            ),
        ),
    ],
)
def test_what_is_hard_to_count(provider: str, raw: Json, usage: Usage) -> None:
    """S4.3: rounds, hidden thoughts, and modalities come to the units that are billed."""
    assert read_usage(provider, raw) == usage


NO_COUNTS = [
    "5",
    "",
    -1,
    -1.0,
    1.5,
    math.nan,
    math.inf,
    -math.inf,
    True,
    False,
    [],
    {},
    [5],
    {"n": 5},
]
BEYOND = [QUANTITY_MAX + 1, 1e300, 10**5000]


def kind(value: object) -> str:
    """The name of a value's type: the values themselves may be too long to print."""
    return type(value).__name__


@pytest.mark.parametrize("value", [*NO_COUNTS, *BEYOND], ids=kind)
@pytest.mark.parametrize(
    "path",
    [
        "prompt_tokens",
        "prompt_tokens_details.cached_tokens",
        "completion_tokens",
        "input_tokens",
        "output_tokens_details.reasoning_tokens",
        "cache_creation_input_tokens",
        "cache_creation.ephemeral_1h_input_tokens",
        "promptTokenCount",
        "thoughtsTokenCount",
    ],
)
def test_impossible_counts(path: str, value: object) -> None:
    """Strings, negatives, fractions, NaN, booleans and absurd sizes are refused, never guessed."""
    outer, _, inner = path.partition(".")
    # The fresh whole makes sure that the count itself is refused, not its want of a whole.
    wholes: dict[str, object] = {"input_tokens": 5, "prompt_tokens": 5, "output_tokens": 5}
    if path.startswith(("input", "output", "cache")):
        del wholes["prompt_tokens"]
    with pytest.raises(InvalidUsage):
        read_usage("", {**wholes, outer: {inner: value} if inner else value})


@pytest.mark.parametrize(
    "raw",
    [
        {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 6}},
        {"prompt_tokens_details": {"cached_tokens": 6}, "prompt_tokens": None},
        {"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 6}},
        {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 6}},
        {"promptTokenCount": 5, "cachedContentTokenCount": 6},
        {"cache_read_input_tokens": 6, "output_tokens": 1},
        {
            "promptTokenCount": 5,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 6}],
        },
        {
            "input_tokens": 5,
            "cache_creation_input_tokens": 5,
            "cache_creation": {"ephemeral_5m_input_tokens": 6},
        },
    ],
)
def test_part_beyond_its_whole(raw: Json) -> None:
    """A part that exceeds its whole, stated or missing, cannot be true."""
    with pytest.raises(InvalidUsage):
        read_usage("", raw)


@pytest.mark.parametrize(
    "raw",
    [
        {
            "prompt_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 3},
        },
        {
            "prompt_tokens": 5,
            "prompt_tokens_details": {"audio_tokens": 3, "image_tokens": 3},
        },
        {
            "completion_tokens": 5,
            "completion_tokens_details": {"audio_tokens": 3, "image_tokens": 3},
        },
        {
            "input_tokens": 5,
            "cache_creation_input_tokens": 5,
            "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 3},
        },
    ],
)
def test_parts_together_beyond_their_whole(raw: Json) -> None:
    """Parts that share nothing cannot exceed their whole together: the rest would be negative."""
    with pytest.raises(InvalidUsage, match="6 exceeds"):
        read_usage("", raw)


@pytest.mark.parametrize(
    "raw",
    [
        {"prompt_tokens": 5, "prompt_tokens_details": [1]},
        {"prompt_tokens": 5, "prompt_tokens_details": "cached"},
        {"input_tokens": 5, "output_tokens_details": 7},
        {"input_tokens": 5, "cache_creation": 7},
        {"promptTokenCount": 5, "promptTokensDetails": {"modality": "TEXT"}},
        {"promptTokenCount": 5, "promptTokensDetails": [5]},
        {"inputTokens": 5, "cacheDetails": [5]},
        {"inputTokens": 5, "cacheDetails": {"ttl": "5m"}},
        {"billed_units": [5]},
        {"promptTokenCount": 5, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": "5"}]},
    ],
)
def test_rubbish_nesting(raw: Json) -> None:
    """A list where an object belongs, or the reverse, is refused with a sentence."""
    with pytest.raises(InvalidUsage, match=r".+"):
        read_usage("", raw)


NAMES = [
    "prompt_tokens",
    "completion_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens",
    "output_tokens",
    "input_tokens_details",
    "output_tokens_details",
    "cached_tokens",
    "cache_write_tokens",
    "audio_tokens",
    "image_tokens",
    "reasoning_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "ephemeral_5m_input_tokens",
    "ephemeral_1h_input_tokens",
    "promptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "cachedContentTokenCount",
    "promptTokensDetails",
    "candidatesTokensDetails",
    "modality",
    "tokenCount",
    "inputTokens",
    "cacheReadInputTokens",
    "cacheDetails",
    "ttl",
    "billed_units",
    "text_tokens",
    "prompt_eval_count",
    "eval_count",
    "total_tokens",
    "total_input_tokens",
    "total_output_tokens",
    "total_thought_tokens",
    "input_tokens_by_modality",
]
PROVIDERS = ["openai", "anthropic", "x_ai", "perplexity", "voyageai", ""]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-2, max_value=60),
    st.integers(),
    st.floats(),
    st.sampled_from(["AUDIO", "IMAGE", "12"]),
)
ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=8)
    ),
    max_leaves=25,
)
COUNTS = st.one_of(st.none(), st.integers(min_value=0, max_value=60))
PLAUSIBLE: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(NAMES),
    st.one_of(COUNTS, st.dictionaries(st.sampled_from(NAMES), COUNTS, max_size=4)),
    max_size=10,
)


@given(raw=st.one_of(ANY_JSON, PLAUSIBLE), provider=st.sampled_from(PROVIDERS))
@example(raw=None, provider="openai")
@example(raw=[1], provider="openai")
@settings(max_examples=400)
def test_any_json(raw: Any, provider: str) -> None:
    """Any JSON at all is a usage whose parts fit in their wholes, or is refused as invalid."""
    try:
        usage = read_usage(provider, raw)
    except InvalidUsage:
        return
    reported = usage.reported()
    for part in PART_OF.keys() & reported.keys():
        assert all(reported[part] <= reported.get(whole, 0) for whole in PART_OF[part])


@given(
    fresh=st.integers(0, 10**6),
    read=st.integers(0, 10**6),
    five=st.integers(0, 10**6),
    hour=st.integers(0, 10**6),
)
def test_nothing_is_lost_or_doubled(fresh: int, read: int, five: int, hour: int) -> None:
    """Anthropic's four kinds of input add up to our input, through JSON and back."""
    raw = {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
    }
    usage = read_usage("anthropic", json.loads(json.dumps(raw)))
    assert usage.input_tokens == math.fsum([fresh, read, five, hour])
    assert usage.cache_write_tokens == five + hour


SECOND_NAMES = {
    "reasoning_tokens": "output_reasoning_tokens",
    "cache_read_audio_tokens": "cache_audio_read_tokens",
}


@pytest.mark.parametrize(
    ("file", "key", "provider", "flavor"),
    [
        ("openai_chat.json", "usage", "openai", "chat"),
        ("openai_responses.json", "usage", "openai", "responses"),
        ("openai_embeddings.json", "usage", "openai", "embeddings"),
        ("anthropic_messages.json", "usage", "anthropic", "default"),
        ("gemini_generate.json", "usageMetadata", "google", "default"),
        ("bedrock_converse.json", "usage", "aws", "default"),
        ("bedrock_invoke_anthropic.json", "usage", "aws", "anthropic"),
        ("cohere_chat.json", "usage", "cohere", "default"),
        ("deepseek_chat.json", "usage", "deepseek", "chat"),
        ("xai_chat.json", "usage", "x-ai", "chat"),
    ],
)
def test_second_opinion(
    recorded: Callable[[str], bytes], file: str, key: str, provider: str, flavor: str
) -> None:
    """The price list's own extractors find the same quantities in the recorded bodies."""
    body = json.loads(recorded(file))
    theirs = extract_usage(body, provider_id=provider, api_flavor=flavor).usage
    ours = read_usage(provider.replace("-", "_"), body[key])
    for unit, quantity in ours.reported().items():
        # They know no sources of searches.
        assert (getattr(theirs, SECOND_NAMES.get(unit, unit), 0) or 0) == quantity
