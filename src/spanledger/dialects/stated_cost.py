"""What a provider itself says that a call cost, in exact decimals."""

from collections.abc import Callable
from decimal import Context, Decimal, InvalidOperation
from typing import Final

from spanledger.dialects.dialect import Json
from spanledger.dialects.fields import section, text

__all__ = ["AMOUNT_MAX", "exact_amount", "stated_cost"]

AMOUNT_MAX: Final = Decimal(10) ** 9
"""From here on it is no cost of a call."""

_USD: Final = "usd"
_TICK: Final = Decimal("0.0000000001")
_exact: Final = Context(prec=128)
"""No sum or product of two amounts has more digits."""

_TEXT_MAX: Final = 64
_DIGITS_MAX: Final = 38
"""What the store keeps; an amount with more digits is rubbish, or an attack on the arithmetic."""


def stated_cost(provider: str, raw: Json) -> tuple[Decimal, str] | None:
    """(amount, currency in lower case) as the usage object `raw` of `provider` states it.

    An amount that cannot be a cost counts as none; a stated 0 is one.
    """
    stated = _READERS.get(provider, _no_cost)(raw)
    if stated is None or not 0 <= stated[0] < AMOUNT_MAX:
        return None
    return stated


def exact_amount(value: object) -> Decimal | None:
    """A finite number as it is written; a double by its shortest text.

    Args:
        value: an int, float or text. Anything else, and any text longer than 64 characters, is no
            amount.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        spelled = str(value)
        amount = Decimal(spelled) if len(spelled) <= _TEXT_MAX else None
    except (InvalidOperation, ValueError):  # ValueError: an int too long to be spelled
        return None
    if amount is None or not amount.is_finite():
        return None
    _, digits, exponent = amount.as_tuple()
    spread = len(digits) + abs(int(exponent))
    return amount if spread <= _DIGITS_MAX else None


def _openrouter(raw: Json) -> tuple[Decimal, str] | None:
    """Credits, which are dollars. Who brings a key of their own pays its provider besides.

    Else the upstream cost is what OpenRouter pays, and contained in its price.
    """
    cost = exact_amount(raw.get("cost"))
    if cost is None:
        return None
    if raw.get("is_byok") is True:
        upstream = exact_amount((section(raw, "cost_details") or {}).get("upstream_inference_cost"))
        if upstream is None or upstream < 0:
            return None
        cost = _exact.add(cost, upstream)
    return cost, _USD


def _perplexity(raw: Json) -> tuple[Decimal, str] | None:
    cost = section(raw, "cost") or {}
    total = exact_amount(cost.get("total_cost"))
    return None if total is None else (total, text(cost, "currency").lower() or _USD)


def _xai(raw: Json) -> tuple[Decimal, str] | None:
    ticks = exact_amount(raw.get("cost_in_usd_ticks"))
    return None if ticks is None else (_exact.multiply(ticks, _TICK), _USD)


def _deepinfra(raw: Json) -> tuple[Decimal, str] | None:
    cost = exact_amount(raw.get("estimated_cost"))
    return None if cost is None else (cost, _USD)


def _no_cost(_raw: Json) -> tuple[Decimal, str] | None:
    return None


_READERS: Final[dict[str, Callable[[Json], tuple[Decimal, str] | None]]] = {
    "openrouter": _openrouter,
    "perplexity": _perplexity,
    "x_ai": _xai,
    "x-ai": _xai,
    "deepinfra": _deepinfra,
}
"""Only those whose word is known to be what is charged; a gateway's estimate is not."""
