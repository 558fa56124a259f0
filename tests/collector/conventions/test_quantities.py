"""What is inside what."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.collector.conventions.genai import GENAI, OPENLIT, TRACELOOP_JS
from spanledger.collector.conventions.quantities import usage_of
from spanledger.collector.conventions.table import Convention
from spanledger.errors import InvalidUsage
from spanledger.usage import Usage

CACHED = {
    "input_tokens": 41,
    "cache_read_tokens": 18064,
    "cache_write_tokens": 1400,
    "output_tokens": 503,
}


@pytest.mark.parametrize("convention", [GENAI, OPENLIT, TRACELOOP_JS])
@pytest.mark.parametrize("provider", ["anthropic", "aws.bedrock"])
def test_more_cache_than_input_stands_beside_it(convention: Convention, provider: str) -> None:
    """Who hands on Anthropic's own counts gives himself away, if most of the input was cached."""
    assert usage_of(convention, provider, CACHED).input_tokens == 19_505


@pytest.mark.parametrize(
    ("convention", "provider", "asked"),
    [(GENAI, "anthropic", 900), (OPENLIT, "anthropic", 1100), (TRACELOOP_JS, "anthropic", 1100),
     (OPENLIT, "openai", 900), (TRACELOOP_JS, "openai", 900)],
)  # fmt: skip
def test_less_cache_than_input_is_read_by_the_table(
    convention: Convention, provider: str, asked: int
) -> None:
    """Then only the table knows: cached input is inside for most, and apart for some."""
    found = {"input_tokens": 900, "cache_read_tokens": 200, "output_tokens": 1}

    assert usage_of(convention, provider, found).input_tokens == asked


def test_more_cache_than_input_of_openai_is_impossible() -> None:
    """Its counts have the cached inside, whoever hands them on."""
    with pytest.raises(InvalidUsage):
        usage_of(GENAI, "openai", CACHED)


@pytest.mark.parametrize(
    ("found", "output", "thoughts"),
    [
        ({"output_tokens": 620, "reasoning_tokens": 500}, 620, 500),
        ({"output_tokens": 120, "reasoning_tokens": 500}, 620, 500),
        ({"output_tokens": 300, "reasoning_tokens": 200, "total_tokens": 510}, 500, 200),
        ({"output_tokens": 300, "reasoning_tokens": 200, "total_tokens": 310}, 300, 200),
        ({"output_tokens": 120, "total_tokens": 630}, 620, 500),
        ({"output_tokens": 120, "total_tokens": 130}, 120, None),
        ({"output_tokens": 120, "total_tokens": "630"}, 120, None),
    ],
)
def test_thoughts_of_google(found: dict[str, Any], output: int, thoughts: int | None) -> None:
    """S4.3: they are paid as output. Where they are left out, the total betrays them."""
    usage = usage_of(GENAI, "gcp.gemini", {"input_tokens": 10, **found})

    assert (usage.output_tokens, usage.reasoning_tokens) == (output, thoughts)


@pytest.mark.parametrize(("convention", "said"), [(GENAI, 620), (OPENLIT, 720)])
def test_few_thoughts_are_read_by_the_table(convention: Convention, said: int) -> None:
    """Thoughts that would fit into the output are inside for most, and beside it for OpenLIT."""
    found = {"input_tokens": 10, "output_tokens": 620, "reasoning_tokens": 100}

    assert usage_of(convention, "gcp.gemini", found).output_tokens == said


def test_the_total_of_others_proves_nothing() -> None:
    """Only Google leaves thoughts out of the output."""
    found = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 99}

    assert usage_of(GENAI, "openai", found) == Usage(input_tokens=10, output_tokens=5)


def test_cache_writes_are_the_sum_of_their_lives() -> None:
    """Where only these are stated."""
    found = {"input_tokens": 90, "cache_write_5m_tokens": 20, "cache_write_1h_tokens": 30}

    assert usage_of(GENAI, "anthropic", found).cache_write_tokens == 50


def test_whole_doubles_are_counts() -> None:
    """JavaScript has no whole numbers."""
    found = {"input_tokens": 8.0, "output_tokens": 0.0}

    assert usage_of(GENAI, "openai", found) == Usage(input_tokens=8, output_tokens=0)


@pytest.mark.parametrize("count", [8.5, -1, "8", True, 10**9, float("nan"), float("inf"), [8]])
def test_what_is_no_count_is_refused(count: Any) -> None:
    """Threat 5: by name, and not summed."""
    with pytest.raises(InvalidUsage, match="input_tokens"):
        usage_of(GENAI, "openai", {"input_tokens": count, "output_tokens": 1})


COUNTS = st.integers(0, 10**5)


@given(
    st.sampled_from([GENAI, OPENLIT, TRACELOOP_JS]),
    st.sampled_from(["anthropic", "openai", "gcp.gemini", ""]),
    st.fixed_dictionaries(
        {"input_tokens": COUNTS, "output_tokens": COUNTS},
        optional={
            "cache_read_tokens": COUNTS,
            "cache_write_tokens": COUNTS,
            "reasoning_tokens": COUNTS,
            "total_tokens": COUNTS,
        },
    ),
)
def test_the_fresh_input_is_never_more_than_stated(
    convention: Convention, provider: str, found: dict[str, int]
) -> None:
    """A price has three parts of the input; whichever way they are meant, none is made up."""
    try:
        usage = usage_of(convention, provider, found)
    except InvalidUsage:
        return

    cached = (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
    fresh = (usage.input_tokens or 0) - cached
    assert fresh in {found["input_tokens"], found["input_tokens"] - cached}
    spoken = (usage.output_tokens or 0) - (usage.reasoning_tokens or 0)
    assert spoken <= found["output_tokens"]
