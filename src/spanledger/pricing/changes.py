"""What differs between two price lists, model by model, before anybody adopts one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from spanledger.pricing.book import PriceBook
from spanledger.pricing.listing import ListedModel, PriceList
from spanledger.pricing.units import PRICE_KEYS

__all__ = ["Change", "changes", "plain_prices"]

_KEYS: Final = {unit: key for key, (unit, _) in PRICE_KEYS.items()}

Prices = Mapping[str, Decimal]
"""Key of a price, as `input_mtok`, to the price of a call that is not large."""


@dataclass(frozen=True, slots=True)
class Change:
    """A model whose prices, or whose names, are others."""

    provider: str
    model: str
    kind: Literal["added", "removed", "changed"]
    before: Prices
    """What it costs now, empty where it is added."""
    after: Prices
    """What it would cost now, empty where it is removed. The same as `before` where only other
    times, tiers or names differ."""


def changes(old: PriceList, new: PriceList, at: datetime) -> Iterator[Change]:
    """Every difference, by provider and model; prices are those in force at `at`."""
    before, after = _by_id(old), _by_id(new)
    books = PriceBook(old), PriceBook(new)
    for key in sorted(before.keys() | after.keys()):
        earlier, later = before.get(key), after.get(key)
        if earlier is not None and later is not None:
            if earlier == later:
                continue
            kind: Literal["added", "removed", "changed"] = "changed"
        else:
            kind = "added" if earlier is None else "removed"
        yield Change(
            *key,
            kind,
            plain_prices(books[0], *key, at) if earlier else {},
            plain_prices(books[1], *key, at) if later else {},
        )


def plain_prices(book: PriceBook, provider: str, model: str, at: datetime) -> Prices:
    """What a model costs at `at` by the book, without any tier; empty where nobody knows."""
    rates = book.rates(provider, model, at)
    if rates is None:
        return {}
    return {_KEYS[rate.unit]: rate.price.base for rate in rates.shown}


def _by_id(prices: PriceList) -> dict[tuple[str, str], ListedModel]:
    return {(provider, model.id): model for provider, model in prices.models()}
