"""Questions as ClickHouse SQL.

What a caller wrote travels as a bound parameter, `{name:Type}`, and never becomes part of the text;
identifiers come from tables in the code alone. Every read says FINAL, so that a call which arrived
several times counts once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from spanledger.call import Call
from spanledger.storage.columns import COLUMNS
from spanledger.storage.protocol import CallPosition
from spanledger.storage.query import DIMENSIONS, CostQuery, Selection

__all__ = [
    "CALLS",
    "REPLACED",
    "Statement",
    "calls_statement",
    "costs_statement",
    "lookup_statement",
    "micros",
]

CALLS: Final = "spanledger.calls"

REPLACED: Final = "spanledger.replaced_calls"
"""Rows as they were before a repricing."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_SETTINGS: Final = "SETTINGS do_not_merge_across_partitions_select_final = 1"
"""Twins of a row share its start and so its partition: FINAL need not look across them."""

_MEASURES: Final = (
    # 76 digits: a sum of 38-digit decimals would wrap silently.
    "sum(toDecimal256(amount, 12)) AS sum_amount",
    "count() AS sum_calls",
    "countIf(error_type != '')",
    "sum(ifNull(input_tokens, 0)) AS sum_input",
    "sum(ifNull(output_tokens, 0)) AS sum_output",
    "sum(ifNull(cache_read_tokens, 0))",
    "sum(ifNull(cache_write_tokens, 0))",
    "sum(ifNull(reasoning_tokens, 0))",
    "countIf(status = 'priced')",
    "countIf(status = 'reported')",
    "countIf(status = 'estimated')",
    "countIf(status = 'partial')",
    "countIf(status = 'unpriced')",
    "countIf(status = 'invalid')",
    "min(start_time)",
    "max(start_time)",
)
"""The fields of `CostResult` from `amount` on, with those of `Quality` before its times."""

_ORDERS: Final = {"amount": "sum_amount", "calls": "sum_calls", "tokens": "sum_input + sum_output"}


@dataclass(slots=True)
class Statement:
    """A text and the values of its parameters, as it is put together."""

    text: str = ""
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])

    def bind(self, value: object, type_: str) -> str:
        """Add a parameter and return what stands for it in the text."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{type_}}}"

    def instant(self, value: datetime) -> str:
        """Add a parameter for an instant, exact to the microsecond."""
        return f"fromUnixTimestamp64Micro({self.bind(micros(value), 'Int64')}, 'UTC')"


def costs_statement(query: CostQuery) -> Statement:
    """Rows of bucket edge in microseconds (0 without edges), group values and measures.

    One row more than the limit is asked for, which tells whether there are more.
    """
    statement = Statement()
    keys = [_bucket(statement, query.edges)]
    keys += [_dimension(statement, name) for name in query.group_by]
    names = [f"key{index}" for index in range(len(keys))]
    named = (f"{key} AS {name}" for key, name in zip(keys, names, strict=True))
    conditions = _conditions(statement, query.where)
    if query.edges:
        conditions += _between(statement, query.edges[0], query.edges[-1])
    statement.text = f"""
        SELECT {", ".join((*named, *_MEASURES))}
        FROM {CALLS} FINAL
        WHERE {" AND ".join(conditions)}
        GROUP BY {", ".join(names)}
        ORDER BY key0, {_order(query)}, {", ".join(names)}
        LIMIT {statement.bind(query.limit + 1, "UInt64")}
        OFFSET {statement.bind(query.offset, "UInt64")}
        {_SETTINGS}
        """  # noqa: S608 - identifiers from the code, values bound
    return statement


def calls_statement(where: Selection, *, limit: int, after: CallPosition | None) -> Statement:
    """Rows of the values of `COLUMNS`, latest first."""
    statement = Statement()
    conditions = _conditions(statement, where)
    if after is not None:
        start_time, trace_id, span_id = after
        instant = statement.instant(start_time)
        ids = f"{statement.bind(trace_id, 'String')}, {statement.bind(span_id, 'String')}"
        # The first condition follows from the second; it is there for the index.
        conditions.append(f"start_time <= {instant}")
        conditions.append(f"(start_time, trace_id, span_id) < ({instant}, {ids})")
    statement.text = f"""
        SELECT {", ".join(f"`{column.name}`" for column in COLUMNS)}
        FROM {CALLS} FINAL
        WHERE {" AND ".join(conditions)}
        ORDER BY start_time DESC, trace_id DESC, span_id DESC
        LIMIT {statement.bind(limit, "UInt64")}
        {_SETTINGS}
        """  # noqa: S608 - identifiers from the code, values bound
    return statement


def lookup_statement(calls: Sequence[Call], repricing_id: str) -> Statement:
    """Rows of the values of `COLUMNS` of `calls`, which are of one project.

    Args:
        calls: Which rows are meant; one at least.
        repricing_id: The rows as they were before this repricing; empty: as they are.
    """
    statement = Statement()
    starts = [call.start_time for call in calls]
    hour = timedelta(hours=1)
    conditions = [f"project = {statement.bind(calls[0].project, 'String')}"]
    if repricing_id:
        conditions.append(f"repricing = {statement.bind(repricing_id, 'String')}")
    # An hour around: what the index knows is the hour alone.
    conditions += _between(statement, min(starts) - hour, max(starts) + hour)
    traces = statement.bind(sorted({call.trace_id for call in calls}), "Array(String)")
    spans = statement.bind([f"{call.trace_id}-{call.span_id}" for call in calls], "Array(String)")
    conditions += [f"trace_id IN {traces}", f"concat(trace_id, '-', span_id) IN {spans}"]
    statement.text = f"""
        SELECT {", ".join(f"`{column.name}`" for column in COLUMNS)}
        FROM {REPLACED if repricing_id else CALLS} FINAL
        WHERE {" AND ".join(conditions)}
        {_SETTINGS}
        """  # noqa: S608 - identifiers from the code, values bound
    return statement


def _conditions(statement: Statement, where: Selection) -> list[str]:
    conditions = [f"project = {statement.bind(where.project, 'String')}"]
    conditions += _between(statement, where.start, where.end)
    for name, value in (("trace_id", where.trace_id), ("span_id", where.span_id)):
        if value:
            conditions.append(f"{name} = {statement.bind(value, 'String')}")
    for name, accepted in where.filters.items():
        values = statement.bind(list(accepted), "Array(String)")
        conditions.append(f"{_dimension(statement, name)} IN {values}")
    return conditions


def _between(statement: Statement, start: datetime | None, end: datetime | None) -> list[str]:
    conditions: list[str] = []
    if start is not None:
        conditions.append(f"start_time >= {statement.instant(start)}")
    if end is not None:
        conditions.append(f"start_time < {statement.instant(end)}")
    return conditions


def _dimension(statement: Statement, name: str) -> str:
    """The expression of a dimension that `check_dimension` has let pass."""
    if name in DIMENSIONS:
        return DIMENSIONS[name]
    return f"tags[{statement.bind(name.removeprefix('tag:'), 'String')}]"


def _bucket(statement: Statement, edges: tuple[datetime, ...]) -> str:
    if not edges:
        return "0"
    borders = statement.bind([micros(edge) for edge in edges], "Array(Int64)")
    return f"roundDown(toUnixTimestamp64Micro(start_time), {borders})"


def _order(query: CostQuery) -> str:
    key = query.order_by.removeprefix("-")
    measure = _ORDERS.get(key) or f"key{1 + query.group_by.index(key)}"
    direction = "DESC" if query.order_by.startswith("-") else "ASC"
    return f"{measure} {direction} NULLS LAST"


def micros(instant: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (instant - _EPOCH) // timedelta(microseconds=1)
