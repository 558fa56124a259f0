"""A span as it was delivered, and its attributes as texts, counts and objects."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

__all__ = ["TEXT_MAX", "AttributeValue", "SpanRecord", "as_count", "as_object", "as_text"]

AttributeValue = str | bool | int | float | bytes | Sequence["AttributeValue"] | None

TEXT_MAX: Final = 4096
"""Longer attribute texts are cut: nobody names a user with more than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRecord:
    """A span as OTLP delivers it, decoded but not yet understood."""

    trace_id: str
    span_id: str
    parent_span_id: str
    start_unix_nano: int
    end_unix_nano: int
    attributes: Mapping[str, AttributeValue]
    resource: Mapping[str, AttributeValue]
    failed: bool
    """The span's status is an error."""
    name: str = ""
    """Of the span; empty where the receiver did not keep it."""
    scope: str = ""
    """The library that made the span; empty where the receiver did not keep it."""


def as_text(value: AttributeValue) -> str:
    """The attribute as text; numbers are spelled out, anything else counts as absent."""
    if isinstance(value, str):
        return value.replace("\x00", "")[:TEXT_MAX]
    return "" if (count := as_count(value)) is None else str(count)


def as_count(value: AttributeValue) -> int | None:
    """The attribute where it is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_object(value: AttributeValue) -> Mapping[str, object] | None:
    """The JSON object that the attribute spells, `None` where it is none or is too long."""
    if not isinstance(value, str) or not value or len(value) > TEXT_MAX:
        return None
    try:
        found = cast("object", json.loads(value))
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else None
