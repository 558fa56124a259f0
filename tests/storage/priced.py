"""Calls that the price book prices, and rows of them as another book left them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from spanledger.call import Call
from spanledger.pricing.book import PriceBook
from spanledger.pricing.cost import Cost, Unpriced
from spanledger.pricing.engine import price
from spanledger.storage.protocol import Store
from spanledger.storage.query import Selection
from spanledger.storage.repricing import RepricingOrder
from spanledger.storage.row import CostRow
from spanledger.usage import Usage

BOOK = PriceBook()
NOON = datetime(2026, 10, 10, 12, tzinfo=UTC)
OCTOBER = (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
TOMORROW = NOON + timedelta(days=1)

_numbers = count(1)


def a_call(project: str, **said: Any) -> Call:
    """A call of $2.50 by the book."""
    number = next(_numbers)
    facts: dict[str, Any] = {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "start_time": NOON,
        "duration_us": 1,
        "provider": "openai",
        "operation": "chat",
        "request_model": "gpt-4o",
        "usage": Usage(input_tokens=1_000_000),
        "usage_source": "provider",
    }
    return Call(project=project, **facts | said)


def fresh(call: Call) -> CostRow:
    """The row of `call` as the book prices it."""
    return CostRow(call, price(call, BOOK), NOON)


def stale(call: Call) -> CostRow:
    """The row of `call` as a book with other prices left it."""
    cost = Cost(status="priced", amount=Decimal(7), lines=(), book_version="old/1")
    return CostRow(call, cost, NOON)


def unknown(call: Call) -> CostRow:
    """The row of `call` as a book left it that did not know the model."""
    return CostRow(call, Unpriced("no price was known"), NOON)


def october(project: str, **said: Any) -> RepricingOrder:
    """An order to price all of October anew."""
    return RepricingOrder(project=project, start=OCTOBER[0], end=OCTOBER[1], by="ann", **said)


def rows_of(store: Store, project: str) -> list[CostRow]:
    """All rows of a project, latest first."""
    return list(store.calls(Selection(project=project), limit=100_000))


def same_but_time(rows: list[CostRow], others: list[CostRow]) -> bool:
    """Whether rows are the same but for when they were recorded."""
    return [replace(row, recorded_at=NOON) for row in rows] == [
        replace(row, recorded_at=NOON) for row in others
    ]


def clock() -> datetime:
    """A clock that stands still."""
    return TOMORROW
