"""What a model costs through time: all that is stated of it, and the rates that follow."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from spanledger.pricing.rates import Rates, make_rate
from spanledger.pricing.statement import Price, Statement
from spanledger.pricing.units import TOOL_FEES, wholes

__all__ = ["Schedule"]

DEMANDING: Final = ("batch", "service_tier", "speed")
"""What a call can ask for that never costs the list price: rates of its own must be known."""

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Schedule:
    """All that is stated about one model in one context, and the rates that follow at a time."""

    def __init__(
        self, source: str, words: Mapping[str, str], layers: tuple[Sequence[Statement], ...]
    ) -> None:
        """Put together what is stated.

        Args:
            source: what is said of all the rates together.
            words: what the call asks for besides the model, by name.
            layers: the list's prices, our prices, our fees, the list's variants, our tiers, our
                uplifts, the user's own.
        """
        self._source = source
        self._demands = tuple(word for word in DEMANDING if word in words)
        self._words = words
        self._layers = layers
        stated = tuple(chain.from_iterable(self._layers))
        periods = [one.period for one in stated]
        edges = {edge for period in periods for edge in (period.start, period.end)}
        self._edges = sorted(edge for edge in edges if edge is not None)
        self._recurs = any(period.recurs for period in periods)
        self._of_epoch: dict[int, Rates] = {}
        self._compiled: dict[tuple[tuple[int, ...], ...], Rates | None] = {}

    def at(self, instant: datetime) -> Rates | None:
        """The rates at `instant`: within an epoch always the same, unless hours or days matter."""
        epoch = bisect_right(self._edges, instant)
        known = self._of_epoch.get(epoch)
        if known is not None:
            return known
        holding = self._holding(instant)
        # The statements live as long as this does, so their ids tell them apart.
        key = tuple(tuple(map(id, statements)) for statements in holding)
        if key not in self._compiled:
            self._compiled[key] = self._compile(holding)
        rates = self._compiled[key]
        if not self._recurs and rates is not None:
            self._of_epoch[epoch] = rates
        return rates

    def epochs(self) -> list[tuple[datetime | None, Rates | None]]:
        """Every epoch with its rates; neighbours that are the same are one."""
        found: list[tuple[datetime | None, Rates | None]] = [(None, self.at(_EVER))]
        for edge in self._edges:
            rates = self.at(edge)
            if rates is not found[-1][1]:
                found.append((edge, rates))
        return found

    def _holding(self, instant: datetime) -> tuple[tuple[Statement, ...], ...]:
        """Of each layer, what holds and counts: of the variants all, the first the most."""
        base, prices, fees, variants, tiers, uplifts, own = self._layers
        tier = _last(tiers, instant)
        return (
            _last(base, instant) or tuple(base[:1]),
            _last(prices, instant),
            tuple(one for one in fees if instant in one.period),
            # A multiplier of ours is for the plain price; a price is merged over the list's.
            () if tier and tier[0].multiplier is not None else _holding_now(variants, instant),
            tier,
            _last(uplifts, instant),
            _last(own, instant),
        )

    def _compile(self, holding: tuple[tuple[Statement, ...], ...]) -> Rates | None:
        prices: dict[str, tuple[Price, Statement]] = {}
        satisfied: set[str] = set()
        for place, statements in enumerate(holding):
            for one in statements:
                satisfied.update(one.conditions)
                _apply(prices, one, fees=place == len(holding) - 1)
        if not prices:
            return None
        missing = [word for word in self._demands if word not in satisfied]
        units = frozenset(prices)
        rates = tuple(
            make_rate(unit, price, units, one.source, one.period.since)
            for unit, (price, one) in sorted(prices.items(), key=lambda item: -len(wholes(item[0])))
        )
        return Rates(
            rates,
            source=self._source,
            missing=", ".join(_asked(word, self._words[word]) for word in missing),
        )


def _holding_now(variants: Sequence[Statement], instant: datetime) -> tuple[Statement, ...]:
    """All that hold; the first counts most, so it is applied last."""
    return tuple(one for one in reversed(variants) if instant in one.period)


def _last(statements: Sequence[Statement], instant: datetime) -> tuple[Statement, ...]:
    """The last that holds."""
    return next(((one,) for one in reversed(statements) if instant in one.period), ())


def _apply(prices: dict[str, tuple[Price, Statement]], one: Statement, *, fees: bool) -> None:
    """Let a statement change what others have stated; `fees`: a multiplier is for tools as well."""
    for unit, price in one.prices.items():
        if price is None:
            prices.pop(unit, None)
        else:
            prices[unit] = (price, one)
    if one.multiplier is not None:
        for unit, (price, _) in prices.items():
            if fees or unit not in TOOL_FEES:
                prices[unit] = (price.times(one.multiplier), one)


def _asked(word: str, value: str) -> str:
    return word if value == "true" else f"{word} {value}"
