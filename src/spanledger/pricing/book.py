"""The price book: which rates held for a provider's model at an instant.

List data comes from the genai-prices package (its data and its matching of model names, not its
calculator). Rates are compiled once per model, epoch and tier, and kept in bounded caches that hold
misses as well.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from genai_prices import __version__ as list_version
from genai_prices.data import providers as list_providers
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
)

from spanledger.usage import PART_OF, UNITS

__all__ = ["PriceBook", "Rate", "Rates"]

PER_TOKENS: Final = 1_000_000
"""List prices are for a million tokens."""

PRICE_KEYS: Final = {
    "input_tokens": "input_mtok",
    "cache_read_tokens": "cache_read_mtok",
    "cache_write_tokens": "cache_write_mtok",
    "cache_write_5m_tokens": "cache_write_5m_mtok",
    "cache_write_1h_tokens": "cache_write_1h_mtok",
    "input_audio_tokens": "input_audio_mtok",
    "input_image_tokens": "input_image_mtok",
    "cache_read_audio_tokens": "cache_audio_read_mtok",
    "output_tokens": "output_mtok",
    "reasoning_tokens": "output_reasoning_mtok",
    "output_audio_tokens": "output_audio_mtok",
    "output_image_tokens": "output_image_mtok",
}
"""Our units with their keys in the list data."""

LIST_PROVIDERS: Final = {
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "aws.bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gemini": "google",
    "vertex_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
}
"""`gen_ai.provider.name` values whose id in the list data is another word."""

STANDARD_TIERS: Final = frozenset({"", "auto", "default", "on_demand", "standard", "standard_only"})
"""Service tiers that mean the list price."""

CACHED_MODELS_MAX: Final = 8192
"""Model names come from outside; beyond this many the least recently used is looked up again."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of one unit; `tiers` hold (threshold, price), highest threshold first."""

    unit: str
    price: Decimal
    tiers: tuple[tuple[int, Decimal], ...]
    contains: tuple[str, ...]
    """Units with a rate of their own that this one contains."""

    def at(self, input_tokens: int) -> Decimal:
        """The price for a call with that much input: beyond a threshold all tokens cost more."""
        return next((price for start, price in self.tiers if input_tokens > start), self.price)


@dataclass(frozen=True, slots=True)
class Rates:
    """What a model costs in one epoch: innermost units first."""

    rates: tuple[Rate, ...]
    source: str
    effective_date: date | None
    tier_known: bool
    """False where a service tier or batch was asked for that the book has no rates for."""


class PriceBook:
    """List prices by provider, model, time, tier. Immutable, and safe to share between threads."""

    __slots__ = ("_compiled", "_find_model", "_providers", "version")

    def __init__(self) -> None:
        self.version: Final = f"genai-prices/{list_version}"
        self._providers = {provider.id: provider for provider in list_providers}
        self._find_model = lru_cache(CACHED_MODELS_MAX)(self._match)
        self._compiled = lru_cache(CACHED_MODELS_MAX)(self._compile)

    def rates(
        self, provider: str, model: str, at: datetime, *, tier: str = "", batch: bool = False
    ) -> Rates | None:
        """The rates in force at `at` (aware), or `None` where the book does not know the model."""
        found = self._find_model(provider, model)
        if found is None:
            return None
        _, info = found
        context = _context(tier, batch=batch)
        variants = _variants_at(info, at, context) if context else ()
        tier_known = bool(variants) or not context
        return self._compiled(provider, model, _price_at(info, at), variants, tier_known=tier_known)

    def _match(self, provider: str, model: str) -> tuple[str, ModelInfo] | None:
        listed: Provider | None = self._providers.get(LIST_PROVIDERS.get(provider, provider))
        info = listed.find_model(model, all_providers=list_providers) if listed else None
        if listed is None or info is None:
            return None
        return f"list:{self.version}/{listed.id}/{info.id}", info

    def _compile(
        self, provider: str, model: str, epoch: int, variants: tuple[int, ...], *, tier_known: bool
    ) -> Rates | None:
        found = self._find_model(provider, model)
        if found is None:
            return None
        source, info = found
        price, since = _dated_prices(info)[epoch]
        prices = _priced_units(price)
        for index in reversed(variants):  # of several variants the first that has a rate gives it
            prices |= _priced_units((info.price_variants or [])[index].prices)
        innermost_first = sorted(prices, key=lambda unit: -len(_wholes(unit)))
        rates = tuple(_rate(unit, prices[unit], frozenset(prices)) for unit in innermost_first)
        return Rates(rates, source, since, tier_known)


def _context(tier: str, *, batch: bool) -> dict[str, str]:
    context = {} if tier in STANDARD_TIERS else {"service_tier": tier}
    # Anthropic names batch as its service tier; the list data calls it a kind of processing.
    return {"processing": "batch"} if batch or tier == "batch" else context


def _dated_prices(info: ModelInfo) -> list[tuple[ModelPrice, date | None]]:
    if isinstance(info.prices, ModelPrice):
        return [(info.prices, None)]
    return [(dated.prices, _start(dated)) for dated in info.prices]


def _start(dated: ConditionalPrice) -> date | None:
    constraint = dated.constraint
    return constraint.start_date if isinstance(constraint, StartDateConstraint) else None


def _price_at(info: ModelInfo, at: datetime) -> int:
    """Index of the last of the model's prices whose condition holds; the first where none does."""
    if isinstance(info.prices, ModelPrice):
        return 0
    holding = (
        index
        for index, dated in reversed(list(enumerate(info.prices)))
        if dated.constraint is None or dated.constraint.active(at)
    )
    return next(holding, 0)


def _variants_at(info: ModelInfo, at: datetime, context: dict[str, str]) -> tuple[int, ...]:
    """Indices of the variants that the tier or batch selects at `at`."""
    return tuple(
        index
        for index, variant in enumerate(info.price_variants or ())
        if all(context.get(key) == value for key, value in variant.when.items())
        and (variant.constraint is None or variant.constraint.active(at))
    )


def _priced_units(price: ModelPrice) -> dict[str, Decimal | TieredPrices]:
    keys: dict[str, Decimal | TieredPrices | None] = price.__dict__
    return {unit: value for unit, key in PRICE_KEYS.items() if (value := keys.get(key)) is not None}


def _rate(unit: str, price: Decimal | TieredPrices, priced: frozenset[str]) -> Rate:
    contains = tuple(part for part in UNITS if part in priced and unit in _wholes(part))
    if isinstance(price, TieredPrices):
        tiers = tuple((tier.start, tier.price) for tier in reversed(price.tiers))
        return Rate(unit, price.base, tiers, contains)
    return Rate(unit, price, (), contains)


def _wholes(unit: str) -> frozenset[str]:
    """Every unit that contains `unit`, directly or not."""
    direct = PART_OF.get(unit, ())
    return frozenset(direct).union(*(_wholes(whole) for whole in direct))
