"""How much one sender may ask of the receivers."""

from dataclasses import dataclass
from typing import Final

__all__ = [
    "ATTRIBUTES_MAX",
    "ATTRIBUTE_CHARS_MAX",
    "SPANS_MAX",
    "Limits",
]

SPANS_MAX: Final = 50_000
"""Spans in one request; exporters send 512. More are refused whole, as too large."""

ATTRIBUTES_MAX: Final = 1024
"""Attributes of one span or resource; SDKs stop at 128. What comes after is left out."""

ATTRIBUTE_CHARS_MAX: Final = 65_536
"""Characters or bytes of one value; of a list, this many items: longer is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a sender may take over a body, and what all bodies together may hold."""

    body_seconds_max: float = 60.0
    """From the request's headers to the end of its body."""
    body_grace_seconds: float = 10.0
    """How long a body may come slower than `body_bytes_per_second_min`."""
    body_bytes_per_second_min: int = 1024
    """On average, once the grace is over."""
    held_bytes_max: int = 256 * 1024 * 1024
    """Of all bodies that are being received or taken; beyond it senders come back later."""
    parsed_at_once_max: int = 4
    """Bodies that are inflated and parsed at the same time: each may need `body_bytes_max`."""
