"""What one model call consumed, in units, with one meaning for all providers.

A part is contained in its whole: cached input is inside `input_tokens`, reasoning is inside
`output_tokens`. Providers disagree about this (OpenAI counts cached tokens inside the input,
Anthropic beside it); each dialect settles it, so nothing after it needs to ask. The names follow
the OpenTelemetry GenAI conventions (`gen_ai.usage.*`), where the same containment holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter, itemgetter
from typing import Final

from spanledger.errors import InvalidUsage

__all__ = ["COMMON", "DISJOINT", "PART_OF", "QUANTITY_MAX", "UNITS", "Usage"]

QUANTITY_MAX: Final = 100_000_000
"""More of any unit in one call than this is a fault of the sender, not a call."""

_SHOWN_BITS: Final = 256

PART_OF: Final = {
    "cache_read_tokens": ("input_tokens",),
    "cache_write_tokens": ("input_tokens",),
    "cache_write_5m_tokens": ("cache_write_tokens",),
    "cache_write_1h_tokens": ("cache_write_tokens",),
    "cache_write_12h_tokens": ("cache_write_tokens",),
    "input_audio_tokens": ("input_tokens",),
    "input_image_tokens": ("input_tokens",),
    "input_video_tokens": ("input_tokens",),
    "cache_read_audio_tokens": ("cache_read_tokens", "input_audio_tokens"),
    "cache_read_image_tokens": ("cache_read_tokens", "input_image_tokens"),
    "reasoning_tokens": ("output_tokens",),
    "output_audio_tokens": ("output_tokens",),
    "output_image_tokens": ("output_tokens",),
}
"""Each unit that is contained in others, with those that contain it directly."""

DISJOINT: Final = (
    ("cache_read_tokens", "cache_write_tokens", "input_tokens"),
    ("input_audio_tokens", "input_image_tokens", "input_tokens"),
    ("input_audio_tokens", "input_video_tokens", "input_tokens"),
    ("input_image_tokens", "input_video_tokens", "input_tokens"),
    ("cache_read_audio_tokens", "cache_read_image_tokens", "cache_read_tokens"),
    ("cache_write_5m_tokens", "cache_write_1h_tokens", "cache_write_tokens"),
    ("cache_write_5m_tokens", "cache_write_12h_tokens", "cache_write_tokens"),
    ("cache_write_1h_tokens", "cache_write_12h_tokens", "cache_write_tokens"),
    ("output_audio_tokens", "output_image_tokens", "output_tokens"),
)
"""Two parts that share nothing, and their whole, which even their sum cannot exceed."""

COMMON: Final = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
)
"""The units that most calls have. No two of their parts overlap unseen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The quantities of one call; `None` means that the provider did not report the unit.

    Raises:
        InvalidUsage: a quantity is no whole number from 0 to `QUANTITY_MAX`, or a part exceeds
            its whole, alone or together with another that it shares nothing with.
    """

    input_tokens: int | None = None
    """All input tokens, cached ones included."""
    cache_read_tokens: int | None = None
    """Input served from the provider's cache."""
    cache_write_tokens: int | None = None
    """Input written to the provider's cache, whatever its lifetime."""
    cache_write_5m_tokens: int | None = None
    """Of the cache writes, those kept for five minutes."""
    cache_write_1h_tokens: int | None = None
    """Of the cache writes, those kept for one hour."""
    cache_write_12h_tokens: int | None = None
    """Of the cache writes, those kept for twelve hours."""
    input_audio_tokens: int | None = None
    """Audio input, cached audio included."""
    input_image_tokens: int | None = None
    """Image input, cached images included."""
    input_video_tokens: int | None = None
    """Video input."""
    cache_read_audio_tokens: int | None = None
    """Of the cache reads, the audio ones."""
    cache_read_image_tokens: int | None = None
    """Of the cache reads, the images."""
    output_tokens: int | None = None
    """All output tokens, reasoning included."""
    reasoning_tokens: int | None = None
    """Output the model spent on thinking."""
    output_audio_tokens: int | None = None
    """Audio output."""
    output_image_tokens: int | None = None
    """Image output."""
    citation_tokens: int | None = None
    """Tokens of the sources that were quoted, which stand beside the output."""
    other_model_tokens: int | None = None
    """Tokens of another model that was asked on the way, and has a price of its own."""
    input_characters: int | None = None
    """Characters to speak."""
    input_pixels: int | None = None
    """Pixels of the images that were embedded."""
    input_pages: int | None = None
    """Pages of documents that were read."""
    audio_ms: int | None = None
    """Length of the audio that was heard or spoken, in milliseconds, where it is paid by time."""
    video_ms: int | None = None
    """Length of the video that was made, in milliseconds."""
    images: int | None = None
    """Images that were made, where they are paid one by one."""
    rerank_searches: int | None = None
    """Searches whose results were ranked."""
    web_searches: int | None = None
    """Searches of the web that the model made; where these are paid by the prompt, 1 at most."""
    search_sources: int | None = None
    """Sources that searches have brought, where these are paid one by one."""
    social_searches: int | None = None
    """Searches of a social network that the model made."""
    social_posts: int | None = None
    """Posts that such searches have brought, where these are paid one by one."""
    social_users: int | None = None
    """Profiles that such searches have brought."""
    storage_searches: int | None = None
    """Searches of stored files that the model made."""
    code_executions: int | None = None
    """Sessions in which the model ran code."""

    plain: bool = field(init=False, repr=False, compare=False)
    """Input and output were reported, and nothing was consumed but `COMMON` units."""

    def __post_init__(self) -> None:
        """Refuse what cannot be true, so that nothing after this point needs to doubt it."""
        values = _quantities(self)
        stated = dict(zip(UNITS, values, strict=True))
        whole = self.input_tokens is not None and self.output_tokens is not None
        object.__setattr__(self, "plain", whole and not any(_rare(values)))
        # Nothing fits into anything, alone and together with another.
        parts = [
            unit for unit, value in stated.items() if _is_some(unit, value) and unit in PART_OF
        ]
        for part in parts:
            for whole in PART_OF[part]:
                _check_parts(stated, (part,), whole)
        for part, other, whole in DISJOINT if len(parts) > 1 else ():
            if part in parts and other in parts:
                _check_parts(stated, (part, other), whole)

    def reported(self) -> dict[str, int]:
        """The units that were reported, by name, zeros included."""
        values = zip(UNITS, _quantities(self), strict=True)
        return {unit: value for unit, value in values if value is not None}

    @property
    def total_tokens(self) -> int:
        """Input and output together; an unreported side counts nothing."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)


UNITS: Final = tuple(unit.name for unit in fields(Usage) if unit.init)
"""The names of all units, in the order in which they are shown and stored."""

_quantities: Final[Callable[[Usage], tuple[int | None, ...]]] = attrgetter(*UNITS)

_rare: Final[Callable[[tuple[int | None, ...]], tuple[int | None, ...]]] = itemgetter(
    *(place for place, unit in enumerate(UNITS) if unit not in COMMON)
)


def _is_some(unit: str, value: object) -> bool:
    """Whether `value` is more than nothing; what is no quantity at all is refused."""
    if value is None:
        return False
    if type(value) is int and 0 <= value <= QUANTITY_MAX:
        return value > 0
    if not isinstance(value, int) or isinstance(value, bool):
        msg = f"{unit} is {value!r}, not a whole number"
        raise InvalidUsage(msg[:200])
    if not 0 <= value <= QUANTITY_MAX:
        # Python refuses to write a number of thousands of digits.
        stated = value if value.bit_length() <= _SHOWN_BITS else "with very many digits"
        msg = f"{unit} {stated} is not between 0 and {QUANTITY_MAX}"
        raise InvalidUsage(msg[:200])
    return value > 0


def _check_parts(stated: Mapping[str, int | None], parts: tuple[str, ...], whole: str) -> None:
    together = sum([stated[part] or 0 for part in parts])
    if together > (stated[whole] or 0):
        msg = f"{' and '.join(parts)} {together} exceeds {whole} {stated[whole]}"
        raise InvalidUsage(msg)
