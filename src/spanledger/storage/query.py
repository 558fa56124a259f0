"""Questions to a store, and its answers: how everybody asks what anything cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from spanledger.errors import InvalidQuery

__all__ = [
    "DIMENSIONS",
    "RESULTS_MAX",
    "CostQuery",
    "CostResult",
    "CostTable",
    "Quality",
    "Selection",
]

DIMENSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "user": "user_id",
        "team": "team",
        "department": "department",
        "agent": "agent_id",
        "conversation": "conversation_id",
        "message": "message_id",
        "feature": "feature",
        "route": "route",
        "service": "service",
        "environment": "environment",
        "provider": "provider",
        "model": "model",
        "operation": "operation",
        "service_tier": "service_tier",
        "api_key": "api_key_id",
        "status": "status",
        "reason": "reason",
    }
)
"""What calls can be grouped by, with the key of the value in results. `tag:<name>` is one as well.

The filter of a dimension is the plural of its key: `user_ids`, `models`, `statuses`.
"""

RESULTS_MAX: Final = 10_000
"""More results than this in one answer are refused: the question is to be narrowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which calls are meant. Every filter must hold; within one filter any value may match."""

    project: str
    start: datetime | None = None
    """First instant, inclusive."""
    end: datetime | None = None
    """Last instant, exclusive."""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Dimension (a key of `DIMENSIONS`, or `tag:<name>`) to the accepted values; '' means unset."""
    trace_id: str = ""
    span_id: str = ""

    def __post_init__(self) -> None:
        """Raise `InvalidQuery` for an unknown dimension or a naive or reversed range."""
        for name in self.filters:
            check_dimension(name)
        for instant in (self.start, self.end):
            if instant is not None and instant.utcoffset() is None:
                msg = f"time {instant} has no zone"
                raise InvalidQuery(msg)
        if self.start is not None and self.end is not None and self.start >= self.end:
            msg = f"the range starts at {self.start.isoformat()} and ends at {self.end.isoformat()}"
            raise InvalidQuery(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostQuery:
    """Sum the selected calls, apart for each bucket of time and each combination of `group_by`."""

    where: Selection
    edges: tuple[datetime, ...] = ()
    """Bucket borders in UTC, rising: n+1 of them make n buckets [edge, next edge). None at all make
    one bucket of everything selected. Time zones and calendar are settled by whoever makes the
    edges (`spanledger.storage.buckets`), so no store has to know them."""
    group_by: tuple[str, ...] = ()
    order_by: str = "-amount"
    """`amount`, `calls`, `tokens` or a group dimension; `-` in front means falling. Unpriced
    results come last either way; ties go by group."""
    limit: int = RESULTS_MAX
    """At most this many results (over all buckets)."""
    offset: int = 0

    def __post_init__(self) -> None:
        """Raise `InvalidQuery` for what cannot be answered."""
        for name in self.group_by:
            check_dimension(name)
        if len(set(self.group_by)) != len(self.group_by):
            msg = f"group_by names a dimension twice: {', '.join(self.group_by)}"
            raise InvalidQuery(msg)
        if self.order_by.removeprefix("-") not in {"amount", "calls", "tokens", *self.group_by}:
            msg = (
                f"cannot order by {self.order_by!r}: use amount, calls, tokens or a group dimension"
            )
            raise InvalidQuery(msg)
        if list(self.edges) != sorted(set(self.edges)) or len(self.edges) == 1:
            msg = "bucket edges must rise, and be two at least"
            raise InvalidQuery(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How the calls of a result came to their cost; together they are all its calls."""

    priced_calls: int = 0
    reported_calls: int = 0
    estimated_calls: int = 0
    partial_calls: int = 0
    unpriced_calls: int = 0
    invalid_calls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CostResult:
    """One line of the answer. Token counts sum what was reported; nothing reported sums to 0."""

    bucket: int
    """Index of the bucket in the query's edges; 0 where there is one bucket."""
    group: tuple[str, ...]
    """A value for each dimension of `group_by`, in its order; '' where a call has none."""
    amount: Decimal | None
    """Sum over the calls that have an amount; `None` when none has: unknown is not zero."""
    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    quality: Quality
    first_seen: datetime | None = None
    """When the first of the calls started, in UTC; `None` where there are no calls."""
    last_seen: datetime | None = None
    """When the last of them did."""


@dataclass(frozen=True, slots=True)
class CostTable:
    """The answer to a `CostQuery`, buckets rising, ordered as asked within each bucket."""

    results: tuple[CostResult, ...]
    truncated: bool
    """There are more results after `limit`."""


def check_dimension(name: str) -> None:
    """Raise `InvalidQuery` unless `name` is a dimension of calls."""
    if name in DIMENSIONS or (name.startswith("tag:") and len(name) > len("tag:")):
        return
    msg = f"unknown dimension {name!r}: use {', '.join(DIMENSIONS)} or tag:<name>"
    raise InvalidQuery(msg)
