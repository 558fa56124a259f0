"""Money and counts as text: exact for machines, readable for people, never through a float."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import reduce
from typing import Final

from spanledger.pricing.cost import CURRENCY
from spanledger.pricing.exchange_rates import ExchangeRate

__all__ = [
    "UNPRICED",
    "amount_json",
    "dollars",
    "exact",
    "rate_json",
    "readable",
    "share",
    "subtract",
]

UNPRICED: Final = "unpriced"
"""What a person reads where no amount is known; never 0."""

_PRECISE: Final = Context(prec=60)
_READABLE: Final = Context(prec=6, rounding=ROUND_HALF_EVEN)
_CENT: Final = Decimal("0.01")


def exact(amount: Decimal) -> str:
    """Every digit of `amount`, no exponent, no trailing zeros: `0.0065`, `12`, `0`."""
    if not amount:
        return "0"
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount_json(amount: Decimal | None, currency: str = CURRENCY) -> dict[str, str | None]:
    """The amount as our JSON has it; `None` stays unknown."""
    return {"value": None if amount is None else exact(amount), "currency": currency}


def rate_json(rate: ExchangeRate | None) -> dict[str, str] | None:
    """The rate that amounts were converted by; `None` where none was in force."""
    if rate is None:
        return None
    return {
        "per_usd": exact(rate.per_usd),
        "date": rate.valid_from.isoformat(),
        "source": rate.source,
    }


def readable(amount: Decimal | None) -> str:
    """Dollars to about six digits and two decimals at least: `$0.0065`, `$1,234.50`, `unpriced`."""
    if amount is None:
        return UNPRICED
    short = _READABLE.plus(amount) if amount.copy_abs() < 1000 else _PRECISE.quantize(amount, _CENT)
    return dollars(short)


def dollars(amount: Decimal) -> str:
    """Every digit of `amount`, and two decimals at least: `$2.50`."""
    whole, _, decimals = exact(amount.copy_abs()).partition(".")
    return f"{'-' if amount < 0 else ''}${int(whole):,}.{decimals.ljust(2, '0')}"


def subtract(amount: Decimal, parts: Iterable[Decimal]) -> Decimal:
    """`amount` without `parts`, with every digit; the default context would round beyond 28."""
    return reduce(_PRECISE.subtract, parts, amount)


def share(part: Decimal | None, whole: Decimal | None) -> Decimal:
    """`part` of `whole` in percent, to one decimal; 0 where either is unknown or nothing."""
    if not part or not whole:
        return Decimal(0)
    return (part * 100 / whole).quantize(Decimal("0.1"))
