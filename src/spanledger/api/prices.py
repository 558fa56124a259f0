"""`GET /v1/prices`: what models cost, by the book in force."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from spanledger.api.access import Asked
from spanledger.api.calls import instant_json
from spanledger.api.cursors import Cursor
from spanledger.api.money import exact
from spanledger.api.parameters import PAGING, Parameter
from spanledger.pricing.book import LIST_PROVIDERS, PriceBook
from spanledger.pricing.cost import CURRENCY
from spanledger.pricing.rates import Rate, Rates
from spanledger.pricing.units import PER

__all__ = ["PRICES_PARAMETERS", "prices", "rate_json"]

DEFAULT_LIMIT: Final = 100
LIMIT_MAX: Final = 1_000

PRICES_PARAMETERS: Final = (
    Parameter("provider", "Only prices of this provider, by either of its names."),
    Parameter("model", "Only models of this name; `*` stands for any text."),
    Parameter("at", "The prices of another time; now by default."),
    Parameter("service_tier", "The prices of a service tier, such as `flex`."),
    Parameter("batch", "`true` for the prices of the batch API."),
    *PAGING,
)


def prices(asked: Asked) -> Response:
    """The models of the price book in force, each with its rates and where they come from.

    A rate is for `per` units; beyond a tier's `start` of input tokens the whole call costs the
    tier's rate. `missing` says what was asked for and has no rates of its own. A model that only an
    overlay knows is found by its name, without a pattern.
    """
    parameters = asked.parameters
    limit = parameters.number("limit", default=DEFAULT_LIMIT, largest=LIMIT_MAX)
    at = parameters.time("at") or asked.house.clock()
    batch = parameters.flag("batch", default=False)
    book = asked.house.book()
    after = asked.cursor()
    found = _models(book, parameters.text("provider"), parameters.text("model").lower(), after)
    tier = parameters.text("service_tier")
    priced = (
        (provider, model, rates)
        for provider, model in found
        if (rates := book.rates(provider, model, at, tier=tier, batch=batch)) is not None
    )
    rows = list(islice(priced, limit + 1))
    position: Cursor | None = None
    if len(rows) > limit:
        position = {"provider": rows[limit - 1][0], "model": rows[limit - 1][1]}
    data = [_price_json(*row) for row in rows[:limit]]
    answer = asked.page_json(data, position)
    return JSONResponse({**answer, "book_version": book.version, "at": instant_json(at)})


def _models(
    book: PriceBook, provider: str, pattern: str, after: Cursor
) -> Iterator[tuple[str, str]]:
    """(provider, model) of what is asked for, in the order of the list, from a position on."""
    listed = LIST_PROVIDERS.get(provider, provider)
    asked = [
        (place, model.id)
        for place, model in book.prices.models()
        if listed in {"", place} and fnmatchcase(model.id.lower(), pattern or "*")
    ]
    if not asked and listed and "*" not in pattern:
        asked = [(listed, pattern)]
    start = 0
    if after:
        start = asked.index((after["provider"], after["model"])) + 1
    return iter(asked[start:])


def _price_json(provider: str, model: str, rates: Rates) -> dict[str, Any]:
    return {
        "object": "price",
        "provider": provider,
        "model": model,
        "currency": CURRENCY,
        "rates": [rate_json(rate) for rate in rates.shown],
        "missing": rates.missing or None,
    }


def rate_json(rate: Rate) -> dict[str, Any]:
    """A rate as our JSON has it."""
    return {
        "unit": rate.unit,
        "rate": exact(rate.price.base),
        "per": PER[rate.unit],
        "tiers": [{"start": start, "rate": exact(price)} for start, price in rate.price.tiers],
        "source": rate.source,
        "effective_date": rate.effective_date.isoformat() if rate.effective_date else None,
    }
