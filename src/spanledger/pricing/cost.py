"""What a call cost, or why nobody can say: the two answers of pricing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

__all__ = ["CURRENCY", "SCALE", "Cost", "CostStatus", "PriceLine", "Unpriced"]

CURRENCY: Final = "usd"
"""All prices are US dollars."""

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


class Cost:
    """The amount of a call, and how it came about. Not to be changed once it is made.

    The sum of the lines is `computed_amount`, exactly. The lines are made when
    they are first asked for: most amounts are only added up.
    """

    __slots__ = ("_lines", "amount", "book_version", "computed_amount", "reason", "status")

    status: CostStatus
    """How far to trust the amount."""
    amount: Decimal
    """In `CURRENCY`: what the provider stated, or else our own figure."""
    computed_amount: Decimal | None
    """Our own figure. It differs from the amount where that is `reported`, and is `None` where the
    provider stated a cost and nobody knows a price."""
    book_version: str
    """The price book that was used; with the raw usage it is enough to compute the amount again."""
    reason: str
    """What keeps the cost from being plainly `priced`; empty where nothing does."""

    def __init__(
        self,
        status: CostStatus,
        amount: Decimal,
        lines: tuple[PriceLine, ...] | Callable[[], tuple[PriceLine, ...]],
        book_version: str,
        computed_amount: Decimal | None = None,
        reason: str = "",
    ) -> None:
        """As the attributes say; `lines` may be a function that makes them when they are wanted."""
        self.status = status
        self.amount = amount
        self.computed_amount = (
            amount if computed_amount is None and status != "reported" else computed_amount
        )
        self.book_version = book_version
        self.reason = reason
        self._lines = lines

    @property
    def lines(self) -> tuple[PriceLine, ...]:
        """What `computed_amount` is made of, in the order of `Usage`."""
        lines = self._lines
        if callable(lines):
            self._lines = lines = lines()
        return lines

    @property
    def difference(self) -> Decimal | None:
        """What the provider stated, less our own figure; `None` where there are not both."""
        if self.status != "reported" or self.computed_amount is None:
            return None
        return self.amount - self.computed_amount

    def _facts(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in (*self.__annotations__, "lines")}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cost) and self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash(tuple(self._facts().values()))

    def __repr__(self) -> str:
        return f"Cost({', '.join(f'{name}={value!r}' for name, value in self._facts().items())})"


@dataclass(frozen=True, slots=True)
class Unpriced:
    """No amount: unknown is not zero."""

    reason: str
    status: Literal["unpriced", "invalid"] = "unpriced"
