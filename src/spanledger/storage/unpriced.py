"""The models that nobody knows a price for: what they are called, and how much they are used."""

from dataclasses import dataclass
from datetime import datetime

from spanledger.storage.protocol import Store
from spanledger.storage.query import CostQuery, Selection

__all__ = ["UnpricedModel", "unpriced_models"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpricedModel:
    """Calls of a model that have no amount, all for the same reason."""

    provider: str
    model: str
    reason: str
    calls: int
    input_tokens: int
    output_tokens: int
    first_seen: datetime
    """When the first of the calls started, in UTC."""
    last_seen: datetime


def unpriced_models(
    store: Store,
    project: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = 1_000,
) -> tuple[UnpricedModel, ...]:
    """The models whose calls have no price, those with most calls first.

    Calls whose usage cannot be true are not meant: no price would help them.
    """
    filters = {"status": ("unpriced",)}
    where = Selection(project=project, start=start, end=end, filters=filters)
    query = CostQuery(
        where=where, group_by=("provider", "model", "reason"), order_by="-calls", limit=limit
    )
    return tuple(
        UnpricedModel(
            provider=result.group[0],
            model=result.group[1],
            reason=result.group[2],
            calls=result.calls,
            input_tokens=result.input_tokens,
            output_tokens=result.output_tokens,
            first_seen=result.first_seen,
            last_seen=result.last_seen,
        )
        for result in store.costs(query).results
        if result.first_seen is not None and result.last_seen is not None  # so for any call
    )
