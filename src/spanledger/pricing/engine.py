"""From a call and a price book to its cost: one pure function."""

from decimal import Decimal
from functools import partial
from typing import Final

from spanledger.call import Call
from spanledger.pricing.book import PriceBook
from spanledger.pricing.cost import CURRENCY, Cost, CostStatus, Unpriced
from spanledger.pricing.rates import Rates

__all__ = ["price"]

_ESTIMATED_IN_PART: Final = "the tokens were counted by an estimate, and not all of them were seen"
_ENDED_EARLY: Final = "the stream ended early: the usage may not be final"


def price(call: Call, book: PriceBook) -> Cost | Unpriced:
    """Say what `call` cost: what the provider stated, else by the rates of the time it started."""
    usage = call.usage
    # Nearly every call is like this: everything was stated, and has a price.
    if usage.plain and not (call.replay or call.usage_partial or call.usage_source == "estimated"):
        rates = book.rates_of(call)
        if rates is not None and call.reported_amount is None and not rates.missing:
            amount = rates.quick(usage)
            if amount is not None:
                return Cost("priced", amount, partial(rates.lines, usage), book.version)
    return _price_carefully(call, book)


def _price_carefully(call: Call, book: PriceBook) -> Cost | Unpriced:
    if call.usage_problem:
        return Unpriced(call.usage_problem, "invalid")
    if call.replay or _is_refused(call):
        # A result from the application's cache, or a request that the provider did not serve.
        return Cost("priced", Decimal(0), (), book.version)
    own = _own_figure(call, book)
    if call.reported_amount is None or call.reported_currency not in {"", CURRENCY}:
        return own
    computed, lines = (own.amount, own.lines) if isinstance(own, Cost) else (None, ())
    return Cost("reported", call.reported_amount, lines, book.version, computed, own.reason)


def _is_refused(call: Call) -> bool:
    return call.error_type.isdecimal() and not call.usage.reported()


def _own_figure(call: Call, book: PriceBook) -> Cost | Unpriced:
    if not call.usage.reported():
        return Unpriced("no usage was reported")
    rates = book.rates_of(call)
    if rates is None:
        who = f"{call.provider} " if call.provider else ""
        return Unpriced(f"no price is known for {who}model {call.model!r}")
    remaining = rates.remaining(call.usage)
    if overlapping := [unit for unit, quantity in remaining.items() if quantity < 0]:
        return Unpriced(f"parts of {overlapping[0]} overlap by an amount that was not reported")
    unrated = rates.unrated(call.usage)
    lines = rates.lines(call.usage)
    if not lines and unrated:
        return Unpriced(f"{rates.source} has no rate for {', '.join(unrated)}")
    status, reason = _status(call, rates, unrated)
    amount = sum((line.amount for line in lines), Decimal(0))
    return Cost(status, amount, lines, book.version, None, reason)


def _status(call: Call, rates: Rates, unrated: list[str]) -> tuple[CostStatus, str]:
    if rates.lacks_input(call.usage):
        return "partial", "the provider did not state the input, which is never nothing"
    if unrated:
        return "partial", f"{rates.source} has no rate of its own for {', '.join(unrated)}"
    if rates.missing:
        return "partial", f"{rates.source} has no rates for {rates.missing}: list price used"
    if call.usage_partial:
        by_estimate = call.usage_source == "estimated"
        return "partial", _ESTIMATED_IN_PART if by_estimate else _ENDED_EARLY
    if call.usage_source == "estimated":
        return "estimated", "the tokens were counted by an estimate"
    return "priced", ""
