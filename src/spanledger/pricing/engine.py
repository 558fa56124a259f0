"""From a call and a price book to its cost: one pure function."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from spanledger.call import Call
from spanledger.pricing.book import PER_TOKENS, PriceBook, Rates
from spanledger.pricing.cost import SCALE, Cost, CostStatus, PriceLine, Unpriced
from spanledger.usage import PART_OF, UNITS, Usage

__all__ = ["price"]

NEEDS_OWN_RATE: Final = frozenset(
    {
        "cache_read_tokens",
        "cache_read_audio_tokens",
        "cache_write_tokens",
        "cache_write_1h_tokens",
        "input_audio_tokens",
        "output_audio_tokens",
        "output_image_tokens",
    }
)
"""Units that providers price apart. Others (reasoning, image input, five-minute writes) cost what
the unit that contains them costs unless the book has a rate for them."""


def price(call: Call, book: PriceBook) -> Cost | Unpriced:
    """Say what `call` cost by the rates in force when it started."""
    if call.usage_problem:
        return Unpriced(call.usage_problem, "invalid")
    if _nothing_consumed(call):
        return Cost(status="priced", amount=Decimal(0), lines=(), book_version=book.version)
    if not call.usage.reported():
        return Unpriced("no usage was reported")
    rates = _find_rates(call, book)
    if rates is None:
        return Unpriced(f"no price is known for {call.provider} model {call.model!r}")
    return _cost(call, rates, book.version)


def _nothing_consumed(call: Call) -> bool:
    """A result from the application's cache, or a request that the provider refused to serve."""
    refused = call.error_type.isdecimal() and not call.usage.reported()
    return call.replay or refused


def _find_rates(call: Call, book: PriceBook) -> Rates | None:
    """By the model that answered; where the book does not know it, by the one that was asked."""
    for model in dict.fromkeys((call.response_model, call.request_model)):
        rates = book.rates(
            call.provider, model, call.start_time, tier=call.service_tier, batch=call.batch
        )
        if model and rates is not None:
            return rates
    return None


def _cost(call: Call, rates: Rates, book_version: str) -> Cost | Unpriced:
    remaining = _remaining(call.usage, rates)
    if overlapping := [unit for unit, quantity in remaining.items() if quantity < 0]:
        return Unpriced(f"parts of {overlapping[0]} overlap by an amount that was not reported")
    unrated = [unit for unit in call.usage.reported() if _unrated(unit, call.usage, remaining)]
    lines = _lines(call.usage, rates, remaining)
    if not lines and unrated:
        return Unpriced(f"{rates.source} has no rate for {', '.join(unrated)}")
    status, reason = _status(call, rates, unrated)
    return Cost(
        status=status,
        amount=sum((line.amount for line in lines), Decimal(0)),
        lines=lines,
        book_version=book_version,
        reason=reason,
    )


def _remaining(usage: Usage, rates: Rates) -> dict[str, int]:
    """What remains of each unit after its parts that have a rate of their own, innermost first.

    The method of genai-prices' `decompose`: summed over all units, nothing counts twice.
    """
    remaining: dict[str, int] = {}
    for rate in rates.rates:
        parts = sum(remaining[part] for part in rate.contains)
        remaining[rate.unit] = (getattr(usage, rate.unit) or 0) - parts
    return remaining


def _lines(usage: Usage, rates: Rates, remaining: dict[str, int]) -> tuple[PriceLine, ...]:
    return tuple(
        _line(rates, rate.unit, quantity, rate.at(usage.input_tokens or 0))
        for rate in sorted(rates.rates, key=lambda rate: UNITS.index(rate.unit))
        if (quantity := remaining[rate.unit])
    )


def _unrated(unit: str, usage: Usage, priced: dict[str, int]) -> bool:
    """A quantity that nothing in the book prices as what it is."""
    needs_rate = unit in NEEDS_OWN_RATE or unit not in PART_OF
    return needs_rate and unit not in priced and bool(getattr(usage, unit))


def _line(rates: Rates, unit: str, quantity: int, rate: Decimal) -> PriceLine:
    exact = Decimal(quantity) * rate / PER_TOKENS
    return PriceLine(
        unit=unit,
        quantity=Decimal(quantity),
        rate=rate,
        per=PER_TOKENS,
        amount=exact.quantize(SCALE, ROUND_HALF_EVEN),
        source=rates.source,
        effective_date=rates.effective_date,
    )


def _status(call: Call, rates: Rates, unrated: list[str]) -> tuple[CostStatus, str]:
    if unrated:
        return "partial", f"{rates.source} has no rate of its own for {', '.join(unrated)}"
    if not rates.tier_known:
        tier = "batch" if call.batch else call.service_tier
        return "partial", f"{rates.source} has no rates for the {tier} tier: list price used"
    if call.usage_partial and call.usage_source == "estimated":
        return "partial", "the tokens were counted by an estimate, and not all of them were seen"
    if call.usage_partial:
        return "partial", "the stream ended early: the usage may not be final"
    if call.usage_source == "estimated":
        return "estimated", "the tokens were counted by an estimate"
    return "priced", ""
