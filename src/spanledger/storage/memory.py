"""A store that forgets when the program ends: for tests, and for those who embed us."""

import threading
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from functools import reduce
from typing import Final

from spanledger.call import Call, CallId
from spanledger.pricing.cost import Cost
from spanledger.storage.memory_history import MemoryHistory
from spanledger.storage.protocol import CallPosition
from spanledger.storage.query import (
    DIMENSIONS,
    CostQuery,
    CostResult,
    CostTable,
    Quality,
    Selection,
)
from spanledger.storage.row import CostRow

__all__ = ["MemoryStore"]

_EXACT: Final = 76
"""Digits of a sum, twice those of `Decimal(38, 12)`; a sum that needed more would raise."""


class MemoryStore(MemoryHistory):
    """Keeps rows in a dictionary and answers as the `Store` protocol says."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._rows: dict[CallId, CostRow] = {}

    def write(self, rows: Sequence[CostRow]) -> None:
        """Keep `rows`, all at once for every reader; the row recorded later stands."""
        with self._lock:
            for row in rows:
                kept = self._rows.get(row.call.identity)
                if kept is None or kept.recorded_at <= row.recorded_at:
                    self._rows[row.call.identity] = row

    def costs(self, query: CostQuery) -> CostTable:
        """Sum calls as `query` asks."""
        groups: dict[tuple[int, tuple[str, ...]], list[CostRow]] = defaultdict(list)
        for row in self._selected(query.where):
            bucket = _bucket(row.call.start_time, query.edges)
            if bucket is not None:
                group = tuple(_dimension(row, name) for name in query.group_by)
                groups[bucket, group].append(row)
        results = _ordered([_result(*key, rows) for key, rows in groups.items()], query)
        end = query.offset + query.limit
        return CostTable(tuple(results[query.offset : end]), truncated=len(results) > end)

    def calls(
        self, where: Selection, *, limit: int, after: CallPosition | None = None
    ) -> Sequence[CostRow]:
        """The selected calls, latest first; with `after`, those beyond that position."""
        rows = [row for row in self._selected(where) if after is None or _position(row) < after]
        return sorted(rows, key=_position, reverse=True)[:limit]

    def stored(self, calls: Sequence[Call]) -> Mapping[CallId, CostRow]:
        """Those rows of `calls` that are there, by the identity of the call."""
        with self._lock:
            found = ((call.identity, self._rows.get(call.identity)) for call in calls)
            return {identity: row for identity, row in found if row is not None}

    def _selected(self, where: Selection) -> Iterator[CostRow]:
        with self._lock:
            rows = tuple(self._rows.values())
        return (row for row in rows if _matches(row, where))


def _position(row: CostRow) -> CallPosition:
    return (row.call.start_time, row.call.trace_id, row.call.span_id)


def _dimension(row: CostRow, name: str) -> str:
    """The value that `row` has for a dimension; '' where it has none."""
    if name in {"status", "reason"}:
        return str(getattr(row.cost, name))
    if name in DIMENSIONS:
        return str(getattr(row.call, DIMENSIONS[name]))
    return row.call.tags.get(name.removeprefix("tag:"), "")


def _matches(row: CostRow, where: Selection) -> bool:
    call = row.call
    return (
        call.project == where.project
        and (where.start is None or call.start_time >= where.start)
        and (where.end is None or call.start_time < where.end)
        and where.trace_id in {"", call.trace_id}
        and where.span_id in {"", call.span_id}
        and _passes(row, where.filters)
    )


def _passes(row: CostRow, filters: Mapping[str, tuple[str, ...]]) -> bool:
    return all(_dimension(row, name) in accepted for name, accepted in filters.items())


def _bucket(instant: datetime, edges: tuple[datetime, ...]) -> int | None:
    """Index of the bucket of `instant`; `None` where it lies outside of all of them."""
    if not edges:
        return 0
    index = bisect_right(edges, instant) - 1
    return index if 0 <= index < len(edges) - 1 else None


def _result(bucket: int, group: tuple[str, ...], rows: Sequence[CostRow]) -> CostResult:
    amounts = [row.cost.amount for row in rows if isinstance(row.cost, Cost)]
    statuses = Counter(row.cost.status for row in rows)
    return CostResult(
        bucket=bucket,
        group=group,
        amount=_sum(amounts) if amounts else None,
        calls=len(rows),
        errors=sum(row.call.error_type != "" for row in rows),
        input_tokens=sum(row.call.usage.input_tokens or 0 for row in rows),
        output_tokens=sum(row.call.usage.output_tokens or 0 for row in rows),
        cache_read_tokens=sum(row.call.usage.cache_read_tokens or 0 for row in rows),
        cache_write_tokens=sum(row.call.usage.cache_write_tokens or 0 for row in rows),
        reasoning_tokens=sum(row.call.usage.reasoning_tokens or 0 for row in rows),
        quality=Quality(
            priced_calls=statuses["priced"],
            reported_calls=statuses["reported"],
            estimated_calls=statuses["estimated"],
            partial_calls=statuses["partial"],
            unpriced_calls=statuses["unpriced"],
            invalid_calls=statuses["invalid"],
        ),
        first_seen=min(row.call.start_time for row in rows).astimezone(UTC),
        last_seen=max(row.call.start_time for row in rows).astimezone(UTC),
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    """Add without rounding; the default context would round beyond 28 digits."""
    return reduce(Context(prec=_EXACT, traps=[Inexact]).add, amounts)


def _ordered(results: Iterable[CostResult], query: CostQuery) -> list[CostResult]:
    """Sort by bucket, then as `query` asks, then by group."""
    key = query.order_by.removeprefix("-")
    falling = query.order_by.startswith("-")

    def unknown(result: CostResult) -> bool:
        return key == "amount" and result.amount is None

    def measure(result: CostResult) -> Decimal | int | str:
        match key:
            case "amount":
                return result.amount or Decimal(0)
            case "calls":
                return result.calls
            case "tokens":
                return result.input_tokens + result.output_tokens
            case _:
                return result.group[query.group_by.index(key)]

    # Python's sort is stable, so what matters least is sorted by first.
    by_group = sorted(results, key=lambda result: result.group)
    by_measure = sorted(by_group, key=measure, reverse=falling)
    return sorted(by_measure, key=lambda result: (result.bucket, unknown(result)))
