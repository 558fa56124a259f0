"""What a model costs in one epoch, compiled so that a call is priced in a few additions.

A cost is linear in the quantities: of a unit that contains others, what remains after them costs
its own rate, so `input x rate + part x (rate of the part - rate)` and so on. Rates are kept as
whole numbers of the store's smallest amount (10^-12 of a dollar) for one unit. Where a rate is
none, or a call has units that hardly any has, the lines are made and added up instead.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from spanledger.pricing.cost import SCALE, PriceLine
from spanledger.pricing.statement import Price
from spanledger.pricing.units import NEEDS_OWN_RATE, PAID_INSTEAD, PER, REQUESTS, wholes
from spanledger.usage import COMMON, PART_OF, UNITS, Usage

__all__ = ["Rate", "Rates"]

_ORDER: Final = {unit: place for place, unit in enumerate((*UNITS, REQUESTS))}

Coefficients = tuple[int, int, int, int, int, int, int, int]
"""Of the common units, in 10^-12 dollars each, and the fee for the call."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of one unit."""

    unit: str
    price: Price
    contains: tuple[str, ...]
    """Units with a rate of their own that this one contains."""
    source: str
    effective_date: date | None


class Rates:
    """The rates of a model in one epoch. Immutable."""

    def __init__(self, rates: tuple[Rate, ...], *, source: str, missing: str) -> None:
        """Compile rates.

        Args:
            rates: innermost units first.
            source: of most of them, for what is said of them all.
            missing: what the call asks for and no rates are known for, such as a tier; else empty.
        """
        self.rates: Final = rates
        self.shown: Final = tuple(sorted(rates, key=lambda rate: _ORDER[rate.unit]))
        """The same in the order of `Usage`."""
        self.source: Final = source
        self.missing: Final = missing
        self._units: Final = {rate.unit for rate in rates}
        self._lacks_read: Final = "cache_read_tokens" not in self._units
        self._lacks_write: Final = "cache_write_tokens" not in self._units
        self._lacks_1h: Final = "cache_write_1h_tokens" not in self._units
        self._starts: Final = sorted({start for rate in rates for start, _ in rate.price.tiers})
        self._by_bracket: dict[int, Coefficients | None] = {}
        self._flat: Final = None if self._starts else self._coefficients(0)

    def quick(self, usage: Usage) -> Decimal | None:
        """The amount of a plain usage, exactly what its lines add up to; `None`: make the lines."""
        flat = self._flat or self._coefficients_at(usage.input_tokens or 0)
        if flat is None:
            return None
        a, b, c, d, e, f, g, fee = flat
        total = (usage.input_tokens or 0) * a + (usage.output_tokens or 0) * f + fee
        # Most calls have none of these, or 0 of them.
        if read := usage.cache_read_tokens:
            if self._lacks_read:
                return None
            total += read * b
        if write := usage.cache_write_tokens:
            write_1h = usage.cache_write_1h_tokens or 0
            if self._lacks_write or (write_1h and self._lacks_1h):
                return None
            total += write * c + (usage.cache_write_5m_tokens or 0) * d + write_1h * e
        if g and usage.reasoning_tokens:
            total += usage.reasoning_tokens * g
        return Decimal(total) * SCALE

    def _coefficients_at(self, input_tokens: int) -> Coefficients | None:
        bracket = bisect_left(self._starts, input_tokens)
        if bracket not in self._by_bracket:
            self._by_bracket[bracket] = self._coefficients(input_tokens)
        return self._by_bracket[bracket]

    def _coefficients(self, input_tokens: int) -> Coefficients | None:
        """`None` where a rate has more digits than the store, or a rate is for no common unit."""
        if not {"input_tokens", "output_tokens"} <= self._units:
            return None
        found = dict.fromkeys((*COMMON, REQUESTS), 0)
        by_unit: dict[str, dict[str, int]] = {}
        for rate in self.rates:
            # What remains of a unit, as a sum of quantities: itself, less what its parts take.
            remains = {rate.unit: 1}
            for part in rate.contains:
                for unit, times in by_unit[part].items():
                    remains[unit] = remains.get(unit, 0) - times
            by_unit[rate.unit] = remains
            exact = rate.price.at(input_tokens) / PER[rate.unit] / SCALE
            whole = int(exact)
            if whole != exact:
                return None
            for unit, times in remains.items():
                if unit in found:
                    found[unit] += times * whole
        return tuple(found.values())  # pyright: ignore[reportReturnType] - as many as there are names

    def remaining(self, usage: Usage) -> dict[str, int]:
        """What remains of each unit after its parts that have a rate of their own.

        The method of genai-prices' `decompose`: summed over all units, nothing counts twice.
        """
        remaining: dict[str, int] = {}
        for rate in self.rates:
            whole = 1 if rate.unit == REQUESTS else getattr(usage, rate.unit) or 0
            remaining[rate.unit] = whole - sum(remaining[part] for part in rate.contains)
        return remaining

    def unrated(self, usage: Usage) -> list[str]:
        """The units of a usage that nothing prices as what they are."""
        consumed = {unit for unit, quantity in usage.reported().items() if quantity}
        paid, remaining = consumed & self._units, self.remaining(usage)
        return [
            unit
            for unit in UNITS
            if unit in consumed - paid
            and (unit in NEEDS_OWN_RATE or unit not in PART_OF)
            and paid.isdisjoint(PAID_INSTEAD.get(unit, ()))
            # Where its parts are all of it, nothing of it is without a rate.
            and getattr(usage, unit) > sum(remaining[p] for p in paid if unit in wholes(p))
        ]

    def lacks_input(self, usage: Usage) -> bool:
        """Whether there is an output, and input that costs something was not reported."""
        if usage.input_tokens is not None or not usage.output_tokens:
            return False
        instead = any(getattr(usage, unit) for unit in PAID_INSTEAD["input_tokens"])
        return not instead and any(
            rate.unit == "input_tokens" and rate.price.base for rate in self.rates
        )

    def lines(self, usage: Usage) -> tuple[PriceLine, ...]:
        """The lines of a usage, in the order of the units."""
        remaining, size = self.remaining(usage), usage.input_tokens or 0
        return tuple(
            _line(rate, remaining[rate.unit], rate.price.at(size))
            for rate in self.shown
            if remaining[rate.unit]
        )


def make_rate(
    unit: str, price: Price, priced: frozenset[str], source: str, effective_date: date | None
) -> Rate:
    """The rate of a unit among those that are priced as well."""
    contains = tuple(part for part in UNITS if part in priced and unit in wholes(part))
    return Rate(unit, price, contains, source, effective_date)


def _line(rate: Rate, quantity: int, price: Decimal) -> PriceLine:
    exact = Decimal(quantity) * price / PER[rate.unit]
    return PriceLine(
        unit=rate.unit,
        quantity=Decimal(quantity),
        rate=price,
        per=PER[rate.unit],
        amount=exact.quantize(SCALE, ROUND_HALF_EVEN),
        source=rate.source,
        effective_date=rate.effective_date,
    )
