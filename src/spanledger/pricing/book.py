"""The price book: which rates held for a call, from list prices and overlays on top of them.

In this order, each on top of the one before:

1. the list's price of the model at that time (genai-prices);
2. `prices`, our maintained overlay: history, models and sub-rates that the list lacks;
3. `fees`, our overlay: what tools cost; all that holds counts, tool by tool;
4. what a tier or a batch costs: our overlay `tiers` where it says, else the list;
5. `uplifts`, our overlay: regions, data zones and the like;
6. the user's own overlay.

Rates are compiled once for a model, its context and an epoch, and kept in bounded caches that hold
misses as well.
"""

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from itertools import chain
from typing import Any, Final, Self, cast

from spanledger.call import Call, PriceContext
from spanledger.errors import PriceError
from spanledger.pricing.listing import PREFIXES, Found, PriceList, bare_name, installed_list
from spanledger.pricing.overlay import Overlay, read_overlay
from spanledger.pricing.rates import Rates
from spanledger.pricing.schedule import Schedule
from spanledger.pricing.statement import Statement
from spanledger.pricing.units import PER, TOOL_FEES
from spanledger.usage import PART_OF

__all__ = ["LIST_PROVIDERS", "PriceBook", "shipped_overlays"]

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

ASKED_FIRST: Final = frozenset({"aws", "aws.bedrock"})
"""Amazon's answers name the model, and the requests the profile, which sets the price."""

STANDARD_TIERS: Final = frozenset({"", "auto", "default", "on_demand", "standard", "standard_only"})
"""Service tiers that mean the list price."""

MAKERS: Final = (
    "openai",
    "anthropic",
    "gcp.gemini",
    "mistral_ai",
    "deepseek",
    "x_ai",
    "cohere",
    "moonshot_ai",
    "perplexity",
    "zai",
    "minimax",
    "voyageai",
    "meta",
)
"""Who sells models of their own. Where no provider is named, it is the first of them whose price
for the model the book knows."""

CACHED_MODELS_MAX: Final = 8192
"""Model names come from outside; beyond this many the least recently used is looked up again."""

LAYERS: Final = ("prices", "fees", "tiers", "uplifts")
"""Our maintained overlay, from the bottom up."""

_WHOLES: Final = frozenset(PER) - TOOL_FEES - PART_OF.keys()
"""Units whose price makes a model one that the book knows."""

_FORMAT: Final = 1

_DAMAGE: Final = (
    AttributeError, EOFError, IndexError, KeyError, OSError, RecursionError, TypeError, ValueError,
    zlib.error,
)  # fmt: skip
"""What the reading of something that is no book can end with."""


class PriceBook:
    """Prices by provider, model, context and time. Immutable, and safe to share between threads."""

    __slots__ = ("_dumped", "_layers", "_list", "_own", "_schedule", "version")

    def __init__(
        self,
        prices: PriceList | None = None,
        layers: Mapping[str, Sequence[Overlay]] | None = None,
        own: Overlay | None = None,
    ) -> None:
        """Put a book together.

        Args:
            prices: the list; that of the installed genai-prices by default.
            layers: the maintained overlay; the one of this package by default.
            own: the user's overlay.
        """
        self._list = installed_list() if prices is None else prices
        self._layers = shipped_overlays() if layers is None else layers
        self._own = own
        self._schedule = lru_cache(CACHED_MODELS_MAX)(self._find_schedule)
        self._dumped = b""
        texts = [json.dumps(self._list.raw, sort_keys=True)]
        # One text in two layers is two books.
        texts += [f"{layer}:{one.text}" for layer in LAYERS for one in self._layers.get(layer, ())]
        texts += [] if own is None else [f"own:{own.text}"]
        digest = sha256("\0".join(texts).encode()).hexdigest()[:8]
        self.version: Final = f"{self._list.version}+{digest}"

    @property
    def prices(self) -> PriceList:
        """The list at the bottom."""
        return self._list

    @property
    def own(self) -> Overlay | None:
        """The user's overlay at the top."""
        return self._own

    def with_own(self, own: Overlay | None) -> "PriceBook":
        """The same book with another overlay of the user's."""
        return PriceBook(self._list, self._layers, own)

    def rates_of(self, call: Call) -> Rates | None:
        """The rates in force for `call` when it started, or `None` where nobody knows a price.

        They are found by the model that answered; where the book does not know that, by the one
        that was asked.
        """
        schedule = self._schedule(
            call.provider,
            call.response_model,
            call.request_model,
            call.response_service_tier or call.request_service_tier,
            call.batch,
            call.price_context,
        )
        return None if schedule is None else schedule.at(call.start_time)

    def rates(
        self,
        provider: str,
        model: str,
        at: datetime,
        *,
        tier: str = "",
        batch: bool = False,
        context: PriceContext = (),
    ) -> Rates | None:
        """The rates of a model at `at`, an aware time; `None` where nobody knows a price."""
        schedule = self._schedule(provider, model, "", tier, batch, context)
        return None if schedule is None else schedule.at(at)

    def epochs(
        self, provider: str, model: str, *, tier: str = "", batch: bool = False
    ) -> list[tuple[datetime | None, Rates | None]]:
        """The rates of a model through time, each with the instant from which it holds.

        The first has no such instant. Within an epoch hours and weekdays may matter: of these only
        the rates at its start are shown.
        """
        schedule = self._schedule(provider, model, "", tier, batch, ())
        return [] if schedule is None else schedule.epochs()

    def providers_of(self, model: str) -> list[str]:
        """Who sells `model` by the list, its maker first; ids of the list."""
        makers = {LIST_PROVIDERS.get(maker, maker) for maker in MAKERS}
        sellers = [seller for seller in self._list.providers() if self._list.find(seller, model)]
        return sorted(sellers, key=lambda seller: seller not in makers)

    def maker_of(self, model: str, at: datetime) -> str:
        """Who makes `model`, as `gen_ai.provider.name`; '' where that is none of `MAKERS`."""
        return next((maker for maker in MAKERS if self.rates(maker, model, at)), "")

    def dump(self) -> bytes:
        """The whole book, compressed: what is kept with the calls that it priced."""
        if not self._dumped:
            overlays = {
                layer: [[one.name, one.text] for one in self._layers.get(layer, ())]
                for layer in LAYERS
            }
            content = {
                "format": _FORMAT,
                "list": {"version": self._list.version, "providers": self._list.raw},
                "layers": overlays,
                "own": None if self._own is None else [self._own.name, self._own.text],
            }
            # Without a time in its head, so that the same book is the same bytes.
            self._dumped = gzip.compress(json.dumps(content).encode(), mtime=0)
        return self._dumped

    @classmethod
    def load(cls, data: bytes) -> Self:
        """The book that `dump` made.

        Raises:
            PriceError: `data` is no book, or one of a later version of this program.
        """
        try:
            content = cast("dict[str, Any]", json.loads(gzip.decompress(data)))
            if content["format"] != _FORMAT:
                msg = f"the price book has the format {content['format']}: update spanledger"
                raise PriceError(msg)
            prices = PriceList(content["list"]["version"], content["list"]["providers"])
            layers = {
                layer: tuple(read_overlay(text, name) for name, text in overlays)
                for layer, overlays in content["layers"].items()
            }
            own = None
            if content["own"] is not None:
                name, text = content["own"]
                own = read_overlay(text, name)
        except PriceError:
            raise
        except _DAMAGE as error:
            msg = "the price book is damaged, or none"
            raise PriceError(msg) from error
        return cls(prices, layers, own)

    def _find_schedule(
        self,
        provider: str,
        response_model: str,
        request_model: str,
        tier: str,
        batch: bool,  # noqa: FBT001 - as above
        context: PriceContext,
    ) -> "Schedule | None":
        models = (response_model, request_model)
        for model in dict.fromkeys(models[::-1] if provider.lower() in ASKED_FIRST else models):
            if model:
                schedule = self._schedule_of(provider, model, _words(tier, context, batch=batch))
                if schedule is not None:
                    return schedule
        return None

    def _schedule_of(self, provider: str, model: str, words: dict[str, str]) -> "Schedule | None":
        listed = LIST_PROVIDERS.get(provider.lower(), provider.lower())
        found = self._list.find(listed, model)
        names = tuple(dict.fromkeys((model.strip().lower(), bare_name(listed, model))))
        asked = {
            "batch": ("false",),
            **{word: (value.lower(),) for word, value in words.items()},
            "provider": tuple(dict.fromkeys((listed, provider.lower(), *PREFIXES.get(listed, ())))),
            "model": names,
        }
        prices, fees, tiers, uplifts = (
            self._stated(layer, asked, exactly=found is None) for layer in LAYERS
        )
        own = () if self._own is None else self._own.statements(asked)
        base, variants, source = (), (), f"overlay for {listed}/{names[-1]}"
        if found is not None:
            source = _source(self._list.version, found)
            base = found.model.base(source)
            variants = tuple(
                one
                for one in found.model.variants(source)
                if all(words.get(word) == value for word, value in one.conditions.items())
            )
        # Fees and prices of parts are stated for whole families of names: they make no model known.
        stated = any(unit in _WHOLES for one in chain(prices, tiers) for unit in one.prices)
        if not (base or stated or any(one.prices for one in own)):
            return None
        return Schedule(source, words, (base, prices, fees, variants, tiers, uplifts, own))

    def _stated(
        self, layer: str, asked: Mapping[str, Sequence[str]], *, exactly: bool
    ) -> tuple[Statement, ...]:
        overlays = self._layers.get(layer, ())
        return tuple(
            chain.from_iterable(one.statements(asked, exactly=exactly) for one in overlays)
        )


def _words(tier: str, context: PriceContext, *, batch: bool) -> dict[str, str]:
    """What selects a price, by name. Anthropic names batch as its service tier."""
    words, tier = dict(context), tier.lower()
    if tier not in STANDARD_TIERS:
        words["service_tier"] = tier
    if words.get("service_tier") == "batch" or batch:
        words.pop("service_tier", None)
        words["batch"] = "true"
    if words.get("speed") in {"standard", ""}:
        del words["speed"]
    return words


def _source(version: str, found: Found) -> str:
    source = f"list:{version}/{found.provider}/{found.model.id}"
    return source if found.match == "exact" else f"{source} ({found.match})"


@lru_cache(maxsize=1)
def shipped_overlays() -> Mapping[str, Sequence[Overlay]]:
    """The maintained overlay of this package: a file for each layer and group of providers."""
    folder = files("spanledger.pricing") / "shipped"
    found: dict[str, list[Overlay]] = {layer: [] for layer in LAYERS}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        group, _, rest = file.name.partition(".")
        layer = rest.removesuffix(".yaml")
        name = f"spanledger/{group}.{layer}"
        found[layer].append(read_overlay(file.read_text(encoding="utf-8"), name))
    return found
