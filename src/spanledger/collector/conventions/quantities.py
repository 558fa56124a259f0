"""Counts on a span as our `Usage`: parts inside their wholes, whatever the library thought."""

from collections.abc import Mapping
from typing import Final, TypeGuard, cast

from spanledger.collector.conventions.record import AttributeValue
from spanledger.collector.conventions.table import Convention, Found
from spanledger.usage import QUANTITY_MAX, UNITS, Usage

__all__ = ["ANTHROPIC_COUNTS", "GOOGLE_COUNTS", "usage_of"]

ANTHROPIC_COUNTS: Final = frozenset({"anthropic", "aws.bedrock"})
"""Providers whose own counts have the cached input beside the input."""

GOOGLE_COUNTS: Final = frozenset({"gcp.gemini", "gcp.vertex_ai"})
"""Providers whose own counts have the thoughts beside the output."""

_WRITTEN: Final = ("cache_write_5m_tokens", "cache_write_1h_tokens", "cache_write_12h_tokens")

_UNITS: Final = frozenset(UNITS)


def usage_of(convention: Convention, provider: str, found: Found) -> Usage:
    """The usage that the counts among `found` state.

    Args:
        convention: says what is inside what.
        provider: by OpenTelemetry's name.
        found: the fields of the span.

    Raises:
        InvalidUsage: the counts cannot be true, or are no counts.
    """
    counts = {unit: _whole(value) for unit, value in found.items() if unit in _UNITS}
    sound = {unit: value for unit, value in counts.items() if _is_count(value)}
    if len(sound) == len(counts):
        sound = _with_cache_inside(sound, convention, provider)
        total = _whole(found.get("total_tokens"))
        sound = _with_thoughts_inside(sound, convention, provider, total)
        return Usage(**sound)
    # One is no count: `Usage` says which, and why.
    return Usage(**cast("Mapping[str, int]", counts))


def _whole(value: AttributeValue) -> AttributeValue:
    """JavaScript has no whole numbers, and some exporters send what it has."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_count(value: AttributeValue) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= QUANTITY_MAX


def _with_cache_inside(
    counts: dict[str, int], convention: Convention, provider: str
) -> dict[str, int]:
    lives = [counts[unit] for unit in _WRITTEN if unit in counts]
    if lives and "cache_write_tokens" not in counts:
        counts["cache_write_tokens"] = sum(lives)
    cached = counts.get("cache_read_tokens", 0) + counts.get("cache_write_tokens", 0)
    stated = counts.get("input_tokens")
    if cached and stated is not None:
        # More than the whole cannot be inside: then the counts are as their provider gave them.
        as_given = provider in ANTHROPIC_COUNTS and cached > stated
        if provider in convention.cache_apart or as_given:
            counts["input_tokens"] = stated + cached
    return counts


def _with_thoughts_inside(
    counts: dict[str, int], convention: Convention, provider: str, total: AttributeValue
) -> dict[str, int]:
    output, thoughts = counts.get("output_tokens"), counts.get("reasoning_tokens")
    if output is None:
        return counts
    said = counts.get("input_tokens", 0) + output
    stated = total if _is_count(total) else 0
    if thoughts:
        as_given = provider in GOOGLE_COUNTS and (thoughts > output or stated >= said + thoughts)
        if provider in convention.thoughts_apart or as_given:
            counts["output_tokens"] = output + thoughts
    elif provider in GOOGLE_COUNTS and "input_tokens" in counts and stated > said:
        # The total has what the parts leave out: thoughts, which are paid as output.
        counts["reasoning_tokens"] = stated - said
        counts["output_tokens"] = output + stated - said
    return counts
