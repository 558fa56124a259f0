"""What a call cost, or why nobody can say: the two answers of pricing."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

__all__ = ["CURRENCY", "SCALE", "Cost", "CostStatus", "PriceLine", "Unpriced"]

CURRENCY: Final = "usd"
"""All list prices are US dollars."""

SCALE: Final = Decimal("0.000000000001")
"""The store keeps 12 decimal places (`Decimal(38, 12)`); each line is rounded to it, half even."""

CostStatus = Literal["reported", "priced", "partial", "estimated"]


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One unit of a cost: `quantity` / `per` x `rate` = `amount`, rounded to `SCALE`."""

    unit: str
    """Name of the unit in `Usage`; the quantity is what remains after its dearer parts."""
    quantity: Decimal
    rate: Decimal
    """Price of `per` units, in `CURRENCY`."""
    per: int
    amount: Decimal
    source: str
    """Where the rate comes from, for instance `list:genai-prices/0.2.3/openai/gpt-4o`."""
    effective_date: date | None
    """Since when the rate holds, where the source says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The amount of a call. The sum of the lines is the amount, exactly."""

    status: CostStatus
    amount: Decimal
    lines: tuple[PriceLine, ...]
    book_version: str
    """The price book that was used; with the raw usage it is enough to compute the amount again."""
    reason: str = ""
    """What keeps a `partial` or `estimated` cost from being `priced`."""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """No amount: unknown is not zero."""

    reason: str
    status: Literal["unpriced", "invalid"] = "unpriced"
