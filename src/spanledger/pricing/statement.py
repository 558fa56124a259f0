"""What a price source states: these prices, or this multiplier, in these times."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final

__all__ = ["Period", "Price", "Statement"]


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one unit; `tiers` are (threshold, price), the lowest threshold first.

    Beyond a threshold of input tokens all of the call costs the tier's price.
    """

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def at(self, input_tokens: int) -> Decimal:
        """The price for a call with that much input."""
        if not self.tiers:
            return self.base
        passed = bisect_right(self.tiers, input_tokens - 1, key=lambda tier: tier[0])
        return self.tiers[passed - 1][1] if passed else self.base

    def times(self, factor: Decimal) -> "Price":
        """The same, dearer or cheaper throughout."""
        tiers = tuple((start, price * factor) for start, price in self.tiers)
        return Price(self.base * factor, tiers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """When a statement holds, in UTC. What is not said is not limited."""

    start: datetime | None = None
    """Inclusive."""
    end: datetime | None = None
    """Exclusive."""
    weekdays: frozenset[int] = frozenset()
    """Monday is 0; empty: every day. A window past midnight belongs to the day it began on."""
    hours: tuple[time, time] | None = None
    """From, inclusive, to, exclusive; past midnight where the second is earlier."""

    def __contains__(self, instant: datetime) -> bool:
        """Whether the statement holds at `instant`, an aware time."""
        if self.start is not None and instant < self.start:
            return False
        if self.end is not None and instant >= self.end:
            return False
        return not self.recurs or self._in_window(instant.astimezone(UTC))

    @property
    def recurs(self) -> bool:
        """It holds at some hours or on some weekdays only."""
        return bool(self.weekdays) or self.hours is not None

    def _in_window(self, instant: datetime) -> bool:
        day, clock = instant.weekday(), instant.time()
        if self.hours is not None:
            start, end = self.hours
            past_midnight = end < start
            if past_midnight and clock < end:
                day = (day - 1) % 7
            elif not (start <= clock and (past_midnight or clock < end)):
                return False
        return not self.weekdays or day in self.weekdays

    @property
    def since(self) -> date | None:
        """The date from which it holds, where one is said."""
        return None if self.start is None else self.start.date()


_ALWAYS: Final = Period()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Prices for those who ask about a model, or a multiplier for the prices that others state."""

    source: str
    """Where it is stated, as price lines show it."""
    period: Period = _ALWAYS
    prices: Mapping[str, Price | None] = field(default_factory=dict[str, Price | None])
    """Unit -> its price; `None` takes back one that another source has wrongly."""
    multiplier: Decimal | None = None
    conditions: Mapping[str, str] = field(default_factory=dict[str, str])
    """What of the call it was chosen for: service tier, batch, region and so on."""
