"""The columns of the calls table: one table of them, for writing, reading and checking.

`tests/storage/test_columns.py` compares it with the real table, and with the fields of `Call`,
`Usage` and the costs, so that no field can be forgotten.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from operator import attrgetter
from typing import Any, Final

from spanledger.call import NO_TAGS, Call
from spanledger.pricing.cost import SCALE, Cost, PriceLine, Unpriced
from spanledger.storage.row import CostRow
from spanledger.usage import UNITS, Usage

__all__ = ["COLUMNS", "DERIVED", "Column", "build_row", "round_money"]

_WIDE: Final = Context(prec=38, rounding=ROUND_HALF_EVEN)
"""As many digits as `Decimal(38, 12)` has; rounding with fewer would raise."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column with its ClickHouse type, and how its value is had from a row."""

    name: str
    type: str
    get: Callable[[CostRow], Any]


def _call(name: str, type_: str) -> Column:
    return Column(name, type_, attrgetter(f"call.{name}"))


def _lines(field: str, type_: str, get: Callable[[PriceLine], object]) -> Column:
    def values(row: CostRow) -> list[object]:
        return [get(line) for line in row.cost.lines] if isinstance(row.cost, Cost) else []

    return Column(f"lines.{field}", f"Array({type_})", values)


def round_money(amount: Decimal) -> Decimal:
    """To the scale of the store; the client would cut the rest off."""
    return amount.quantize(SCALE, context=_WIDE)


def _reported_amount(row: CostRow) -> Decimal | None:
    amount = row.call.reported_amount
    return None if amount is None else round_money(amount)


def _amount(row: CostRow) -> Decimal | None:
    return round_money(row.cost.amount) if isinstance(row.cost, Cost) else None


def _computed_amount(row: CostRow) -> Decimal | None:
    computed = row.cost.computed_amount if isinstance(row.cost, Cost) else None
    return None if computed is None else round_money(computed)


def _book_version(row: CostRow) -> str:
    return row.cost.book_version if isinstance(row.cost, Cost) else ""


_TEXT: Final = "String"
_FEW: Final = "LowCardinality(String)"
_INSTANT: Final = "DateTime64(6, 'UTC')"
_MONEY: Final = "Decimal(38, 12)"

COLUMNS: Final = (
    _call("project", _TEXT),
    _call("trace_id", _TEXT),
    _call("span_id", _TEXT),
    _call("parent_span_id", _TEXT),
    _call("start_time", _INSTANT),
    _call("duration_us", "Int64"),
    _call("time_to_first_chunk_us", "Nullable(Int64)"),
    _call("provider", _FEW),
    _call("operation", _FEW),
    _call("request_model", _FEW),
    _call("response_model", _FEW),
    _call("response_id", _TEXT),
    _call("stream", "Bool"),
    _call("error_type", _FEW),
    _call("attempt", "Nullable(Int64)"),
    _call("service", _FEW),
    _call("environment", _FEW),
    _call("user_id", _TEXT),
    _call("team", _TEXT),
    _call("department", _TEXT),
    _call("agent_id", _TEXT),
    _call("conversation_id", _TEXT),
    _call("message_id", _TEXT),
    _call("feature", _TEXT),
    _call("route", _TEXT),
    _call("api_key_id", _TEXT),
    Column("tags", "Map(String, String)", lambda row: dict(row.call.tags)),
    _call("skip_charge", "Bool"),
    _call("replay", "Bool"),
    *(Column(unit, "Nullable(UInt64)", attrgetter(f"call.usage.{unit}")) for unit in UNITS),
    _call("usage_problem", _TEXT),
    _call("usage_source", _FEW),
    _call("usage_partial", "Bool"),
    _call("usage_raw", _TEXT),
    _call("batch", "Bool"),
    _call("request_service_tier", _FEW),
    _call("response_service_tier", _FEW),
    Column("price_context", "Map(String, String)", lambda row: dict(row.call.price_context)),
    Column("reported_amount", f"Nullable({_MONEY})", _reported_amount),
    _call("reported_currency", _FEW),
    Column("status", _FEW, attrgetter("cost.status")),
    Column("reason", _TEXT, attrgetter("cost.reason")),
    Column("amount", f"Nullable({_MONEY})", _amount),
    Column("computed_amount", f"Nullable({_MONEY})", _computed_amount),
    Column("book_version", _FEW, _book_version),
    _lines("unit", _FEW, lambda line: line.unit),
    _lines("quantity", _MONEY, lambda line: round_money(line.quantity)),
    _lines("rate", _MONEY, lambda line: round_money(line.rate)),
    _lines("per", "UInt64", lambda line: line.per),
    _lines("amount", _MONEY, lambda line: round_money(line.amount)),
    _lines("source", _TEXT, lambda line: line.source),
    _lines("effective_date", "Nullable(Date32)", lambda line: line.effective_date),
    Column("recorded_at", _INSTANT, attrgetter("recorded_at")),
)
"""Every column that is written and read, in the order of the table."""

DERIVED: Final[Mapping[str, str]] = {
    "version": "UInt64",
    "model": "String",
    "service_tier": "String",
}
"""Columns that ClickHouse computes from others, with their types."""

_CALL_FIELDS: Final = tuple(
    name
    for name in Call.__dataclass_fields__
    if name not in {"usage", "start_time", "tags", "price_context"}
)
_LINE_FIELDS: Final = tuple(column.name for column in COLUMNS if column.name.startswith("lines."))


def build_row(values: Iterable[Any]) -> CostRow:
    """The row that was written, from its values in the order of `COLUMNS`."""
    stored = {column.name: value for column, value in zip(COLUMNS, values, strict=True)}
    call = Call(
        **{name: stored[name] for name in _CALL_FIELDS},
        start_time=_utc(stored["start_time"]),
        tags=stored["tags"] or NO_TAGS,
        price_context=tuple(sorted(stored["price_context"].items())),
        usage=Usage(**{unit: stored[unit] for unit in UNITS}),
    )
    return CostRow(call, _cost(stored), _utc(stored["recorded_at"]))


def _cost(stored: Mapping[str, Any]) -> Cost | Unpriced:
    if stored["amount"] is None:
        return Unpriced(stored["reason"], stored["status"])
    lines: Sequence[Sequence[Any]] = [stored[name] for name in _LINE_FIELDS]
    return Cost(
        status=stored["status"],
        amount=stored["amount"],
        computed_amount=stored["computed_amount"],
        lines=tuple(PriceLine(*fields) for fields in zip(*lines, strict=True)),
        book_version=stored["book_version"],
        reason=stored["reason"],
    )


def _utc(instant: datetime) -> datetime:
    """ClickHouse keeps UTC; its client hands it over without saying so."""
    return instant.replace(tzinfo=UTC)
