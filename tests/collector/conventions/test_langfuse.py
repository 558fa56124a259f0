"""Langfuse's buckets."""

import json
from typing import Any

import pytest

from spanledger.collector.conventions.langfuse import evidence
from spanledger.errors import InvalidUsage
from spanledger.usage import Usage


@pytest.mark.parametrize(
    ("details", "usage"),
    [
        ({"input": 8}, Usage(input_tokens=8)),
        ({"output": 8}, Usage(output_tokens=8)),
        (
            {"input": 386, "output": 49, "total": 2803, "input_cache_read": 1920,
             "output_reasoning": 448},
            Usage(input_tokens=2306, cache_read_tokens=1920, output_tokens=497,
                  reasoning_tokens=448),
        ),
        (
            {"input": 2306, "output": 497, "total": 2803, "input_cached_tokens": 1920,
             "output_reasoning_tokens": 448},
            Usage(input_tokens=2306, cache_read_tokens=1920, output_tokens=497,
                  reasoning_tokens=448),
        ),
        (
            {"input": 41, "cache_read_input_tokens": 18064, "cache_creation_input_tokens": 1400,
             "output": 503},
            Usage(input_tokens=19505, cache_read_tokens=18064, cache_write_tokens=1400,
                  output_tokens=503),
        ),
        (
            {"input": 41, "input_cache_creation_5m": 400, "input_cache_creation_1h": 1000,
             "output": 503},
            Usage(input_tokens=1441, cache_write_tokens=1400, cache_write_5m_tokens=400,
                  cache_write_1h_tokens=1000, output_tokens=503),
        ),
        (
            {"input": 10, "input_audio": 5, "output": 4, "output_audio": 6},
            Usage(input_tokens=15, input_audio_tokens=5, output_tokens=10, output_audio_tokens=6),
        ),
    ],
)  # fmt: skip
def test_buckets(details: dict[str, int], usage: Usage) -> None:
    """They share nothing, so a side is their sum; unless the total says that they are inside."""
    assert evidence("openai", {"usage_details": json.dumps(details)}) == (usage, {})


def test_the_providers_own_object() -> None:
    """The wrapper of OpenAI's SDK hands it on as it is."""
    raw = {"input_tokens": 37, "output_tokens": 11, "total_tokens": 48}

    assert evidence("openai", {"usage_details": json.dumps(raw)}) == (
        Usage(input_tokens=37, output_tokens=11),
        raw,
    )


@pytest.mark.parametrize("details", ["", "{}", "[]", "{", None])
def test_no_details(details: Any) -> None:
    """Then the other names may tell."""
    assert evidence("openai", {"usage_details": details}) is None


@pytest.mark.parametrize("count", [-1, "8", 1.5, True, 10**9])
def test_impossible_buckets(count: Any) -> None:
    """Threat 5: refused, not summed."""
    with pytest.raises(InvalidUsage):
        evidence("openai", {"usage_details": json.dumps({"input": count, "output": 1})})
