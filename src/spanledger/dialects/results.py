"""What the results of a batch say: calls whose answers lie together, and the batch itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from spanledger.dialects.dialect import Answer, Dialect, Json, Request
from spanledger.dialects.fields import text

__all__ = ["Batch", "Found", "Page", "ReadEntry", "Result", "ids", "seconds_of"]

_SECONDS_MIN: Final = 1_262_304_000
_SECONDS_MAX: Final = 7_258_118_400
"""2010 and 2200: what lies beyond them is no time of a model call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One request of a batch that came to something: a call."""

    dialect: Dialect
    answer: Answer
    custom_id: str = ""
    """What the app called the request."""
    result_id: str = ""
    """What the provider calls the request, beside the id of its answer."""
    created_s: int | None = None
    """When it was answered, as the provider says, in seconds since 1970."""
    asked: Request = field(default_factory=Request)
    """What the answer repeats of the request."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """What else the app said of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch that has results, as the provider describes it."""

    sources: tuple[str, ...]
    """The ids under which its results are fetched: its own, and those of its files."""
    created_s: int | None = None
    """When it was made, in seconds since 1970."""
    model: str = ""


ReadEntry: TypeAlias = Callable[[Json], Result | None]
"""The object that stands for a request -> its call; `None` for one that came to nothing."""


@dataclass(frozen=True, slots=True)
class Found:
    """A result, and where it was."""

    source: str
    """Id of the file or the batch."""
    position: int | None
    """Which of the results there it is, where their order is always the same."""
    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All that one JSON document says of batches."""

    batches: tuple[Batch, ...] = ()
    found: tuple[Found, ...] = ()


def seconds_of(body: Json, *keys: str) -> int | None:
    """The first of `keys` that is a time, in whole seconds since 1970."""
    for key in keys:
        value = body.get(key)
        if isinstance(value, str):
            value = _instant_of(value)
        if isinstance(value, int | float) and _SECONDS_MIN <= value <= _SECONDS_MAX:
            return int(value)
    return None


def _instant_of(stated: str) -> int | None:
    """Seconds since 1970 of a time by RFC 3339; `None` for any other text."""
    try:
        instant = datetime.fromisoformat(stated)
    except ValueError:
        return None
    return None if instant.tzinfo is None else int(instant.timestamp())


def ids(body: Json, *keys: str) -> tuple[str, ...]:
    """Those of `keys` that hold an id."""
    return tuple(value for key in keys if (value := text(body, key)))
